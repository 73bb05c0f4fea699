"""The commands, put together. Loads no torch: a command imports what it needs when it runs."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Collection, Sequence
from importlib import import_module
from typing import Annotated, Any

import typer

from charlstm._version import __version__
from charlstm.cli.groups import CommandGroup
from charlstm.cli.help import Command, Group
from charlstm.cli.options import check_variables, name_variables, variables_set
from charlstm.cli.settings import in_options
from charlstm.errors import UsageError
from charlstm.report.text import printable

COMMANDS = {  # where in `cli` each stands
    "train": "train.train",
    "sample": "sample.sample",
    "write": "write.write",
    "eval": "evaluate.evaluate",
    "score": "score.score",
    "probe": "probe.probe",
    "explain": "explain.EXPLAIN",
    "study": "study.study",
    "view": "view.view",
    "activations": "activations.activations",
    "forecast": "forecast.forecast",
    "corpus": "corpus.corpus",
    "originality": "originality.originality",
    "info": "info.info",
    "bench": "bench.bench",
}


def load_command(name: str) -> Callable[..., None] | CommandGroup:
    """A command, from its file."""
    module, _, attribute = COMMANDS[name].rpartition(".")
    command: Callable[..., None] | CommandGroup = getattr(import_module(f"charlstm.cli.{module}"), attribute)
    return command


def needed(arguments: Sequence[str]) -> Collection[str]:
    """The commands that must be there to understand what was typed: the one that is named, where that is enough.

    To put all of them together takes a tenth of a second. A variable may belong to any of them.
    """
    return arguments[:1] if arguments and arguments[0] in COMMANDS and not variables_set() else COMMANDS


def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
    json: Annotated[
        bool,
        typer.Option(
            "--json", help="With --version: what a paper must state (versions, commit, processor, threads), as JSON."
        ),
    ] = False,
) -> None:
    """Train a character-level LSTM on your text, let it write, and look inside.

    charlstm COMMAND --help explains a command. To begin:

        charlstm sample -c english --length 300
        charlstm train garden --time 2m
    """
    if version and json:
        from charlstm.bench.machine import describe_machine
        from charlstm.cli.runtime import prepare_machine
        from charlstm.report.console import print_json

        print_json(describe_machine(prepare_machine("auto", None)))
        raise typer.Exit
    if version:
        sys.stdout.write(f"charlstm {__version__}\n")
        raise typer.Exit
    if json:
        raise typer.BadParameter("it goes with --version, or after a command", param_hint="--json")


def make_app(names: Collection[str] = COMMANDS.keys()) -> typer.Typer:
    """The application with these of its commands."""
    app = typer.Typer(
        name="charlstm",
        cls=Group,
        invoke_without_command=True,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(root)
    for name in names:
        command = load_command(name)
        if isinstance(command, CommandGroup):
            group = typer.Typer(
                cls=command.typers_class(),
                help=command.help,
                rich_markup_mode=None,
                subcommand_metavar="[COMMAND] [ARGS]...",
            )
            for part, function in command.commands.items():
                group.command(part, cls=Command)(in_typers_form(function, app))
            app.add_typer(group, name=name)
        else:
            app.command(name, cls=Command)(in_typers_form(command, app))
    return app


@functools.cache
def commands_of(app: typer.Typer) -> Any:
    """The commands as Typer makes them, in the order of `COMMANDS`, their variables named."""
    group: Any = typer.main.get_command(app)
    order = list(COMMANDS)  # Typer puts groups last
    group.commands = dict(sorted(group.commands.items(), key=lambda named: [*order, named[0]].index(named[0])))
    name_variables(group)
    return group


def run_app() -> int:
    """Run the command line; its exit code. What a person typed wrongly is shown as Typer does, but never raw."""
    kinds: list[type[Exception]] = [kind for kind in typer.BadParameter.__mro__ if issubclass(kind, Exception)]
    (wrongly_typed,) = (kind for kind in kinds if kind.__name__ == "ClickException")
    try:
        app = make_app(needed(sys.argv[1:]))
        code = commands_of(app)(prog_name="charlstm", standalone_mode=False)  # also as python -m charlstm
    except wrongly_typed as e:
        problem: Any = e
        problem.message = printable(problem.message)  # some versions show the name of an option as it came
        problem.show()
        return int(problem.exit_code)
    return code if isinstance(code, int) else 0


def invalid_usage() -> type[Exception]:
    """Typer's error for options that are wrong, of which its error for one of them is a special case."""
    (kind,) = (kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")
    return kind


def in_typers_form(command: Callable[..., None], app: typer.Typer) -> Callable[..., None]:
    """The command, with a UsageError shown as Typer shows its own, exit code 2."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            check_variables(commands_of(app))
            command(*args, **kwargs)
        except UsageError as e:
            raise invalid_usage()(printable(in_options(e), keep="")) from None

    return wrapped

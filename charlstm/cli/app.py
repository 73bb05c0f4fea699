"""The commands, put together. Loads no torch: a command imports what it needs when it runs."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from charlstm._version import __version__
from charlstm.cli.activations import activations
from charlstm.cli.bench import bench
from charlstm.cli.corpus import corpus
from charlstm.cli.evaluate import evaluate
from charlstm.cli.explain import EXPLAIN
from charlstm.cli.forecast import forecast
from charlstm.cli.groups import CommandGroup
from charlstm.cli.help import Command, Group
from charlstm.cli.info import info
from charlstm.cli.options import check_variables, name_variables
from charlstm.cli.originality import originality
from charlstm.cli.probe import probe
from charlstm.cli.sample import sample
from charlstm.cli.score import score
from charlstm.cli.settings import in_options
from charlstm.cli.study import study
from charlstm.cli.train import train
from charlstm.cli.view import view
from charlstm.cli.write import write
from charlstm.errors import UsageError
from charlstm.report.text import printable

COMMANDS: dict[str, Callable[..., None] | CommandGroup] = {
    "train": train,
    "sample": sample,
    "write": write,
    "eval": evaluate,
    "score": score,
    "probe": probe,
    "explain": EXPLAIN,
    "study": study,
    "view": view,
    "activations": activations,
    "forecast": forecast,
    "corpus": corpus,
    "originality": originality,
    "info": info,
    "bench": bench,
}


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


def make_app() -> typer.Typer:
    """The application with all its commands."""
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
    for name, command in COMMANDS.items():
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
        code = commands_of(make_app())(prog_name="charlstm", standalone_mode=False)  # also as python -m charlstm
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

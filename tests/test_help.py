"""What `--help` and docs/cli.md say: all of it, whole words, nothing read as markup."""

import ast
import re
import shlex
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from conftest import Invoke
from test_terminals import on_terminal

import charlstm
from charlstm.cli.app import COMMANDS, commands_of, make_app
from charlstm.cli.help import Command, help_text, panels_of, paragraphs, summary
from charlstm.cli.options import commands_in, option
from charlstm.cli.reference import reference
from charlstm.cli.settings import given, with_settings
from charlstm.settings import Config, setting

ROOT = Path(charlstm.__file__).parents[1]
GROUP = commands_of(make_app())
ALL = dict(commands_in(GROUP))
HAVE_FEW = ("explain walk",)  # examples


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("words", ALL, ids=" ".join)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_help_says_all_in_whole_words(monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    command, context = ALL[words], typer.Context(ALL[words], info_name=words[-1])
    text = help_text(command, context)
    assert all(len(line) <= width or line.startswith("    charlstm ") for line in text.splitlines())
    assert "\u2026" not in text
    assert not re.search("env var|\x1b", text)
    panels = panels_of(command, context)
    for name, entries in panels.items():
        assert f"\n{name}\n" in text
        for entry in entries:
            assert flat(f"{entry.typed} {entry.meaning}") in flat(text)
    shown = [p for p in command.params if not getattr(p, "hidden", False)]  # what is gone says what to type instead
    options = {name for p in shown for name in [*p.opts, *p.secondary_opts] if name.startswith("--")}
    said = text.replace("--[no-]", "--no-") + text.replace("[no-]", "")
    assert all(name in said for name in options)
    assert text.count("CHARLSTM_") == text.rpartition("Environment variables")[2].count("CHARLSTM_")


def test_the_panels_of_train() -> None:
    command = ALL[("train",)]
    panels = panels_of(command, typer.Context(command, info_name="train"))
    rare = ["Learning (rarely needed)", "Regularisation (rarely needed)"]
    assert list(panels) == [
        "Arguments",
        "Run",
        "Going on from a model",
        "Budget",
        "Network",
        "Text",
        "Machine",
        "Output",
        *rare,
    ]


def examples(command: Any) -> list[list[str]]:
    """The examples in the help of a command, each as the words that a shell makes of it."""
    indented = [part for part in paragraphs(command) if part.startswith(" ")]
    lines = [shlex.split(line) for part in indented for line in part.splitlines()]
    assert all(words[0] == "charlstm" for words in lines), lines
    return lines


def check_that_it_parses(words: list[str]) -> None:
    command: Any = GROUP
    context = command.make_context("charlstm", words[1:])
    while hasattr(command, "commands"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("words", ["", *map(" ".join, ALL)])
def test_the_examples_of_a_command_parse(words: str) -> None:
    found = examples(ALL[tuple(words.split())] if words else GROUP)
    for example in found:
        if example[-1] not in ("--help", "-h"):
            check_that_it_parses(example)
    if words not in HAVE_FEW:
        assert len(found) >= 2
        assert all(example[1] == words.split()[0] for example in found if words)


def test_an_example_that_does_not_parse_is_found() -> None:
    for wrong in (["charlstm", "train", "--no-such"], ["charlstm", "nothing"], ["charlstm", "train", "--steps", "x"]):
        with pytest.raises(Exception, match=r"no-such|nothing|valid integer"):
            check_that_it_parses(wrong)


def test_every_command_has_a_line_that_fits(monkeypatch: pytest.MonkeyPatch, invoke: Invoke) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = invoke("--help").out.splitlines()
    for name in COMMANDS:
        assert any(flat(line) == f"{name} {summary(ALL[(name,)])}" for line in lines), name


def test_on_a_terminal_headings_are_bold_and_elsewhere_nothing_is(tmp_path: Path, invoke: Invoke) -> None:
    code, sent = on_terminal(tmp_path, "train", "--help")
    assert code == 0
    assert "\x1b[1mBudget\x1b[0m" in sent
    assert "\x1b" not in invoke("train", "--help").out
    plain = re.sub(r"\x1b\[[01]m|\r", "", sent)
    assert flat(invoke("train", "--help").out) == flat(plain)


def test_nothing_in_help_is_read_as_markup() -> None:
    odd = "[red]x[/red] [/] :smile: *a* `b`"

    def command(
        x: Annotated[str, option("--x", help=odd)] = odd, y: Annotated[str | None, option("--y", help="[b]")] = None
    ) -> None:
        pass

    command.__doc__ = f"Do {odd}.\n\n    More.\n\n        charlstm {odd}\n    "
    app = typer.Typer(rich_markup_mode=None)
    app.command(cls=Command)(command)
    made = typer.main.get_command(app)
    text = help_text(made, typer.Context(made, info_name="x"))
    assert flat(f"--x TEXT {odd} [default: {odd}]") in flat(text)
    assert f"    charlstm {odd}" in text
    assert flat(f"Do {odd}.") in flat(text)


def test_the_page_is_what_the_command_line_says() -> None:
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == reference(), "make docs-cli"


def test_a_setting_needs_nothing_but_its_field(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Some(Config):
        new_one: float = setting(0.5, 0.0, 1.0, help="Something new.", unit="SHARE", short="x", panel="Learning")

    found: list[dict[str, Any]] = []

    @with_settings(Some)
    def command(**settings: Any) -> None:
        """Do it."""
        found.append(given(settings))

    app = typer.Typer(rich_markup_mode=None)
    app.command("train", cls=Command)(command)
    app.command("other", cls=Command)(lambda: None)
    group = commands_of(app)
    assert group(["train"], standalone_mode=False) is None
    assert group(["train", "-x", "0.25"], standalone_mode=False) is None
    monkeypatch.setenv("CHARLSTM_TRAIN_NEW_ONE", "0.75")
    assert group(["train"], standalone_mode=False) is None
    assert found == [{}, {"new_one": 0.25}, {"new_one": 0.75}]
    for wrong in ("2", "nan", "x"):
        with pytest.raises(typer.BadParameter, match=r"new_one is|valid"):
            group(["train", "--new-one", wrong], standalone_mode=False)
    text = help_text(group.commands["train"], typer.Context(group.commands["train"], info_name="train"))
    assert "-x, --new-one SHARE  Something new. [default: 0.5]" in text


CLI = sorted((ROOT / "charlstm" / "cli").rglob("*.py"))


@pytest.mark.parametrize("path", CLI, ids=lambda p: p.name)
def test_an_option_to_say_more_says_more(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and "verbose" in {a.arg for a in node.args.args}:
            used = {n.id for statement in node.body for n in ast.walk(statement) if isinstance(n, ast.Name)}
            assert "verbose" in used, f"{node.name} takes verbose and does nothing with it"

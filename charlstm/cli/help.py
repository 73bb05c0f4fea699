"""What `--help` says, in panels that a person can scan. Plain text throughout: nothing in it is read as markup."""

from __future__ import annotations

import inspect
import shutil
import textwrap
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import typer.core

from charlstm.cli.options import FOR_ALL, OUTPUT, PREFIX
from charlstm.config import BUDGET, LEARNING, MACHINE, NETWORK, REGULARISATION, TEXT
from charlstm.report.console import colour_allowed

ARGUMENTS, OPTIONS, COMMANDS = "Arguments", "Options", "Commands"
LAST = (BUDGET, NETWORK, TEXT, MACHINE, OUTPUT, LEARNING, REGULARISATION)  # other panels come before them
MIN_WIDTH, MAX_WIDTH = 50, 120
MAX_LEFT = 28  # columns of an option; what is longer has a line of its own
GLUE = "\0"  # between words that are not to be parted
WORDS = {int: "N", float: "X", str: "TEXT", Path: "PATH"}


@dataclass(frozen=True)
class Entry:
    """One argument or option: how it is typed, and what it means."""

    typed: str
    meaning: str
    variable: str = ""


class Command(typer.core.TyperCommand):
    """A command with our help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        formatter.write(help_text(self, ctx))


class Group(typer.core.TyperGroup):
    """A group of commands with our help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        formatter.write(help_text(self, ctx))


def help_text(command: Any, ctx: Any) -> str:
    """All that `--help` says."""
    width = max(MIN_WIDTH, min(MAX_WIDTH, shutil.get_terminal_size().columns))
    panels = panels_of(command, ctx)
    if hasattr(command, "commands"):
        panels[COMMANDS] = [Entry(f"  {name}", summary(c)) for name, c in command.commands.items() if not c.hidden]
    left = left_column(entry for name, entries in panels.items() for entry in entries if name != COMMANDS)
    bold = ("\x1b[1m", "\x1b[0m") if colour_allowed() else ("", "")
    lines = [wrapped(f"Usage: {usage(command, ctx)}", width), ""]
    for paragraph in paragraphs(command):
        lines += [paragraph if paragraph.startswith(" ") else wrapped(paragraph, width), ""]
    for name, entries in panels.items():
        at = left_column(entries) if name == COMMANDS else left
        lines += [name.join(bold), *(line for entry in entries for line in columns(entry, at, width)), ""]
    if about := variables(panels):
        lines += [wrapped(about, width), ""]
    return "\n".join(lines)


def usage(command: Any, ctx: Any) -> str:
    """How a command is typed, in a line."""
    pieces = [ctx.command_path, "[OPTIONS]"]
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            name, more = argument_name(parameter), "..." if parameter.nargs == -1 else ""
            pieces.append((name if parameter.required else f"[{name}]") + more)
    return " ".join([*pieces, *([command.subcommand_metavar] if hasattr(command, "commands") else [])])


def argument_name(parameter: Any) -> str:
    """What an argument is called."""
    return str(parameter.metavar or parameter.name).upper()


def panels_of(command: Any, ctx: Any) -> dict[str, list[Entry]]:
    """Arguments and options by panel, in the order in which they are shown."""
    found: dict[str, list[Entry]] = {}
    hints = inspect.signature(command.callback, eval_str=True).parameters if command.callback else {}
    for parameter in command.get_params(ctx):
        if getattr(parameter, "hidden", False):
            continue
        is_argument = parameter.param_type_name == "argument"
        panel = getattr(parameter, "rich_help_panel", None) or (ARGUMENTS if is_argument else OPTIONS)
        hint = hints[parameter.name].annotation if parameter.name in hints else bool
        entry = Entry(typed_as(parameter, word_for(hint)), meaning(parameter), parameter.envvar or "")
        found.setdefault(panel, []).append(entry)
    if OPTIONS in found and OUTPUT in found:  # what is left there is --help
        helps = [entry for entry in found[OPTIONS] if "--help" in entry.typed]
        found[OPTIONS] = [entry for entry in found[OPTIONS] if entry not in helps]
        found[OUTPUT] += helps
    order = [ARGUMENTS, OPTIONS, *(name for name in found if name not in LAST), *LAST]
    return {name: found[name] for name in dict.fromkeys(order) if found.get(name)}


def typed_as(parameter: Any, word: str) -> str:
    """How an argument or option is typed: `-H, --hidden-size N`."""
    if parameter.param_type_name == "argument":
        return f"  {argument_name(parameter)}" + ("..." if parameter.nargs == -1 else "")
    short = [name for name in parameter.opts if not name.startswith("--")]
    (long,) = (name for name in parameter.opts if name.startswith("--"))
    if parameter.secondary_opts:
        long = long.replace("--", "--[no-]", 1)
    words = "" if parameter.is_flag else f" {parameter.metavar or word}"
    return f"  {short[0] + ',' if short else '   '} {long}{words}"


def word_for(hint: Any) -> str:
    """What stands for a value of a type: its choices, or one word."""
    while typing.get_origin(hint) is not None:
        if typing.get_origin(hint) is Literal:
            return "|".join(map(str, typing.get_args(hint)))
        hint = next(arg for arg in typing.get_args(hint) if arg is not type(None))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "|".join(str(choice.value) for choice in hint)
    return WORDS.get(hint, "")


def meaning(parameter: Any) -> str:
    """What an option does, and what happens without it."""
    value = parameter.default
    value = value.value if isinstance(value, Enum) else value
    said = parameter.help or ""
    if not parameter.show_default or value is None or value is False or value in ("", []) or callable(value):
        return said
    if value is True:
        value = parameter.opts[0]
    return f"{said} [default: {value}]"


def summary(command: Any) -> str:
    """One line on a command."""
    return paragraphs(command)[0]


def paragraphs(command: Any) -> list[str]:
    """What a command says of itself; examples are indented, and stay as they are."""
    parts = inspect.cleandoc(command.help or "").split("\n\n")
    return [part if part.startswith(" ") else " ".join(part.split()) for part in parts]


def variables(panels: dict[str, list[Entry]]) -> str:
    """How the environment variables of a command are named: once, not on every line."""
    names = [entry.variable for entries in panels.values() for entry in entries if entry.variable]
    own = [name for name in names if name.removeprefix(PREFIX) not in FOR_ALL]
    shared = sorted(set(names) - set(own))
    if not names:
        return ""
    said = [f"{', '.join(shared)}, for all commands"] if shared else []
    said += [f"{own[0]} for {option_in(panels, own[0])}, and so on"] if own else []
    return f"Environment variables can set options: {'; '.join(said)}."


def option_in(panels: dict[str, list[Entry]], variable: str) -> str:
    """The option that a variable sets."""
    entry = next(entry for entries in panels.values() for entry in entries if entry.variable == variable)
    return next(word for word in entry.typed.replace("[no-]", "").split() if word.startswith("--"))


def left_column(entries: Iterable[Entry]) -> int:
    """How wide the column is in which options stand."""
    return max((len(entry.typed) for entry in entries if len(entry.typed) <= MAX_LEFT), default=MAX_LEFT)


def columns(entry: Entry, left: int, width: int) -> list[str]:
    """An entry in two columns; no word is ever cut."""
    indent = " " * (left + 2)
    meaning, sign, default = entry.meaning.partition("[default: ")
    if len(sign + default) <= width - len(indent):  # it stays in one piece
        default = default.replace(" ", GLUE)
        sign = sign.replace(" ", GLUE)
    text = wrapped(meaning + sign + default, width - len(indent)).replace(GLUE, " ")
    lines = [indent + line for line in text.split("\n")]
    if len(entry.typed) > left:
        return [entry.typed, *lines]
    return [entry.typed.ljust(len(indent)) + lines[0].removeprefix(indent), *lines[1:]]


def wrapped(text: str, width: int) -> str:
    """A paragraph in lines of at most so many columns, where its words allow."""
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)

"""Commands that are groups of sub-commands, one of which is the default."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import typer

from charlstm.cli.help import Group
from charlstm.errors import UsageError
from charlstm.report.console import say

IMPLIED = "charlstm: the sub-command was not named"  # a key of a context's `meta`


@dataclass(frozen=True)
class CommandGroup:
    """A command made of sub-commands.

    Attributes:
        help: what `--help` says of the whole.
        commands: by name; the first is the default.
        moved: options of an earlier version, and what to type instead.
    """

    help: str
    commands: Mapping[str, Callable[..., None]]
    moved: Mapping[str, str] = field(default_factory=dict)

    def typers_class(self) -> type[Group]:
        """The class by which Typer reads what is typed for this group."""
        return type("GroupOf", (DefaultGroup,), {"moved": self.moved})


class DefaultGroup(Group):
    """Gives what does not begin with the name of a sub-command to the first of them."""

    moved: ClassVar[Mapping[str, str]] = {}

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Typer's own, with the default put first where no sub-command is named."""
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            ctx.meta[IMPLIED] = True
            self._hint(ctx.command_path, args)
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)

    def _hint(self, path: str, args: list[str]) -> None:
        """A misspelt name of a sub-command is a text of one word: it is read as one, and this is said."""
        near = difflib.get_close_matches(args[0], self.commands, n=1, cutoff=0.75) if args else []
        if near and not {"-q", "--quiet"} & set(args):
            say(f'note: "{args[0]}" is read as a text; for the view, type: {path} {near[0]}')

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Typer's own; a command that says of an option it does not have where there is one."""
        name, command, rest = super().resolve_command(ctx, args)
        assert name is not None
        assert command is not None
        try:
            command.make_parser(typer.Context(command, info_name=name, parent=ctx)).parse_args(list(rest))
        except Exception as e:
            problem: Any = e
            instead = self._instead(ctx.command_path, name, getattr(problem, "option_name", ""), rest)
            if instead:
                problem.message, problem.possibilities = instead, None
                raise
        return name, command, rest

    def _instead(self, path: str, name: str, option: str, typed: list[str]) -> str:
        """What to say of an option that a sub-command does not have; empty if there is nothing better to say."""
        if not option or option in _options(self.commands[name]):
            return ""
        for word in typed:
            if (old := word.partition("=")[0]) in self.moved:  # it may come after an option that went with it
                return f"instead of {old}, type: {self.moved[old]}"
        having = [f"{path} {other}" for other, command in self.commands.items() if option in _options(command)]
        return f"{path} {name} has no {option}; these have it: {', '.join(having)}" if having else ""


def _options(command: Any) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


def refuse_name(ctx: typer.Context, text: str | None) -> None:
    """Raise UsageError for a text that is a sub-command's name where none was named: that one is probably meant."""
    if ctx.parent is None or text is None or IMPLIED not in ctx.meta:
        return
    group: Any = ctx.parent.command
    if text in group.commands:
        path = ctx.parent.command_path
        raise UsageError(
            f"{text} is a command: type {path} {text}, then its options; for the text: {ctx.command_path} {text}"
        )

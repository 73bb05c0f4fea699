"""What a model file or a run holds, for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from charlstm.report.tables import table
from charlstm.report.text import printable


def draw_info(rows: Sequence[tuple[str, str]], title: str, width: int, colour: bool) -> list[RenderableType]:
    """Names and values, one below the other."""
    return [table(rows, title=title)]


def draw_commands(commands: Sequence[tuple[str, str]], width: int, colour: bool) -> list[RenderableType]:
    """Commands with what they are for. A command stays in one line, however long, so that it can be pasted."""
    lines: list[RenderableType] = []
    for purpose, command in commands:
        lines += [Text(f"{purpose}:"), Text(f"  {printable(command, keep='')}", no_wrap=True, overflow="ignore")]
    return lines

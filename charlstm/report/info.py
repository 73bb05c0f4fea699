"""What a model file or a run holds, for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType

from charlstm.report.tables import table


def draw_info(rows: Sequence[tuple[str, str]], title: str, width: int, colour: bool) -> list[RenderableType]:
    """Names and values, one below the other."""
    return [table(rows, title=title)]

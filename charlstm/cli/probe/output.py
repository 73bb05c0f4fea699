"""How what was found is shown: drawn, with what else can be asked for; and what its figures mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from charlstm.report.console import colour_allowed, plain_console, print_json

if TYPE_CHECKING:
    from rich.console import RenderableType

    from charlstm.report.screen import Draw

MORE = "More: --details shows every figure, --legend explains them."
EXPLAINED = "More: --legend explains every figure."


def show_with(draw: Draw, more: str) -> None:
    """Draw on stdout; the last line says what else can be asked for."""
    from rich.text import Text

    from charlstm.report.screen import show

    def with_more(width: int, colour: bool) -> Iterable[RenderableType]:
        yield from draw(width, colour)
        yield Text(more, "dim" if colour else "")

    show(with_more)


def show_legend(json: bool) -> None:
    """What every figure means, on stdout."""
    from charlstm.report.legend import LEGEND, draw_legend

    if json:
        print_json({title: {name: one.meaning for name, one in some.items()} for title, some in LEGEND.items()})
        return
    console = plain_console()  # not `report.screen`, which loads torch
    for line in draw_legend(console.width, colour_allowed()):
        console.print(line)

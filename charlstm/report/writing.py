"""What a writing session shows: answers to commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from charlstm.report.columns import bar
from charlstm.report.screen import Draw
from charlstm.report.tables import table
from charlstm.report.text import printable, quoted

BAR = 30  # columns
GAP = 2


def draw_likeliest(likeliest: Sequence[Mapping[str, float | str]], width: int, colour: bool) -> list[RenderableType]:
    """The likeliest next characters, with their odds."""
    rows = []
    for one in likeliest:
        p = float(one["probability"])
        rows.append((quoted(str(one["character"])), f"{100 * p:.1f} %", odds(p), bar(p, min(BAR, width - 40))))
    return [table(rows, ("next", "probability", "odds", ""), left=(0, 3))]


def odds(p: float) -> str:
    """A probability as odds: `3.2 to 1`, `1 to 40`."""
    if p >= 0.5:
        return f"{p / max(1 - p, 1e-9):,.1f} to 1"
    return f"1 to {(1 - p) / max(p, 1e-9):,.1f}"


def draw_sweep(sweep: Sequence[Mapping[str, float | str]], width: int, colour: bool) -> list[RenderableType]:
    """Continuations side by side, each under its temperature."""
    columns = max(8, (width - GAP * (len(sweep) - 1)) // len(sweep))
    grid = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold" if colour else "")
    for one in sweep:
        grid.add_column(f"t {float(one['temperature']):g}", width=columns - (GAP if one is not sweep[-1] else 0))
    grid.add_row(*(Text(printable(str(one["text"]))) for one in sweep))
    return [grid]


def draw_help(commands: Mapping[str, str], width: int, colour: bool) -> list[RenderableType]:
    """The commands."""
    keys = {
        "Tab": "take the model's continuation, the grey text; Alt-F takes a word of it",
        "Enter": "end the line; a line that ends in a backslash goes on",
        "F2, F3": ":why and :sweep for the line as it stands",
    }
    return [table([*keys.items(), *commands.items()])]


PICTURES: dict[str, tuple[str, Callable[[Any, int, bool], list[RenderableType]]]] = {
    "why": ("likeliest", draw_likeliest),
    "sweep": ("sweep", draw_sweep),
    "help": ("commands", draw_help),
}


def picture_of(command: str, data: Mapping[str, Any]) -> Draw | None:
    """What to draw of what a command found; None where there is nothing to draw."""
    name, draw = PICTURES.get(command, ("", None))
    if draw is None or name not in data:
        return None
    return lambda width, colour: draw(data[name], width, colour)

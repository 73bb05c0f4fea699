"""A picture made of characters: on the terminal, and as an SVG file of the same."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from pathlib import Path

from rich.console import Console, RenderableType
from rich.table import Table
from rich.terminal_theme import TerminalTheme

from charlstm.errors import CharLSTMError
from charlstm.report.console import colour_allowed, plain_console
from charlstm.report.text import printable

Draw = Callable[[int, bool], Iterable[RenderableType]]  # columns and whether there is colour -> what is to be shown

# For paper and walls: dark on light. Rich's own frame would fetch a font from the network.
PAPER = TerminalTheme(
    (255, 255, 255),
    (31, 35, 40),
    [
        (31, 35, 40),
        (196, 43, 28),
        (26, 127, 55),
        (154, 103, 0),
        (9, 85, 190),
        (130, 80, 223),
        (17, 118, 138),
        (90, 98, 107),
    ],
)
SVG = """<svg viewBox="0 0 {terminal_width} {terminal_height}" xmlns="http://www.w3.org/2000/svg" xml:space="preserve">
<style>
.{unique_id}-matrix {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: {char_height}px;
line-height: {line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
<rect width="100%" height="100%" fill="#ffffff"/>
<g clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def show(draw: Draw, width: int | None = None) -> None:
    """Draw on stdout, in colour where it shows colour; `width`: columns, None: the terminal's."""
    console = plain_console(width)
    _print(console, draw, colour_allowed())


def as_svg(draw: Draw, title: str, width: int | None = None) -> str:
    """The picture in colour, as wide as on the screen, as SVG; the same bytes every time."""
    paper = Console(
        record=True,
        file=io.StringIO(),
        width=width or plain_console().width,
        force_terminal=True,
        color_system="truecolor",
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
    )
    _print(paper, draw, True)
    return paper.export_svg(title=printable(title), theme=PAPER, code_format=SVG, unique_id="charlstm")


def _print(console: Console, draw: Draw, colour: bool) -> None:
    for part in draw(console.width, colour):
        console.print(part)


def save_svg(path: Path, picture: str) -> None:
    """Write a picture. Raises CharLSTMError if it cannot be written."""
    try:
        path.write_text(picture, encoding="utf-8")
    except OSError as e:
        raise CharLSTMError(f"cannot write {path}: {e.strerror or e}; give another --svg") from None


def columns_table(header: Iterable[str], rows: Iterable[Iterable[str]], left: Iterable[int] = (0,)) -> Table:
    """Texts in columns: flush right, but for the columns `left`."""
    flush_left = set(left)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for k, name in enumerate(header):
        table.add_column(printable(name, keep=""), justify="left" if k in flush_left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(printable(cell, keep="") for cell in row))
    return table

"""Where reports are shown: on the terminal, and as an SVG file of the same.

A report is a function `draw_...(what was found, width, colour)` that gives back lines and tables to be shown in so many
columns. It prints nothing. Where there is no colour it tells apart by signs, so it must know.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from rich.console import RenderableType
from rich.segment import Segment, Segments
from rich.terminal_theme import TerminalTheme

from charlstm.files.atomic import write_atomically
from charlstm.report.console import Console, colour_allowed, messages, plain_console

Draw = Callable[[int, bool], Iterable[RenderableType]]  # columns and whether there is colour -> what is to be shown

MARGIN = 16  # of a picture, in its own units: a character is 12 wide
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
<rect x="-50%" y="-50%" width="200%" height="200%" fill="#ffffff"/>
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


def show_message(draw: Draw) -> None:
    """Draw on stderr, in words and lines alone: what is said beside the data."""
    _print(messages(), draw, False)


def as_svg(draw: Draw, width: int | None = None, title: str = "") -> str:
    """The picture in colour, as wide as on the screen, as SVG; the same bytes every time. Its words are its text."""
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
    paper.print()  # room for what hangs below the last line
    picture = paper.export_svg(theme=PAPER, code_format=SVG, unique_id="charlstm")
    columns, rows = (float(size) for size in re.findall(r'viewBox="0 0 ([0-9.]+) ([0-9.]+)"', picture)[0])
    box = f'viewBox="{-MARGIN} {-MARGIN} {columns + 2 * MARGIN:g} {rows + 2 * MARGIN:g}"'
    picture = re.sub(r'viewBox="[^"]*"', box, picture, count=1)
    return picture.replace("<style>", f"<title>{escape(title)}</title>\n<style>", 1)


def _print(console: Console, draw: Draw, colour: bool) -> None:
    for part in draw(console.width, colour):
        if console.soft_wrap:
            console.print(part)
            continue
        for line in console.render_lines(part, pad=False):
            console.print(Segments([*_without_end(line), Segment.line()]), end="")


def _without_end(line: Sequence[Segment]) -> list[Segment]:
    """A line without the blanks at its end, which tables fill up their columns with; a ground of colour stays."""
    kept = list(line)
    while kept and not (kept[-1].style and kept[-1].style.bgcolor):
        last = kept.pop()
        if last.text.rstrip():
            return [*kept, Segment(last.text.rstrip(), last.style, last.control)]
    return kept


def save_svg(path: Path, picture: str) -> None:
    """Write a picture. Raises CharLSTMError if it cannot be written; an older one is then untouched."""
    write_atomically(path, picture.encode())

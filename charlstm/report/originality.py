"""What texts copy from a training text, for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.cells import cell_len
from rich.console import RenderableType
from rich.style import Style
from rich.text import Text

from charlstm.originality import Copied, Place, Places, Stretch
from charlstm.report.tables import table
from charlstm.report.text import printable

SHOWN_TEXT = 4000  # characters: a longer text is not shown, only what it copies
SHOWN_STRETCHES = 10
PASSAGE = Style(color="black", bgcolor="#fdbe85")


def draw_copies(name: str, found: Copied, places: Places, width: int, colour: bool) -> list[RenderableType]:
    """One text: the conclusion, the longest stretches with their places, in colour the text itself.

    Args:
        name: of the text.
        found: what it copies.
        places: of the training text.
        width, colour: columns there are, and whether there is colour.
    """
    lines: list[RenderableType] = [Text(printable(f"{name}: {conclusion(found)}", keep=""), "bold" if colour else "")]
    by_length = sorted(found.stretches, key=lambda stretch: (-stretch.length, stretch.start))
    for stretch in by_length[:SHOWN_STRETCHES] or ([found.longest] if found.longest else []):
        lines += _stretch(found, stretch, places, width, colour)
    if len(by_length) > SHOWN_STRETCHES:
        lines.append(Text(f"  and {len(by_length) - SHOWN_STRETCHES:,} shorter ones"))
    if colour and found.stretches and len(found.text) <= SHOWN_TEXT:
        lines += [Text(""), _marked(found), Text("")]
    return lines


def conclusion(found: Copied) -> str:
    """What a text copies, in a sentence."""
    if not found.text:
        return "no characters"
    if found.longest is None:
        return "not one of its characters is in the training text"
    size, n = f"{len(found.text):,} characters", found.min_copy
    if found.stretches:
        return (
            f"{size}, of which {100 * found.share:.1f} % stand in stretches of {n} or more that the training text has; "
            f"the longest has {found.longest.length:,}"
        )
    return f"{size}, none of them in a stretch of {n} or more that the training text has; the longest has " + (
        f"{found.longest.length:,}"
    )


def where(place: Place) -> str:
    """A place in words."""
    file = f"{Path(place.file).name}, " if place.file else ""
    return f"{file}line {place.line:,} (character {place.character:,})"


def _stretch(found: Copied, stretch: Stretch, places: Places, width: int, colour: bool) -> list[RenderableType]:
    place = places.find(stretch.place, stretch.length)
    head = f"  {stretch.length:,} characters, from {stretch.start + 1:,} on: {where(place)}"
    passage = found.text[stretch.start : stretch.end]
    before, after = place.before.rpartition("\n")[2], place.after.partition("\n")[0]
    room = max(0, width - 8 - cell_len(before) - cell_len(after))
    if len(passage) > room and len(passage) > 40:
        passage = f"{passage[: max(20, room // 2 - 3)]} ... {passage[-max(15, room // 2 - 3) :]}"
    shown = Text(f"    {printable(before, keep='')}", "dim" if colour else "")
    shown.append(
        printable(passage, keep="") if colour else f"[{printable(passage, keep='')}]", PASSAGE if colour else ""
    )
    return [Text(printable(head)), shown.append(printable(after, keep=""))]


def _marked(found: Copied) -> Text:
    """The text, with what it copies in colour."""
    text = Text()
    end = 0
    for start, stop in found.covered:
        text.append(printable(found.text[end:start])).append(printable(found.text[start:stop]), PASSAGE)
        end = stop
    return text.append(printable(found.text[end:]))


def draw_lines(lines: Sequence[tuple[int, Copied]], width: int, colour: bool) -> list[RenderableType]:
    """Texts of a line each: the longest stretch and the share of each, with the line.

    Args:
        lines: the number of each line, and what it copies.
        width, colour: columns there are, and whether there is colour.
    """
    rows = [
        (f"{number:,}", f"{found.longest.length if found.longest else 0:,}", f"{100 * found.share:.0f} %", found.text)
        for number, found in lines
    ]
    return [table(rows, ("line", "longest copy", "share", "text"), left=(3,))]

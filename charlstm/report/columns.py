"""Text in columns: every character keeps its own, bars stand beside numbers, lines break between words."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from charlstm.report.text import printable

# from low to high; black letters on a light ground read well on dark and on light terminals
GROUNDS = ("#6baed6", "#bdd7e7", "", "#fdbe85", "#fd8d3c")
SYMBOLS = "=- +#"  # the same five steps where there is no colour
MIDDLE = 2  # the step that is left as it is
LABEL = 4  # columns before the text
EIGHTHS = " ▏▎▍▌▋▊▉█"


def glyph(character: str) -> str:
    """What stands for one character where each has columns of its own.

    A combining mark is put on a dotted circle, or it would join the letter before it, which is another character to the
    network; what cannot be seen is written out.
    """
    shown = printable(character, keep="")
    if cell_len(shown) == 0:
        is_mark = unicodedata.category(character).startswith("M") and not "\ufe00" <= character <= "\ufe0f"
        shown = f"◌{character}" if is_mark else character.encode("unicode_escape").decode("ascii")
    return shown


def columns_of(character: str) -> int:
    """How many columns its glyph takes: two for 語."""
    return cell_len(glyph(character))


def padded(text: str, columns: int) -> str:
    """A text filled up with spaces to so many columns."""
    return text + " " * max(0, columns - cell_len(text))


def step_of(share: float) -> int:
    """A value from -1 to 1 as one of five steps."""
    return min(4, max(0, int((share + 1) * 2.5)))


def centred(texts: Sequence[Sequence[float]]) -> list[list[float]]:
    """What a cell holds over several texts, from -1 to 1 about the mean of them all: what differs between them shows.

    NaN stays NaN, and counts for nothing.
    """
    known = [value for values in texts for value in values if not math.isnan(value)]
    centre = sum(known) / len(known) if known else 0.0
    reach = max((abs(value - centre) for value in known), default=0.0) or 1.0
    return [[(value - centre) / reach for value in values] for values in texts]


def tenth(value: float) -> str:
    """A gate as one digit, in tenths: 9 is open."""
    return " " if math.isnan(value) else str(min(9, int(value * 10)))


def bar(share: float, columns: int) -> str:
    """A share from 0 to 1 as a bar of so many columns, to an eighth of a column."""
    eighths = round(min(1.0, max(0.0, share)) * 8 * columns)
    whole, rest = divmod(eighths, 8)
    return padded("█" * whole + (EIGHTHS[rest] if rest else ""), columns)


def signed_bar(share: float, columns: int) -> str:
    """A share from -1 to 1 as a bar to the left or to the right of the middle, to half a column."""
    half = columns // 2
    halves = round(min(1.0, abs(share)) * 2 * half)
    whole, rest = divmod(halves, 2)
    if share < 0:
        return padded(("▐" * rest + "█" * whole).rjust(half), columns)
    return padded(" " * half + "█" * whole + "▌" * rest, columns)


def wrapped(text: str, width: int) -> list[tuple[int, int]]:
    """Where the lines of a text begin and end: broken after a newline or a space, or in a word longer than a line."""
    lines, start = [], 0
    while start < len(text):
        end, columns, space = start, 0, -1
        while end < len(text) and columns + columns_of(text[end]) <= max(width, 1):
            columns += columns_of(text[end])
            end += 1
            if text[end - 1] == " ":
                space = end
            if text[end - 1] == "\n":
                break
        end = max(end, start + 1)
        if end < len(text) and space > start and text[end - 1] != "\n":
            end = space
        lines.append((start, end))
        start = end
    return lines


def coloured_lines(
    text: str, shares: Sequence[float], rows: Mapping[str, Sequence[str]], width: int, colour: bool
) -> list[Text]:
    """A text shaded by a value a character, wrapped by words, with rows of one sign a character under it.

    Args:
        text: T characters.
        shares: (T) from -1 to 1; NaN is left as it is.
        rows: by their labels, T signs each, of one column; rows of spaces are left out.
        width: columns there are.
        colour: False draws the shades as symbols in a row of their own.
    """
    return [line for part in shaded_parts(text, {"~": (shares, rows)}, width, colour) for line in part]


Shade = tuple[Sequence[float], Mapping[str, Sequence[str]]]  # a value a character, and the rows under it


def shaded_parts(text: str, shades: Mapping[str, Shade], width: int, colour: bool) -> list[list[Text]]:
    """As `coloured_lines`, by several values, each with rows of its own: for each stretch of the text its lines.

    Args:
        text, width, colour: as in `coloured_lines`.
        shades: by their labels; in colour the text stands once for each of them, else once above all of them.
    """
    steps = {name: [MIDDLE if math.isnan(v) else step_of(v) for v in shares] for name, (shares, _) in shades.items()}
    labels = [label for name, (_, rows) in shades.items() for label in (name, *rows)]
    indent = max(LABEL, max(map(cell_len, labels), default=0) + 1)
    parts: list[list[Text]] = []
    for start, end in wrapped(text, width - indent):
        glyphs = [glyph(character) for character in text[start:end]]
        lines = [] if colour else [Text(" " * indent + "".join(glyphs))]
        for name, (_, rows) in shades.items():
            under = dict(rows)
            if colour:
                shown = Text(padded(name if len(shades) > 1 else "", indent))
                for sign, step in zip(glyphs, steps[name][start:end], strict=True):
                    shown.append(sign, Style(color="black", bgcolor=GROUNDS[step]) if GROUNDS[step] else "")
                lines.append(shown)
            else:
                under = {name: "".join(SYMBOLS[step] for step in steps[name]), **rows}
            for label, signs in under.items():
                if "".join(signs[start:end]).strip() or label == name:
                    row = zip(signs[start:end], glyphs, strict=True)
                    in_columns = "".join(padded(sign, cell_len(shown)) for sign, shown in row)
                    lines.append(Text(padded(label, indent) + in_columns.rstrip()))
        parts.append(lines)
    return parts

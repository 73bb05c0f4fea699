"""A sentence coloured by a cell, character by character, with the gates under it."""

from __future__ import annotations

import math

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from charlstm.pairs import common_prefix
from charlstm.probe.result import SentenceReport
from charlstm.report.text import printable

# from low to high; black letters on a light ground read well on dark and on light terminals
GROUNDS = ("#6baed6", "#bdd7e7", "", "#fdbe85", "#fd8d3c")
SYMBOLS = "=- +#"  # the same five steps where there is no colour
MIDDLE = 2  # the step that is left as it is
LABEL = 4  # columns before the text


def sentence_lines(sentence: SentenceReport, which: int, watched: int, width: int, colour: bool) -> list[Text]:
    """One sentence (0) or its twin (1), wrapped by words; under it the cell, f, i, o in tenths, cue and target.

    Args:
        watched: which of the traced cells.
        width: columns there are.
        colour: False draws the cell as symbols in a line of its own.
    """
    pair = sentence.pair
    text = (pair.prefix, pair.twin_prefix)[which]
    trace = sentence.traces[which]
    values = trace.state[0, : len(text), watched].tolist()
    both = [v for t in sentence.traces for v in t.state[0, :, watched].tolist() if v == v]
    centre = sum(both) / len(both)  # of the two sentences together: what differs between them shows
    reach = max(abs(v - centre) for v in both) or 1.0
    steps = [step_of((value - centre) / reach) for value in values]
    gates = {name: getattr(trace, name)[0, : len(text), watched].tolist() for name in ("f", "i", "o")}
    cue_end = pair.end_of_cue + len(text) - len(pair.prefix)
    decided = pair.endings[which][:1]  # the deciding character: not read, so not coloured
    cue_start = text.rfind(" ", 0, common_prefix(pair.prefix, pair.twin_prefix)) + 1
    marks = ["^" if cue_start <= place < cue_end else " " for place in range(len(text))] + ["*"] * len(decided)
    text += decided
    steps += [MIDDLE] * len(decided)
    for row_of in gates.values():
        row_of += [math.nan] * len(decided)
    lines: list[Text] = []
    for start, end in wrapped(text, width - LABEL):
        shown = Text(" " * LABEL)
        symbols, rows = Text(f"{'~':<{LABEL}}"), {name: Text(f"{name:<{LABEL}}") for name in gates}
        marked = Text(" " * LABEL)
        for place in range(start, end):
            character = printable(text[place], keep="")
            columns = max(cell_len(character), 1)
            ground = GROUNDS[steps[place]]
            shown.append(character, Style(color="black", bgcolor=ground) if colour and ground else "")
            symbols.append(SYMBOLS[steps[place]].ljust(columns))
            for name, row in rows.items():
                row.append(tenth(gates[name][place]).ljust(columns))
            marked.append(marks[place].ljust(columns))
        lines.append(shown)
        lines += [] if colour else [symbols]
        lines += [row for row in rows.values() if row.plain[LABEL:].strip()]
        lines.append(marked)
    return [line for line in lines if line.plain.strip()]


def step_of(share: float) -> int:
    """A value from -1 to 1 as one of five steps."""
    return min(4, max(0, int((share + 1) * 2.5)))


def tenth(value: float) -> str:
    """A gate as one digit, in tenths: 9 is open."""
    return " " if value != value else str(min(9, int(value * 10)))


def wrapped(text: str, width: int) -> list[tuple[int, int]]:
    """Where the lines of a text begin and end: broken after a space, or in a word that is longer than a line."""
    lines, start = [], 0
    while start < len(text):
        end, columns, space = start, 0, -1
        while end < len(text) and columns + max(cell_len(text[end]), 1) <= max(width, 1):
            columns += max(cell_len(text[end]), 1)
            end += 1
            if text[end - 1] == " ":
                space = end
        end = max(end, start + 1)
        if end < len(text) and space > start:
            end = space
        lines.append((start, end))
        start = end
    return lines

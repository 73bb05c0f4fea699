"""A sentence coloured by a cell, character by character, with the gates under it."""

from __future__ import annotations

import math

from rich.text import Text

from charlstm.grammar.pairs import common_prefix, without_delimiter
from charlstm.probe.result import SentenceReport
from charlstm.report.columns import centred, coloured_lines, tenth


def sentence_lines(
    sentence: SentenceReport, which: int, watched: int, width: int, colour: bool, gates: bool = True
) -> list[Text]:
    """One sentence (0) or its twin (1), wrapped by words; under it the cell, f, i, o in tenths, cue and target.

    Args:
        watched: which of the traced cells.
        width: columns there are.
        colour: False draws the cell as symbols in a line of its own.
        gates: False leaves out what stands under the sentence, but for the cell, and shows the deciding word in full.
    """
    pair = sentence.pair
    texts = (pair.prefix, pair.twin_prefix)
    both = [t.state[0, : len(text), watched].tolist() for text, t in zip(texts, sentence.traces, strict=True)]
    text, trace, shares = texts[which], sentence.traces[which], centred(both)[which]
    cue_end = pair.end_of_cue + len(text) - len(pair.prefix)
    cue_start = text.rfind(" ", 0, common_prefix(pair.prefix, pair.twin_prefix)) + 1
    decided = pair.endings[which]  # not read, so not coloured
    decided = decided[:1] if gates else without_delimiter(decided)
    if not gates:
        return coloured_lines(text + decided, shares + [math.nan] * len(decided), {}, width, colour)
    rows = {
        name: [*map(tenth, trace.gates[name][0, : len(text), watched].tolist()), *" " * len(decided)]
        for name in trace.kind.shares
    }
    rows[""] = ["^" if cue_start <= place < cue_end else " " for place in range(len(text))] + ["*"] * len(decided)
    return coloured_lines(text + decided, shares + [math.nan] * len(decided), rows, width, colour)

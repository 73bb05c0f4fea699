"""What a probe found, at a glance: the conclusion in words, one sentence shaded by the cell, three figures."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable

from rich.console import RenderableType
from rich.style import Style
from rich.text import Text

from charlstm.config import cell_in_words
from charlstm.grammar.pairs import common_prefix
from charlstm.probe.behaviour import CHANCE, Group
from charlstm.probe.conclusion import capital, directions_in_words
from charlstm.probe.defaults import Words
from charlstm.probe.headline import about_asked, beside, farthest, headline, not_claimed
from charlstm.probe.result import CellReport, ProbeResult, SentenceReport
from charlstm.probe.statistics import Estimate
from charlstm.probe.verdict import Verdict
from charlstm.report.columns import GROUNDS, LABEL
from charlstm.report.sentence import sentence_lines
from charlstm.report.tables import table
from charlstm.report.text import printable

NAME = 8  # columns of a figure's name
LONGEST = 20  # characters that two words beside the sentence begin with alike
LEAST_KINDS = 2  # of which a table is made
WIDEST = 100  # columns of text that is read from left to right


def draw_probe(result: ProbeResult, words: Words, width: int, colour: bool) -> list[RenderableType]:
    """The conclusion, a sentence and its twin shaded by the first cell, three figures, and what is not claimed.

    Args:
        words: what the feature is called.
        width, colour: columns there are, and whether there is colour.
    """
    bold = "bold" if colour else ""
    lines: list[RenderableType] = []
    for k, said in enumerate(headline(result, words)):
        lines += paragraph(said, width, bold if k == 0 else "")
    if result.sentences:
        lines += [Text(""), *_example(result, words, width, colour)]
    lines.append(Text(""))
    for name, figure in three_figures(result, words):
        lines += _named(name, figure, width, bold)
    if kinds := kind_table(result):
        lines += [Text(""), kinds, Text("")]
    more = [*beside(result), *about_asked(result)]
    if result.directions is not None:
        more.append(directions_in_words(result.directions, result.limits))
    if result.cells or result.behaviour is None:  # else the headline has said it
        more += [f"Note: {note}." for note in result.notes]
    for said in more:
        lines += paragraph(said, width)
    if result.cells:
        lines += [Text(""), *paragraph(f"Not claimed: {not_claimed(result, words)}", width, "dim" if colour else "")]
    return lines


def paragraph(text: str, width: int, style: str = "", indent: str = "") -> list[Text]:
    """A paragraph in lines of at most so many columns."""
    shown = printable(text, keep="")
    return [Text(line, style) for line in textwrap.wrap(shown, min(width, WIDEST), subsequent_indent=indent)]


def _named(name: str, text: str, width: int, bold: str) -> list[Text]:
    lines = paragraph(f"{name:<{NAME}}{text}", width, indent=" " * NAME)
    lines[0].stylize(bold, 0, len(name))
    return lines


def _example(result: ProbeResult, words: Words, width: int, colour: bool) -> list[RenderableType]:
    """The first sentence and its twin, with the answers, and what the sentence means."""
    sentence = result.sentences[0]
    gloss = words.glosses.get(sentence.pair.sentence_good)
    meaning = [] if gloss is None else paragraph(f"{' ' * LABEL}({gloss})", width, "italic" if colour else "", " " * 5)
    if not result.watched:
        return [*share_lines(sentence, width), *meaning]
    both = [_with_answer(sentence, which, width, colour) for which in (0, 1)]
    return [_title(result, colour), *both[0], *meaning, *both[1]]


def _title(result: ProbeResult, colour: bool) -> Text:
    layer, cell = result.watched[0]
    no_claim = result.cells and result.cells[0].verdict is Verdict.none
    title = Text(f"{capital(cell_in_words(layer, cell))}{' (no claim)' if no_claim else ''} over the sentence, ")
    for name, sign, ground in (("low", "=", GROUNDS[0]), ("high", "#", GROUNDS[-1])):
        shade = Style(color="black", bgcolor=ground) if colour else ""
        title.append(f" {name} " if colour else f"{name} ({sign})", shade)
        title.append(" to " if name == "low" else ":")
    return title


def _with_answer(sentence: SentenceReport, which: int, width: int, colour: bool) -> list[Text]:
    """A sentence, or its twin, shaded; behind its last character how sure the network is of either word."""
    lines = sentence_lines(sentence, which, 0, width, colour, gates=False)
    words = sentence.pair.words
    cut = max(0, common_prefix(*words) - LONGEST)  # of what both share: their ends tell them apart
    shares = (sentence.share[which], 1 - sentence.share[which])
    both = [f"{'...' if cut else ''}{word[cut:]} {percent(share)} %" for word, share in zip(words, shares, strict=True)]
    answer = printable(f"-> {', '.join(both if which == 0 else both[::-1])}", keep="")
    last = lines[-1 if colour else -2]
    if last.cell_len + 2 + len(answer) <= width:
        last.append(f"  {answer}")
    else:
        lines.append(Text(" " * LABEL + answer))
    return lines


def percent(value: float) -> str:
    """A share in per cent; a dash where there is none."""
    return "-" if math.isnan(value) else f"{100 * value:.1f}"


def two(value: float) -> str:
    """A figure with two places; a dash where there is none."""
    return "-" if math.isnan(value) else f"{round(value, 2) + 0.0:.2f}"  # never -0.00


def interval(estimate: Estimate, show: Callable[[float], str]) -> str:
    """A figure and, in brackets, its interval."""
    return f"{show(estimate.value)} [{show(estimate.low)}, {show(estimate.high)}]"


def share_lines(sentence: SentenceReport, width: int) -> list[Text]:
    """A sentence and its twin, each with the share of the ending that is right for the first of them."""
    pair = sentence.pair
    first, second = pair.words
    shares = zip((pair.sentence_good, pair.twin or ""), sentence.share, strict=True)
    heading = f"{sentence.name} sentence: P({first}) / (P({first}) + P({second}))"
    said = [paragraph(f"  {share:.3f}  {text}", width, indent=" " * 9) for text, share in shares]
    return [*paragraph(heading, width), *said[0], *said[1]]


def three_figures(result: ProbeResult, words: Words) -> list[tuple[str, str]]:
    """Whether the network gets it right, whether the best cell carries the feature, whether the network uses it."""
    behaviour, figures = result.behaviour, []
    if behaviour is not None:
        right, number = interval(behaviour.overall.accuracy, percent), behaviour.overall.sentences
        figures.append(("right", f"{right} % of {number:,} choices; guessing gives {100 * CHANCE:.0f} %"))
    if result.cells:
        best = result.cells[0]
        figures.append(("hold", _hold(result, best, words)))
        if best.patch is not None:
            figures.append(("moved", _moved(result, best)))
    return figures


def kind_table(result: ProbeResult) -> RenderableType | None:
    """How often the network is right by kind, under the phenomena; None where there are cells, or one kind.

    With cells, the conclusion is about them, and `--details` names the kinds in a line.
    """
    behaviour = result.behaviour
    if behaviour is None or result.cells or len(behaviour.by["kind"]) < LEAST_KINDS:
        return None
    by_name = {group.name: group for group in behaviour.by["kind"]}
    rows: list[tuple[str, Group]] = []
    for phenomenon in behaviour.by["phenomenon"]:
        rows.append((phenomenon.name, phenomenon))
        rows += [(f"  {name}", by_name.pop(name)) for name in behaviour.kinds[phenomenon.name] if name in by_name]
    rows += by_name.items()  # of no phenomenon
    has_ngram = any(group.ngram is not None for _, group in rows)
    cells = [
        (
            *(name, interval(group.accuracy, percent), f"{group.sentences:,}"),
            *(["-" if group.ngram is None else percent(group.ngram)] if has_ngram else []),
        )
        for name, group in rows
    ]
    return table(cells, ("kind of pair", "right, %", "choices", *(["n-gram, %"] if has_ngram else [])))


def _hold(result: ProbeResult, best: CellReport, words: Words) -> str:
    first, second = words.classes
    hold = two(best.evidence.hold) if best.interval is None else interval(best.interval, two)
    beside = "guessing: 0.5"
    if len(result.nulls.hold):
        beside += f"; networks that learnt nothing would stay below {two(result.nulls.limit)}"
    return f"{hold}: how well it tells {first} from {second} ({beside})"


def _moved(result: ProbeResult, best: CellReport) -> str:
    assert best.patch is not None
    moved = interval(best.patch.recovery, two)
    claim = "" if best.patch.recovery.value >= result.limits.recovery else f"; required: {result.limits.recovery:g}"
    more = "" if (point := farthest(result)) is None else f" ({point[0]} cells together: {two(point[1])})"
    return f"{moved} of the way to the twin's answer, when this cell alone takes its value in the twin{claim}{more}"

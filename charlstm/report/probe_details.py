"""All that a probe found: the conclusion with its figures, the answers, one card a cell, the sentences with gates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from rich.console import RenderableType
from rich.text import Text

from charlstm.config import cell_in_words
from charlstm.probe.behaviour import CHANCE, Group
from charlstm.probe.conclusion import directions_in_words, in_words
from charlstm.probe.defaults import Words
from charlstm.probe.directions import Directions, Effect
from charlstm.probe.nulls import LEVEL
from charlstm.probe.result import CellReport, ProbeResult, SentenceReport
from charlstm.probe.statistics import Floats
from charlstm.probe.verdict import Thresholds
from charlstm.report.legend import ANSWERS, CARRIES, DIRECTIONS, USED, Figure
from charlstm.report.probe import interval, kind_table, paragraph, percent, share_lines, two
from charlstm.report.sentence import sentence_lines
from charlstm.report.tables import table
from charlstm.report.text import printable

SHOWN_SENTENCES = 2  # in full, character by character
NAME, VALUE = 20, 22  # columns of a card
NUMBERS = 24  # columns of a group's name and share

Rows = list[tuple[str, str, str]]  # a figure's name, its value, and what a claim needs


def draw_details(result: ProbeResult, words: Words, model: str, width: int, colour: bool) -> list[RenderableType]:
    """Everything: the outcome in words, behaviour, sentences, a card a cell, the cells over the sentences.

    Args:
        words: what the feature is called.
        model: the model in a line.
        width, colour: columns there are, and whether there is colour.
    """
    lines: list[RenderableType] = []
    for said in (*in_words(result), *(f"Note: {note}." for note in result.notes)):
        lines += paragraph(said, width)
    lines += [Text(""), *paragraph(model, width, indent=" " * 12)]
    if answers := behaviour_lines(result, width):
        lines += [Text(""), *answers]
    if kinds := kind_table(result):
        lines += [Text(""), kinds]
    for sentence in result.sentences:
        lines += [Text(""), *share_lines(sentence, width)]
    for cell in result.cells:
        lines += [Text(""), *card(cell, result, words, width, colour)]
    if result.cells:
        lines += [Text(""), *comparison_lines(result, width)]
    if result.sets.curve:
        lines += [Text(""), *_set_table(result)]
    if result.directions is not None:
        lines += [Text(""), *direction_lines(result.directions, result.limits, width, colour)]
    for number, sentence in enumerate(result.sentences[:SHOWN_SENTENCES]):
        for watched, place in enumerate(result.watched):
            if watched == 0 or (number == 0 and place in result.highlighted):
                lines += _sentence(result, sentence, watched, width, colour)
    return [*lines, Text("")]


def _sentence(
    result: ProbeResult, sentence: SentenceReport, watched: int, width: int, colour: bool
) -> list[RenderableType]:
    layer, cell = result.watched[watched]
    state = "hidden state" if result.state == "h" else "cell state"
    title = Text(printable(f"{state} of {cell_in_words(layer, cell)}, {sentence.name} sentence"))
    both = (sentence_lines(sentence, which, watched, width, colour) for which in (0, 1))
    return [Text(""), title, *(line for lines in both for line in lines)]


def behaviour_lines(result: ProbeResult, width: int) -> list[Text]:
    """Accuracies, with intervals, chance and the baseline."""
    behaviour = result.behaviour
    if behaviour is None:
        return []
    overall, nulls = behaviour.overall, result.nulls
    rows: Rows = [
        (
            "right",
            f"{interval(overall.accuracy, percent)} %",
            f"of {overall.sentences:,}; guessing: {percent(CHANCE)} %",
        )
    ]
    if behaviour.twin_accuracy is not None:
        reached = f"; networks that learnt nothing: {_range(nulls.twin_order, percent)} %" if len(nulls.nats) else ""
        right = f"guessing: {percent(CHANCE)} %{reached}"
        rows.append(("twins in order", f"{interval(behaviour.twin_accuracy, percent)} %", right))
        rows.append(("d'", f"{behaviour.d_prime:.2f}", "guessing: 0"))
    if overall.ngram is not None:
        rows.append(("n-gram", f"{percent(overall.ngram)} %", ""))
    if behaviour.nats is not None:
        reached = f"networks that learnt nothing: {_range(nulls.nats, two)}" if len(nulls.nats) else ""
        rows.append(("nats apart", interval(behaviour.nats, two), reached))
        rows.append(("AUC of the odds", two(behaviour.auc), f"guessing: {two(CHANCE)}"))
    lines = [Text("the answers"), *figure_lines(rows, ANSWERS, width)]
    for name, groups in behaviour.by.items():
        in_table = name in ("kind", "phenomenon") and kind_table(result) is not None
        if len(groups) > 1 and not in_table:
            lines += paragraph(f"  right by {name}: {', '.join(map(_group, groups))} %", width, indent="    ")
    return lines


def _range(values: Floats, show: Callable[[float], str]) -> str:
    return f"{show(float(values.min()))} to {show(float(values.max()))}"


def _group(group: Group) -> str:
    beside = "" if group.ngram is None else f" (n-gram {percent(group.ngram)})"
    return f"{group.name} {percent(group.accuracy.value)}{beside}"


def _set_table(result: ProbeResult) -> list[RenderableType]:
    rows = [
        (str(point.cells), two(point.recovery), two(point.random), two(point.matched)) for point in result.sets.curve
    ]
    titles = ("cells patched together", "moved", "as many at random", "as many that vary alike")
    return [table(rows, titles)]


def direction_lines(found: Directions, limits: Thresholds, width: int, colour: bool) -> list[Text]:
    """A cell beside directions of its layer: a sentence, and a card of each."""
    first, second = found.lemmas
    about = f"Directions were fitted on {first} lemmas, and all were judged on {second} others."
    lines = [*paragraph(directions_in_words(found, limits), width), *paragraph(about, width)]
    for effect in (found.cell, *found.fitted):
        name = f"cell {effect.name}" if effect is found.cell else f"{effect.name} of layer {found.layer + 1}"
        lines += [
            Text(""),
            Text(name, "bold" if colour else ""),
            *figure_lines(_direction(effect), USED | DIRECTIONS, width),
        ]
    return lines


def _direction(effect: Effect) -> Rows:
    rows: Rows = [
        ("moved", interval(effect.recovery, two), ""),
        ("in training", two(effect.training), ""),
        ("nats", two(effect.nats.value), ""),
        ("flips", f"{percent(effect.flip)} %", ""),
        ("cosine", two(effect.cosine), ""),
    ]
    if effect.control is not None and effect.selectivity is not None:
        rows += [("control", two(effect.control), ""), ("selectivity", two(effect.selectivity), "")]
    return rows


def figure_lines(rows: Rows, figures: Mapping[str, Figure], width: int) -> list[Text]:
    """Figures, one a line: the name, the value, what it is in a few words, and what a claim needs."""
    lines = []
    for name, value, takes in rows:
        brief = "; ".join(part for part in (figures[name].brief, takes) if part)
        start = f"  {name:<{NAME}}{value:<{VALUE}}"
        lines += paragraph(f"{start}{brief}".rstrip(), width, indent=" " * len(start))
    return lines


def card(cell: CellReport, result: ProbeResult, words: Words, width: int, colour: bool) -> list[Text]:
    """All that is known of one cell."""
    high = words.classes[0 if cell.candidate.found.sign > 0 else 1]
    layer, number = cell.candidate.place
    title = f"{cell_in_words(layer, number)}: {cell.verdict.value}; it is high for {high}"
    lines = paragraph(title, width, "bold" if colour else "")
    for figures, rows in ((CARRIES, _carries(cell, result.limits)), (USED, _used(cell, result.limits))):
        lines += figure_lines(rows, figures, width)
    if cell.patch is None:
        lines += paragraph("  what the network does with it was not tested", width)
    return lines


def _carries(cell: CellReport, limits: Thresholds) -> Rows:
    candidate, evidence, gates = cell.candidate, cell.evidence, cell.gates
    hold = two(candidate.hold) if cell.interval is None else interval(cell.interval, two)
    rows: Rows = [("hold", hold, f"required: {limits.hold:g}")]
    if not math.isnan(evidence.same_hold):
        rows.append(("hold, same", two(evidence.same_hold), f"required: {limits.hold:g}"))
    places = (("AUC, cue", 0), ("AUC, attractor", 2), ("AUC, target", 3))
    rows += [(name, two(candidate.landmark_auc[k]), "") for name, k in places]
    rows.append(("gap", two(evidence.gap), f"required: {limits.gap:g}"))
    if cell.attractor_auc is not None:
        rows.append(("attractor", two(cell.attractor_auc[1]), ""))
    rows.append(("p", f"{candidate.p:.4f}", f"required: less than {limits.alpha:g}"))
    if gates is None:
        return rows
    rows += [
        ("cleared, cue", two(gates.cleared_at_cue), ""),
        ("written, cue", two(gates.written_at_cue), ""),
        ("cleared, attractor", two(gates.cleared_at_attractor), ""),
        ("written, attractor", two(gates.written_at_attractor), ""),
        ("kept", two(gates.kept_over_span), ""),
    ]
    if gates.shown_at_target is not None:
        rows.append(("shown", two(gates.shown_at_target), ""))
    return rows


def _used(cell: CellReport, limits: Thresholds) -> Rows:
    patch, ablation = cell.patch, cell.ablation
    rows: Rows = []
    if patch is not None:
        rows += [
            ("moved", interval(patch.recovery, two), f"required: {limits.recovery:g}"),
            ("nats", two(patch.nats.value), ""),
            ("flips", f"{percent(patch.flip)} %", ""),
        ]
        if patch.p is not None:
            rows.append(("p, moved", f"{patch.p:.3f}", f"required: less than {limits.alpha:g}"))
        rows.append(("rest moved", two(patch.rest_recovery.value), ""))
    if ablation is not None:
        rows += [
            ("gone", interval(ablation.removed, two), ""),
            ("in order", f"{percent(ablation.twin_order.value)} %", ""),
            ("odds AUC", two(ablation.auc), ""),
        ]
        if ablation.cost_bits is not None:
            rows.append(("cost", f"{ablation.cost_bits:+.4f}", "bits/char"))
    return rows


def comparison_lines(result: ProbeResult, width: int) -> list[Text]:
    """What networks that learnt nothing reach, and what other thresholds would say."""
    lines = []
    if number := len(result.nulls.hold):
        reached = _range(result.nulls.hold, two)
        lines += paragraph(
            f"bound: the best cells of {number} networks that learnt nothing reach a hold of {reached}; the best cell "
            f"of one more would stay below {two(result.nulls.limit)} in {100 * LEVEL:.0f} cases of 100",
            width,
        )
    if result.thresholds:
        said = (
            f"{hold:.2f}: " + (", ".join(f"{name} {verdict}" for name, verdict in cells.items()) or "none")
            for hold, cells in result.thresholds.items()
        )
        lines += paragraph(f"at other holds: {'; '.join(said)}", width)
    if result.detectable is not None:
        lines += paragraph(
            f"power: with {result.lemmas[1]} lemmas a cell whose true hold is {result.detectable:g} or more is found "
            "in four cases of five",
            width,
        )
    return lines

"""What a probe found, for people: behaviour, sentences, the table of cells, the verdict in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from charlstm.probe.behaviour import CHANCE, Group
from charlstm.probe.conclusion import directions_in_words, in_words
from charlstm.probe.directions import Directions
from charlstm.probe.nulls import MIN_DEVIATION
from charlstm.probe.result import CellReport, ProbeResult, SentenceReport
from charlstm.probe.statistics import Estimate
from charlstm.probe.verdict import Thresholds
from charlstm.report.sentence import sentence_lines
from charlstm.report.tables import table
from charlstm.report.text import printable

SHOWN_SENTENCES = 2  # in full, character by character


def draw_probe(result: ProbeResult, model: str, width: int, colour: bool) -> list[RenderableType]:
    """Everything: behaviour, sentences, the table of cells, the outcome in words, the cells over the sentences.

    Args:
        model: the model in a line.
        width, colour: columns there are, and whether there is colour.
    """
    lines: list[RenderableType] = [Text(printable(model)), *map(Text, behaviour_lines(result))]
    for sentence in result.sentences:
        lines += [Text(""), *map(Text, share_lines(sentence))]
    if result.cells:
        lines.append(Text(""))
        for part in cell_tables(result, width):
            lines += [part, Text("")]
        lines += [Text(line, "dim" if colour else "") for line in legend(result)]
    if result.sets.curve:
        lines += [Text(""), *_set_table(result)]
    if result.directions is not None:
        lines += [Text(""), *direction_lines(result.directions, result.limits)]
    lines.append(Text(""))
    lines += [Text(printable(line)) for line in (*in_words(result), *(f"note: {note}" for note in result.notes))]
    for number, sentence in enumerate(result.sentences[:SHOWN_SENTENCES]):
        for watched, place in enumerate(result.watched):
            if watched == 0 or (number == 0 and place in result.highlighted):
                lines += _sentence(result, sentence, watched, width, colour)
    return lines


def _sentence(
    result: ProbeResult, sentence: SentenceReport, watched: int, width: int, colour: bool
) -> list[RenderableType]:
    layer, cell = result.watched[watched]
    state = "hidden state" if result.state == "h" else "cell state"
    title = Text(printable(f"{state} of cell {cell} of layer {layer + 1}, {sentence.name} sentence"))
    both = (sentence_lines(sentence, which, watched, width, colour) for which in (0, 1))
    return [Text(""), title, *(line for lines in both for line in lines)]


def percent(value: float) -> str:
    """A share in per cent; a dash where there is none."""
    return "-" if math.isnan(value) else f"{100 * value:.1f}"


def _interval(estimate: Estimate, show: Callable[[float], str]) -> str:
    return f"{show(estimate.value)} [{show(estimate.low)}, {show(estimate.high)}]"


def behaviour_lines(result: ProbeResult) -> list[str]:
    """Accuracies, with intervals, chance and the baseline."""
    behaviour = result.behaviour
    if behaviour is None:
        return []
    overall = behaviour.overall
    right = _interval(overall.accuracy, percent)
    first = f"behaviour   {right} % of {overall.sentences:,} right (chance {percent(CHANCE)})"
    if behaviour.twin_accuracy is not None:
        first += f"; twins in order {_interval(behaviour.twin_accuracy, percent)} %; d' {behaviour.d_prime:.2f}"
    if overall.ngram is not None:
        first += f"; n-gram {percent(overall.ngram)} %"
    lines = [first]
    if behaviour.nats is not None:
        lines.append(
            f"            twins lie {_interval(behaviour.nats, two)} nats apart; AUC of the odds {two(behaviour.auc)}"
        )
    if len(result.nulls.nats):
        order, apart = result.nulls.twin_order, result.nulls.nats
        lines.append(
            f"            networks that learnt nothing: {percent(min(order))} to {percent(max(order))} % in order, "
            f"{two(min(apart))} to {two(max(apart))} nats apart"
        )
    for name, groups in behaviour.by.items():
        if len(groups) > 1:
            title = "both" if name == "class and attractor" else name
            lines.append(f"  by {title:<11}" + "   ".join(_group(group) for group in groups))
    return [printable(line) for line in lines]


def _group(group: Group) -> str:
    beside = "" if group.ngram is None else f" (n-gram {percent(group.ngram)})"
    return f"{group.name} {percent(group.accuracy.value)}{beside}"


def share_lines(sentence: SentenceReport) -> list[str]:
    """A sentence and its twin, each with the share of the ending that is right for the first of them."""
    pair = sentence.pair
    word = pair.prefix.rsplit(" ", 1)[-1]
    first, second = word + pair.endings[0].rstrip(" .,"), word + pair.endings[1].rstrip(" .,")
    shares = zip((pair.sentence_good, pair.twin or ""), sentence.share, strict=True)
    heading = f"{sentence.name} sentence: P({first}) / (P({first}) + P({second}))"
    return [printable(line) for line in (heading, *(f"  {share:.3f}  {text}" for text, share in shares))]


def _set_table(result: ProbeResult) -> list[RenderableType]:
    rows = [
        (str(point.cells), two(point.recovery), two(point.random), two(point.matched)) for point in result.sets.curve
    ]
    titles = ("cells patched together", "moved", "as many at random", "as many of like deviation")
    return [table(rows, titles)]


def direction_lines(found: Directions, limits: Thresholds) -> list[RenderableType]:
    """A cell beside directions of its layer: a sentence, a table, what its columns are."""
    rows = [
        (
            f"cell {effect.name}" if effect is found.cell else effect.name,
            two(effect.training),
            _interval(effect.recovery, two),
            f"{effect.nats.value:.2f}",
            percent(effect.flip),
            two(effect.cosine),
            "-" if effect.control is None else two(effect.control),
            "-" if effect.selectivity is None else two(effect.selectivity),
        )
        for effect in (found.cell, *found.fitted)
    ]
    titles = ("patched", "in training", "moved [95 %]", "nats", "flip %", "cosine", "control", "selectivity")
    return [
        Text(directions_in_words(found, limits)),
        table(rows, titles),
        Text(
            f"fitted on {found.lemmas[0]} lemmas, judged on {found.lemmas[1]} others; cosine: with the axis of the "
            "cell; control: moved by directions fitted with the classes of half of the lemmas exchanged; selectivity: "
            "moved less control"
        ),
    ]


Column = tuple[str, Callable[[CellReport], str]]


def columns(result: ProbeResult) -> list[Column]:
    """The columns of the table of cells."""
    first, second = (printable(name, keep="") for name in result.classes)
    found: list[Column] = [
        ("layer", lambda cell: str(cell.candidate.found.layer + 1)),
        ("cell", lambda cell: str(cell.candidate.found.cell)),
        ("sign", lambda cell: f"{first if cell.candidate.found.sign > 0 else second} high"),
        ("hold [95 %]", lambda cell: "-" if cell.interval is None else _interval(cell.interval, two)),
        ("same", lambda cell: "-" if math.isnan(cell.evidence.same_hold) else two(cell.evidence.same_hold)),
        (
            "AUC cue/attractor/target",
            lambda cell: "/".join(two(cell.candidate.landmark_auc[k]) for k in (0, 2, 3)),
        ),
        ("gap", lambda cell: two(cell.evidence.gap)),
        ("attr. AUC", lambda cell: "-" if cell.attractor_auc is None else two(cell.attractor_auc[1])),
        ("p", lambda cell: f"{cell.candidate.p:.4f}"),
        ("cleared, written: cue", lambda cell: _gates(cell, "cue")),
        ("attractor", lambda cell: _gates(cell, "attractor")),
        ("kept", lambda cell: "-" if cell.gates is None else two(cell.gates.kept_over_span)),
        ("shown", _shown),
        ("patch: moved [95 %]", lambda cell: "-" if cell.patch is None else _interval(cell.patch.recovery, two)),
        ("nats", lambda cell: "-" if cell.patch is None else f"{cell.patch.nats.value:.2f}"),
        ("flip %", lambda cell: "-" if cell.patch is None else percent(cell.patch.flip)),
        ("p", lambda cell: "-" if cell.patch is None or cell.patch.p is None else f"{cell.patch.p:.3f}"),
        ("rest moved", lambda cell: "-" if cell.patch is None else two(cell.patch.rest_recovery.value)),
        ("held: gone [95 %]", lambda cell: "-" if cell.ablation is None else _interval(cell.ablation.removed, two)),
        ("in order %", lambda cell: "-" if cell.ablation is None else percent(cell.ablation.twin_order.value)),
        ("odds AUC", lambda cell: "-" if cell.ablation is None else two(cell.ablation.auc)),
        ("cost bits", _cost),
        ("verdict", lambda cell: cell.verdict.value),
    ]
    return found


def two(value: float) -> str:
    """A figure with two places; a dash where there is none."""
    return "-" if math.isnan(value) else f"{round(value, 2) + 0.0:.2f}"  # never -0.00


def _cost(cell: CellReport) -> str:
    cost = None if cell.ablation is None else cell.ablation.cost_bits
    return "-" if cost is None else f"{cost:+.4f}"


def _shown(cell: CellReport) -> str:
    shown = None if cell.gates is None else cell.gates.shown_at_target
    return "-" if shown is None else two(shown)


def _gates(cell: CellReport, where: str) -> str:
    if cell.gates is None:
        return "-"
    gates = cell.gates.to_dict()
    return f"{gates[f'cleared_at_{where}']:.2f}, {gates[f'written_at_{where}']:.2f}"


def cell_tables(result: ProbeResult, width: int) -> list[Table]:
    """The table of cells, in as many pieces as the width asks for; each begins with layer and cell."""
    every = columns(result)
    names, rest = every[:2], every[2:]
    widths = {title: max(len(title), *(len(show(cell)) for cell in result.cells)) + 2 for title, show in every}
    pieces: list[list[Column]] = [[]]
    fixed = sum(widths[title] for title, _ in names)
    used = fixed
    for title, show in rest:
        if used + widths[title] > width and pieces[-1]:
            pieces.append([])
            used = fixed
        pieces[-1].append((title, show))
        used += widths[title]
    return [_table([*names, *piece], result.cells) for piece in pieces]


def _table(some: Sequence[Column], cells: Sequence[CellReport]) -> Table:
    titles = [title for title, _ in some]
    left = [k for k, title in enumerate(titles) if title in ("verdict", "sign")]
    return table([[show(cell) for _, show in some] for cell in cells], titles, left)


def legend(result: ProbeResult) -> list[str]:
    """One line a column."""
    first, second = (printable(name, keep="") for name in result.classes)
    limits = result.limits
    lines = [
        f"hold       least AUC ({first} against {second}) over the landmarks, attractor of the other class, "
        f"held-out lemmas; at least {limits.hold:g}, at every distance, too",
        "same       the same with an attractor of the same class: a cell that takes it for the contrary fails here",
        "AUC        at the end of the cue, after the attractor, just before the deciding character",
        f"gap        difference of the class means at the target, in deviations on ordinary text; "
        f"at least {limits.gap:g}",
        "attr. AUC  whether the attractor's class shows at the target, the subject's being fixed; 0.5 is blind to it",
        "p          labels exchanged by noun pair, against the best candidate, at the worst landmark; "
        f"below {limits.alpha:g}",
        "cleared    1 - product of f over the cue's last word; written: sum of i |g| over it; then over the attractor",
        "kept       product of f from the cue to the target; shown: o at the target",
        "patch      the cell takes its value in the twin, once, at the end of the cue; moved: how far the log odds go "
        f"towards the twin's, 1 is all the way; at least {limits.recovery:g}",
        "nats       the change of the log odds; flip: choices that change; p: how often another cell moves them as far",
        "rest       every cell but this one takes its value in the twin",
        "held       the cell stays midway between twins from the cue on; gone: the share of what lay between their log "
        "odds; in order: twins whose odds still differ in the right direction",
        "cost       bits/char lost on ordinary text with the cell at its mean there",
    ]
    if len(result.nulls.hold):
        best = f"{two(min(result.nulls.hold))} to {two(max(result.nulls.hold))}"
        lines.append(
            f"null       best hold of {len(result.nulls.hold)} networks that learnt nothing: {best}; bound for another "
            f"{two(result.nulls.limit)} (99 %, deviation at least {MIN_DEVIATION:g} on the probit scale)"
        )
    if result.thresholds:
        said = (
            f"{hold:.2f}: " + (", ".join(f"{name} {verdict}" for name, verdict in cells.items()) or "none")
            for hold, cells in result.thresholds.items()
        )
        lines.append(f"at a hold  of {'; '.join(said)}")
    return lines

"""Cells that go with features of ordinary text, for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from charlstm.probe.feature_result import MIN_CORRELATION, FeatureCell, FeatureResult
from charlstm.probe.features import FEATURES
from charlstm.probe.nulls import LEVEL, MIN_DEVIATION_Z
from charlstm.probe.statistics import Estimate
from charlstm.probe.verdict import Thresholds, Verdict
from charlstm.report.tables import table
from charlstm.report.text import printable

SHOWN = 3  # cells of a feature, and those that were tested for causes
HEADER = ("feature", "share", "cell", "r [95 %]", "bound", "p", "recovery [95 %]", "rest", "p", "verdict")


def draw_features(
    results: Sequence[FeatureResult], source: str, limits: Thresholds, width: int, colour: bool
) -> list[RenderableType]:
    """The outcome in words, a table with the best cells of each feature, and what it says."""
    rows = [row for result in results for row in _rows(result)]
    return [
        Text(printable(f"model       {source}")),
        Text(""),
        *(Text(printable(_words(result))) for result in results),
        Text(""),
        table(rows, HEADER, left=(0, len(HEADER) - 1)),
        Text(""),
        *(Text(line, "dim" if colour else "") for line in _legend(results, limits)),
    ]


def _rows(result: FeatureResult) -> Sequence[tuple[str, ...]]:
    share = f"{100 * result.share:.1f} %"
    if not result.cells:
        return [(result.name, share, *("-",) * (len(HEADER) - 3), result.verdict.value)]
    shown = [cell for k, cell in enumerate(result.cells) if k < SHOWN or cell.patch is not None]
    rows = []
    for k, cell in enumerate(shown):
        patch = cell.patch
        causes = ("-", "-", "-")
        if patch is not None:
            p = "-" if patch.p is None else f"{patch.p:.3f}"
            causes = (_interval(patch.recovery), f"{patch.rest_recovery.value:.2f}", p)
        first = (result.name, share) if k == 0 else ("", "")
        strength = (_interval(cell.correlation), f"{result.bound:.2f}" if k == 0 else "", f"{cell.p:.3f}")
        rows.append((*first, f"{cell.layer + 1}:{cell.cell}", *strength, *causes, cell.verdict.value))
    return rows


def _interval(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def _legend(results: Sequence[FeatureResult], limits: Thresholds) -> list[str]:
    number = max((len(result.null) for result in results), default=0)
    return [
        "share      of the characters where the feature is not 0",
        "r          partial correlation: position, current and previous character partialled out; on stretches of text "
        "that chose no cell",
        f"bound      what r must exceed: {MIN_CORRELATION:g}, and a {100 * LEVEL:g} % prediction bound, on Fisher's z, "
        f"from the best cells of {number} networks that learnt nothing (deviation at least {MIN_DEVIATION_Z:g})",
        "p          blocks of the feature exchanged, against the best of all candidates",
        "recovery   a cell takes its state from a place with, or without, the feature, after the same character: of "
        "the way that all cells go together, in the log odds of what the feature predicts; "
        f"at least {limits.recovery:g}",
        "rest       the same when all cells but this one take theirs",
        "p          how often another cell of the layer, of like deviation, goes as far",
        f"verdict    tracks: r above the bound, p below {limits.alpha:g}, over the features, too (Benjamini-Hochberg); "
        f"used: r at least {MIN_CORRELATION:g}, recovery and its p",
    ]


def _words(result: FeatureResult) -> str:
    if not result.cells:
        return f"{result.name}: {result.note}."
    best = result.cells[0]
    words = f"{result.name}: {_claim(result, best)}"
    if result.note:
        return f"{words} Causes: {result.note}."
    return words


def _claim(result: FeatureResult, cell: FeatureCell) -> str:
    name, strength = f"cell {cell.cell} of layer {cell.layer + 1}", f"r = {cell.correlation.value:.2f}"
    bound = f"networks that learnt nothing could reach {result.bound:.2f}"
    if cell.correlation.value > result.bound:
        bound = f"bound {result.bound:.2f}"
    if result.verdict is Verdict.none:
        return f"no cell goes with it; the best, {name}, has {strength} ({bound}, p {result.p_adjusted:.3f})."
    tracks = f"{name} goes with it ({strength}, {bound})"
    if cell.patch is None or result.apart is None:
        return f"{tracks}."
    prediction = FEATURES[result.name].prediction
    what = f"the {result.apart.value:.1f} nats by which it moves the odds of {prediction.summary if prediction else ''}"
    share = f"{100 * cell.patch.recovery.value:.0f} %"
    if result.verdict is Verdict.tracks:
        return f"{tracks}; that the network uses it is not shown: alone it makes {share} of {what}."
    return f"{tracks}, and the network uses it: alone it makes {share} of {what}."

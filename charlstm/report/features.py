"""Cells that go with features of ordinary text, for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from charlstm.config import cell_in_words
from charlstm.probe.conclusion import percent
from charlstm.probe.feature_result import MIN_CORRELATION, FeatureCell, FeatureResult
from charlstm.probe.features import FEATURES
from charlstm.probe.nulls import LEVEL
from charlstm.probe.verdict import Thresholds, Verdict
from charlstm.report.legend import FEATURES as MEANINGS
from charlstm.report.probe import interval, paragraph, two
from charlstm.report.probe_details import Rows, figure_lines

SHOWN = 3  # cells of a feature, and those that were tested for causes


def draw_features(
    results: Sequence[FeatureResult], source: str, limits: Thresholds, details: bool, width: int, colour: bool
) -> list[RenderableType]:
    """For each feature what was found, in words, and the rule that decided; with details a card of the best cells.

    Args:
        source: the model and the text, in a line.
        limits: what a claim needs.
        details: whether everything is shown.
        width, colour: columns there are, and whether there is colour.
    """
    lines: list[RenderableType] = []
    for result in results:
        lines += paragraph(conclusion(result, limits), width, "bold" if colour else "")
        if result.cells:
            lines += [*paragraph(rule(result), width), Text("")]
            if details:
                lines += [*_cards(result, limits, width, colour), Text("")]
    return [*lines, *paragraph(f"Model: {source}", width, indent="       ")]


def conclusion(result: FeatureResult, limits: Thresholds) -> str:
    """What was found of one feature, with the figures that decide."""
    about = f"{result.name} ({FEATURES[result.name].summary})"
    if not result.cells:
        return f"{about}: {result.note}."
    best = result.cells[0]
    name, r = cell_in_words(best.layer, best.cell), interval(best.correlation, two)
    causes = _causes(result, best)
    if result.verdict is Verdict.none:
        return f"{about}: no cell follows it. The best, {name}, has r {r}; {_shortfall(result, best, limits)}."
    if result.verdict is Verdict.used:
        return (
            f"{about}: the network uses {name} for it (r {r}), {causes}. That training put it there cannot be told: "
            "networks that learnt nothing have such cells, too."
        )
    if result.verdict is Verdict.tracks:
        return f"{about}: {name} follows it, r {r}. Nothing shows that the network uses it: {causes}."
    return f"{about}: {name} follows it, r {r}, and the network uses it: {causes}."


def _causes(result: FeatureResult, cell: FeatureCell) -> str:
    if cell.patch is None or result.apart is None:
        return result.note or "it was not tested"
    prediction = FEATURES[result.name].prediction
    of = f"the odds of {prediction.summary}" if prediction else "the odds"
    alone = percent(cell.patch.recovery.value)
    return f"alone it accounts for {alone} of the {result.apart.value:.1f} nats by which the feature moves {of}"


def _shortfall(result: FeatureResult, cell: FeatureCell, limits: Thresholds) -> str:
    lacks = []
    if not cell.correlation.value > result.bound:
        lacks.append(f"required: more than {two(result.bound)}")
    if not max(cell.p, result.p_adjusted) < limits.alpha:
        lacks.append(f"p is {max(cell.p, result.p_adjusted):.3f}, and it must be less than {limits.alpha:g}")
    return " and ".join(lacks)


def rule(result: FeatureResult) -> str:
    """The rule that decides whether a correlation counts, with the figures that went into it."""
    number = len(result.null)
    if not number:
        return f"An r counts above {two(result.bound)}."
    reached = f"{two(min(result.null))} to {two(max(result.null))}"
    least = ""
    if result.bound <= MIN_CORRELATION:
        least = f" Their bound is lower than {MIN_CORRELATION:g}, which an r must exceed in any case."
    else:
        least = f" One more would stay below the bound in {100 * LEVEL:.0f} cases of 100."
    return (
        f"The bound is {two(result.bound)}: an r counts if it is higher. The best cells of {number} networks that "
        f"learnt nothing reach {reached}.{least}"
    )


def _cards(result: FeatureResult, limits: Thresholds, width: int, colour: bool) -> list[Text]:
    rows: Rows = [("share", f"{100 * result.share:.1f} %", "of the characters")]
    lines = figure_lines(rows, MEANINGS, width)
    shown = [cell for k, cell in enumerate(result.cells) if k < SHOWN or cell.patch is not None]
    for cell in shown:
        title = f"{cell_in_words(cell.layer, cell.cell)}: {cell.verdict.value}"
        lines += [Text(title, "bold" if colour else ""), *figure_lines(_rows(cell, result, limits), MEANINGS, width)]
    return lines


def _rows(cell: FeatureCell, result: FeatureResult, limits: Thresholds) -> Rows:
    below = f"required: less than {limits.alpha:g}"
    rows: Rows = [
        ("r", interval(cell.correlation, two), f"required: more than {two(result.bound)}"),
        ("p of r", f"{cell.p:.3f}", below),
    ]
    if cell.patch is not None:
        rows += [
            ("moves", interval(cell.patch.recovery, two), f"required: {limits.recovery:g}"),
            ("rest", two(cell.patch.rest_recovery.value), ""),
        ]
        if cell.patch.p is not None:
            rows.append(("p of moves", f"{cell.patch.p:.3f}", below))
    return rows

"""The outcome of a probe in words."""

from __future__ import annotations

from charlstm.probe.behaviour import CHANCE
from charlstm.probe.result import CellReport, ProbeResult
from charlstm.probe.verdict import Verdict, shortcomings

SPREAD_RECOVERY = 0.5  # a few cells together that reach so far carry the feature between them
NEAR_CHANCE = 0.1


def in_words(result: ProbeResult) -> list[str]:
    """What was found, in sentences; what was not, too."""
    if not result.cells:
        return []
    tracking = result.tracking
    if not tracking:
        return _none(result)
    lines = [_about(result, cell) for cell in tracking]
    if result.joint is not None:
        lines.append(_together(result, tracking))
    return lines


def _names(cells: list[CellReport]) -> str:
    names = [f"cell {cell.candidate.found.cell} of layer {cell.candidate.found.layer + 1}" for cell in cells]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _about(result: ProbeResult, cell: CellReport) -> str:
    who = _capital(_names([cell]))
    first, second = result.classes
    what = f"{who} holds the feature ({first} against {second}) from the cue to the deciding character"
    if cell.ablation is None:
        return f"{what}; causes were not tested."
    before, after = cell.ablation.accuracy_before, cell.ablation.accuracy
    lost = [f"{name} {-100 * lost:+.0f}" for name, lost in cell.ablation.fall.items() if abs(lost) > 0.005]
    change = "switching it off alone changes no choice"
    if lost:
        change = f"switching it off changes accuracy by points: {', '.join(lost)}"
    order = cell.ablation.twin_order
    if after <= CHANCE + NEAR_CHANCE < before and order.low <= CHANCE <= order.high:
        change = f"switching it off drops accuracy to chance ({100 * after:.0f} %)"
    elif after <= CHANCE + NEAR_CHANCE < before:
        change = (
            f"switching it off drops accuracy to {100 * after:.0f} %, but leaves {100 * order.value:.0f} % of the "
            "twins in order: it shifts the answers towards one ending, and the feature is not lost"
        )
    if cell.verdict is Verdict.tracks_and_used:
        flips = (
            "" if cell.flip is None else f", giving it the twin's value flips {100 * cell.flip:.0f} % of the choices"
        )
        return f"{what}, and the network uses it: {change}{flips}."
    return f"{what}, but that the network uses it is not shown: {change}."


def _together(result: ProbeResult, tracking: list[CellReport]) -> str:
    joint = result.joint
    assert joint is not None
    alone = max((max(cell.ablation.fall.values()) for cell in tracking if cell.ablation), default=0.0)
    if alone < result.limits.fall <= max(joint.fall.values()):
        return (
            f"{_capital(_names(tracking))} hold it between them: each alone can be missed (at most {100 * alone:.0f} "
            f"points), all together not: accuracy without them is {100 * joint.accuracy:.0f} %."
        )
    return f"Without {_names(tracking)} together, accuracy is {100 * joint.accuracy:.0f} %."


def _none(result: ProbeResult) -> list[str]:
    best = max(result.cells, key=lambda cell: cell.evidence.hold)
    null = max(result.nulls.hold, default=float("nan"))
    brief = [cell for cell in result.cells if cell.verdict is not Verdict.none]
    lines = [
        f"No cell holds the feature all the way: the best, {_names([best])}, has a hold of "
        f"{best.evidence.hold:.2f} (p = {best.candidate.p:.3f}); re-initialised networks reach {null:.2f}. "
        f"What it lacks: {'; '.join(shortcomings(best.evidence, result.limits))}."
    ]
    if brief:
        kinds = ", ".join(f"{_names([cell])} ({cell.verdict.value})" for cell in brief)
        lines.append(f"For a while only: {kinds}.")
    able = result.behaviour is not None and result.behaviour.overall.accuracy.low > CHANCE + NEAR_CHANCE
    spread = next((point for point in result.curve if point.recovery >= SPREAD_RECOVERY), None)
    if able and spread is not None and spread.cells > 1:
        lines.append(
            f"But {spread.cells} cells together carry it: patched at the end of the cue they move the answer "
            f"{100 * spread.recovery:.0f} % of the way to the twin's. The code is spread."
        )
    if result.behaviour is not None and result.behaviour.overall.accuracy.low <= CHANCE:
        lines.append("The network's answers are no better than chance.")
    return lines

"""The outcome of a probe in words, with the figures behind them; `headline` says it in short."""

from __future__ import annotations

from collections.abc import Sequence

from charlstm.probe.behaviour import CHANCE
from charlstm.probe.cause_result import Ablation, Patch, Rival
from charlstm.probe.directions import Directions
from charlstm.probe.result import CellReport, ProbeResult
from charlstm.probe.verdict import Thresholds, Verdict, is_used, shortcomings

KEPT = 0.9  # so many twins in order after an ablation: the choices do without the cell
SPREAD = 0.5  # a set of cells that reaches so far carries the feature between them


def in_words(result: ProbeResult) -> list[str]:
    """What was found, in sentences; what was not, too."""
    if not result.cells:
        return []
    lines = [_about(result, cell) for cell in [*result.tracking, *result.driving]] or _none(result)
    if result.sets.together is not None and result.tracking:
        lines.append(_together(result))
    if (smallest := _smallest(result)) is not None:
        lines.append(smallest)
    if result.rival is not None:
        lines.append(_against(result.rival))
    return lines + answers_like_nulls(result)


def names(cells: Sequence[str], end: bool = True) -> str:
    """`2:73` as a person says it, several in a list; `end`: whether the list ends with the last of them."""
    said = [f"cell {name.split(':')[1]} of layer {name.split(':')[0]}" for name in cells]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])}{' and' if end else ','} {said[-1]}"


def capital(text: str) -> str:
    """As a sentence begins."""
    return text[:1].upper() + text[1:]


def percent(share: float) -> str:
    """A share, in whole per cent."""
    return f"{100 * share:.0f} %"


def _about(result: ProbeResult, cell: CellReport) -> str:
    who = capital(names([cell.name]))
    first, second = result.classes
    what = f"{who} carries the feature ({first} against {second}) from the cue to the deciding character"
    if cell.patch is None or cell.ablation is None:
        return f"{what}; causes were not tested."
    moves = _moves(cell.patch)
    if cell.verdict is Verdict.used:
        best = max(result.nulls.hold, default=float("nan"))
        return (
            f"{who} drives the answer: {moves}; {_without(cell.ablation)}. Whether training taught it the feature "
            f"cannot be told: on these pairs some cell of a network that learnt nothing reaches a hold of {best:.2f}."
        )
    if cell.verdict is Verdict.tracks_and_used:
        return f"{what}, and the network uses it: {moves}; {_without(cell.ablation)}."
    if cell.patch.p is None:
        return f"{what}; {moves}; the layer has too few cells to say whether others do the same."
    return (
        f"{what}, but nothing shows that the network uses it: {moves}; required: "
        f"{percent(result.limits.recovery)}{_and_p(result, cell.patch)}."
    )


def _and_p(result: ProbeResult, patch: Patch) -> str:
    """What else a claim needs, where it is that which is lacking."""
    if patch.p is None or patch.p < result.limits.alpha or patch.recovery.value < result.limits.recovery:
        return ""
    return f" and p below {result.limits.alpha:g} (here {patch.p:.3f}: other cells move it as far)"


def _moves(patch: Patch) -> str:
    flips = "" if patch.flip != patch.flip else f" and flips {percent(patch.flip)} of the choices"
    return (
        f"given its value in the twin, it moves the log odds {percent(patch.recovery.value)} of the way to the twin's "
        f"({patch.nats.value:+.1f} nats){flips}"
    )


def _without(ablation: Ablation) -> str:
    order = ablation.twin_order
    gone = f"held midway between the twins, it removes {percent(ablation.removed.value)} of the difference between them"
    if order.low <= CHANCE <= order.high or order.high < CHANCE:
        return f"{gone}, and the network no longer tells them apart ({percent(order.value)} in order)"
    if order.value >= KEPT:
        return f"{gone}; other cells carry enough to keep {percent(order.value)} of the twins in order"
    return f"{gone}, and {percent(order.value)} of the twins stay in order"


def _together(result: ProbeResult) -> str:
    together = result.sets.together
    assert together is not None
    alone = max((cell.patch.recovery.value for cell in result.tracking if cell.patch), default=0.0)
    who = capital(names(together.cells))
    if alone < result.limits.recovery <= together.patch.recovery.value:
        return (
            f"{who} share the work: none of them alone moves the answer more than {percent(alone)} of the way, all "
            f"together {percent(together.patch.recovery.value)}."
        )
    return (
        f"{who} together move the answer {percent(together.patch.recovery.value)} of the way; without them "
        f"{percent(together.ablation.twin_order.value)} of the twins are in order."
    )


def _smallest(result: ProbeResult) -> str | None:
    smallest = result.sets.smallest
    if smallest is None:
        farthest = max(result.sets.curve, key=lambda point: point.recovery, default=None)
        if farthest is None or farthest.recovery < SPREAD or result.tracking:
            return None
        return (
            f"But {farthest.cells} cells carry it together: patched, they move the answer "
            f"{percent(farthest.recovery)} of the way to the twin's. The code is spread."
        )
    rest = f"all others but {'it' if len(smallest.cells) == 1 else 'these'}"
    far = f"{percent(smallest.patch.recovery.value)} of the way, {rest} {percent(smallest.patch.rest_recovery.value)}"
    if len(smallest.cells) == 1:
        return f"{capital(names(smallest.cells))} is enough alone: patched, it moves the answer {far}."
    return f"{len(smallest.cells)} cells are enough: patched together, they move the answer {far}."


def _against(rival: Rival) -> str:
    kinds = {"opposite": "past a noun of the other class", "same": "past one of the same class", "none": "without one"}
    without = {removal.condition: removal for removal in rival.removals}
    changes = ", ".join(
        f"{words} from {percent(without[name].accuracy_before)} to {percent(without[name].accuracy)} right"
        for name, words in kinds.items()
        if name in without
    )
    return (
        f"{capital(names([rival.name]))} follows the last noun (AUC {rival.last_noun_auc:.2f}) and works against "
        "the subject: without it, the odds of the right ending past a noun of the other class rise by "
        f"{without['opposite'].nats.value:.1f} nats; choices go, {changes}."
    )


def directions_in_words(found: Directions, limits: Thresholds) -> str:
    """Whether one cell does what a direction of its layer does."""
    cell, best = found.cell.recovery.value, found.best.recovery.value
    name = names([found.cell.name])
    if best < limits.recovery:
        return (
            f"Neither {name} ({cell:.2f} of the way to the twin's answer) nor a direction of its layer (at best "
            f"{best:.2f}, {found.best.name}) moves the answer far."
        )
    return (
        f"{capital(name)} does {percent(cell / best)} of what the best direction of its layer does: it moves the "
        f"answer {cell:.2f} of the way to the twin's, that direction {best:.2f} ({found.best.name})."
    )


def _none(result: ProbeResult) -> list[str]:
    best = max(result.cells, key=lambda cell: cell.evidence.hold)
    null = max(result.nulls.hold, default=float("nan"))
    lines = [
        f"No cell is shown to carry the feature all the way: the best, {names([best.name])}, has a hold of "
        f"{best.evidence.hold:.2f} (p = {best.candidate.p:.3f}); networks that learnt nothing reach {null:.2f}. "
        f"It falls short: {'; '.join(shortcomings(best.evidence, result.limits))}."
    ]
    if result.detectable is None:
        lines.append(f"But {result.lemmas[1]} lemmas are too few to say: even a perfect cell may be missed.")
    else:
        lines.append(
            f"With these {result.lemmas[1]} lemmas, a cell whose true hold is {result.detectable:g} or more is found "
            "in four cases of five; a weaker one may have been missed."
        )
    lines += [
        f"The answer goes with {names([cell.name])} all the same: {_moves(cell.patch)}; {_without(cell.ablation)}."
        for cell in result.cells
        if cell.patch is not None and cell.ablation is not None and is_used(cell.evidence, result.limits)
    ]
    brief = [cell for cell in result.cells if cell.verdict is not Verdict.none]
    if brief:
        kinds = ", ".join(f"{names([cell.name])} ({cell.verdict.value})" for cell in brief)
        lines.append(f"For a while only: {kinds}.")
    return lines


def answers_like_nulls(result: ProbeResult) -> list[str]:
    """A sentence where the network answers no better than networks that learnt nothing; else none."""
    behaviour = result.behaviour
    if behaviour is None or behaviour.nats is None or behaviour.overall.accuracy.low > CHANCE:
        return []
    if behaviour.nats.low > max(result.nulls.nats, default=0.0):
        return []  # the choices lean to one ending, but the odds follow the class
    return ["The network's answers are no better than those of networks that learnt nothing."]

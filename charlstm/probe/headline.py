"""The outcome of a probe in a few plain sentences, for who reads nothing else: what was found, what is not claimed.

`conclusion` says the same with figures.
"""

from __future__ import annotations

from collections.abc import Sequence

from charlstm.probe.behaviour import CHANCE
from charlstm.probe.conclusion import answers_like_nulls, capital, names, percent
from charlstm.probe.defaults import Words
from charlstm.probe.result import CellReport, ProbeResult
from charlstm.probe.verdict import Verdict, is_used, shortcomings

NAMED = 3  # cells; the others are counted
REASONS = 2  # why a cell falls short; the others are counted
FARTHER = 0.1  # so much farther than one cell must several move the answer to be worth a word
SPREAD = 0.5  # a set of cells that reaches so far carries the feature between them


def headline(result: ProbeResult, words: Words) -> list[str]:
    """What was found, the most important first; never more than the verdicts carry."""
    if result.behaviour is None:
        return ["Only the sentence below was read: without minimal pairs, nothing can be said about cells in general."]
    if not result.cells:
        return [_of_answers(result), "Nothing can be said about its cells, because these pairs have no twins."]
    at_chance = answers_like_nulls(result)
    found = _found(result, words)
    if found:
        return [*found, *at_chance]
    return [*at_chance, *_not_found(result, words)]


def not_claimed(result: ProbeResult, words: Words) -> str:
    """What a reader might take from it, and should not."""
    if not result.cells:
        return "anything about cells."
    if not result.tracking and not result.driving:
        number = f"{result.lemmas[1]} {words.lemmas}"
        if result.detectable is None:
            return f"that there is no such cell. With {number}, even a perfect one can be missed."
        return (
            f"that there is no such cell. With {number}, a cell whose true hold is {result.detectable:g} is found in "
            "four cases of five; a weaker one, less often."
        )
    smallest = result.sets.smallest
    if smallest and smallest.cells == [result.cells[0].name]:
        return "that it does only this, or does it in other kinds of sentence."
    return "that it does this alone, only this, or in other kinds of sentence."


def about_asked(result: ProbeResult) -> list[str]:
    """A sentence on each cell that a person asked for, where the headline says nothing of it."""
    asked = set(result.asked)
    told = {cell.name for cell in [*result.tracking, *result.driving]}
    lines = []
    for cell in result.cells:
        if cell.candidate.place in asked and cell.name not in told:
            verdict = "" if cell.verdict is Verdict.none else f" ({cell.verdict.value})"
            lines.append(
                f"{capital(names([cell.name]))}, which you named, does not carry it all the way{verdict}: "
                f"{_reasons(result, cell)}."
            )
    return lines


def beside(result: ProbeResult) -> list[str]:
    """What else bears on the answer: the cell that works against the subject."""
    lines = []
    if result.rival is not None:
        without = next(removal for removal in result.rival.removals if removal.condition == "opposite")
        lines.append(
            f"{capital(names([result.rival.name]))} follows the last noun instead and pulls the answer away. Without "
            f"it, choices past a noun of the other class go from {percent(without.accuracy_before)} to "
            f"{percent(without.accuracy)} right."
        )
    return lines


def farthest(result: ProbeResult) -> tuple[int, float] | None:
    """How many cells together move the answer farthest, and how far; None where one cell does as much alone."""
    sets, alone = result.sets, result.cells[0].patch
    found = [(point.cells, point.recovery) for point in sets.curve]
    if (smallest := sets.smallest) is not None:
        found = [(len(smallest.cells), smallest.patch.recovery.value)]
    cells, moved = max(found, key=lambda point: point[1], default=(1, 0.0))
    if cells == 1 or (alone is not None and moved < alone.recovery.value + FARTHER):
        return None
    return cells, moved


def _of_answers(result: ProbeResult) -> str:
    assert result.behaviour is not None
    right = result.behaviour.overall.accuracy
    if right.low <= CHANCE <= right.high:
        return "On these pairs the network is not shown to do better than chance."
    if right.high < CHANCE:
        return f"On these pairs the network does worse than chance: {percent(right.value)} are right."
    return f"The network prefers the right form in {percent(right.value)} of these pairs."


def _found(result: ProbeResult, words: Words) -> list[str]:
    first, second = words.classes
    what = f"{words.feature} ({first} or {second}) from {words.cue} to {words.decides}"
    used = [cell for cell in result.tracking if cell.verdict is Verdict.tracks_and_used]
    only_tracks = [cell for cell in result.tracking if cell.verdict is Verdict.tracks]
    lines = []
    if used:
        who = capital(names([used[0].name]))
        lead = f"{who} remembers {words.remembers}: it carries" if words.remembers else f"{who} carries"
        lines.append(f"{lead} {what}, and the network uses it.")
        if more := used[1:]:
            lines.append(f"So {_verb(more, 'does', 'do')} {_listed(more)}.")
    if only_tracks:
        who = _listed(only_tracks)
        verb = _verb(only_tracks, "carries", "carry")
        whether = _whether_used(only_tracks[0])
        lines.append(f"{capital(who)} {verb} {'it, too' if used else what}{whether}.")
    if result.driving:
        who, one = _listed(result.driving), len(result.driving) == 1
        lines.append(
            f"{capital(who)} {_verb(result.driving, 'drives', 'drive')} the answer{', too' if used else ''}. Whether "
            f"training put {words.feature} there cannot be told: in networks that learnt nothing some cell holds it as "
            f"well as {'this one does' if one else 'these do'}."
        )
    return lines


def _whether_used(cell: CellReport) -> str:
    if cell.patch is None:
        return "; whether the network uses it was not tested"
    if cell.patch.p is None:
        return "; whether the network uses it cannot be told, because the layer has too few other cells to compare with"
    return ", but nothing shows that the network uses it"


def _not_found(result: ProbeResult, words: Words) -> list[str]:
    best = max(result.cells, key=lambda cell: cell.evidence.hold)
    first, second = words.classes
    lines = [
        f"No cell is shown to carry {words.feature} ({first} or {second}) from {words.cue} to {words.decides}. The "
        f"best, {names([best.name])}, falls short: {_reasons(result, best)}."
    ]
    together = max(result.sets.curve, key=lambda point: point.recovery, default=None)
    if together is not None and together.recovery >= SPREAD and together.cells > 1:
        lines.append(
            f"But {together.cells} cells together move the answer {percent(together.recovery)} of the way to the "
            "twin's: the code is spread."
        )
    lines += [
        f"The answer goes with {names([cell.name])} all the same: {percent(cell.patch.recovery.value)} of the way to "
        "the twin's."
        for cell in result.cells
        if cell.patch is not None and is_used(cell.evidence, result.limits)
    ]
    brief = [cell for cell in result.cells if cell.verdict is not Verdict.none]
    if brief:
        lines.append(f"For a while only, {_listed(brief)} {_verb(brief, 'carries', 'carry')} it.")
    return lines


def _reasons(result: ProbeResult, cell: CellReport) -> str:
    """What a cell lacks: the first reasons; the others are counted."""
    lacks = shortcomings(cell.evidence, result.limits)
    if len(lacks) > REASONS + 1:
        return f"{'; '.join(lacks[:REASONS])}; and {len(lacks) - REASONS} other reasons"
    return "; ".join(lacks)


def _verb(cells: Sequence[CellReport], one: str, several: str) -> str:
    return one if len(cells) == 1 else several


def _listed(cells: Sequence[CellReport]) -> str:
    if len(cells) <= NAMED:
        return names([cell.name for cell in cells])
    return f"{names([cell.name for cell in cells[: NAMED - 1]], end=False)} and {len(cells) - NAMED + 1} other cells"

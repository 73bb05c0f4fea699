"""The causal tests, put together: cells patched and ablated, alone and together, and how many are needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from charlstm.probe import ordinary
from charlstm.probe.cause_result import Ablation, CellSet, Patch, Rival, SetPoint, SetTest
from charlstm.probe.causes import (
    MAX_DRIVERS,
    Bench,
    Cells,
    ablate,
    attributions,
    controls,
    memories,
    midway,
    patch,
    patch_both,
    patch_each,
    resampled,
)
from charlstm.probe.effects import (
    Twins,
    correct,
    flip_share,
    nats_apart,
    odds_auc,
    odds_ratio,
    recovery,
    recovery_interval,
    removed,
    twin_order,
)
from charlstm.probe.evidence import Material, strongest_first
from charlstm.probe.result import CellReport
from charlstm.probe.rivals import find_rival
from charlstm.probe.statistics import Floats, above
from charlstm.probe.stimuli import Bools, Ints
from charlstm.probe.verdict import holds_as_nulls_do, judge_cell
from charlstm.progress import OnProgress

Place = tuple[int, int]  # layer and cell, from 0

MAX_TESTED = 6  # cells that hold
SAMPLE = 16  # sentences, and as many twins, on which many cells are tried
RANKED = 16  # cells that are tried one by one after the gradient has ranked all
SIZES = (1, 2, 4, 8, 16, 32)  # of the sets
DRAWS = 3  # sets of other cells of each size
ENOUGH = 0.95  # of the way to the twin's answer


@dataclass(frozen=True)
class Trial:
    """The sentences that confirm, and what is compared among them.

    Attributes:
        bench, twins: all of them.
        sample: some, (n) numbers in the bench, twins included.
        few: their twins.
    """

    bench: Bench
    twins: Twins
    sample: Ints
    few: Twins

    @classmethod
    def of(cls, material: Material, chosen: Bools) -> Trial:
        """The trial on some of the stimuli; the sample is drawn from the contested ones among them."""
        bench = material.bench.part(chosen)
        twins = Twins.of(bench.label, bench.twin, bench.lemma)
        contested = np.flatnonzero(material.stimuli.contested[bench.rows])
        drawn = []
        for k in (0, 1):
            rows = contested[bench.label[contested] == k]
            drawn.append(material.rng.permutation(rows)[: SAMPLE // 2])
        firsts = np.unique(np.concatenate([drawn[0], bench.twin[drawn[1]]]))
        sample = np.concatenate([firsts, bench.twin[firsts]])
        n = len(firsts)
        few = Twins(np.arange(n), np.arange(n, 2 * n), bench.lemma[firsts])
        return cls(bench, twins, sample, few)

    def recoveries(self, sets: Sequence[Cells]) -> Floats:
        """How far the patch of each set of cells goes on the sample: (C)."""
        return recovery(self.few, self.bench.base[self.sample], patch_each(self.bench, sets, self.sample))


def rank_cells(material: Material, on_progress: OnProgress) -> tuple[list[Place], Floats]:
    """All cells of the network, those first whose patch moves the answer most; found on the discovery half.

    The gradient ranks them, and the first of them are tried one by one.

    Returns:
        the cells, and how far the patches of the first go.
    """
    on_progress("ranking cells by their effect", 0, 1)
    trial = Trial.of(material, material.halves[0] & material.stimuli.contested)
    moved = attributions(trial.bench, trial.sample)
    order = np.argsort(-moved, axis=None, kind="stable")
    ranked = [(int(n), int(m)) for n, m in zip(*np.unravel_index(order, moved.shape), strict=True)]
    tried = trial.recoveries([[cell] for cell in ranked[:RANKED]])
    best = np.argsort(-tried, kind="stable")
    return [ranked[k] for k in best] + ranked[RANKED:], tried[best]


def drivers(material: Material, ranked: Sequence[Place], tried: Floats) -> list[Place]:
    """The cells that move the answer as far as a claim asks, at most two."""
    return [cell for cell, far in zip(ranked, tried, strict=False) if far >= material.limits.recovery][:MAX_DRIVERS]


def causal_tests(
    material: Material, reports: Sequence[CellReport], asked: Cells, ranked: Sequence[Place], on_progress: OnProgress
) -> tuple[list[CellReport], SetTest, Rival | None]:
    """Test the cells that hold, and those asked for.

    Returns:
        the reports with causes and final verdicts, best first; sets of cells; the cell that speaks against the subject.
    """
    trial = Trial.of(material, material.judged)
    holding = [report for report in reports if holds_as_nulls_do(report.evidence, material.limits)]
    wanted = {report.name for report in holding[:MAX_TESTED]}
    tested = [report for report in reports if report.name in wanted or report.candidate.place in set(asked)]
    places = [report.candidate.place for report in tested]
    bits = ordinary.bits_without(
        material.bench.reader, material.text, places, lambda k, n: on_progress("bits/char without the cell", k, n)
    )
    by_chance = _by_chance(trial, material, places, on_progress)
    result = {}
    for k, report in enumerate(tested):
        on_progress("cells patched and held", k, len(tested))
        result[report.name] = _test(
            trial, material, report, by_chance.get(report.name), bits[k] - material.text.bits_per_char
        )
    done = strongest_first([result.get(report.name, report) for report in reports])
    together = [report.candidate.place for report in holding]
    points, enough = _curve(trial, material, ranked, on_progress)
    sets = SetTest(
        _set(trial, material, together, done) if len(together) > 1 else None,
        points,
        _set(trial, material, enough, done) if enough else None,
    )
    on_progress("cells that follow the last noun", 0, 1)
    return done, sets, find_rival(material, trial.bench)


def _by_chance(trial: Trial, material: Material, places: Cells, on_progress: OnProgress) -> dict[str, Floats]:
    """For each tested cell, how far the patches of other cells of its layer go; each is tried once."""
    wanted = {cell: controls(cell, material.text.deviation, set(places)) for cell in places}
    wanted = {cell: others for cell, others in wanted.items() if len(others) >= material.limits.min_controls}
    cells = sorted({cell for others in wanted.values() for cell in others})
    reached: dict[Place, float] = {}
    for start in range(0, len(cells), RANKED):
        on_progress("other cells patched", start, len(cells))
        group = cells[start : start + RANKED]
        reached |= dict(zip(group, trial.recoveries([[cell] for cell in group]).tolist(), strict=True))
    return {_name(cell): np.array([reached[other] for other in others]) for cell, others in wanted.items()}


def _name(cell: Place) -> str:
    return f"{cell[0] + 1}:{cell[1]}"


def _test(
    trial: Trial, material: Material, report: CellReport, by_chance: Floats | None, cost_bits: float
) -> CellReport:
    place = report.candidate.place
    patched = _patch(trial, material, [place])
    if by_chance is not None:
        p = above(float(trial.recoveries([[place]])[0]), by_chance)
        patched = replace(patched, controls=len(by_chance), p=p)
    evidence = replace(report.evidence, recovery=patched.recovery, patch_p=patched.p)
    return replace(
        report,
        evidence=evidence,
        verdict=judge_cell(evidence, material.limits),
        ablation=replace(_ablation(trial, material, [place]), cost_bits=cost_bits),
        patch=patched,
    )


def _patch(trial: Trial, material: Material, cells: Cells) -> Patch:
    bench, twins, rng = trial.bench, trial.twins, material.rng
    patched, rest = patch_both(bench, cells)
    return Patch(
        recovery=recovery_interval(twins, bench.base, patched, rng),
        nats=odds_ratio(twins, bench.base, patched, rng),
        flip=flip_share(twins, bench.base, patched),
        rest_recovery=recovery_interval(twins, bench.base, rest, rng),
        rest_flip=flip_share(twins, bench.base, rest),
    )


def _ablation(trial: Trial, material: Material, cells: Cells) -> Ablation:
    bench, twins, rng = trial.bench, trial.twins, material.rng
    memory = memories(bench, cells)
    answers, drawn = ablate(bench, cells, [midway(bench, memory), resampled(bench, memory, rng)])
    label, condition = bench.label, bench.stimuli.condition[bench.rows]
    before, after = correct(bench.base, label), correct(answers, label)
    lost = before - after
    by = {
        f"{class_name} {name}": float(lost[chosen].mean())
        for k, class_name in enumerate(bench.stimuli.classes)
        for name in dict.fromkeys(condition.tolist())
        if (chosen := (label == k) & (condition == name)).any()
    }
    return Ablation(
        removed=removed(twins, bench.base, answers, rng),
        removed_by_resampling=removed(twins, bench.base, drawn, rng),
        nats_before=nats_apart(twins, bench.base, rng),
        nats=nats_apart(twins, answers, rng),
        twin_order=twin_order(twins, answers, rng),
        auc=odds_auc(answers, label),
        accuracy_before=float(before.mean()),
        accuracy=float(after.mean()),
        fall={name: float(lost[label == k].mean()) for k, name in enumerate(bench.stimuli.classes)},
        fall_by=by,
    )


def _set(trial: Trial, material: Material, cells: Sequence[Place], tested: Sequence[CellReport]) -> CellSet:
    names = [_name(cell) for cell in cells]
    for report in tested:
        if [report.name] == names and report.patch is not None and report.ablation is not None:
            return CellSet(names, report.patch, report.ablation)
    return CellSet(names, _patch(trial, material, cells), _ablation(trial, material, cells))


def _curve(
    trial: Trial, material: Material, ranked: Sequence[Place], on_progress: OnProgress
) -> tuple[list[SetPoint], list[Place]]:
    """The first k cells patched together beside as many others, on the sample; the fewest that are enough, or none.

    How many are enough is looked for on the sample and confirmed on all sentences.
    """
    sizes = [k for k in SIZES if k <= len(ranked)]
    points = []
    for k in sizes:
        on_progress("sets of cells", k, sizes[-1])
        others = [_draw(material, ranked, k, matched) for matched in (False, True) for _ in range(DRAWS)]
        reached = trial.recoveries([ranked[:k], *others])
        random, matched = reached[1 : 1 + DRAWS].mean(), reached[1 + DRAWS :].mean()
        points.append(SetPoint(k, float(reached[0]), float(random), float(matched)))
    enough = next((point.cells for point in points if point.recovery >= ENOUGH), None)
    if enough is None:
        return points, []
    low = max((k for k in sizes if k < enough), default=0)
    while enough - low > 1:  # the curve rises: halve the gap
        middle = (low + enough) // 2
        low, enough = (low, middle) if trial.recoveries([ranked[:middle]])[0] >= ENOUGH else (middle, enough)
    for size in range(enough, sizes[-1] + 1):
        if recovery(trial.twins, trial.bench.base, patch(trial.bench, ranked[:size])) >= ENOUGH:
            return points, list(ranked[:size])
    return points, []


def _draw(material: Material, ranked: Sequence[Place], size: int, matched: bool) -> list[Place]:
    """As many cells as `size`, none of the first ones: at random, or of the deviations nearest to theirs."""
    best, rest = ranked[:size], list(ranked[size:])
    if len(rest) < size:
        return rest
    if not matched:
        return [rest[k] for k in material.rng.choice(len(rest), size, replace=False)]
    spread = material.text.deviation
    chosen: list[Place] = []
    for cell in best:
        near = sorted(rest, key=lambda other: abs(spread[other] - spread[cell]))[: DRAWS + size]
        free = [other for other in near if other not in chosen]
        chosen.append(free[int(material.rng.integers(min(len(free), DRAWS)))])
    return chosen

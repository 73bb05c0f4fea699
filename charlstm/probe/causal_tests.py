"""The causal tests, put together: each tracking cell off and patched, all of them off, the top k patched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from charlstm.probe import ordinary
from charlstm.probe.causes import (
    Bench,
    Cells,
    ablate,
    ablate_each,
    clamp_of,
    controls,
    correct,
    flip_share,
    make_bench,
    patch,
    recovery,
    twins_in_order,
)
from charlstm.probe.evidence import Material, in_order
from charlstm.probe.result import Ablation, CellReport, CurvePoint
from charlstm.probe.selectivity import rank_by_difference
from charlstm.probe.statistics import Floats, above, bootstrap
from charlstm.probe.stimuli import Bools, Ints
from charlstm.probe.verdict import holds, judge_cell
from charlstm.progress import OnProgress

MAX_TESTED = 6  # cells
MAX_CONTROL_SENTENCES = 64  # the other cells of a layer answer these
AT_ONCE = 6  # other cells that are tried side by side
CURVE = (1, 2, 4, 8, 16, 32)


def causal_tests(
    material: Material, reports: Sequence[CellReport], asked: Cells, on_progress: OnProgress
) -> tuple[list[CellReport], Ablation | None, list[CurvePoint], float]:
    """Test the cells that hold, and those asked for.

    Returns:
        the reports with causes and final verdicts, best first; all cells that hold switched off together, if there are
        several; the top-k curve; bits a character of the intact network on ordinary text.
    """
    bench = make_bench(material.model, material.stimuli, material.warm, material.judged)
    holding = [report for report in reports if holds(report.evidence, material.limits)]
    wanted = {report.name for report in holding[:MAX_TESTED]}
    tested = [report for report in reports if report.name in wanted or report.candidate.place in set(asked)]
    mean, together = material.text.mean, [report.candidate.place for report in holding]
    sets = [[report.candidate.place] for report in tested] + ([together] if len(together) > 1 else [])
    clamps = [None, *(clamp_of(material.model, cells, mean) for cells in sets)]
    bits = ordinary.bits_per_char(
        material.model, material.text.ids, clamps, lambda k, n: on_progress("bits/char without the cell", k, n)
    )
    few = _few(bench, material)
    others = _controls_fall(bench, material, tested, few, on_progress)
    result = {
        report.name: _test(bench, material, report, others.get(report.name), few, cost - bits[0])
        for report, cost in zip(tested, bits[1:], strict=False)
    }
    joint = None
    if len(together) > 1:
        joint = _ablation(bench, material, ablate(bench, together, mean), 0, None, bits[-1] - bits[0])
    done = in_order([result.get(report.name, report) for report in reports])
    return done, joint, _curve(bench, material, on_progress), bits[0]


def _few(bench: Bench, material: Material) -> Bools:
    """Some of the contested sentences, on which the other cells of the layer are tried."""
    contested = np.flatnonzero(material.stimuli.contested[bench.rows])
    chosen = np.zeros(len(bench.rows), dtype=bool)
    by_class = [contested[bench.label[contested] == k] for k in (0, 1)]
    for rows in by_class:
        chosen[material.rng.permutation(rows)[: MAX_CONTROL_SENTENCES // 2]] = True
    return chosen


def _controls_fall(
    bench: Bench, material: Material, tested: Sequence[CellReport], few: Bools, on_progress: OnProgress
) -> dict[str, Floats]:
    """For each tested cell, the fall that each of its control cells causes. A control of several is tried once."""
    barred = {report.candidate.place for report in tested}
    wanted = {report.name: controls(report.candidate.place, material.text.deviation, barred) for report in tested}
    wanted = {name: cells for name, cells in wanted.items() if len(cells) >= material.limits.min_controls}
    cells = sorted({cell for some in wanted.values() for cell in some})
    falls: dict[tuple[int, int], float] = {}
    for start in range(0, len(cells), AT_ONCE):
        on_progress("other cells switched off", start, len(cells))
        group = cells[start : start + AT_ONCE]
        answers = ablate_each(bench, group, material.text.mean, few)
        falls |= {cell: _fall(bench, answer, few) for cell, answer in zip(group, answers, strict=True)}
    return {name: np.array([falls[cell] for cell in some]) for name, some in wanted.items()}


def _fall(bench: Bench, answers: Floats, chosen: Bools) -> float:
    """The loss of accuracy of the class that loses more: answers of the chosen sentences."""
    label = bench.label[chosen]
    lost = correct(bench.base[chosen], label) - correct(answers, label)
    return max(float(lost[label == k].mean()) for k in (0, 1) if (label == k).any())


def _test(
    bench: Bench, material: Material, report: CellReport, others: Floats | None, few: Bools, cost_bits: float
) -> CellReport:
    place, mean = report.candidate.place, material.text.mean
    answers = ablate(bench, [place], mean)
    p = None if others is None else above(_fall(bench, answers[few], few), others)
    ablation = _ablation(bench, material, answers, 0 if others is None else len(others), p, cost_bits)
    patched = patch(bench, [place])
    of_twin = bench.base[bench.twin]

    def recovered(rows: Ints) -> float:
        return recovery(bench.base[rows], patched[rows], of_twin[rows], bench.label[rows])

    recovery_of_all = bootstrap(recovered, material.stimuli.lemma[bench.rows], material.rng, 400)
    evidence = replace(
        report.evidence,
        fall=max(ablation.fall.values()),
        net_fall=ablation.accuracy_before - ablation.accuracy,
        fall_p=p,
        recovery=recovery_of_all.value,
    )
    return replace(
        report,
        evidence=evidence,
        verdict=judge_cell(evidence, material.limits),
        ablation=ablation,
        flip=flip_share(bench.base, patched, bench.twin),
        recovery=recovery_of_all,
    )


def _ablation(
    bench: Bench, material: Material, answers: Floats, number: int, p: float | None, cost_bits: float
) -> Ablation:
    stimuli, label = bench.stimuli, bench.label
    before, after = correct(bench.base, label), correct(answers, label)
    lost = before - after
    condition = stimuli.condition[bench.rows]
    by = {
        f"{class_name} {name}": float(lost[chosen].mean())
        for k, class_name in enumerate(stimuli.classes)
        for name in dict.fromkeys(condition.tolist())
        if (chosen := (label == k) & (condition == name)).any()
    }
    of_class = {name: float(lost[label == k].mean()) for k, name in enumerate(stimuli.classes)}
    first = label == 0
    in_order = twins_in_order(answers, bench.twin)[first]
    order = bootstrap(lambda rows: float(in_order[rows].mean()), stimuli.lemma[bench.rows][first], material.rng, 400)
    return Ablation(of_class, by, float(after.mean()), float(before.mean()), number, p, cost_bits, order)


def _curve(bench: Bench, material: Material, on_progress: OnProgress) -> list[CurvePoint]:
    stimuli = material.stimuli
    firsts = np.flatnonzero(material.halves[0] & stimuli.main & (stimuli.label == 0))
    ranked = rank_by_difference(material.states[firsts], material.states[stimuli.twin[firsts]], material.text.deviation)
    points = []
    for k in CURVE:
        if k > len(ranked):
            break
        on_progress("the best cells together", k, CURVE[-1])
        patched = patch(bench, ranked[:k])
        without = ablate(bench, ranked[:k], material.text.mean)
        points.append(
            CurvePoint(
                k,
                recovery(bench.base, patched, bench.base[bench.twin], bench.label),
                flip_share(bench.base, patched, bench.twin),
                float(correct(without, bench.label).mean()),
            )
        )
    return points

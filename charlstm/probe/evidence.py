"""What a verdict on a cell rests on, short of causes: its hold, its gap, its attractor, chance.

Legend: N sentences, K landmarks, L layers, H hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from torch import Tensor

from charlstm.network.model import CharLM
from charlstm.network.reader import Reader
from charlstm.probe.causes import Bench, make_bench, with_twins
from charlstm.probe.effects import Twins, in_order
from charlstm.probe.gating import gate_use
from charlstm.probe.ordinary import Ordinary
from charlstm.probe.reading import Trace, repeat, trace_cells, warm_state
from charlstm.probe.result import CellReport, Nulls
from charlstm.probe.selectivity import (
    MAX_CANDIDATES,
    Candidate,
    Found,
    auc_over_time,
    auc_within,
    best_hold,
    confirm,
    hold_interval,
    holds_of,
    leading,
    signed_states,
)
from charlstm.probe.statistics import Floats, auc
from charlstm.probe.stimuli import Bools, Ints, Stimuli
from charlstm.probe.verdict import Evidence, Thresholds, Verdict, judge_cell
from charlstm.progress import OnProgress

CUE, BEFORE, AFTER, TARGET = range(4)  # of `stimuli.LANDMARKS`
MAX_BRIEF = 5  # cells that are reported though they hold for a short while only
MAX_REPORTED = 8
CONFOUNDED = 0.1  # how far from one half the AUC of a position may lie


@dataclass(frozen=True)
class Material:
    """What the tests work on.

    Attributes:
        bench: all stimuli, read.
        warm_ids: the neutral text before each of them.
        halves: (N) each: the sentences of the discovery and of the confirmation half.
        text: the cells on ordinary text.
        of_hidden: whether `states` are hidden states.
        limits: the thresholds.
        rng: of permutations and bootstrap.
    """

    bench: Bench
    warm_ids: Tensor
    halves: tuple[Bools, Bools]
    text: Ordinary
    of_hidden: bool
    limits: Thresholds
    rng: np.random.Generator

    @property
    def stimuli(self) -> Stimuli:
        """What is read."""
        return self.bench.stimuli

    @cached_property
    def states(self) -> Floats:
        """(N, K, L, H) the probed state at the landmarks."""
        return probed(self.bench, self.of_hidden)

    @property
    def judged(self) -> Bools:
        """(N) the sentences that confirm: main ones of the confirmation half."""
        return self.halves[1] & self.stimuli.main


def probed(bench: Bench, of_hidden: bool) -> Floats:
    """The probed state of sentences at their landmarks: (N, K, L, H)."""
    states: Floats = (bench.landmarks.h if of_hidden else bench.landmarks.c).cpu().numpy()
    return states


def gather_nulls(material: Material, models: Sequence[CharLM], on_progress: OnProgress) -> Nulls:
    """Measure networks that learnt nothing as the trained one was, on the contested sentences."""
    stimuli = material.stimuli
    chosen = with_twins(stimuli, stimuli.contested)
    contested = stimuli.contested[chosen]
    positive, bins = stimuli.label[chosen] == 0, stimuli.distance_bin[chosen]
    twins = Twins.of(stimuli.label[chosen], np.searchsorted(chosen, stimuli.twin[chosen]), stimuli.lemma[chosen])
    halves = (material.halves[0][chosen] & contested, material.halves[1][chosen] & contested)
    best: list[tuple[float, ...]] = []
    for k, model in enumerate(models):
        on_progress("networks that learnt nothing", k, len(models))
        reader = Reader(model, material.bench.reader.threads)
        bench = make_bench(reader, stimuli, warm_state(reader, material.warm_ids), stimuli.contested)
        states = probed(bench, material.of_hidden)
        short, cue = brief(states[halves[1]], positive[halves[1]], bins[halves[1]])
        highest = [float(np.abs(figures - 0.5).max() + 0.5) for figures in (short, cue)]
        apart = twins.apart(bench.base)
        behaviour = float(in_order(apart).mean()), float(np.abs(apart).mean())
        best.append((best_hold(states, positive, halves), *highest, *behaviour))
    return Nulls(*np.array(best).reshape(len(models), 5).T)


def brief(states: Floats, positive: Bools, bins: Ints) -> tuple[Floats, Floats]:
    """For every cell, the AUC over the first stretch, and the AUC at the end of the cue: (L, H) each.

    The first stretch goes from the cue to the attractor, or to the end of the shortest sentences (where there are
    longer ones), whichever tells the classes apart better. Above one half the cell is high for class 0,
    below it is low; what counts is the distance from one half.
    """
    by_landmark = np.nan_to_num(auc(states, positive), nan=0.5)
    lasting = [_agreed(by_landmark[: BEFORE + 1])]
    shortest = bins == bins.min()
    if not shortest.all():
        lasting.append(_agreed(np.nan_to_num(auc(states[shortest], positive[shortest]), nan=0.5)))
    together = np.stack(lasting)
    longest = np.abs(together - 0.5).argmax(axis=0)
    return np.take_along_axis(together, longest[None], axis=0)[0], by_landmark[CUE]


def _agreed(by_landmark: Floats) -> Floats:
    """The AUC nearest to one half over landmarks that agree in sign; one half where they do not: (K, ...) -> (...)."""
    up, down = by_landmark.min(axis=0), by_landmark.max(axis=0)
    return np.where(up > 0.5, up, np.where(down < 0.5, down, 0.5))


def cell_reports(material: Material, chance: Nulls, asked: Sequence[tuple[int, int]]) -> list[CellReport]:
    """What is known of the candidates, those asked for among them, short of causes; best first."""
    stimuli = material.stimuli
    discovery, confirmation = (half & stimuli.contested for half in material.halves)
    positive = stimuli.label == 0
    states, classes = material.states[discovery], positive[discovery]
    hold, sign = holds_of(states, classes)
    short, _ = brief(states, classes, stimuli.distance_bin[discovery])
    lasting = np.argsort(-np.abs(short - 0.5), axis=None, kind="stable")[:MAX_BRIEF]
    places = [(int(n), int(m)) for n, m in zip(*np.unravel_index(lasting, short.shape), strict=True)]
    brief_ones = [
        Found(n, m, 1 if short[n, m] >= 0.5 else -1, float(hold[n, m]))
        for n, m in places
        if abs(short[n, m] - 0.5) + 0.5 >= material.limits.hold
    ]
    found = leading(hold, sign, MAX_CANDIDATES - len(brief_ones))
    listed = {(cell.layer, cell.cell) for cell in found}
    found += [cell for cell in brief_ones if (cell.layer, cell.cell) not in listed]
    listed = {(cell.layer, cell.cell) for cell in found}
    extra = [Found(n, m, int(sign[n, m]), float(hold[n, m])) for n, m in dict.fromkeys(asked) if (n, m) not in listed]
    candidates = confirm(
        material.states[confirmation], positive[confirmation], stimuli.lemma[confirmation], found, material.rng, extra
    )
    return strongest_first([_report(material, chance, candidate) for candidate in candidates])


def strongest_first(reports: Sequence[CellReport]) -> list[CellReport]:
    """The strongest verdict first, then the best hold."""
    rank = list(Verdict)
    return sorted(reports, key=lambda report: (rank.index(report.verdict), -report.evidence.hold))


def shown_reports(
    material: Material, reports: Sequence[CellReport], asked: Sequence[tuple[int, int]]
) -> list[CellReport]:
    """Those worth a line, with intervals and gates: the ones with a verdict, or the best one; and those asked for."""
    said = [report for report in reports if report.verdict is not Verdict.none]
    kept = said[:MAX_REPORTED] or list(reports[:1])
    kept += [report for report in reports if report not in kept and report.candidate.place in set(asked)]
    traces = _traces(material, [report.candidate.place for report in kept])
    return [_in_full(material, report, traces, k) for k, report in enumerate(kept)]


def _report(material: Material, chance: Nulls, candidate: Candidate) -> CellReport:
    stimuli = material.stimuli
    contested = material.halves[1] & stimuli.contested
    same = material.judged & (stimuli.condition == "same")
    positive = stimuli.label == 0
    values = signed_states(material.states, [candidate.found])[:, :, 0]  # (N, K)
    spread = max(float(material.text.deviation[candidate.place]), 1e-6)
    target, judged = values[material.judged, TARGET], positive[material.judged]
    gap = float((target[judged].mean() - target[~judged].mean()) / spread)
    short, cue = brief(values[contested][:, :, None], positive[contested], stimuli.distance_bin[contested])
    by_distance = {}
    for k, name in enumerate(stimuli.bins):
        chosen = contested & (stimuli.distance_bin == k)
        figure = auc(values[chosen], positive[chosen]).min() if chosen.any() else np.nan
        if np.isfinite(figure):
            by_distance[name] = float(figure)
    positions = stimuli.landmarks.numpy()[contested]
    evidence = Evidence(
        hold=candidate.hold,
        free_hold=_free_hold(values[contested], positive[contested], positions, confounds(stimuli)),
        same_hold=float(auc(values[same], positive[same]).min()) if same.any() else float("nan"),
        far_hold=min(by_distance.values(), default=candidate.hold),
        resolution=1 / max(1, int(positive[contested].sum()) * int((~positive[contested]).sum())),
        gap=gap,
        p=candidate.p,
        null_hold=chance.hold,
        short=float(short[0]),
        null_short=chance.short,
        cue=float(cue[0]),
        null_cue=chance.cue,
    )
    return CellReport(
        candidate=candidate,
        evidence=evidence,
        verdict=judge_cell(evidence, material.limits),
        attractor_auc=_attractor_auc(material, values),
        hold_by_distance=by_distance,
    )


def confounds(stimuli: Stimuli) -> Floats:
    """How well the mere position of each landmark tells the classes apart: its AUC on contested sentences, (K)."""
    contested = stimuli.contested
    return auc(stimuli.landmarks.numpy()[contested].astype(float), stimuli.label[contested] == 0)


def _free_hold(values: Floats, positive: Bools, positions: Ints, position_auc: Floats) -> float | None:
    """The hold where only sentences are compared whose landmarks, or cues, stand at one place; None without a confound.

    A cell that counts characters has none of it. NaN where no two sentences can be compared.
    """
    is_confounded = np.abs(position_auc - 0.5) > CONFOUNDED
    figures = [
        float(auc_within(values[:, k], positive, positions[:, k])) for k in np.flatnonzero(is_confounded).tolist()
    ]
    if is_confounded[CUE]:
        figures += auc_within(values, positive, positions[:, CUE]).tolist()
    return float(np.min(figures)) if figures else None


def _attractor_auc(material: Material, values: Floats) -> tuple[float, float] | None:
    """Whether the attractor's class shows, the subject's being fixed: after the attractor, and at the target."""
    stimuli = material.stimuli
    some = material.judged & np.isin(stimuli.condition, ("same", "opposite"))
    attractor = np.where(stimuli.condition == "same", stimuli.label, 1 - stimuli.label)
    figures = []
    for subject in (0, 1):
        chosen = some & (stimuli.label == subject)
        figures.append(auc(values[chosen][:, [AFTER, TARGET]], attractor[chosen] == 0))
    mean = np.stack(figures).mean(axis=0)
    return (float(mean[0]), float(mean[1])) if np.isfinite(mean).all() else None


def _traces(material: Material, cells: Sequence[tuple[int, int]]) -> Trace:
    """Cells over the contested sentences of confirmation."""
    stimuli, reader = material.stimuli, material.bench.reader
    rows = np.flatnonzero(material.halves[1] & stimuli.contested)
    warm = repeat(warm_state(reader, material.warm_ids), len(rows))
    return trace_cells(reader, stimuli.ids[rows], stimuli.length[rows], warm, cells, material.of_hidden)[1]


def _in_full(material: Material, report: CellReport, traces: Trace, which: int) -> CellReport:
    """The same report with its interval, gates and AUC over time; `which` of the traces is the cell's."""
    stimuli = material.stimuli
    rows = np.flatnonzero(material.halves[1] & stimuli.contested)
    positive = stimuli.label[rows] == 0
    at_landmarks = signed_states(material.states[rows], [report.candidate.found])[:, :, 0]
    values = traces.state[:, :, which].numpy() * report.candidate.found.sign
    cue, last = stimuli.cue[rows].numpy(), stimuli.length[rows].numpy()
    gates = None
    if traces.kind.keep_gate:
        gates = gate_use(traces, which, stimuli.cue_start[rows].numpy(), stimuli.landmarks[rows].numpy(), last)
    return replace(
        report,
        interval=hold_interval(at_landmarks, positive, stimuli.lemma[rows], material.rng),
        gates=gates,
        over_time=auc_over_time(values, positive, cue, last),
    )

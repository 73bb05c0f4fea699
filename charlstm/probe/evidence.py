"""What a verdict on a cell rests on, short of causes: its hold, its gap, its attractor, chance.

Legend: N sentences, K landmarks, L layers, H hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from charlstm.lstm import State
from charlstm.model import CharLM
from charlstm.probe import nulls
from charlstm.probe.gates import gate_use
from charlstm.probe.ordinary import Ordinary
from charlstm.probe.reading import Snapshots, read, repeat, trace_cells, warm_state
from charlstm.probe.result import CellReport, Nulls
from charlstm.probe.selectivity import Candidate, auc_over_time, confirm, discover, mill
from charlstm.probe.statistics import Floats, auc
from charlstm.probe.stimuli import Bools, Ints, Stimuli
from charlstm.probe.verdict import Evidence, Thresholds, Verdict, judge_cell

CUE, BEFORE, AFTER, TARGET = range(4)  # of `stimuli.LANDMARKS`
MAX_BRIEF = 5  # cells that are reported though they hold for a short while only
MAX_REPORTED = 8


@dataclass(frozen=True)
class Material:
    """What the tests work on.

    Attributes:
        model, stimuli: what reads, and what is read.
        warm_ids, warm: the neutral text before it, and the state that it leaves.
        states: (N, K, L, H) the probed state at the landmarks.
        halves: (N) each: the sentences of the discovery and of the confirmation half.
        text: the cells on ordinary text.
        of_hidden: whether `states` are hidden states.
        limits: the thresholds.
        rng: of permutations and bootstrap.
    """

    model: CharLM
    stimuli: Stimuli
    warm_ids: Tensor
    warm: State
    states: Floats
    halves: tuple[Bools, Bools]
    text: Ordinary
    of_hidden: bool
    limits: Thresholds
    rng: np.random.Generator

    @property
    def judged(self) -> Bools:
        """(N) the sentences that confirm: main ones of the confirmation half."""
        return self.halves[1] & self.stimuli.main


def gather_nulls(material: Material, seed: int, on_progress: Callable[[str, int, int], None]) -> Nulls:
    """Re-initialised networks go through the same mill, on the contested sentences."""
    stimuli = material.stimuli
    chosen = np.flatnonzero(stimuli.contested)
    positive, lemma = stimuli.label[chosen] == 0, stimuli.lemma[chosen]
    halves = (material.halves[0][chosen], material.halves[1][chosen])
    best: list[tuple[float, float, float]] = []
    for k in range(nulls.NUMBER):
        on_progress("re-initialised networks", k, nulls.NUMBER)
        fresh = nulls.reinitialised(material.model, seed + 1 + k)
        start, length = torch.zeros(len(chosen), dtype=torch.int64), stimuli.length[chosen]
        _, kept = read(
            fresh,
            stimuli.ids[chosen],
            start,
            length,
            repeat(warm_state(fresh, material.warm_ids), len(chosen)),
            landmarks=stimuli.landmarks[chosen],
        )
        assert isinstance(kept, Snapshots)
        states = (kept.h if material.of_hidden else kept.c).cpu().numpy()
        candidates = mill(states, positive, lemma, halves, material.rng, intervals=False)
        held = max((candidate.hold.value for candidate in candidates), default=0.5)
        bins = stimuli.distance_bin[chosen]
        short, cue = brief(states[halves[1]], positive[halves[1]], bins[halves[1]])
        best.append((held, float(np.abs(short - 0.5).max() + 0.5), float(np.abs(cue - 0.5).max() + 0.5)))
    hold, short_best, cue_best = np.array(best).T
    return Nulls(hold, short_best, cue_best)


def brief(states: Floats, positive: Bools, bins: Ints) -> tuple[Floats, Floats]:
    """For every cell, the AUC that lasts for a while, and the AUC at the end of the cue: (L, H) each.

    For a while: from the cue to the attractor, or, where that is more, to the end of the shortest sentences. Above one
    half the cell is high for class 0, below it is low; what counts is the distance from one half.
    """
    by_landmark = auc(states, positive)
    lasting = [_agreed(by_landmark[: BEFORE + 1])]
    shortest = bins == bins.min()
    if positive[shortest].any() and (~positive[shortest]).any():
        lasting.append(_agreed(auc(states[shortest], positive[shortest])))
    together = np.stack(lasting)
    longest = np.abs(together - 0.5).argmax(axis=0)
    return np.take_along_axis(together, longest[None], axis=0)[0], by_landmark[CUE]


def _agreed(by_landmark: Floats) -> Floats:
    """The AUC nearest to one half over landmarks that agree in sign; one half where they do not: (K, ...) -> (...)."""
    up, down = by_landmark.min(axis=0), by_landmark.max(axis=0)
    return np.where(up > 0.5, up, np.where(down < 0.5, down, 0.5))


def cell_reports(material: Material, chance: Nulls, asked: Sequence[tuple[int, int]]) -> list[CellReport]:
    """The cells worth a line, best first: those that hold, those that hold for a while, and those asked for."""
    stimuli = material.stimuli
    discovery, confirmation = (half & stimuli.contested for half in material.halves)
    positive = stimuli.label == 0
    found = discover(material.states[discovery], positive[discovery])
    short, _ = brief(material.states[discovery], positive[discovery], stimuli.distance_bin[discovery])
    listed = {(layer, cell) for layer, cell, _, _ in found}
    lasting = np.argsort(-np.abs(short - 0.5), axis=None, kind="stable")[:MAX_BRIEF]
    extra = [(int(layer), int(cell)) for layer, cell in zip(*np.unravel_index(lasting, short.shape), strict=True)]
    extra = [place for place in extra if abs(short[place] - 0.5) + 0.5 >= material.limits.hold]
    others = [
        (layer, cell, 1 if short[layer, cell] >= 0.5 else -1, 0.5)
        for layer, cell in dict.fromkeys([*extra, *asked])
        if (layer, cell) not in listed
    ]
    candidates = confirm(
        material.states[confirmation],
        positive[confirmation],
        stimuli.lemma[confirmation],
        found,
        material.rng,
        extra=others,
    )
    reports = [_report(material, chance, candidate) for candidate in candidates]
    rank = list(Verdict)
    reports.sort(key=lambda report: (rank.index(report.verdict), -report.evidence.hold))
    said = [report for report in reports if report.verdict is not Verdict.none]
    kept = said[:MAX_REPORTED] or reports[:1]
    rest = [r for r in reports if r not in kept and (r.candidate.layer, r.candidate.cell) in set(asked)]
    return [_with_gates(material, report) for report in kept + rest]


def _report(material: Material, chance: Nulls, candidate: Candidate) -> CellReport:
    stimuli, place = material.stimuli, (candidate.layer, candidate.cell)
    contested = material.halves[1] & stimuli.contested
    positive = stimuli.label == 0
    values = material.states[:, :, candidate.layer, candidate.cell] * candidate.sign  # (N, K)
    spread = max(float(material.text.deviation[place]), 1e-6)
    target = values[material.judged, TARGET]
    judged = positive[material.judged]
    gap = float((target[judged].mean() - target[~judged].mean()) / spread)
    short, cue = brief(values[contested][:, :, None], positive[contested], stimuli.distance_bin[contested])
    by_distance = {}
    for k, name in enumerate(stimuli.bins):
        chosen = contested & (stimuli.distance_bin == k)
        figure = auc(values[chosen], positive[chosen]).min() if chosen.any() else np.nan
        if np.isfinite(figure):
            by_distance[name] = float(figure)
    evidence = Evidence(
        hold=candidate.hold.value,
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
        over_time=np.zeros(0),
        gates=None,
    )


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


def _with_gates(material: Material, report: CellReport) -> CellReport:
    """The same report with the cell's gates and its AUC over time, on the contested sentences of confirmation."""
    stimuli = material.stimuli
    rows = np.flatnonzero(material.halves[1] & stimuli.contested)
    ids, length = stimuli.ids[rows], stimuli.length[rows]
    place = (report.candidate.layer, report.candidate.cell)
    trace = trace_cells(material.model, ids, length, repeat(material.warm, len(rows)), [place], material.of_hidden)
    values = trace.state[:, :, 0].numpy() * report.candidate.sign
    cue, last = stimuli.cue[rows].numpy(), length.numpy()
    gates = None
    if not torch.isnan(trace.f[:, 0]).any():
        gates = gate_use(trace, 0, stimuli.cue_start[rows].numpy(), stimuli.landmarks[rows].numpy(), last)
    over_time = auc_over_time(values, stimuli.label[rows] == 0, cue, last)
    return CellReport(**{**vars(report), "gates": gates, "over_time": over_time})

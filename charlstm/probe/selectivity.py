"""Which cells hold a feature from the cue to the deciding character, and whether chance could do the same.

A cell *holds* the feature as well as its worst landmark: `hold` is the least AUC over the landmarks, with one sign
for all of them, on sentences whose attractor is of the other class. So a cell that follows the last noun, the
position or a single character cannot pass. Candidates are chosen on one half of the lemmas, judged on the other.

Legend: N sentences, K landmarks, L layers, H hidden, C candidates, P permutations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from charlstm.probe.statistics import Estimate, Floats, above, auc, bootstrap, flips, permuted_auc
from charlstm.probe.stimuli import Bools, Ints

MAX_CANDIDATES = 20


@dataclass(frozen=True)
class Candidate:
    """A cell that leaves discovery, and what confirmation says.

    Attributes:
        layer, cell: from 0.
        sign: 1 if the cell is high for class 0, -1 if it is low.
        discovery_hold: on the half that chose it.
        hold: on the other half, with its interval.
        p: how often the best of all candidates does as well when labels are exchanged by lemma.
        landmark_auc: (K) on the confirmation half, sign applied.
    """

    layer: int
    cell: int
    sign: int
    discovery_hold: float
    hold: Estimate
    p: float
    landmark_auc: Floats


def discover(states: Floats, positive: Bools) -> list[tuple[int, int, int, float]]:
    """The cells that hold best: (layer, cell, sign, hold), at most 20, best first, those above one half.

    Args:
        states: (N, K, L, H) of the sentences of the discovery half.
        positive: (N) whether class 0.
    """
    by_landmark = auc(states, positive)  # (K, L, H)
    up, down = by_landmark.min(axis=0), (1 - by_landmark).min(axis=0)
    hold = np.maximum(up, down)
    order = np.argsort(-hold, axis=None, kind="stable")[:MAX_CANDIDATES]
    found = []
    for layer, cell in zip(*np.unravel_index(order, hold.shape), strict=True):
        if hold[layer, cell] > 0.5:
            sign = 1 if up[layer, cell] >= down[layer, cell] else -1
            found.append((int(layer), int(cell), sign, float(hold[layer, cell])))
    return found


def confirm(
    states: Floats,
    positive: Bools,
    lemma: Ints,
    found: list[tuple[int, int, int, float]],
    rng: np.random.Generator,
    intervals: bool = True,
    extra: Sequence[tuple[int, int, int, float]] = (),
) -> list[Candidate]:
    """Judge candidates on the other half of the lemmas; best first.

    Args:
        states: (N, K, L, H) of its sentences.
        positive, lemma: (N).
        found: as `discover` gives it; p is against the best of these.
        extra: other cells to judge with them, which make no test harder.
        intervals: False spares the bootstrap.
    """
    cells = [*found, *extra]
    if not cells:
        return []
    signed = np.stack([states[:, :, layer, cell] * sign for layer, cell, sign, _ in cells], axis=2)  # (N, K, C)
    flip = flips(len(np.unique(lemma)), rng)
    compared = signed[:, :, : len(found) or len(cells)]
    by_flip = permuted_auc(compared, positive, lemma, flip).min(axis=1)  # (P, C)
    best = by_flip[1:].max(axis=1)  # the first permutation exchanges nothing: it is the observation
    observed = auc(signed, positive)  # (K, C)
    result = []
    for k, (layer, cell, sign, discovery_hold) in enumerate(cells):
        hold = float(observed[:, k].min())
        estimate = Estimate(hold, hold, hold)
        if intervals:
            estimate = bootstrap_hold(signed[:, :, k], positive, lemma, rng)
        result.append(Candidate(layer, cell, sign, discovery_hold, estimate, above(hold, best), observed[:, k]))
    return sorted(result, key=lambda candidate: -candidate.hold.value)


def bootstrap_hold(values: Floats, positive: Bools, lemma: Ints, rng: np.random.Generator) -> Estimate:
    """The hold of one cell and its interval over lemmas: values (N, K), sign applied."""
    # which of two sentences is higher does not change when they are drawn again: compare once, weigh often
    higher = values[positive][:, None] > values[~positive][None]  # (N+, N-, K)
    compared = higher + 0.5 * (values[positive][:, None] == values[~positive][None])

    def statistic(rows: Ints) -> float:
        weight = np.bincount(rows, minlength=len(lemma)).astype(float)
        a, b = weight[positive], weight[~positive]
        if not a.sum() or not b.sum():
            return float("nan")
        return float(np.einsum("i,ijk,j->k", a, compared, b, optimize=True).min() / (a.sum() * b.sum()))

    return bootstrap(statistic, lemma, rng)


def mill(
    states: Floats,
    positive: Bools,
    lemma: Ints,
    halves: tuple[Bools, Bools],
    rng: np.random.Generator,
    intervals: bool = True,
) -> list[Candidate]:
    """Discovery and confirmation in one: states (N, K, L, H) of contested sentences -> candidates, best first."""
    discovery, confirmation = halves
    found = discover(states[discovery], positive[discovery])
    return confirm(states[confirmation], positive[confirmation], lemma[confirmation], found, rng, intervals)


def auc_over_time(values: Floats, positive: Bools, cue: Ints, length: Ints, points: int = 11) -> Floats:
    """A cell's AUC at equal shares of the way from the cue to the deciding character: values (N, T) -> (points)."""
    shares = np.linspace(0, 1, points)
    places = np.rint(cue[:, None] + shares * (length - 1 - cue)[:, None]).astype(np.int64)
    return auc(np.take_along_axis(values, places, axis=1), positive)


def rank_by_difference(states: Floats, twin_states: Floats, spread: Floats) -> list[tuple[int, int]]:
    """All cells, those first that differ most between twins at the last landmark: (N, K, L, H) each.

    In the cell's deviation on ordinary text; on the discovery half. A code that is spread over cells shows here,
    though no single cell of it holds the feature.
    """
    difference = np.abs((states[:, -1] - twin_states[:, -1]).mean(axis=0)) / np.maximum(spread, 1e-6)
    order = np.argsort(-difference, axis=None, kind="stable")
    return [(int(layer), int(cell)) for layer, cell in zip(*np.unravel_index(order, difference.shape), strict=True)]

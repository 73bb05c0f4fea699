"""Which cells hold a feature from the cue to the deciding character, and whether chance could do the same.

A cell *holds* the feature as well as its worst landmark: `hold` is the least AUC over the landmarks, with one sign
for all of them, on sentences whose attractor is of the other class. So a cell that follows the last noun, the
position or a single character cannot pass. Candidates are chosen on one half of the lemmas, judged on the other.

Legend: N sentences, K landmarks, L layers, H hidden, C candidates, P permutations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from charlstm.probe.statistics import Estimate, Floats, above, auc, bootstrap, flips, open_end, permuted_auc
from charlstm.probe.stimuli import Bools, Ints

MAX_CANDIDATES = 20


class Found(NamedTuple):
    """A cell that leaves discovery."""

    layer: int  # from 0
    cell: int
    sign: int  # 1: high for class 0, -1: low
    hold: float  # on the half that chose it


@dataclass(frozen=True)
class Candidate:
    """A cell that left discovery, and what confirmation says.

    Attributes:
        found: the cell.
        hold: on the other half.
        p: how often the best of all candidates does as well at a landmark when labels are exchanged by lemma; the
            largest over landmarks, since the claim is that none is missing (intersection-union test: Berger 1982).
        landmark_auc: (K) on the confirmation half, sign applied.
    """

    found: Found
    hold: float
    p: float
    landmark_auc: Floats

    @property
    def place(self) -> tuple[int, int]:
        """Layer and cell, from 0."""
        return self.found.layer, self.found.cell


def holds_of(states: Floats, positive: Bools) -> tuple[Floats, Ints]:
    """The hold of every cell with the sign that suits it: states (N, K, L, H) -> hold and sign, (L, H) each.

    A cell whose AUC is not defined (a class is missing) holds nothing: 0.
    """
    by_landmark = np.nan_to_num(auc(states, positive), nan=0.5)  # (K, L, H)
    up, down = by_landmark.min(axis=0), (1 - by_landmark).min(axis=0)
    return np.maximum(up, down), np.where(up >= down, 1, -1)


def discover(states: Floats, positive: Bools) -> list[Found]:
    """The candidates that leave the discovery half: states (N, K, L, H), positive (N)."""
    return leading(*holds_of(states, positive), MAX_CANDIDATES)


def leading(hold: Floats, sign: Ints, number: int) -> list[Found]:
    """The cells that hold best, best first: the best one, and others above one half; hold and sign (L, H)."""
    order = np.argsort(-hold, axis=None, kind="stable")[:number]
    places = zip(*np.unravel_index(order, hold.shape), strict=True)
    found = [Found(int(n), int(m), int(sign[n, m]), float(hold[n, m])) for n, m in places]
    return found[:1] + [cell for cell in found[1:] if cell.hold > 0.5]


def confirm(
    states: Floats,
    positive: Bools,
    lemma: Ints,
    found: Sequence[Found],
    rng: np.random.Generator,
    extra: Sequence[Found] = (),
) -> list[Candidate]:
    """Judge candidates on the other half of the lemmas; best first.

    Args:
        states: (N, K, L, H) of its sentences.
        positive, lemma: (N).
        found: what leaves discovery; p is against the best of these.
        extra: other cells to judge with them, which a person asked for; they make no test harder.
    """
    cells = [*found, *extra]
    signed = signed_states(states, cells)
    flip = flips(len(np.unique(lemma)), rng)
    by_flip = permuted_auc(signed[:, :, : len(found)], positive, lemma, flip)  # (P, K, C)
    best = by_flip[1:].max(axis=2)  # the first permutation exchanges nothing: it is the observation
    observed = auc(signed, positive)  # (K, C)
    result = []
    for k, cell in enumerate(cells):
        p = max(above(float(at), chance) for at, chance in zip(observed[:, k], best.T, strict=True))
        result.append(Candidate(cell, float(observed[:, k].min()), p, observed[:, k]))
    return sorted(result, key=lambda candidate: -candidate.hold)


def signed_states(states: Floats, cells: Sequence[Found]) -> Floats:
    """The states of some cells, high for class 0: (N, K, L, H) -> (N, K, C)."""
    return np.stack([states[:, :, cell.layer, cell.cell] * cell.sign for cell in cells], axis=2)


def best_hold(states: Floats, positive: Bools, halves: tuple[Bools, Bools]) -> float:
    """What the best candidate of a network holds on the confirmation half: states (N, K, L, H) of both halves."""
    discovery, confirmation = halves
    found = discover(states[discovery], positive[discovery])
    return float(auc(signed_states(states[confirmation], found), positive[confirmation]).min(axis=0).max())


def hold_interval(values: Floats, positive: Bools, lemma: Ints, rng: np.random.Generator) -> Estimate:
    """The hold of one cell and its interval over lemmas: values (N, K), sign applied."""
    # lemmas are drawn as a whole, so what one lemma's positives do against another's negatives is counted once
    _, number = np.unique(lemma, return_inverse=True)
    M, K = int(number.max()) + 1, values.shape[1]
    wins = np.zeros((M, M, K))
    for k in range(M):
        mine = values[positive & (number == k)][:, None]  # (n, 1, K)
        others = values[~positive][None]
        np.add.at(wins[k], number[~positive], ((mine > others) + 0.5 * (mine == others)).sum(axis=0))
    counts = [np.bincount(number[side], minlength=M).astype(float) for side in (positive, ~positive)]

    def statistic(lemmas: Ints) -> float:
        weight = np.bincount(lemmas, minlength=M).astype(float)
        pairs = (weight @ counts[0]) * (weight @ counts[1])
        if not pairs:
            return float("nan")
        return float(min(weight @ wins[:, :, k] @ weight for k in range(K)) / pairs)

    return open_end(bootstrap(statistic, np.arange(M), rng), M)


def auc_within(values: Floats, positive: Bools, strata: Ints) -> Floats:
    """The AUC if only sentences of one stratum are compared: values (N, ...), strata (N) -> (...). NaN without any."""
    wins, comparisons = np.zeros(values.shape[1:]), 0
    for stratum in np.unique(strata):
        rows = strata == stratum
        number = int((positive & rows).sum()) * int((~positive & rows).sum())
        if number:
            wins += number * auc(values[rows], positive[rows])
            comparisons += number
    return wins / comparisons if comparisons else np.full(values.shape[1:], np.nan)


def auc_over_time(values: Floats, positive: Bools, cue: Ints, length: Ints, points: int = 11) -> Floats:
    """A cell's AUC at equal shares of the way from the cue to the deciding character: values (N, T) -> (points)."""
    shares = np.linspace(0, 1, points)
    places = np.rint(cue[:, None] + shares * (length - 1 - cue)[:, None]).astype(np.int64)
    return auc(np.take_along_axis(values, places, axis=1), positive)

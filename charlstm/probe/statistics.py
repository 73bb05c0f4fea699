"""The few statistics that the probe rests on.

Legend: N sentences, M lemmas, P permutations, R bootstrap replicates, C cells.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from charlstm.probe.stimuli import Bools, Ints

Floats = npt.NDArray[np.floating]

EXACT_UP_TO = 12  # lemmas: all 2^12 flips are tried; beyond, as many at random
PERMUTATIONS = 1 << EXACT_UP_TO
REPLICATES = 1000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval."""

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """Return it as a JSON object."""
        return {"value": self.value, "low": self.low, "high": self.high}


def as_json(part: Any) -> dict[str, Any]:
    """The fields of a dataclass as a JSON object, those that have a `to_dict` through it."""
    return {name: value.to_dict() if hasattr(value, "to_dict") else value for name, value in vars(part).items()}


def midranks(values: Floats) -> Floats:
    """Ranks from 1 down the first axis, ties averaged: (N, ...) -> (N, ...)."""
    columns = np.ascontiguousarray(values.reshape(len(values), -1).T)  # (..., N): what is sorted lies together
    order = columns.argsort(axis=1)
    ordered = np.take_along_axis(columns, order, axis=1)
    place, begins = np.arange(len(values)), np.ones(columns.shape, dtype=bool)
    begins[:, 1:] = ordered[:, 1:] != ordered[:, :-1]  # else it is a tie with the one before
    ends = np.roll(begins, -1, axis=1)
    first = np.maximum.accumulate(np.where(begins, place, 0), axis=1)
    last = np.minimum.accumulate(np.where(ends, place, len(values))[:, ::-1], axis=1)[:, ::-1]
    ranks = np.empty(columns.shape)
    np.put_along_axis(ranks, order, (first + last) / 2 + 1, axis=1)
    return ranks.T.reshape(values.shape)


def auc(values: Floats, positive: Bools) -> Floats:
    """The area under the ROC curve: the chance that a positive scores above a negative, ties half. (N, ...) -> (...).

    Source: Hanley & McNeil 1982; computed from rank sums (Mann & Whitney 1947). NaN where a class is missing.
    """
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if n_positive == 0 or n_negative == 0:
        return np.full(values.shape[1:], np.nan)
    rank_sum = midranks(values)[positive].sum(axis=0)
    result: Floats = (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)
    return result


def flips(lemmas: int, rng: np.random.Generator) -> Bools:
    """Which lemmas exchange their labels, in every permutation: (P, M). The first one exchanges none."""
    if lemmas <= EXACT_UP_TO:
        return np.array(list(product((False, True), repeat=lemmas)))
    drawn = rng.random((PERMUTATIONS, lemmas)) < 0.5
    drawn[0] = False
    return drawn


def permuted_auc(values: Floats, positive: Bools, lemma: Ints, flip: Bools) -> Floats:
    """The AUC when the lemmas of `flip` exchange their labels: values (N, ...), flip (P, M) -> (P, ...).

    A lemma's rank sums are taken once; a permutation only chooses between that of its positives and that of its
    negatives.
    """
    _, number = np.unique(lemma, return_inverse=True)
    ranks = midranks(values)
    M = flip.shape[1]
    rest = values.shape[1:]
    sums, counts = np.zeros((2, M, *rest)), np.zeros((2, M))
    for side, chosen in enumerate((positive, ~positive)):
        np.add.at(sums[side], number[chosen], ranks[chosen])
        counts[side] = np.bincount(number[chosen], minlength=M)
    choice = flip.astype(float)  # (P, M)
    rank_sum = np.tensordot(1 - choice, sums[0], 1) + np.tensordot(choice, sums[1], 1)
    n_positive = (1 - choice) @ counts[0] + choice @ counts[1]
    n_positive = n_positive.reshape(-1, *(1,) * len(rest))
    n_negative = len(values) - n_positive
    with np.errstate(divide="ignore", invalid="ignore"):
        result: Floats = (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)
    return np.where(np.isfinite(result), result, 0.5)  # all on one side: nothing to tell apart


def bootstrap(
    statistic: Callable[[Ints], float], lemma: Ints, rng: np.random.Generator, replicates: int = REPLICATES
) -> Estimate:
    """A statistic and its percentile interval when lemmas, not sentences, are drawn again (Efron 1979).

    Args:
        statistic: of the sentences with these numbers (with repeats); may be NaN, which is left out.
        lemma: (N).
    """
    _, number = np.unique(lemma, return_inverse=True)
    members = [np.flatnonzero(number == k) for k in range(number.max() + 1)]
    value = statistic(np.arange(len(lemma)))
    drawn = []
    for _ in range(replicates):
        again = rng.integers(len(members), size=len(members))
        drawn.append(statistic(np.concatenate([members[k] for k in again])))
    return _percentiles(value, np.array(drawn))


def ratio(numerator: Floats, denominator: Floats, lemma: Ints, rng: np.random.Generator) -> Estimate:
    """The sum of one thing over the sum of another, with its interval over lemmas: (N) each."""
    _, number = np.unique(lemma, return_inverse=True)
    above, below = (np.bincount(number, weights=part) for part in (numerator, denominator))
    M = len(above)
    counts = rng.multinomial(M, np.full(M, 1 / M), size=REPLICATES).astype(float)  # how often each lemma is drawn
    with np.errstate(divide="ignore", invalid="ignore"):
        return _percentiles(float(above.sum() / below.sum()), (counts @ above) / (counts @ below))


def share(values: Floats, lemma: Ints, rng: np.random.Generator) -> Estimate:
    """The mean of values between 0 and 1 (N), with its interval over lemmas, which never has no width."""
    return open_end(ratio(values, np.ones(len(values)), lemma, rng), len(np.unique(lemma)))


def open_end(estimate: Estimate, lemmas: int) -> Estimate:
    """The interval of a share; where every lemma says 0, or every one 1, the exact binomial one over lemmas.

    There a bootstrap has nothing to vary.
    """
    if estimate.low >= 1:
        return replace(binomial(lemmas, lemmas), value=estimate.value)
    if estimate.high <= 0:
        return replace(binomial(0, lemmas), value=estimate.value)
    return estimate


def binomial(successes: int, trials: int) -> Estimate:
    """How often something happened in independent trials, with its exact interval (Clopper & Pearson 1934)."""
    tail = (1 - CONFIDENCE) / 2

    def lowest(k: int) -> float:
        """The chance with which k or more happen in `tail` of all cases."""
        if k == 0:
            return 0.0
        if k == trials:
            return float(tail ** (1 / trials))
        low, high = 0.0, 1.0
        for _ in range(60):  # by halves, to the last bit
            chance = (low + high) / 2
            more = math.fsum(
                math.comb(trials, j) * chance**j * (1 - chance) ** (trials - j) for j in range(k, trials + 1)
            )
            low, high = (chance, high) if more < tail else (low, chance)
        return low

    return Estimate(successes / trials, lowest(successes), 1 - lowest(trials - successes))


def _percentiles(value: float, drawn: Floats) -> Estimate:
    kept = drawn[np.isfinite(drawn)]
    if len(kept) == 0:
        return Estimate(value, float("nan"), float("nan"))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(kept, [tail, 1 - tail])
    return Estimate(value, float(low), float(high))


def d_prime(hits: int, positives: int, false_alarms: int, negatives: int) -> float:
    """Sensitivity free of bias: z(hit rate) - z(false-alarm rate), with the log-linear correction (Hautus 1995)."""
    z = NormalDist().inv_cdf
    return z((hits + 0.5) / (positives + 1)) - z((false_alarms + 0.5) / (negatives + 1))


def benjamini_hochberg(p_values: Floats) -> Floats:
    """P adjusted so that the false discovery rate is bounded (Benjamini & Hochberg 1995): (F) -> (F)."""
    order = np.argsort(p_values)[::-1]
    ranks = np.arange(len(p_values), 0, -1)
    adjusted = np.minimum.accumulate(p_values[order] * len(p_values) / ranks)
    result = np.empty_like(adjusted)
    result[order] = np.minimum(adjusted, 1.0)
    return result


def above(observed: float, null: Floats) -> float:
    """The p-value: how often chance reaches what was observed, which counts once itself (Phipson & Smyth 2010)."""
    return float((1 + (null >= observed - 1e-12).sum()) / (1 + len(null)))


def without_nan(data: Any) -> Any:
    """The same data with None for NaN and infinity, which JSON does not have."""
    if isinstance(data, dict):
        return {name: without_nan(value) for name, value in data.items()}
    if isinstance(data, list):
        return [without_nan(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data

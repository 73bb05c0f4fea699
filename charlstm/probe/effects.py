"""What an experiment does to the answers: in log odds first, since choices hide what does not cross the threshold.

Answers are log odds of the endings, class 0 against class 1, in nats. What the network knows of the class is how far
the odds of twins lie apart: an answer shifted by the same amount in both is a changed criterion, not a lost feature.

Legend: N sentences, P pairs of twins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from charlstm.probe.statistics import Estimate, Floats, auc, ratio, share
from charlstm.probe.stimuli import Ints


@dataclass(frozen=True)
class Twins:
    """Which sentences are compared.

    Attributes:
        first, second: (P) where the sentence of class 0 stands, and its twin.
        lemma: (P).
    """

    first: Ints
    second: Ints
    lemma: Ints

    @classmethod
    def of(cls, label: Ints, twin: Ints, lemma: Ints) -> Twins:
        """The twins among sentences: label, twin, lemma (N)."""
        first = np.flatnonzero(label == 0)
        return cls(first, twin[first], lemma[first])

    def apart(self, answers: Floats) -> Floats:
        """How far the log odds of twins lie apart: answers (..., N) -> (..., P), nats."""
        return answers[..., self.first] - answers[..., self.second]


def correct(answers: Floats, label: Ints) -> Floats:
    """1 where the ending of the cue's class is the likelier one, 0 where the other is, a half at a tie: (N)."""
    return np.where(answers == 0, 0.5, (answers > 0) == (label == 0)).astype(float)


def in_order(apart: Floats) -> Floats:
    """1 where the sentence of class 0 has larger odds of class 0 than its twin, a half at a tie: (P)."""
    return np.where(apart == 0, 0.5, apart > 0).astype(float)


def removed(twins: Twins, base: Floats, answers: Floats, rng: np.random.Generator) -> Estimate:
    """The share of what lies between twins that an ablation takes away: 0 nothing, 1 all. base, answers: (N)."""
    before = twins.apart(base)
    return ratio(before - twins.apart(answers), before, twins.lemma, rng)


def recovery(twins: Twins, base: Floats, patched: Floats) -> Floats:
    """How far a patch goes from the answers to the twins': 0 not at all, 1 all the way. patched (..., N) -> (...)."""
    whole = twins.apart(base).sum()
    moved = (twins.apart(base) - twins.apart(patched)).sum(axis=-1) / 2
    return moved / whole if abs(whole) > 1e-9 else np.zeros_like(moved)


def recovery_interval(twins: Twins, base: Floats, patched: Floats, rng: np.random.Generator) -> Estimate:
    """The same with its interval over lemmas: base, patched (N)."""
    before = twins.apart(base)
    return ratio((before - twins.apart(patched)) / 2, before, twins.lemma, rng)


def odds_ratio(twins: Twins, base: Floats, patched: Floats, rng: np.random.Generator) -> Estimate:
    """The mean change of the log odds towards the twin's ending, nats: CausalGym's measure (Arora et al. 2024)."""
    moved = (twins.apart(base) - twins.apart(patched)) / 2
    return ratio(moved, np.ones(len(moved)), twins.lemma, rng)


def nats_apart(twins: Twins, answers: Floats, rng: np.random.Generator) -> Estimate:
    """The mean of how far the log odds of twins lie apart, nats."""
    apart = twins.apart(answers)
    return ratio(apart, np.ones(len(apart)), twins.lemma, rng)


def twin_order(twins: Twins, answers: Floats, rng: np.random.Generator) -> Estimate:
    """The share of twins in the right order."""
    return share(in_order(twins.apart(answers)), twins.lemma, rng)


def flip_share(twins: Twins, base: Floats, patched: Floats) -> float:
    """How often a patch changes the choice, of the sentences whose twin is answered otherwise (NaN if none)."""
    differs = np.sign(base[twins.first]) != np.sign(base[twins.second])
    flipped = [np.sign(patched[side]) != np.sign(base[side]) for side in (twins.first, twins.second)]
    return float(np.concatenate([flip[differs] for flip in flipped]).mean()) if differs.any() else float("nan")


def odds_auc(answers: Floats, label: Ints) -> float:
    """How well the odds alone tell the classes apart, whatever the threshold: (N)."""
    return float(auc(answers, label == 0))

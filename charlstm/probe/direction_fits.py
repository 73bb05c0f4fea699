"""Directions of a layer's state, fitted on sentences whose class is known; see `directions`.

Legend: N sentences, P pairs of twins, L layers, H hidden.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from charlstm.network.cells import State
from charlstm.probe.causes import Bench, answer, first_odds
from charlstm.probe.effects import Twins
from charlstm.probe.sampling import in_turn
from charlstm.probe.statistics import Floats
from charlstm.probe.stimuli import Ints

PENALTY = 0.01  # of the probe's squared weights, beside the mean loss; its inputs have a mean square of 1
PROBE_STEPS = 100  # at most, of LBFGS
DAS_PAIRS = 32  # that DAS is fitted on
DAS_BATCH = 8  # pairs a step
DAS_STEPS = 32
DAS_RATE = 0.4  # of Adam, for numbers of size 1; those of a unit vector are 1 / sqrt(H)
NOTHING = 1e-4  # a mean difference that is this much smaller than the differences is none


class Direction(NamedTuple):
    """A unit vector for each part of a layer's state, in the order of `State`; zeros where nothing was found."""

    h: Tensor  # (H)
    c: Tensor  # (H), or (0) where there is no cell state


@dataclass(frozen=True)
class Lesson:
    """What a direction is fitted on.

    Attributes:
        bench: the sentences.
        layer: where the direction lies, from 0.
        twins: the pairs.
        sign: (P) 1 where the classes stand as they are, -1 where they are exchanged, 0 where the pair is left out.
        weight: (P) so that every lemma counts as much as another; they sum to 1.
        seed: of the pairs that DAS sees, and of where it begins if the means tell nothing.
    """

    bench: Bench
    layer: int
    twins: Twins
    sign: Floats
    weight: Floats
    seed: int

    @classmethod
    def of(cls, bench: Bench, layer: int, seed: int, exchange: bool) -> Lesson:
        """The lesson as it is, or (`exchange`) with the classes of half of the lemmas exchanged at random.

        There the halves are equal, or the classes would be taught after all: an odd lemma is left out.
        """
        twins = Twins.of(bench.label, bench.twin, bench.lemma)
        lemmas, number = np.unique(twins.lemma, return_inverse=True)
        sign = np.ones(len(lemmas))
        if exchange:
            order = np.random.default_rng(seed).permutation(len(lemmas))
            sign[order[1::2]] = -1
            sign[order[len(order) // 2 * 2 :]] = 0
        share = np.abs(sign[number]) / np.bincount(number)[number]
        return cls(bench, layer, twins, sign[number], share / share.sum(), seed)


Fit = Callable[[Lesson], Direction]


def class_means(lesson: Lesson) -> Direction:
    """From the mean of one class to that of the other."""
    found = []
    for part in lesson.bench.at:
        between = _differences(part[lesson.layer], lesson.twins)
        mean = _weights(lesson.weight * lesson.sign, between) @ between
        size = float(between.norm(dim=1).mean()) if len(between) else 0.0
        found.append(_unit(mean) if float(mean.norm()) > NOTHING * size else torch.zeros_like(mean))
    return Direction(*found)


def linear_probe(lesson: Lesson) -> Direction:
    """The weights of a logistic regression with L2, by LBFGS: what tells the classes apart best, used or not."""
    return Direction(*(_logistic(part[lesson.layer], lesson) for part in lesson.bench.at))


@torch.enable_grad()
def _logistic(states: Tensor, lesson: Lesson) -> Tensor:
    """The unit vector for one part of the state: states (N, H) -> (H)."""
    if not states.shape[1]:
        return states.new_zeros(0)
    twins = lesson.twins
    x = torch.cat([states[twins.first], states[twins.second]]).double()
    y = torch.from_numpy(np.concatenate([lesson.sign, -lesson.sign])).to(x)
    weight = _weights(np.concatenate([lesson.weight, lesson.weight]) / 2, x)
    x = x - weight @ x
    x = x / (weight @ x.square()).mean().sqrt().clamp_min(1e-12)
    w = torch.zeros(x.shape[1] + 1, dtype=x.dtype, device=x.device, requires_grad=True)  # the last one is the bias
    search = torch.optim.LBFGS([w], max_iter=PROBE_STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        search.zero_grad()
        loss = weight @ torch.nn.functional.softplus(-y * (x @ w[:-1] + w[-1])) + PENALTY / 2 * w[:-1].square().sum()
        loss.backward()
        return loss

    search.step(closure)
    found = w.detach()[:-1]
    return (_unit(found) if float(found.norm()) > NOTHING else torch.zeros_like(found)).to(states)


def das(lesson: Lesson) -> Direction:
    """The direction whose patch makes the network answer as in the twin; where classes are exchanged, as far away.

    Adam on the squared distance from that answer, from the difference of the means on.
    """
    bench, twins = lesson.bench, lesson.twins
    draw = torch.Generator().manual_seed(lesson.seed)
    start = []
    for part in class_means(lesson):
        anything = torch.randn(part.shape, generator=draw).to(part)
        start.append(_unit(part if float(part.norm()) else anything).clone().requires_grad_())
    vectors = [part for part in start if len(part)]
    pairs = _some(lesson)
    batches = [pairs[k : k + DAS_BATCH] for k in range(0, len(pairs), DAS_BATCH)]
    search = torch.optim.Adam(vectors, lr=DAS_RATE / bench.at.h.shape[2] ** 0.5)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(search, DAS_STEPS)
    whole = float(np.abs(twins.apart(bench.base)).mean())
    for step in range(DAS_STEPS):
        batch = batches[step % len(batches)]
        rows = np.concatenate([twins.first[batch], twins.second[batch]])
        own, other = bench.base[rows], bench.base[bench.twin[rows]]
        wanted = own + np.tile(lesson.sign[batch], 2) * (other - own)
        with torch.enable_grad():
            direction = Direction(*map(_unit, start))
            odds = first_odds(bench, bench.rows[rows], _given(bench, lesson.layer, direction, rows))
            loss = ((odds - torch.from_numpy(wanted).to(odds)) / whole).square().mean()
            for vector, gradient in zip(vectors, torch.autograd.grad(loss, vectors), strict=True):
                vector.grad = gradient
        search.step()
        slower.step()
    return Direction(*(_unit(part.detach()) for part in start))


def _some(lesson: Lesson) -> Ints:
    """Pairs for DAS, from as many lemmas as can be, those with exchanged classes in turn with the others.

    Pairs of like length come together: a batch is read as far as its longest sentence goes.
    """
    kept = np.random.default_rng(lesson.seed).permutation(np.flatnonzero(lesson.sign != 0))
    sign = lesson.sign.astype(np.int64)
    kept = in_turn(in_turn(kept, lesson.twins.lemma), sign)[:DAS_PAIRS]
    stimuli, rows = lesson.bench.stimuli, lesson.bench.rows[lesson.twins.first[kept]]
    span = (stimuli.length[rows] - stimuli.cue[rows]).numpy()
    return in_turn(kept[np.argsort(span, kind="stable")], sign)


FITS: dict[str, Fit] = {"difference of class means": class_means, "linear probe": linear_probe, "DAS": das}


def patch_along(bench: Bench, layer: int, direction: Direction) -> Floats:
    """The log odds when sentences take what their twins have along a direction, once, after the cue: (N)."""
    every = np.arange(len(bench.rows))
    return answer(bench, bench.rows, _given(bench, layer, direction, every))


def _given(bench: Bench, layer: int, direction: Direction, rows: Ints) -> State:
    """The state after the cue, with the twin's value along a direction: rows (n) of the bench -> (L, n, H)."""
    parts = []
    for part, v in zip(bench.at, direction, strict=True):
        own, twin = part[:, rows], part[:, bench.twin[rows]]
        if len(v):
            moved = own[layer] + ((twin[layer] - own[layer]) @ v)[:, None] * v
            own = torch.cat([own[:layer], moved[None], own[layer + 1 :]])
        parts.append(own)
    return State(*parts)


def _differences(states: Tensor, twins: Twins) -> Tensor:
    return states[twins.first] - states[twins.second]


def _weights(weights: Floats, like: Tensor) -> Tensor:
    return torch.from_numpy(weights).to(like)


def _unit(vector: Tensor) -> Tensor:
    unit: Tensor = vector / vector.norm().clamp_min(1e-12)
    return unit

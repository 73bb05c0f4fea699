"""One cell, or a direction? What the best cell does, beside directions of its layer that were fitted to do the same.

A cell's patch gives a sentence two numbers of its twin: cell state and hidden state. A direction gives it two as well:
what lies along a unit vector of the layer's cell state, and along one of its hidden state,

    c + ((c_twin - c) . v) v        h + ((h_twin - h) . u) u

once, at the end of the cue. With the axis of a cell for v and u that is the patch of the cell. Three are fitted on the
lemmas that train, and judged, as the cell is, on those that were held out:

    difference of class means    (Marks & Tegmark 2023)
    linear probe                 logistic regression with L2
    DAS                          distributed alignment search of one dimension: fitted by gradient through the patch, so
                                 that the network answers as it does in the twin (Geiger et al. 2024)

A fit of so many numbers may find something where there is nothing. So each is made again with the classes of half of
the lemmas, drawn at random, exchanged; what such a direction still does to the answer is taken off (selectivity:
Hewitt & Liang 2019; of interventions: CausalGym, Arora et al. 2024).

Legend: N sentences, P pairs of twins, L layers, H hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from charlstm.network.cells import State
from charlstm.network.model import CharLM
from charlstm.probe.causes import Bench, answer, first_odds, make_bench, patch
from charlstm.probe.effects import Twins, flip_share, odds_ratio, recovery, recovery_interval
from charlstm.probe.sampling import in_turn, sample_pairs
from charlstm.probe.statistics import Estimate, Floats
from charlstm.probe.stimuli import Bools, Ints, Stimuli
from charlstm.progress import OnProgress, unheard

PAIRS = 60  # that train, and as many that are held out
CONTROLS = 2  # fits with exchanged classes
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
class Effect:
    """What follows when a cell, or a direction, is given its twin's value.

    Attributes:
        name: of the cell, or of the fit.
        training: the recovery on the lemmas that train; far above the other where a fit does not carry over.
        recovery, nats, flip: as in `result.Patch`.
        cosine: of the direction with the cell's axis, without its sign, in the state that carries the memory.
        control: the recovery of directions fitted with exchanged classes, their mean; None for the cell.
    """

    name: str
    training: float
    recovery: Estimate
    nats: Estimate
    flip: float
    cosine: float
    control: float | None = None

    @property
    def selectivity(self) -> float | None:
        """What the recovery owes to the feature, and not to the fit."""
        return None if self.control is None else self.recovery.value - self.control

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "name": self.name,
            "training": self.training,
            "recovery": self.recovery.to_dict(),
            "nats": self.nats.to_dict(),
            "flip": self.flip,
            "cosine": self.cosine,
            "control": self.control,
            "selectivity": self.selectivity,
        }


@dataclass(frozen=True)
class Directions:
    """The best cell, and the directions of its layer.

    Attributes:
        layer: from 0.
        cell: the cell's effect.
        fitted: those of the directions.
        lemmas: how many they were fitted on, and how many they were judged on.
        controls: how many fits with exchanged classes each has.
    """

    layer: int
    cell: Effect
    fitted: list[Effect]
    lemmas: tuple[int, int]
    controls: int = CONTROLS

    @property
    def best(self) -> Effect:
        """The direction that goes nearest to the whole way."""
        return min(self.fitted, key=lambda effect: abs(1 - effect.recovery.value))

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object: layers count from 1."""
        return {
            "layer": self.layer + 1,
            "cell": self.cell.to_dict(),
            "fitted": [effect.to_dict() for effect in self.fitted],
            "lemmas": {"training": self.lemmas[0], "held_out": self.lemmas[1]},
            "controls": self.controls,
        }


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


def compare(
    model: CharLM,
    stimuli: Stimuli,
    warm: State,
    halves: tuple[Bools, Bools],
    cell: tuple[int, int],
    rng: np.random.Generator,
    on_progress: OnProgress = unheard,
) -> Directions:
    """The patch of a cell (layer and number from 0) beside those of directions of its layer.

    Args:
        warm: the state before each sentence, (L, 1, H).
        halves: (N) each: the sentences that the directions are fitted on, and those that all are judged on; no lemma
            is in both. A sample of them is read.
        rng: of samples, exchanges and intervals.
    """
    layer, number = cell
    on_progress("directions", 0, 1)
    train, held_out = (make_bench(model, stimuli, warm, sample_pairs(stimuli, half, PAIRS, rng)) for half in halves)
    seeds = [int(seed) for seed in rng.integers(2**31, size=1 + CONTROLS)]
    lessons = [Lesson.of(train, layer, seed, exchange=k > 0) for k, seed in enumerate(seeds)]
    twins = Twins.of(held_out.label, held_out.twin, held_out.lemma)

    def judged(name: str, answers: tuple[Floats, Floats], cosine: float, controls: Sequence[Direction] = ()) -> Effect:
        training, patched = answers
        by_chance = [float(recovery(twins, held_out.base, patch_along(held_out, layer, other))) for other in controls]
        return Effect(
            name,
            float(recovery(lessons[0].twins, train.base, training)),
            recovery_interval(twins, held_out.base, patched, rng),
            odds_ratio(twins, held_out.base, patched, rng),
            flip_share(twins, held_out.base, patched),
            cosine,
            float(np.mean(by_chance)) if by_chance else None,
        )

    alone = judged(f"{layer + 1}:{number}", (patch(train, [cell]), patch(held_out, [cell])), 1.0)
    fitted = []
    for k, (name, fit) in enumerate(FITS.items()):
        directions = []
        for j, lesson in enumerate(lessons):
            on_progress("directions", k * len(lessons) + j, len(FITS) * len(lessons))
            directions.append(fit(lesson))
        first = directions[0]
        memory = train.model.cell.memory_of(State(first.h[None, None], first.c[None, None]))[0, 0]
        patched = patch_along(train, layer, first), patch_along(held_out, layer, first)
        fitted.append(judged(name, patched, abs(float(memory[number])), directions[1:]))
    lemmas = len(np.unique(train.lemma)), len(np.unique(held_out.lemma))
    return Directions(layer, alone, fitted, lemmas)


def _differences(states: Tensor, twins: Twins) -> Tensor:
    return states[twins.first] - states[twins.second]


def _weights(weights: Floats, like: Tensor) -> Tensor:
    return torch.from_numpy(weights).to(like)


def _unit(vector: Tensor) -> Tensor:
    unit: Tensor = vector / vector.norm().clamp_min(1e-12)
    return unit

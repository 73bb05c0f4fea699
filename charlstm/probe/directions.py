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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from charlstm.network.cells import State
from charlstm.probe.causes import Bench, patch
from charlstm.probe.direction_fits import FITS, Direction, Lesson, patch_along
from charlstm.probe.effects import Twins, flip_share, odds_ratio, recovery, recovery_interval
from charlstm.probe.sampling import sample_pairs
from charlstm.probe.statistics import Estimate, Floats, as_json
from charlstm.probe.stimuli import Bools
from charlstm.progress import OnProgress, unheard

PAIRS = 60  # that train, and as many that are held out
CONTROLS = 2  # fits with exchanged classes


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
        return {**as_json(self), "selectivity": self.selectivity}


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


def compare(
    bench: Bench,
    halves: tuple[Bools, Bools],
    cell: tuple[int, int],
    rng: np.random.Generator,
    on_progress: OnProgress = unheard,
) -> Directions:
    """The patch of a cell (layer and number from 0) beside those of directions of its layer.

    Args:
        bench: the sentences.
        halves: (N) each: the sentences that the directions are fitted on, and those that all are judged on; no lemma
            is in both. A sample of them is read.
        rng: of samples, exchanges and intervals.
    """
    layer, number = cell
    on_progress("directions", 0, 1)
    train, held_out = (bench.part(sample_pairs(bench.stimuli, half, PAIRS, rng)) for half in halves)
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
        memory = bench.reader.model.cell.memory_of(State(first.h[None, None], first.c[None, None]))[0, 0]
        patched = patch_along(train, layer, first), patch_along(held_out, layer, first)
        fitted.append(judged(name, patched, abs(float(memory[number])), directions[1:]))
    lemmas = len(np.unique(train.lemma)), len(np.unique(held_out.lemma))
    return Directions(layer, alone, fitted, lemmas)

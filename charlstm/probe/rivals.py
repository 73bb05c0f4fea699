"""The cell that speaks against the subject: it follows the last noun, and the answer goes along with it.

Where choices fail past a noun of the other class, this is the other side of the story: the cell that holds the
subject may do so, and be outvoted.

Legend: N sentences, L layers, H hidden, C cells.
"""

from __future__ import annotations

import numpy as np
import torch

from charlstm.probe.causes import Bench, Cells, ablate, ablate_each
from charlstm.probe.effects import correct
from charlstm.probe.evidence import TARGET, Material
from charlstm.probe.result import Removal, Rival
from charlstm.probe.statistics import Floats, auc, ratio
from charlstm.probe.stimuli import Bools, Ints

FOLLOWS = 0.8  # least AUC of the last noun's class, the subject's being fixed, on either half
TRIED = 16  # cells whose removal is tried, on so many sentences:
SAMPLE = 32


def find_rival(material: Material, bench: Bench) -> Rival | None:
    """The cell that follows the last noun and without which choices past an attractor of the other class gain most.

    Candidates come from the discovery half, and what is said of them from the sentences of the bench. None if no cell
    follows the last noun, or none of those that do is missed.
    """
    condition = material.stimuli.condition
    nouns = np.isin(condition, ("same", "opposite")) & material.stimuli.main
    follow, confirmed = (_follows(material, half & nouns) for half in material.halves)
    places = np.argwhere(np.minimum(follow, confirmed) >= FOLLOWS)
    best = places[np.argsort(-follow[tuple(places.T)], kind="stable")][:TRIED]
    opposite = np.flatnonzero(condition[bench.rows] == "opposite")
    if not len(best) or not len(opposite):
        return None
    candidates = [(int(layer), int(cell)) for layer, cell in best]
    some = material.rng.permutation(opposite)[:SAMPLE]
    gains = _towards_right(bench, ablate_each(bench, candidates, _means(material, candidates), some), some).mean(axis=1)
    layer, cell = candidates[int(gains.argmax())]
    value = torch.from_numpy(material.text.mean[layer, cell][None, None, None]).to(bench.at.h)
    without = ablate(bench, [(layer, cell)], value)
    rival = Rival(layer, cell, float(confirmed[layer, cell]), _removals(material, bench, without))
    against = next(removal for removal in rival.removals if removal.condition == "opposite")
    return rival if against.nats.low > 0 else None


def _follows(material: Material, chosen: Bools) -> Floats:
    """The AUC of the attractor's class at the target, with the sign that suits each cell: (L, H)."""
    stimuli, states = material.stimuli, material.states
    attractor = np.where(stimuli.condition == "same", stimuli.label, 1 - stimuli.label)
    figures = [
        auc(states[rows, TARGET], attractor[rows] == 0) for rows in (chosen & (stimuli.label == k) for k in (0, 1))
    ]
    mean = np.nan_to_num(np.stack(figures).mean(axis=0), nan=0.5)
    follow: Floats = np.maximum(mean, 1 - mean)
    return follow


def _means(material: Material, cells: Cells) -> Floats:
    return np.array([material.text.mean[cell] for cell in cells])


def _towards_right(bench: Bench, answers: Floats, rows: Ints) -> Floats:
    """The change of the log odds of the right ending: answers (..., n) of some rows of the bench."""
    return (answers - bench.base[rows]) * np.where(bench.label[rows] == 0, 1, -1)


def _removals(material: Material, bench: Bench, without: Floats) -> list[Removal]:
    condition = bench.stimuli.condition[bench.rows]
    before, after = correct(bench.base, bench.label), correct(without, bench.label)
    removals = []
    for name in ("none", "same", "opposite"):
        rows = np.flatnonzero(condition == name)
        if not len(rows):
            continue
        moved = _towards_right(bench, without[rows], rows)
        nats = ratio(moved, np.ones(len(rows)), bench.lemma[rows], material.rng)
        removals.append(Removal(name, len(rows), float(before[rows].mean()), float(after[rows].mean()), nats))
    return removals

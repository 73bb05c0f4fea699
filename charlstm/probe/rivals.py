"""The cell that speaks against the subject: it follows the last noun, and the answer goes along with it.

Where choices fail past a noun of the other class, this is the other side of the story: the cell that holds the
subject may do so, and be outvoted.

Legend: N sentences, L layers, H hidden, C cells.
"""

from __future__ import annotations

import numpy as np
import torch

from charlstm.probe.cause_result import Removal, Rival
from charlstm.probe.causes import Bench, Cells, ablate, ablate_each
from charlstm.probe.effects import correct
from charlstm.probe.evidence import TARGET, Material
from charlstm.probe.statistics import Floats, auc, ratio
from charlstm.probe.stimuli import Bools, Ints

FOLLOWS = 0.8  # least AUC of the last noun's class, the subject's being fixed, on either half
TRIED = 16  # cells whose removal is tried, on so many sentences:
SAMPLE = 32


def find_rival(material: Material, bench: Bench) -> Rival | None:
    """The cell that follows the last noun and without which choices past an attractor of the other class gain most.

    It is chosen on the discovery half; what is said of it comes from the sentences of the bench, which confirm. None if
    no cell follows the last noun on both halves, or the one that was chosen is no hindrance there.
    """
    stimuli, condition = material.stimuli, material.stimuli.condition
    nouns = np.isin(condition, ("same", "opposite")) & stimuli.main
    discovery, confirmation = (half & nouns for half in material.halves)
    follow = _follows(material, discovery)
    places = np.argwhere(follow >= FOLLOWS)
    best = places[np.argsort(-follow[tuple(places.T)], kind="stable")][:TRIED]
    opposite = np.flatnonzero(discovery & (condition == "opposite"))
    if not len(best) or not len(opposite) or not (condition[bench.rows] == "opposite").any():
        return None
    candidates = [(int(layer), int(cell)) for layer, cell in best]
    sample = np.zeros(len(stimuli), dtype=bool)
    sample[material.rng.permutation(opposite)[:SAMPLE]] = True
    choosing = material.bench.part(sample)
    some = np.flatnonzero(sample[choosing.rows])
    without = ablate_each(choosing, candidates, _means(material, candidates), some)
    layer, cell = candidates[int(_towards_right(choosing, without, some).mean(axis=1).argmax())]
    last_noun_auc = float(_follows(material, confirmation)[layer, cell])
    value = torch.from_numpy(material.text.mean[layer, cell][None, None, None]).to(bench.at.h)
    removals = _removals(material, bench, ablate(bench, [(layer, cell)], [value])[0])
    against = next(removal for removal in removals if removal.condition == "opposite")
    if last_noun_auc < FOLLOWS or not against.nats.low > 0:
        return None
    return Rival(layer, cell, last_noun_auc, removals)


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

"""Some of the sentences, where all of them would take too long."""

from __future__ import annotations

import numpy as np

from charlstm.probe.stimuli import Bools, Ints, Stimuli


def in_turn(numbers: Ints, group: Ints) -> Ints:
    """The numbers so that one of each group comes first, then a second one of each: numbers (n), group (N) of all."""
    of_group = group[numbers]
    before = np.array([int((of_group[:k] == of_group[k]).sum()) for k in range(len(numbers))], dtype=np.int64)
    return numbers[np.argsort(before, kind="stable")]


def sample_pairs(stimuli: Stimuli, chosen: Bools, pairs: int, rng: np.random.Generator) -> Bools:
    """The sentences of class 0 of so many main pairs, from as many lemmas as can be: chosen (N) -> (N)."""
    firsts = rng.permutation(np.flatnonzero(chosen & stimuli.main & (stimuli.label == 0)))
    found = np.zeros(len(stimuli), dtype=bool)
    found[in_turn(firsts, stimuli.lemma)[:pairs]] = True
    return found

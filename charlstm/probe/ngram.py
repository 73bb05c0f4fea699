"""The baseline that a probe has to beat: the longest context, seen in the training text, that knows the answer.

The text before the deciding character is shortened from the left until the training text holds it with one of the two
endings; the more frequent ending wins (as in the unbounded n-gram of Liu et al. 2024, "Infini-gram"). It knows every
local regularity of the text and nothing that lies further back than what was seen word for word.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from charlstm.corpus.vocab import Ids
from charlstm.probe.statistics import Floats
from charlstm.probe.stimuli import Ints, Stimuli

MAX_ORDER = 24  # characters of context
MAX_TEXT = 10_000_000  # characters of training text, from its beginning
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no two characters fall together (2^64 over the golden ratio)

Hashes = npt.NDArray[np.uint64]


class _Occurrences:
    """Where an ending occurs in a text, with a hash of ever more characters before it."""

    def __init__(self, text: Ids, ending: tuple[int, ...]) -> None:
        places = np.flatnonzero(text[: len(text) - len(ending) + 1] == ending[0])
        for k, character in enumerate(ending[1:], 1):
            places = places[text[places + k] == character]
        self.text, self.places = text, places
        self.hashes: Hashes = np.zeros(len(places), dtype=np.uint64)
        self.ordered = self.hashes

    def extend(self, order: int) -> None:
        """Take one more character before each place into the hash."""
        inside = self.places >= order
        self.places = self.places[inside]
        self.hashes = extended(self.hashes[inside], self.text[self.places - order])
        self.ordered = np.sort(self.hashes)

    def count(self, wanted: Hashes) -> Ints:
        """How often each context stands before the ending."""
        right = np.searchsorted(self.ordered, wanted, side="right")
        return (right - np.searchsorted(self.ordered, wanted, side="left")).astype(np.int64)


def extended(hashes: Hashes, characters: npt.NDArray[np.integer]) -> Hashes:
    """The hashes of contexts that are longer by a character on the left: a polynomial modulo 2^64, mixed."""
    mixed = (hashes + characters.astype(np.uint64) + np.uint64(1)) * MULTIPLIER
    return mixed ^ (mixed >> np.uint64(29))


def answer(stimuli: Stimuli, text: Ids, on_progress: Callable[[int, int], None] = lambda done, total: None) -> Floats:
    """Log odds of class 0, from counts: (N). Zero where no context decides."""
    text = np.asarray(text[:MAX_TEXT])
    N = len(stimuli)
    rows_with: dict[tuple[tuple[int, ...], int], list[int]] = {}
    for k, texts in enumerate(stimuli.words):
        for row, ids in enumerate(texts):
            rows_with.setdefault((tuple(ids.tolist()), k), []).append(row)
    occurrences = {ending: _Occurrences(text, ending) for ending, _ in rows_with}
    length = stimuli.length.numpy()
    result, contexts, is_open = np.zeros(N), np.zeros(N, dtype=np.uint64), np.ones(N, dtype=bool)
    # from the shortest context up: the last one that was seen is the longest
    for order in range(MAX_ORDER + 1):
        if order:
            is_open &= length >= order
            previous = stimuli.ids.numpy()[np.arange(N), np.maximum(length - order, 0)]
            contexts = extended(contexts, previous)
            for some in occurrences.values():
                some.extend(order)
        counts = np.zeros((N, 2), dtype=np.int64)
        for (ending, k), rows in rows_with.items():
            counts[rows, k] = occurrences[ending].count(contexts[rows])
        is_open &= counts.sum(axis=1) > 0  # a longer context of one that was not seen was not seen either
        if not is_open.any():
            break
        odds = np.log(counts + 0.5)
        result[is_open] = (odds[:, 0] - odds[:, 1])[is_open]
        on_progress(order + 1, MAX_ORDER + 1)
    return result

"""The baseline that a probe has to beat: the longest context, seen in the training text, that knows the answer.

The text before the deciding character is shortened from the left until the training text holds it with one of the two
endings; the more frequent ending wins (as in the unbounded n-gram of Liu et al. 2024, "Infini-gram"). It knows every
local regularity of the text and nothing that lies further back than what was seen word for word.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from charlstm.probe.statistics import Floats
from charlstm.probe.stimuli import Stimuli
from charlstm.vocab import Ids

MAX_ORDER = 24  # characters of context
MAX_TEXT = 8_000_000  # characters of training text, from its beginning
CHUNK = 1 << 20
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplying by it can be undone (2^64 over the golden ratio)

Hashes = npt.NDArray[np.uint64]


def answer(stimuli: Stimuli, text: Ids, on_progress: Callable[[int, int], None] = lambda done, total: None) -> Floats:
    """Log odds of class 0, from counts: (N). Zero where no context decides."""
    text = text[:MAX_TEXT]
    prefixes = [ids[:length].numpy() for ids, length in zip(stimuli.ids, stimuli.length.tolist(), strict=True)]
    result = np.zeros(len(stimuli))
    open_rows = np.arange(len(stimuli))
    # from the shortest context up: the last one that was seen is the longest
    for order in range(MAX_ORDER + 1):
        wanted = [
            [
                np.concatenate([prefixes[row][len(prefixes[row]) - order :], stimuli.endings[k][row].numpy()])
                for k in (0, 1)
            ]
            for row in open_rows
            if len(prefixes[row]) >= order
        ]
        open_rows = np.array([row for row in open_rows if len(prefixes[row]) >= order], dtype=np.int64)
        if not len(open_rows):
            break
        counts = count_all(text, [gram for both in wanted for gram in both]).reshape(-1, 2)
        seen = counts.sum(axis=1) > 0
        result[open_rows[seen]] = np.log(counts[seen, 0] + 0.5) - np.log(counts[seen, 1] + 0.5)
        open_rows = open_rows[seen]  # a longer context of one that was not seen was not seen either
        on_progress(order + 1, MAX_ORDER + 1)
    return result


def count_all(text: Ids, grams: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """How often each of some sequences of ids occurs in a text."""
    counts = np.zeros(len(grams), dtype=np.int64)
    for size in sorted({len(gram) for gram in grams}):
        rows = [k for k, gram in enumerate(grams) if len(gram) == size]
        hashes = np.array([_hashes(grams[k], size)[0] for k in rows], dtype=np.uint64)
        known, number = np.unique(hashes, return_inverse=True)
        totals = np.zeros(len(known), dtype=np.int64)
        for start in range(0, len(text) - size + 1, CHUNK):
            found = _hashes(text[start : start + CHUNK + size - 1], size)
            place = np.minimum(np.searchsorted(known, found), len(known) - 1)
            totals += np.bincount(place[known[place] == found], minlength=len(known))
        counts[rows] = totals[number]
    return counts


def _hashes(ids: npt.NDArray[np.integer], size: int) -> Hashes:
    """The hash of every run of `size` ids: a polynomial modulo 2^64 of ids that were mixed first."""
    mixed = (ids.astype(np.uint64) + np.uint64(1)) * MULTIPLIER
    mixed ^= mixed >> np.uint64(29)
    result = np.zeros(len(ids) - size + 1, dtype=np.uint64)
    for k in range(size):
        result = result * np.uint64(0xBF58476D1CE4E5B9) + mixed[k : k + len(result)]
    return result

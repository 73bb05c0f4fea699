"""Stretches of ordinary text, and features read off them.

Legend: B stretches, T characters each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from charlstm.corpus.vocab import Ids, Vocabulary
from charlstm.probe.features import FEATURES
from charlstm.probe.statistics import Floats
from charlstm.probe.stimuli import Bools, Ints

MAX_TEXT = 1_000_000  # characters, from the beginning
STRETCHES = 64
SAMPLED_STRETCHES = 40  # of a text that the model writes: that takes time, too
STRETCH_CHARS = 800
MIN_STRETCHES = 8
WARM_CHARS = 50  # read but not scored

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Stretches:
    """Stretches of text.

    Attributes:
        ids: (B, T).
        values: by feature, (B, T).
    """

    ids: Ids
    values: Mapping[str, Floats]

    @classmethod
    def of_text(cls, ids: Ids, vocabulary: Vocabulary, names: Sequence[str]) -> Stretches:
        """Stretches from all over one text: ids (N), at least `MIN_STRETCHES` x `STRETCH_CHARS` characters."""
        ids = np.asarray(ids[:MAX_TEXT])
        text, starts = vocabulary.decode(ids), stretch_starts(len(ids))
        # read off the whole text, so that a quotation that began before the stretch is known
        return cls(cut(ids, starts), {name: cut(FEATURES[name].values(text), starts) for name in names})

    @classmethod
    def of_streams(cls, ids: Ids, vocabulary: Vocabulary, names: Sequence[str]) -> Stretches:
        """Texts that have nothing to do with each other: (B, T)."""
        texts = [vocabulary.decode(row) for row in ids]
        return cls(ids, {name: np.stack([FEATURES[name].values(text) for text in texts]) for name in names})

    @property
    def halves(self) -> tuple[Bools, Bools]:
        """(B) each: the stretches that choose cells, and those that judge them."""
        first = np.arange(len(self.ids)) < len(self.ids) // 2
        return first, ~first


def stretch_starts(length: int) -> Ints:
    """Where stretches from all over a text begin: (B). They do not overlap."""
    number = min(STRETCHES, length // STRETCH_CHARS)
    return np.linspace(0, length - STRETCH_CHARS, number).astype(np.int64)


def cut(values: npt.NDArray[Scalar], starts: Ints) -> npt.NDArray[Scalar]:
    """The stretches of a text, or of what was read off it: (N) -> (B, T)."""
    return np.stack([values[start : start + STRETCH_CHARS] for start in starts])

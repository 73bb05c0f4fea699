"""Where in the training text something stands, for people: its file, the line, and what is around it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from charlstm.corpus.store import Corpus

AROUND = 30  # characters on either side


@dataclass(frozen=True)
class Place:
    """A place in the training text.

    Attributes:
        file: which of its files; "" where that is not known, or it is past the hundredth.
        character: in that file, or in the whole training text where the file is not known, from 1.
        line: likewise, from 1.
        before, after: what stands around the passage there.
    """

    file: str
    character: int
    line: int
    before: str
    after: str


class Places:
    """Finds places in a training text.

    Args:
        corpus: the training text.
    """

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus
        self.starts = np.concatenate([[0], np.cumsum(corpus.lengths, dtype=np.int64)])

    @cached_property
    def newlines(self) -> npt.NDArray[np.int64]:
        """Where its lines end."""
        if "\n" not in self.corpus.vocabulary:
            return np.zeros(0, dtype=np.int64)
        return np.flatnonzero(self.corpus.train == self.corpus.vocabulary.encode("\n")[0])

    def find(self, start: int, length: int) -> Place:
        """The place of a passage: where it begins, in characters from 0, and its characters."""
        file, first = self._file_of(start)
        line = 1 + int(np.diff(np.searchsorted(self.newlines, [first, start]))[0])
        train, decode = self.corpus.train, self.corpus.vocabulary.decode
        before = decode(train[max(first, start - AROUND) : start])
        return Place(file, start - first + 1, line, before, decode(train[start + length : start + length + AROUND]))

    def _file_of(self, start: int) -> tuple[str, int]:
        """The file that a character is in, and where that begins."""
        files, lengths = self.corpus.files, self.corpus.lengths
        if len(files) == 1 and len(lengths) <= 1:
            return files[0], 0
        k = int(np.searchsorted(self.starts, start, side="right")) - 1
        return (files[k], int(self.starts[k])) if k < len(lengths) else ("", 0)

"""Where in the training text something stands, for people: its file, the line, and what is around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from charlstm.corpus.store import Corpus

AROUND = 30  # characters on either side
AT_ONCE = 1 << 24  # characters


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


def place_of(corpus: Corpus, start: int, length: int) -> Place:
    """The place of a passage of the training text.

    Args:
        corpus: the training text.
        start: where the passage begins, in characters from 0.
        length: its characters.
    """
    file, first = _file_of(corpus, start)
    line = 1
    if "\n" in corpus.vocabulary:
        newline = corpus.vocabulary.encode("\n")[0]
        for k in range(first, start, AT_ONCE):
            line += int(np.count_nonzero(corpus.train[k : min(k + AT_ONCE, start)] == newline))
    before = corpus.vocabulary.decode(corpus.train[max(first, start - AROUND) : start])
    after = corpus.vocabulary.decode(corpus.train[start + length : start + length + AROUND])
    return Place(file, start - first + 1, line, before, after)


def _file_of(corpus: Corpus, start: int) -> tuple[str, int]:
    """The file that a character is in, and where that begins."""
    if len(corpus.files) == 1 and len(corpus.lengths) <= 1:
        return corpus.files[0], 0
    starts = np.concatenate([[0], np.cumsum(corpus.lengths, dtype=np.int64)])
    k = int(np.searchsorted(starts, start, side="right")) - 1
    return (corpus.files[k], int(starts[k])) if k < len(corpus.lengths) else ("", 0)

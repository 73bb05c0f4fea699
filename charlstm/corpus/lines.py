"""A text as a list of lines: names, titles, haiku. Each is a text of its own; blank ones are left out.

Which lines are held out follows from the lines alone, not from their order or from a seed: those with the smallest
hashes. So lines that are equal are never on both sides, and runs with different seeds are scored on the same lines.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from charlstm.corpus.vocab import Ids
from charlstm.errors import TextError

MAX_LINE = 1_000_000  # characters

Marks = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]
Lengths = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LineCounts:
    """How many lines a list has.

    Attributes:
        train, valid: on either side.
        repeated: of both, that are equal to one before them.
        shared: of the validation lines, that are equal to a training line; only where each side has files of its own.
        blank: that were left out, because there is nothing but space in them.
    """

    train: int
    valid: int
    repeated: int
    shared: int
    blank: int


class LineReader:
    """Reads texts as lines.

    Attributes:
        blank: how many lines were left out so far.
    """

    def __init__(self) -> None:
        self.blank = 0
        self._marks = array("Q")

    def __len__(self) -> int:
        """How many lines there are so far, blank ones left out."""
        return len(self._marks)

    @property
    def marks(self) -> Marks:
        """A hash of every one of them."""
        return np.array(self._marks, dtype=np.uint64)

    def read(self, chunks: Iterable[str], name: object) -> Iterator[str]:
        """One text, in pieces that are whole lines, each ended by a newline. Raises TextError for an endless line.

        Args:
            chunks: the text as `sources.read_chunks` gives it.
            name: of the text, for the message.
        """
        held: list[str] = []  # of a line that is not complete
        length = 0
        for chunk in chunks:
            end = chunk.rfind("\n") + 1
            if end:
                yield from self._whole("".join((*held, chunk[: end - 1])))
                held, length = [], 0
            held.append(chunk[end:])
            length += len(held[-1])
            if length > MAX_LINE:
                raise TextError(
                    f"{name}: a line has more than {MAX_LINE:,} characters; is it a list, a line each? "
                    "Read it without `lines`",
                    "lines",
                )
        if length:
            yield from self._whole("".join(held))

    def _whole(self, text: str) -> Iterator[str]:
        lines = text.split("\n")
        kept = [line for line in lines if line and not line.isspace()]
        self.blank += len(lines) - len(kept)
        self._marks.extend(
            int.from_bytes(blake2b(line.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
            for line in kept
        )
        if kept:
            yield "\n".join(kept) + "\n"


def held_out_lines(marks: Marks, fraction: float) -> Mask:
    """Which lines are kept for validation: this share of those that are distinct, at least one on either side."""
    distinct = np.unique(marks)
    if fraction == 0 or len(distinct) < 2:
        return np.zeros(len(marks), dtype=bool)
    count = min(len(distinct) - 1, max(1, round(len(distinct) * fraction)))
    held: Mask = marks < distinct[count]
    return held


def count_lines(marks: Marks, held: Mask, blank: int) -> LineCounts:
    """The figures of a list that was split."""
    valid = marks[held]
    return LineCounts(
        train=len(marks) - len(valid),
        valid=len(valid),
        repeated=len(marks) - len(np.unique(marks)),
        shared=int(np.isin(valid, marks[~held]).sum()),
        blank=blank,
    )


def line_lengths(ids: Ids, newline: int) -> Lengths:
    """How long each line is, with the newline that ends it."""
    ends = np.flatnonzero(ids == newline) + 1
    return np.diff(ends, prepend=0)


def line_window(ids: Ids, begins: Lengths, lengths: Lengths, first: int, last: int) -> tuple[Lengths, Lengths]:
    """What is read and what is predicted at the steps `first` to `last` (not included) of some lines: (T, B) each.

    A line is read after a newline, and predicted with the newline that ends it. Where a line has ended, the target
    is -1.

    Args:
        ids: lines, each ended by a newline.
        begins, lengths: (B) where the lines begin in it, and how long they are.
    """
    steps = np.arange(first, last)[:, None]
    places = np.where(steps < lengths, begins + steps, 0)
    inputs = ids[places - 1].astype(np.int64)  # before the first line comes the last character: a newline, too
    return inputs, np.where(steps < lengths, ids[places].astype(np.int64), -1)


def pick_lines(ids: Ids, newline: int, most: int) -> Ids:
    """Lines from all over a list, of together at most so many characters, but at least one; always the same ones."""
    if len(ids) <= most:
        return ids
    lengths = line_lengths(ids, newline)
    order = np.random.RandomState(0).permutation(len(lengths))  # the stream of this one never changes
    kept = max(1, int(np.searchsorted(np.cumsum(lengths[order]), most, side="right")))
    chosen = np.zeros(len(lengths), dtype=bool)
    chosen[order[:kept]] = True
    picked: Ids = ids[np.repeat(chosen, lengths)]
    return picked

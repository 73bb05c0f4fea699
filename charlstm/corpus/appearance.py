"""A part of a text as ids in order of appearance, because the vocabulary is known only when all parts have been read.

A part is read in constant memory, and knows nothing of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from charlstm.corpus.lines import LineReader, Marks
from charlstm.corpus.parts import Piece
from charlstm.corpus.request import CorpusRequest
from charlstm.corpus.sources import read_chunks
from charlstm.corpus.vocab import CODE_POINTS, MAX_CHARACTERS, Ids, code_points
from charlstm.errors import TextError


class Encoder:
    """Ids in order of appearance, for a text whose vocabulary is not known yet.

    Attributes:
        points: the code points so far, by id.
        counts: how often each of them occurred.
        narrow: how many of the ids so far were written as one byte: all, until the 257th distinct character.
    """

    UNKNOWN = MAX_CHARACTERS - 1  # may also be the id of the last character that fits: `known` tells

    def __init__(self) -> None:
        self.id_of = np.full(CODE_POINTS, self.UNKNOWN, dtype=np.uint16)
        self.known = np.zeros(CODE_POINTS, dtype=bool)
        self.points = np.zeros(0, dtype=np.uint32)
        self.counts = np.zeros(0, dtype=np.int64)
        self.narrow = 0

    def encode(self, text: str, path: Path) -> Ids:
        """The ids of a text, as bytes while they fit."""
        try:
            points = code_points(text)
        except UnicodeEncodeError:
            raise TextError(f"{path}: the text contains a lone surrogate, not a character") from None
        ids = self.id_of.take(points, mode="clip")  # no code point is out of bounds: spares the check
        if ids.max() == self.UNKNOWN and self._learn(np.unique(points[~self.known[points]]), path):
            ids = self.id_of.take(points, mode="clip")
        self.counts += np.bincount(ids, minlength=len(self.points))
        if len(self.points) <= 256:
            self.narrow += len(ids)
            return ids.astype(np.uint8)
        return ids

    def _learn(self, new: npt.NDArray[np.uint32], path: Path) -> bool:
        if len(self.points) + len(new) > MAX_CHARACTERS:
            raise too_many_characters(path)
        self.id_of[new] = np.arange(len(self.points), len(self.points) + len(new), dtype=np.uint16)
        self.known[new] = True
        self.points = np.concatenate([self.points, new])
        self.counts = np.concatenate([self.counts, np.zeros(len(new), dtype=np.int64)])
        return len(new) > 0


@dataclass
class Part:
    """What was found in a part of a text.

    Attributes:
        narrow: so many ids, at the beginning, take one byte; the others take two.
        lengths, lines: of every piece, its characters and, in a list, its lines, blank ones left out.
        distinct: how many distinct characters there are up to the end of each piece.
        blank: how many lines were left out.
        error: what is wrong with the last of these pieces, if anything; then no further one was read.
        points: the code points in order of appearance.
        counts: how often each of them occurs.
        marks: of a list, the hashes of its lines.
    """

    narrow: int = 0
    lengths: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    distinct: list[int] = field(default_factory=list)
    blank: int = 0
    error: TextError | None = None
    points: npt.NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, dtype=np.uint32))
    counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    marks: Marks = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))


def encode_part(
    pieces: Sequence[Piece], request: CorpusRequest, place: Path, on_bytes: Callable[[int], None] = lambda n: None
) -> Part:
    """Write the ids of some pieces of a text, in order of appearance, into a file `place`. Raises OSError."""
    part, encoder, reader = Part(), Encoder(), LineReader()
    with open(place, "wb") as out:
        for piece in pieces:
            length, lines = 0, len(reader)
            try:
                chunks = read_chunks(piece.path, request.encoding, request.normalize, on_bytes, span=piece.span)
                for text in reader.read(chunks, piece.path) if request.lines else chunks:
                    out.write(encoder.encode(text, piece.path).data)
                    length += len(text)
                if length == 0 and piece.is_last and piece.span.begin == 0:  # known here, before the rest is read
                    raise empty_text(piece.path, request.lines)
            except TextError as e:
                part.error = e
            part.lengths.append(length)
            part.lines.append(len(reader) - lines)
            part.distinct.append(len(encoder.points))
            if part.error is not None:
                break
    part.narrow, part.blank = encoder.narrow, reader.blank
    part.points, part.counts, part.marks = encoder.points, encoder.counts, reader.marks
    return part


def too_many_characters(path: Path) -> TextError:
    """What to say of a text whose vocabulary would be too large."""
    return TextError(f"more than {MAX_CHARACTERS:,} distinct characters up to {path}; is it a text?")


def empty_text(path: Path, lines: bool) -> TextError:
    """What to say of a text in which there is nothing."""
    return TextError(f"{path}: the file is empty" + (", or has only blank lines" if lines else ""))

"""Which parts of a text can be read apart from each other: some files, or some of the bytes of a large one.

A file is cut behind a newline. In the encodings of `CUT` the byte of a newline is never part of another character;
nothing that follows a newline joins it in normal form C, and the byte before it may be its CR. What is read of a file
in parts is the same as in one piece, and so is the first thing that is wrong with it: chunks end at the same places,
and a chunk that is cut is sound.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from charlstm.corpus import sources
from charlstm.corpus.sources import WHOLE, Span, open_text, stands_alone
from charlstm.errors import TextError

CUT = frozenset({"utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252"})  # as `check_encoding` calls them
CHUNKS_SEARCHED = 8  # for a place to cut; a text without lines is read in one piece
CONTINUES = range(0x80, 0xC0)  # the bytes of UTF-8 with which no character begins


@dataclass(frozen=True)
class Piece:
    """A file, or some of it.

    Attributes:
        file: its place among the files of the text.
        path, span: where it is.
        is_last: whether the file ends with it.
    """

    file: int
    path: Path
    span: Span = WHOLE
    is_last: bool = True


def plan_parts(paths: Sequence[Path], encoding: str, part_bytes: int) -> Iterator[list[Piece]]:
    """The pieces of a text in order, grouped so that a part has about so many bytes. Raises TextError."""
    part, size = list[Piece](), 0
    for file, path in enumerate(paths):
        try:
            length = path.stat().st_size
            places = [0, *cut_places(path, encoding, length, part_bytes), WHOLE.end]
        except OSError as e:
            raise TextError(f"{path}: {e.strerror or e}") from None
        for begin, end in pairwise(places):
            if part and size + min(end, length) - begin > part_bytes:
                yield part
                part, size = [], 0
            part.append(Piece(file, path, Span(begin, end), end == WHOLE.end))
            size += min(end, length) - begin
    yield part


def cut_places(path: Path, encoding: str, length: int, part_bytes: int) -> Iterator[int]:
    """Where a file is cut, in bytes: about every so many of them, behind a newline. Raises OSError."""
    if length <= part_bytes or encoding not in CUT or path.suffix == ".gz":
        return
    chunk, begin = sources.CHUNK_BYTES, 0
    with open_text(path) as f:
        while begin + part_bytes < length:
            first = (begin + part_bytes) // chunk * chunk
            f.seek(first)
            place = begin
            for at in range(first, first + CHUNKS_SEARCHED * chunk, chunk):
                place = at + _behind_newline(f.read(chunk), encoding)
                if place > max(at, begin):
                    yield place
                    break
            begin = max(place, begin + part_bytes)


def _behind_newline(chunk: bytes, encoding: str) -> int:
    """The first place in a chunk where a file may be cut, in bytes; 0 if there is none, or something is wrong."""
    skipped = 0  # of a character that begins in the chunk before
    while encoding == "utf-8" and skipped < min(3, len(chunk)) and chunk[skipped] in CONTINUES:
        skipped += 1
    try:
        text = codecs.getincrementaldecoder(encoding)("strict").decode(chunk[skipped:])
    except UnicodeDecodeError:
        return 0
    if "\0" in text:
        return 0
    place = text.find("\n") + 1
    while place:
        before = text[max(0, place - 3) : place - 1].removesuffix("\r")
        if before and before[-1] != "\r" and place < len(text) and stands_alone(text[place]):
            return skipped + len(text[:place].encode(encoding))
        place = text.find("\n", place) + 1
    return 0

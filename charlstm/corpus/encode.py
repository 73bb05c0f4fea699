"""From text to ids, in one pass over the text and in constant memory.

Ids come in order of appearance first, because the vocabulary is known only at the end; then they are put in the
order of the code points (after those characters that the vocabulary has to begin with) while the split is made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from charlstm.corpus.blocks import BlockWriter
from charlstm.corpus.lines import LineReader, Mask, count_lines, held_out_lines
from charlstm.corpus.request import CorpusRequest
from charlstm.corpus.sources import read_chunks
from charlstm.corpus.vocab import CODE_POINTS, MAX_CHARACTERS, Ids, Vocabulary, code_points, describe
from charlstm.errors import TextError
from charlstm.files.atomic import sync, sync_folder
from charlstm.progress import OnProgress, Tally

COPY_IDS = 1 << 18
NAMED_FILES = 100  # of a corpus, so that a person can tell stores apart


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
            raise TextError(f"more than {MAX_CHARACTERS:,} distinct characters up to {path}; is it a text?")
        self.id_of[new] = np.arange(len(self.points), len(self.points) + len(new), dtype=np.uint16)
        self.known[new] = True
        self.points = np.concatenate([self.points, new])
        self.counts = np.concatenate([self.counts, np.zeros(len(new), dtype=np.int64)])
        return len(new) > 0


def encode(
    request: CorpusRequest,
    train: Sequence[Path],
    valid: Sequence[Path],
    folder: Path,
    sha256: str,
    on_progress: OnProgress,
) -> None:
    """Encode texts into a folder, and flush it to the disk: `corpus.json`, `train.ids`, `valid.ids`.

    Args:
        request: how they are read, and split.
        train, valid: the files; without `valid`, the end of every file of `train` is kept for validation.
        folder: empty.
        sha256: names the corpus.

    Raises:
        TextError: for a text that cannot be read, or trained on.
    """
    tally = Tally(on_progress, "encoding", sum(p.stat().st_size for p in (*train, *valid)))
    encoder, reader = Encoder(), LineReader()
    lengths, line_ends = [], [0]  # characters of every file, and lines up to its end
    appearance = folder / "appearance.ids"
    with open(appearance, "wb") as out:
        for path in (*train, *valid):
            length = 0
            chunks = read_chunks(path, request.encoding, request.normalize, tally.add)
            for text in reader.read(chunks, path) if request.lines else chunks:
                out.write(encoder.encode(text, path).data)
                length += len(text)
            if length == 0:
                raise TextError(f"{path}: the file is empty" + (", or has only blank lines" if request.lines else ""))
            lengths.append(length)
            line_ends.append(len(reader))
    points = np.sort(encoder.points)
    if len(points) < 2:
        raise TextError(
            f"the text has one distinct character, {describe(chr(points[0]))}: there is nothing to learn from it"
        )
    known = set(request.characters)
    vocabulary = Vocabulary([*request.characters, *(c for c in map(chr, points) if c not in known)])
    in_vocabulary = vocabulary.encode("".join(map(chr, encoder.points)))  # the id of every character that appeared
    counts = np.zeros(len(vocabulary), dtype=np.int64)
    counts[in_vocabulary] = encoder.counts
    with (
        open(appearance, "rb") as source,
        BlockWriter(folder / "train.ids") as a,
        BlockWriter(folder / "valid.ids") as b,
    ):
        renumbered = _Renumbered(source, encoder.narrow, in_vocabulary)
        if request.lines:
            marks = reader.marks
            held = held_out_lines(marks, request.valid_fraction)
            if valid:
                held = np.arange(len(marks)) >= line_ends[len(train)]
            _copy_lines(renumbered.read(sum(lengths)), int(vocabulary.encode("\n")[0]), held, a, b)
            lengths = []
        for k, length in enumerate(lengths):
            kept = length if valid else int(length * (1 - request.valid_fraction))
            kept = 0 if k >= len(train) else kept
            lengths[k] = kept  # from here on: of what is trained on
            for target, count in ((a, kept), (b, length - kept)):
                for block in renumbered.read(count):
                    target.write(block)
        ids = {"train": a.finish(), "valid": b.finish()}
    appearance.unlink()
    about: dict[str, Any] = {
        "sha256": sha256,
        "vocabulary": "".join(vocabulary.characters),
        "counts": counts.tolist(),
        "files": [str(p) for p in train[:NAMED_FILES]],
        "lengths": lengths[: len(train)][:NAMED_FILES],
        "compose": request.normalize,
        "ids": ids,
    }
    if request.lines:
        about["lines"] = asdict(count_lines(marks, held, reader.blank))
    with open(folder / "corpus.json", "w", encoding="utf-8") as f:
        f.write(json.dumps({**about, "check": check_of(about)}))
        f.flush()
        sync(f.fileno())
    sync_folder(folder)


def check_of(about: Mapping[str, Any]) -> str:
    """The sha256 of what a `corpus.json` says."""
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


class _Renumbered:
    """Ids in order of appearance, read again from their file, with their numbers in the vocabulary.

    Args:
        source: the file.
        narrow: so many of them, at the beginning, take one byte; the others take two.
        new_id: by the old one.
    """

    def __init__(self, source: BinaryIO, narrow: int, new_id: Ids) -> None:
        self.source, self.narrow, self.new_id = source, narrow, new_id

    def read(self, count: int) -> Iterator[Ids]:
        """The next so many, in blocks."""
        while count:
            id_type = np.dtype(np.uint8 if self.narrow else np.uint16)
            most = min(count, self.narrow or count, COPY_IDS)
            ids = np.frombuffer(self.source.read(id_type.itemsize * most), dtype=id_type)
            assert len(ids), "fewer ids than were counted"
            yield self.new_id.take(ids, mode="clip")
            self.narrow -= min(self.narrow, len(ids))
            count -= len(ids)


def _copy_lines(blocks: Iterable[Ids], newline: int, held: Mask, train: BlockWriter, valid: BlockWriter) -> None:
    """Put every line where it belongs; `held` says which ones are for validation."""
    line = 0
    for ids in blocks:
        ends = ids == newline
        here = held[line + np.cumsum(ends) - ends]
        for target, part in ((train, ids[~here]), (valid, ids[here])):
            if len(part):
                target.write(part)
        line += int(ends.sum())

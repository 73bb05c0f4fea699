"""From text to ids, in one pass over the text and in constant memory.

Ids come in order of appearance first, because the vocabulary is known only at the end; then they are put in the
order of the code points (after those characters that the vocabulary has to begin with) while the split is made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from charlstm.corpus.blocks import BlockWriter
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
    encoder = Encoder()
    lengths = []  # characters of every file
    appearance = folder / "appearance.ids"
    with open(appearance, "wb") as out:
        for path in (*train, *valid):
            length = 0
            for text in read_chunks(path, request.encoding, request.normalize, tally.add):
                out.write(encoder.encode(text, path).data)
                length += len(text)
            if length == 0:
                raise TextError(f"{path}: the file is empty")
            lengths.append(length)
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
        for k, length in enumerate(lengths):
            kept = length if valid else int(length * (1 - request.valid_fraction))
            kept = 0 if k >= len(train) else kept
            lengths[k] = kept  # from here on: of what is trained on
            for target, count in ((a, kept), (b, length - kept)):
                narrow = min(count, encoder.narrow)
                encoder.narrow -= narrow
                _copy_ids(source, np.uint8, target, narrow, in_vocabulary)
                _copy_ids(source, np.uint16, target, count - narrow, in_vocabulary)
        ids = {"train": a.finish(), "valid": b.finish()}
    appearance.unlink()
    about = {
        "sha256": sha256,
        "vocabulary": "".join(vocabulary.characters),
        "counts": counts.tolist(),
        "files": [str(p) for p in train[:NAMED_FILES]],
        "lengths": lengths[: len(train)][:NAMED_FILES],
        "compose": request.normalize,
        "ids": ids,
    }
    with open(folder / "corpus.json", "w", encoding="utf-8") as f:
        f.write(json.dumps({**about, "check": check_of(about)}))
        f.flush()
        sync(f.fileno())
    sync_folder(folder)


def check_of(about: Mapping[str, Any]) -> str:
    """The sha256 of what a `corpus.json` says."""
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _copy_ids(
    source: BinaryIO, id_type: type[np.unsignedinteger], target: BlockWriter, count: int, new_id: Ids
) -> None:
    width = np.dtype(id_type).itemsize
    while count:
        ids = np.frombuffer(source.read(width * min(count, COPY_IDS)), dtype=id_type)
        assert len(ids), "fewer ids than were counted"
        target.write(new_id.take(ids, mode="clip"))
        count -= len(ids)

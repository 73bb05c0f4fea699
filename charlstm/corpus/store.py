"""The corpus as ids on disk, memory-mapped, kept by content: the same texts are encoded once.

A store is a folder named by the sha256 of what went in (the bytes of every file, how they were read, and the
split): `corpus.json`, `train.ids` and `valid.ids`, in the smallest unsigned integer type. It is made in one
pass over the text, in constant memory: ids in order of appearance first, because the vocabulary is known only
at the end; then put in the order of the code points while the split is made.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from charlstm.cache import cache_folder
from charlstm.corpus.sources import STDIN, check_encoding, find_files, read_chunks
from charlstm.errors import TextError
from charlstm.vocab import CODE_POINTS, MAX_CHARACTERS, Ids, Vocabulary, code_points, describe

FORMAT = 1
COPY_IDS = 1 << 18
OPENING_CHARS = 10_000_000  # so much of a text tells whether it has paragraphs
BLANK_LINE_EVERY = 10  # newlines, at least, in a text with paragraphs
OnProgress = Callable[[str, int, int], None]  # what is being done, bytes done since the last call, bytes in all


@dataclass(frozen=True)
class CorpusRequest:
    """Which texts, read how, split where.

    Attributes:
        files: what the person typed; `-` is standard input.
        valid_files: texts for validation, in place of the end of every file.
        encoding: of all of them.
        compose: whether to bring them into normal form C.
        valid_fraction: the share of every file, at its end, that is kept for validation.
    """

    files: tuple[str, ...]
    valid_files: tuple[str, ...] = ()
    encoding: str = "utf-8"
    compose: bool = True
    valid_fraction: float = 0.1


@dataclass(frozen=True)
class Corpus:
    """A text as ids.

    Attributes:
        sha256: of everything that went in; names the store.
        vocabulary: every distinct character of both parts, by code point.
        counts: how often each of them occurs, by id.
        compose: whether it was brought into normal form C.
        train, valid: the ids, memory-mapped.
        files: the paths, for messages.
    """

    sha256: str
    vocabulary: Vocabulary
    counts: tuple[int, ...]
    compose: bool
    train: Ids
    valid: Ids
    files: tuple[str, ...]

    def opening(self) -> str:
        """What its parts begin after: a blank line where it has paragraphs, else a newline.

        In a text without newlines, the character that occurs most often.
        """
        if "\n" not in self.vocabulary:
            return self.vocabulary.characters[int(np.argmax(self.counts))]
        newline = self.vocabulary.encode("\n")[0]
        newlines = np.flatnonzero(self.train[:OPENING_CHARS] == newline)
        blank_lines = int((np.diff(newlines) == 1).sum())
        return "\n\n" if 0 < len(newlines) <= BLANK_LINE_EVERY * blank_lines else "\n"

    def rarest(self, n: int) -> list[tuple[str, int]]:
        """The n characters that occur least often, with how often."""
        order = np.argsort(self.counts, kind="stable")[:n]
        return [(self.vocabulary.characters[i], self.counts[i]) for i in order]


def open_corpus(
    request: CorpusRequest,
    stdin: BinaryIO | None = None,
    on_progress: OnProgress = lambda what, done, total: None,
) -> Corpus:
    """Encode the texts of a request, or find them encoded.

    Raises:
        TextError: for anything that cannot be read, decoded, or trained on. No store is left behind.
    """
    check_encoding(request.encoding)
    spooled: dict[str, Path] = {}
    cache = cache_folder("corpora")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="new-", dir=cache) as scratch:
            if STDIN in request.files + request.valid_files:
                if stdin is None:
                    raise TextError("-: there is no standard input to read")
                spooled[STDIN] = Path(scratch) / "standard input"
                with open(spooled[STDIN], "wb") as f:
                    shutil.copyfileobj(stdin, f, 1 << 20)
            train = _resolve(request.files, spooled)
            valid = _resolve(request.valid_files, spooled)
            before = _fingerprint(train + valid)
            sha256 = _digest(request, train, valid, on_progress)
            store = cache / sha256
            if not (store / "corpus.json").exists():
                new = Path(scratch) / "store"
                new.mkdir()
                _encode(request, train, valid, new, sha256, on_progress)
                if _fingerprint(train + valid) != before:
                    raise TextError("a file of the corpus changed while it was read; wait until it is complete")
                _move(new, store)
            return _open(store)
    except OSError as e:
        raise TextError(
            f"cannot keep the encoded corpus in {cache}: {e.strerror or e}; set CHARLSTM_CACHE_DIR"
        ) from None


def stored_corpus(sha256: str) -> Corpus | None:
    """The corpus that a run was trained on, if it is still encoded here."""
    store = cache_folder("corpora") / sha256
    return _open(store) if (store / "corpus.json").exists() else None


def _resolve(arguments: Sequence[str], spooled: dict[str, Path]) -> list[Path]:
    named = [a for a in arguments if a != STDIN]
    files = find_files(named) if named else []
    return files + [spooled[STDIN] for a in arguments if a == STDIN]


def _fingerprint(paths: Sequence[Path]) -> list[tuple[int, int]]:
    try:
        return [(s.st_size, s.st_mtime_ns) for s in (p.stat() for p in paths)]
    except OSError as e:
        raise TextError(f"{e.filename}: {e.strerror}") from None


def _digest(request: CorpusRequest, train: Sequence[Path], valid: Sequence[Path], on_progress: OnProgress) -> str:
    total = sum(p.stat().st_size for p in (*train, *valid))
    digests: list[list[str]] = []
    for paths in (train, valid):
        digests.append([])
        for path in paths:
            digest = hashlib.sha256()
            try:
                with open(path, "rb") as f:
                    while chunk := f.read(1 << 20):
                        digest.update(chunk)
                        on_progress("reading", len(chunk), total)
            except OSError as e:
                raise TextError(f"{path}: {e.strerror}") from None
            digests[-1].append(digest.hexdigest() + (" gz" if path.suffix == ".gz" else ""))
    how = [FORMAT, request.encoding, request.compose, request.valid_fraction if not valid else 0.0]
    return hashlib.sha256(json.dumps([how, *digests]).encode()).hexdigest()


class _Encoder:
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
            raise TextError(f"{path}: a lone surrogate is not text") from None
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
            raise TextError(f"more than {MAX_CHARACTERS:,} distinct characters by {path}; is it a text?")
        self.id_of[new] = np.arange(len(self.points), len(self.points) + len(new), dtype=np.uint16)
        self.known[new] = True
        self.points = np.concatenate([self.points, new])
        self.counts = np.concatenate([self.counts, np.zeros(len(new), dtype=np.int64)])
        return len(new) > 0


def _encode(
    request: CorpusRequest,
    train: Sequence[Path],
    valid: Sequence[Path],
    folder: Path,
    sha256: str,
    on_progress: OnProgress,
) -> None:
    total = sum(p.stat().st_size for p in (*train, *valid))
    encoder = _Encoder()
    lengths = []  # characters of every file
    appearance = folder / "appearance.ids"
    with open(appearance, "wb") as out:
        for path in (*train, *valid):
            length = 0
            for text in read_chunks(
                path, request.encoding, request.compose, lambda n: on_progress("encoding", n, total)
            ):
                out.write(encoder.encode(text, path).data)
                length += len(text)
            if length == 0:
                raise TextError(f"{path}: the file is empty")
            lengths.append(length)
    points = np.sort(encoder.points)
    if len(points) < 2:
        raise TextError(
            f"the corpus has one distinct character, {describe(chr(points[0]))}: there is nothing to learn from it"
        )
    vocabulary = Vocabulary([chr(p) for p in points])
    by_code_point = np.empty(len(points), dtype=vocabulary.id_type)
    by_code_point[encoder.id_of[points]] = np.arange(len(points), dtype=vocabulary.id_type)
    with open(appearance, "rb") as source, open(folder / "train.ids", "wb") as a, open(folder / "valid.ids", "wb") as b:
        for k, length in enumerate(lengths):
            kept = length if valid else int(length * (1 - request.valid_fraction))
            kept = 0 if k >= len(train) else kept
            for target, count in ((a, kept), (b, length - kept)):
                narrow = min(count, encoder.narrow)
                encoder.narrow -= narrow
                _copy_ids(source, np.uint8, target, narrow, by_code_point)
                _copy_ids(source, np.uint16, target, count - narrow, by_code_point)
    appearance.unlink()
    about = {
        "sha256": sha256,
        "vocabulary": "".join(vocabulary.characters),
        "counts": encoder.counts[encoder.id_of[points]].tolist(),
        "files": [str(p) for p in train],
        "request": asdict(request),
    }
    (folder / "corpus.json").write_text(json.dumps(about), encoding="utf-8")


def _copy_ids(source: BinaryIO, id_type: type[np.unsignedinteger], target: BinaryIO, count: int, new_id: Ids) -> None:
    width = np.dtype(id_type).itemsize
    while count:
        ids = np.frombuffer(source.read(width * min(count, COPY_IDS)), dtype=id_type)
        target.write(new_id.take(ids, mode="clip").data)
        count -= len(ids)


def _move(new: Path, store: Path) -> None:
    try:
        new.rename(store)
    except OSError:
        if not (store / "corpus.json").exists():  # else another process was faster, with the same content
            raise


def _open(store: Path) -> Corpus:
    about = json.loads((store / "corpus.json").read_text(encoding="utf-8"))
    vocabulary = Vocabulary(about["vocabulary"])
    train, valid = (_map(store / name, vocabulary) for name in ("train.ids", "valid.ids"))
    compose = about["request"]["compose"]
    return Corpus(about["sha256"], vocabulary, tuple(about["counts"]), compose, train, valid, tuple(about["files"]))


def _map(path: Path, vocabulary: Vocabulary) -> Ids:
    if path.stat().st_size == 0:
        return np.zeros(0, dtype=vocabulary.id_type)
    return np.memmap(path, dtype=vocabulary.id_type, mode="r")

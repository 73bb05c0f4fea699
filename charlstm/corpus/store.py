"""The corpus as ids on disk, kept by content: the same texts are encoded once.

A store is a folder named by the sha256 of what went in (the bytes of every file, how they were read, and the
split): `corpus.json`, `train.ids` and `valid.ids`, in the smallest unsigned integer type. It is made beside its place
and moved there, and what is damaged (see `blocks`) is made again: no file of a store ever changes.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import zip_longest
from pathlib import Path
from time import monotonic
from typing import BinaryIO

import numpy as np

from charlstm.corpus.blocks import read_ids
from charlstm.corpus.encode import check_of, encode, sharing_of
from charlstm.corpus.hashing import hash_files
from charlstm.corpus.lines import LineCounts
from charlstm.corpus.request import CorpusRequest
from charlstm.corpus.sources import SPOOLED, STDIN, check_encoding, check_globs, check_stdin, find_files, read_chunks
from charlstm.corpus.vocab import Ids, Vocabulary
from charlstm.errors import TextError
from charlstm.files.atomic import read_regular
from charlstm.files.cache import cache_folder, make_folder, move_into_cache, remove_abandoned
from charlstm.files.cores import usable_cores
from charlstm.files.locks import Turn, take_turn
from charlstm.progress import OnProgress, Tally, unheard

FORMAT = 1
SCRATCH = "new-"
MAX_ABOUT = 64 << 20  # bytes; 65,536 characters take about 2 MB, and a TB of ids 4
ABANDONED_S = 24 * 3600  # no encoding takes this long
OPENING_CHARS = 10_000_000  # enough of a text to tell whether it has paragraphs
LINE_BLOCK = 1 << 20  # characters that are looked through at once
BLANK_LINE_EVERY = 10  # newlines, at least, in a text with paragraphs
NAME_CHARS = 32
NOTE_S = 0.5  # between two notes to those who wait

Fingerprint = list[tuple[int, int, int, int]]  # of every file its size, when it changed, and which file it is


@dataclass(frozen=True)
class Corpus:
    """A text as ids.

    Attributes:
        sha256: of everything that went in; names the store.
        vocabulary: every distinct character of both parts, by code point; before them those that the request names,
            in its order.
        counts: how often each of them occurs, by id.
        normalize: whether it was brought into normal form C.
        train, valid: the ids; small ones in memory, large ones memory-mapped.
        files: the first of the paths, for messages.
        lengths: how many characters of `train` come from each of these files; empty in a store of version 0.2, and of
            a list, whose lines are split.
        valid_lengths: how many of `valid` come from each of all files, those of `train` first; as for `lengths`.
        lines: of a list of lines, how many; None for a text that was read as one.
    """

    sha256: str
    vocabulary: Vocabulary
    counts: tuple[int, ...]
    normalize: bool
    train: Ids
    valid: Ids
    files: tuple[str, ...]
    lengths: tuple[int, ...] = ()
    valid_lengths: tuple[int, ...] = ()
    lines: LineCounts | None = None

    @property
    def newline(self) -> int:
        """The id of the newline, which ends every line of a list."""
        return int(self.vocabulary.encode("\n")[0])

    def opening(self) -> str:
        """What its parts begin after: a blank line where it has paragraphs, else a newline.

        In a text without newlines, the character that occurs most often.
        """
        if self.lines is not None:
            return "\n"
        newline = self.newline if "\n" in self.vocabulary else None
        if newline is None or not self.counts[newline]:
            return self.vocabulary.characters[int(np.argmax(self.counts))]
        newlines = np.flatnonzero(self.train[:OPENING_CHARS] == newline)
        blank_lines = int((np.diff(newlines) == 1).sum())
        return "\n\n" if 0 < len(newlines) <= BLANK_LINE_EVERY * blank_lines else "\n"

    def has_lines(self, wanted: Collection[str]) -> set[str]:
        """Which of some lines the text has, in either part."""
        found = set[str]()
        for file in self._files():
            rest = ""
            for ids in file:
                for start in range(0, len(ids), LINE_BLOCK):
                    *lines, rest = (rest + self.vocabulary.decode(ids[start : start + LINE_BLOCK])).split("\n")
                    found.update(set(lines).intersection(wanted))
            found |= {rest}.intersection(wanted)
        return found

    def _files(self) -> Iterator[tuple[Ids, Ids]]:
        """What is learnt of every file, and what is held out of it; files without a name of their own count as one."""
        begin = valid_begin = 0
        lengths = self.lengths if self.valid_lengths else ()  # older stores do not know the others
        for length, valid_length in zip_longest(lengths, self.valid_lengths, fillvalue=0):
            end, valid_end = begin + length, valid_begin + valid_length
            yield self.train[begin:end], self.valid[valid_begin:valid_end]
            begin, valid_begin = end, valid_end
        yield self.train[begin:], self.valid[valid_begin:]

    def rarest(self, n: int) -> list[tuple[str, int]]:
        """The n characters that occur least often, of those that do, with how often."""
        order = [i for i in np.argsort(self.counts, kind="stable") if self.counts[i]][:n]
        return [(self.vocabulary.characters[i], self.counts[i]) for i in order]

    @property
    def distinct(self) -> int:
        """How many characters of the vocabulary occur in it."""
        return sum(count > 0 for count in self.counts)

    def widened(self, vocabulary: Vocabulary) -> Corpus:
        """The same text in a vocabulary that begins with its own. Raises ValueError for one that does not."""
        more = len(vocabulary) - len(self.vocabulary)
        if vocabulary.characters[: len(self.vocabulary)] != self.vocabulary.characters:
            raise ValueError("the vocabulary does not begin with that of the text")
        return replace(self, vocabulary=vocabulary, counts=(*self.counts, *[0] * more))


def open_corpus(
    request: CorpusRequest,
    stdin: BinaryIO | None = None,
    on_progress: OnProgress = unheard,
    processes: int | None = None,
) -> Corpus:
    """Encode the texts of a request, or find them encoded. Processes that open the same at once encode it once.

    Args:
        request: which texts, and how they are read.
        stdin: standard input, if it is one of them.
        on_progress: is told how far we are, or another process for which we wait.
        processes: at most so many share the work on a large text; None: as many as there are cores for us.

    Raises:
        UsageError: if it is more than one of them.
        TextError: for anything that cannot be read, decoded, or trained on. No store is left behind.
        CharLSTMError: if a process that shares the work was killed.
    """
    check_encoding(request.encoding)
    check_stdin(request.files + request.valid_files)
    cache = cache_folder("corpora")
    spooled: dict[str, Path] = {}
    try:
        make_folder(cache)
        remove_abandoned(cache, f"{SCRATCH}*", ABANDONED_S)
        with ExitStack() as until_encoded:
            if STDIN in request.files + request.valid_files:
                if stdin is None:
                    raise TextError("-: standard input is closed")
                place = until_encoded.enter_context(tempfile.TemporaryDirectory(prefix=SCRATCH, dir=cache))
                spooled[STDIN] = Path(place) / SPOOLED
                with open(spooled[STDIN], "wb") as f:
                    shutil.copyfileobj(stdin, f, 1 << 20)
            check_globs(request.files + request.valid_files, request.globs)
            train = _resolve(request.files, request.globs, spooled)
            valid = _resolve(request.valid_files, request.globs, spooled)
            text = _Text(request, train, valid, _fingerprint(train + valid), cache)
            _check_beginnings(request, train + valid)
            return text.open_once(processes or usable_cores(), on_progress)
    except TextError as e:
        if STDIN not in spooled:
            raise
        raise TextError(str(e).replace(str(spooled[STDIN]), SPOOLED), *e.settings) from None
    except OSError as e:
        raise TextError(
            f"cannot write the encoded text to {cache}: {e.strerror or e}; set CHARLSTM_CACHE_DIR"
        ) from None


def stored_corpus(sha256: str, on_progress: OnProgress = unheard) -> Corpus | None:
    """The corpus that a run was trained on, if it is still encoded here, and sound."""
    return _open(cache_folder("corpora") / sha256, sha256, on_progress)


def _resolve(arguments: Sequence[str], globs: Sequence[str], spooled: dict[str, Path]) -> list[Path]:
    return [path for a in arguments for path in ([spooled[a]] if a == STDIN else find_files([a], globs))]


@dataclass(frozen=True)
class _Text:
    """Files that have been found, and are opened as a corpus.

    Attributes:
        request: how they are read.
        train, valid: the files.
        before: how they were.
        cache: where their store is, or will be.
    """

    request: CorpusRequest
    train: list[Path]
    valid: list[Path]
    before: Fingerprint
    cache: Path

    def open_once(self, processes: int, on_progress: OnProgress) -> Corpus:
        """The corpus, encoded by us or by a process that is at it."""
        work = self._name_of_work()
        lock = self.cache / f"{SCRATCH}{work}.lock"
        while True:
            with take_turn(lock, _is_sha256, partial(_tell_of_other, on_progress)) as turn:
                if not _is_sha256(turn.found):
                    prefix = f"{SCRATCH}{work}-"
                    if turn.is_alone:  # so whoever was encoding it before has been killed
                        remove_abandoned(self.cache, f"{prefix}*", 0)
                    corpus = self._find_or_encode(prefix, processes, _telling(turn, on_progress))
                    turn.write(corpus.sha256)
                    return corpus
            self._check_unchanged()
            found = _open(self.cache / turn.found, turn.found, on_progress)
            if found is not None:
                return found

    def _find_or_encode(self, prefix: str, processes: int, on_progress: OnProgress) -> Corpus:
        request, train, valid, cache = self.request, self.train, self.valid, self.cache
        sharing = sharing_of(sum(size for size, *_ in self.before), processes)
        sha256 = _digest(request, train, valid, on_progress, sharing.processes)
        corpus = _open(cache / sha256, sha256, on_progress)
        if corpus is None:
            with tempfile.TemporaryDirectory(prefix=prefix, dir=cache) as scratch:
                new, parts = Path(scratch) / "store", Path(scratch) / "parts"
                new.mkdir()
                parts.mkdir()
                encode(request, train, valid, new, parts, sha256, on_progress, sharing)
                self._check_unchanged()
                corpus = _open(new, sha256, on_progress)
                if corpus is None:
                    raise TextError(f"cannot read back the encoded text in {cache}: is the disk full or failing?")
                move_into_cache(new, cache / sha256, Path(scratch) / "damaged", "corpus.json")
        return corpus

    def _check_unchanged(self) -> None:
        if _fingerprint(self.train + self.valid) != self.before:
            raise TextError("a file of the text changed while charlstm read it; wait until it is complete")

    def _name_of_work(self) -> str:
        """A name that processes which want the same text have in common, for as long as none of its files changes."""
        how = asdict(replace(self.request, files=(), valid_files=(), globs=()))
        packed = [[path.suffix == ".gz" for path in paths] for paths in (self.train, self.valid)]
        return hashlib.sha256(json.dumps([how, packed, self.before]).encode()).hexdigest()[:NAME_CHARS]


def _fingerprint(paths: Sequence[Path]) -> Fingerprint:
    try:
        return [(s.st_size, s.st_mtime_ns, s.st_dev, s.st_ino) for s in (p.stat() for p in paths)]
    except OSError as e:
        raise TextError(f"{e.filename}: {e.strerror}") from None


def _is_sha256(note: str) -> bool:
    return re.fullmatch("[0-9a-f]{64}", note) is not None


def _telling(turn: Turn, on_progress: OnProgress) -> OnProgress:
    """A function that tells those, too, who wait for their turn."""
    noted_at = -math.inf

    def tell(what: str, done: int, total: int) -> None:
        nonlocal noted_at
        on_progress(what, done, total)
        if monotonic() - noted_at > NOTE_S:
            turn.write(f"{what} {done} {total}")
            noted_at = monotonic()

    return tell


def _tell_of_other(on_progress: OnProgress, note: str) -> None:
    """Tell of the process that we wait for what it has told us."""
    what, *counts = note.rsplit(" ", 2)
    if len(counts) == 2 and all(map(str.isdecimal, counts)):
        on_progress(f"another process is {what}", *map(int, counts))


def _check_beginnings(request: CorpusRequest, paths: Sequence[Path]) -> None:
    """Raise TextError for a file whose beginning is no text, before gigabytes of it are read in vain."""
    for path in paths:
        next(read_chunks(path, request.encoding, request.normalize), None)


def _digest(
    request: CorpusRequest, train: Sequence[Path], valid: Sequence[Path], on_progress: OnProgress, threads: int
) -> str:
    paths = (*train, *valid)
    tally = Tally(on_progress, "reading", sum(p.stat().st_size for p in paths))
    hashes = [
        digest + (" gz" if path.suffix == ".gz" else "")
        for path, digest in zip(paths, hash_files(paths, threads, tally.add), strict=True)
    ]
    digests = [hashes[: len(train)], hashes[len(train) :]]
    how: list[object] = [FORMAT, request.encoding, request.normalize, request.valid_fraction if not valid else 0.0]
    if request.characters:
        how.append(request.characters)
    if request.lines:
        how.append({"lines": True})
    return hashlib.sha256(json.dumps([how, *digests]).encode()).hexdigest()


def _open(store: Path, sha256: str, on_progress: OnProgress) -> Corpus | None:
    """The corpus in a store; None if there is none, it was damaged, or made before there were hashes to tell."""
    try:
        about = json.loads(read_regular(store / "corpus.json", MAX_ABOUT))
        check = about.pop("check")
        if about["sha256"] != sha256 or check != check_of(about):
            return None
        vocabulary = Vocabulary(about["vocabulary"])
        tally = Tally(on_progress, "checking", sum(part["bytes"] for part in about["ids"].values()))
        train, valid = (
            read_ids(store / f"{name}.ids", about["ids"][name], len(vocabulary), tally.add)
            for name in ("train", "valid")
        )
        lines = LineCounts(**about["lines"]) if "lines" in about else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, TextError):
        return None
    counts, files, lengths, valid_lengths = (
        tuple(about.get(name, ())) for name in ("counts", "files", "lengths", "valid_lengths")
    )
    return Corpus(sha256, vocabulary, counts, about["compose"], train, valid, files, lengths, valid_lengths, lines)

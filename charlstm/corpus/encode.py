"""From text to ids, in one pass over the text and in constant memory, by as many processes as there are cores.

Ids come in order of appearance first, because the vocabulary is known only at the end; then they are put in the
order of the code points (after those characters that the vocabulary has to begin with) while the split is made.

A large text is read in parts (see `parts`), each with an order of appearance of its own. What comes out does not depend
on them, and neither does what is said of a text that cannot be used: of all that is wrong, the first.
"""

from __future__ import annotations

import hashlib
import json
import sys
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from charlstm.corpus.appearance import Part, empty_text, encode_part, too_many_characters
from charlstm.corpus.lines import count_lines, held_out_lines
from charlstm.corpus.parts import Piece, plan_parts
from charlstm.corpus.request import CorpusRequest
from charlstm.corpus.sources import SPOOLED, Span
from charlstm.corpus.split import Written, split_runs, write_ids, write_lines
from charlstm.corpus.vocab import CODE_POINTS, MAX_CHARACTERS, Vocabulary, describe
from charlstm.corpus.workers import SETUP, Teller, share_out, take_jobs, tell, tell_failure
from charlstm.errors import TextError
from charlstm.files.atomic import sync, sync_folder
from charlstm.progress import OnProgress, Tally

NAMED_FILES = 100  # of a corpus, so that a person can tell stores apart
SHARED_FROM = 1 << 28  # bytes: with a smaller text, starting processes costs as much as they save
MIN_PART_BYTES, MAX_PART_BYTES = 1 << 22, 1 << 26
PARTS_EACH = 8  # for every process, so that none has to wait long for the last one
MAX_PROCESSES = 32
READING = "reading"  # in the scratch folder


@dataclass(frozen=True)
class Sharing:
    """How the work is shared out.

    Attributes:
        processes: how many do it; 1: this one.
        part_bytes: how much of the text is read at a time.
    """

    processes: int = 1
    part_bytes: int = sys.maxsize


def sharing_of(text_bytes: int, processes: int) -> Sharing:
    """How a text of this size is shared out among at most so many processes."""
    if text_bytes < SHARED_FROM or processes < 2:
        return Sharing()
    processes = min(processes, MAX_PROCESSES)
    return Sharing(processes, max(MIN_PART_BYTES, min(MAX_PART_BYTES, text_bytes // (PARTS_EACH * processes))))


def encode(
    request: CorpusRequest,
    train: Sequence[Path],
    valid: Sequence[Path],
    folder: Path,
    scratch: Path,
    sha256: str,
    on_progress: OnProgress,
    sharing: Sharing,
) -> None:
    """Encode texts into a folder, and flush it to the disk: `corpus.json`, `train.ids`, `valid.ids`.

    Args:
        request: how they are read, and split.
        train, valid: the files; without `valid`, the end of every file of `train` is kept for validation.
        folder: empty.
        scratch: a folder for what is needed meanwhile: as much space again.
        sha256: names the corpus.

    Raises:
        TextError: for a text that cannot be read, or trained on.
        CharLSTMError: if a process that shares the work was killed.
    """
    paths = (*train, *valid)
    parts = list(plan_parts(paths, request.encoding, sharing.part_bytes))
    text = _Text(request, parts, len(paths), len(train))
    text.read(scratch, sharing.processes, Tally(on_progress, "encoding", sum(p.stat().st_size for p in paths)))
    points = np.flatnonzero(text.counts)
    if len(points) < 2:
        raise TextError(
            f"the text has one distinct character, {describe(chr(points[0]))}: there is nothing to learn from it"
        )
    known = set(request.characters)
    vocabulary = Vocabulary([*request.characters, *(c for c in map(chr, points) if c not in known)])
    written = [
        Written(scratch / str(k), part.narrow, sum(part.lengths), vocabulary.encode("".join(map(chr, part.points))))
        for k, part in enumerate(text.done)
    ]
    about: dict[str, Any] = {
        "sha256": sha256,
        "vocabulary": "".join(vocabulary.characters),
        "counts": text.counts[vocabulary.points].tolist(),
        "files": [p.name if p.name == SPOOLED else str(p) for p in train[:NAMED_FILES]],
        "lengths": [],
        "valid_lengths": [],
        "compose": request.normalize,
    }
    tally = Tally(on_progress, "storing", sum(text.lengths) * vocabulary.id_type.itemsize)
    if request.lines:
        marks = np.concatenate([part.marks for part in text.done])
        held = held_out_lines(marks, request.valid_fraction)
        if valid:
            held = np.arange(len(marks)) >= text.train_lines
        about["ids"] = write_lines(written, int(vocabulary.encode("\n")[0]), held, folder, tally)
        about["lines"] = asdict(count_lines(marks, held, sum(part.blank for part in text.done)))
    else:
        kept = [n if valid else int(n * (1 - request.valid_fraction)) for n in text.lengths]
        kept[len(train) :] = [0] * len(valid)
        about["lengths"] = kept[: len(train)][:NAMED_FILES]
        about["valid_lengths"] = [n - k for n, k in zip(text.lengths, kept, strict=True)][:NAMED_FILES]
        runs = dict(zip(("train", "valid"), split_runs(text.lengths, kept), strict=True))
        about["ids"] = write_ids(written, runs, vocabulary.id_type.itemsize, folder, scratch, sharing.processes, tally)
    with open(folder / "corpus.json", "w", encoding="utf-8") as f:
        f.write(json.dumps({**about, "check": check_of(about)}))
        f.flush()
        sync(f.fileno())
    sync_folder(folder)


def check_of(about: Mapping[str, Any]) -> str:
    """The sha256 of what a `corpus.json` says."""
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


class _Text:
    """A text that is read, part by part, in any order.

    Attributes:
        counts: how often each code point occurs.
        lengths: of every file, in characters.
        train_lines: how many lines of a list are in the files for training.
        done: the parts that have been read, in their order.
    """

    def __init__(self, request: CorpusRequest, parts: Sequence[Sequence[Piece]], files: int, train: int) -> None:
        self.request, self.parts, self.train = request, parts, train
        self.counts = np.zeros(CODE_POINTS, dtype=np.int64)
        self.lengths, self.train_lines, self.done = [0] * files, 0, list[Part]()
        self._early: dict[int, Part] = {}  # that wait for one before them

    def read(self, scratch: Path, processes: int, tally: Tally) -> None:
        """Read all of it; the ids of every part, in its order of appearance, go to a file that has its number."""
        how = {name: getattr(self.request, name) for name in ("encoding", "normalize", "lines")}
        setup = {"how": how, "scratch": str(scratch)}

        def on_message(message: dict[str, Any]) -> None:
            if "done" in message:
                tally.add(message["done"])
            else:
                self._add(message["part"], _told(message, scratch))

        if processes > 1 and len(self.parts) > 1:
            jobs = [
                [(piece.file, str(piece.path), *piece.span, piece.is_last) for piece in part] for part in self.parts
            ]
            if share_out(_read_parts, setup, jobs, scratch / READING, processes, on_message):
                return
        for k, part in enumerate(self.parts):
            self._add(k, encode_part(part, self.request, scratch / str(k), tally.add))

    def _add(self, k: int, part: Part) -> None:
        self._early[k] = part
        while (k := len(self.done)) in self._early:
            self._merge(self.parts[k], self._early.pop(k))

    def _merge(self, pieces: Sequence[Piece], part: Part) -> None:
        """Put a part behind those before it. Raises TextError for the first thing that is wrong."""
        new = np.flatnonzero(self.counts[part.points] == 0)
        room = MAX_CHARACTERS - np.count_nonzero(self.counts)
        too_many = bisect_right(part.distinct, new[room]) if len(new) > room else len(part.lengths)
        for k, (piece, length, lines) in enumerate(zip(pieces, part.lengths, part.lines, strict=False)):
            if k == too_many:
                raise too_many_characters(piece.path)
            self.lengths[piece.file] += length
            self.train_lines += lines if piece.file < self.train else 0
            if part.error is not None and k == len(part.lengths) - 1:
                raise part.error
            if piece.is_last and self.lengths[piece.file] == 0:
                raise empty_text(piece.path, self.request.lines)
        self.counts[part.points] += part.counts
        self.done.append(part)


def _read_parts(folder: str, count: str) -> None:
    """In a worker: read the parts that nobody has taken."""
    setup = json.loads((Path(folder) / SETUP).read_text(encoding="ascii"))
    request, scratch, teller = CorpusRequest((), **setup["how"]), Path(setup["scratch"]), Teller()
    try:
        for k, job in take_jobs(Path(folder), int(count)):
            pieces = [Piece(file, Path(path), Span(begin, end), last) for file, path, begin, end, last in job]
            part = encode_part(pieces, request, scratch / str(k), teller.add)
            if request.lines:
                part.marks.tofile(_marks(scratch, k))
            error = None if part.error is None else [str(part.error), *part.error.settings]
            found = {name: getattr(part, name) for name in ("narrow", "lengths", "lines", "distinct", "blank")}
            teller.flush()
            tell(part=k, points=part.points.tolist(), counts=part.counts.tolist(), error=error, **found)
            if error:
                return
    except OSError as e:
        tell_failure(e)


def _told(message: dict[str, Any], scratch: Path) -> Part:
    """The part that a worker tells of."""
    k, error, points, counts = (message.pop(name) for name in ("part", "error", "points", "counts"))
    part = Part(**message, error=None if error is None else TextError(*error))
    part.points, part.counts = np.array(points, dtype=np.uint32), np.array(counts, dtype=np.int64)
    if (place := _marks(scratch, k)).exists():
        part.marks = np.fromfile(place, dtype=np.uint64)
        place.unlink()
    return part


def _marks(scratch: Path, k: int) -> Path:
    return scratch / f"{k}.marks"

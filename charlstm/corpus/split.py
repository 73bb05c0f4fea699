"""From ids in order of appearance to those of the vocabulary, put where they belong: `train.ids` and `valid.ids`."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np

from charlstm.corpus import blocks
from charlstm.corpus.blocks import BlockWriter
from charlstm.corpus.lines import Mask
from charlstm.corpus.vocab import MAX_CHARACTERS, Ids, smallest_id_type
from charlstm.corpus.workers import SETUP, Teller, share_out, take_jobs, tell, tell_failure
from charlstm.files.atomic import sync
from charlstm.progress import Tally

COPY_IDS = 1 << 18
WRITTEN_BLOCKS = 4  # of ids, by one process at a time
WRITING, TABLES = "writing", "new ids.npy"  # in the scratch folder

Runs = list[tuple[int, int]]  # of a text: where each begins, and how long it is


@dataclass(frozen=True)
class Written:
    """A part whose ids have been written.

    Attributes:
        path: the file.
        narrow: so many ids, at the beginning, take one byte; the others take two.
        length: how many ids there are.
        new_id: the id in the vocabulary, by the id in order of appearance.
    """

    path: Path
    narrow: int
    length: int
    new_id: Ids


class Renumbered:
    """All parts one after the other, read again with the ids of the vocabulary."""

    def __init__(self, parts: Sequence[Written]) -> None:
        self.parts = parts
        self.begins = [0, *accumulate(part.length for part in parts)]
        self._open: tuple[Written, BinaryIO] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None) -> None:
        if self._open is not None:
            self._open[1].close()

    def read(self, begin: int, count: int) -> Iterator[Ids]:
        """`count` ids, from the character `begin` of the text, in blocks."""
        while count:
            k = bisect_right(self.begins, begin) - 1
            part, at = self.parts[k], begin - self.begins[k]
            is_narrow = at < part.narrow
            id_type = smallest_id_type(1 if is_narrow else MAX_CHARACTERS)
            most = min(count, COPY_IDS, (part.narrow if is_narrow else part.length) - at)
            file = self._file(part)
            file.seek(at if is_narrow else 2 * at - part.narrow)
            ids = np.frombuffer(file.read(id_type.itemsize * most), dtype=id_type)
            assert len(ids) == most, "fewer ids than were counted"
            yield part.new_id.take(ids, mode="clip")
            begin += most
            count -= most

    def _file(self, part: Written) -> BinaryIO:
        if self._open is None or self._open[0] is not part:
            if self._open is not None:
                self._open[1].close()
            self._open = part, open(part.path, "rb")  # noqa: SIM115 (closed when another is opened, or by `__exit__`)
        return self._open[1]


def split_runs(lengths: Sequence[int], kept: Sequence[int]) -> tuple[Runs, Runs]:
    """What goes into `train.ids` and `valid.ids`: of every file its first so many characters, and the rest."""
    train, valid, begin = Runs(), Runs(), 0
    for length, count in zip(lengths, kept, strict=True):
        for runs, start, characters in ((train, begin, count), (valid, begin + count, length - count)):
            if runs and sum(runs[-1]) == start:  # it goes on
                runs[-1] = runs[-1][0], runs[-1][1] + characters
            elif characters:
                runs.append((start, characters))
        begin += length
    return train, valid


def _cut_runs(runs: Runs, most: int) -> Iterator[Runs]:
    """The same runs in groups of so many characters; only the last has fewer."""
    group, room = Runs(), most
    for begin, count in runs:
        while count:
            part = min(count, room)
            group.append((begin, part))
            begin, count, room = begin + part, count - part, room - part
            if room == 0:
                yield group
                group, room = Runs(), most
    if group:
        yield group


def write_ids(
    written: Sequence[Written],
    runs: Mapping[str, Runs],
    itemsize: int,
    folder: Path,
    scratch: Path,
    processes: int,
    tally: Tally,
) -> dict[str, Any]:
    """Write `NAME.ids` for every name in `runs`; what `read_ids` needs to know of them."""
    group = WRITTEN_BLOCKS * blocks.BLOCK_BYTES
    jobs = [(name, k * group, some) for name in runs for k, some in enumerate(_cut_runs(runs[name], group // itemsize))]
    if processes > 1 and len(jobs) > 1:
        hashes = _write_together(written, jobs, folder, scratch, processes, tally)
        if hashes is not None:
            return {name: _synced(folder / f"{name}.ids", hashes[name]) for name in runs}
    about = {}
    with Renumbered(written) as ids:
        for name in runs:
            with BlockWriter(folder / f"{name}.ids") as out:
                for run in runs[name]:
                    for block in ids.read(*run):
                        out.write(block)
                        tally.add(block.nbytes)
                about[name] = out.finish()
    return about


def _write_together(
    written: Sequence[Written],
    jobs: Sequence[tuple[str, int, Runs]],
    folder: Path,
    scratch: Path,
    processes: int,
    tally: Tally,
) -> dict[str, list[str]] | None:
    """Have other processes write the files; the hashes of their blocks. None if there are none."""
    done: dict[int, list[str]] = {}

    def on_message(message: dict[str, Any]) -> None:
        if "done" in message:
            tally.add(message["done"])
        else:
            done[message["job"]] = message["hashes"]

    hashes: dict[str, list[str]] = {"train": [], "valid": []}
    for name in hashes:
        (folder / f"{name}.ids").touch()
    np.save(scratch / TABLES, np.concatenate([part.new_id for part in written]))
    parts = [(str(part.path), part.narrow, part.length, len(part.new_id)) for part in written]
    setup = {"parts": parts, "folder": str(folder), "block_bytes": blocks.BLOCK_BYTES}
    if not share_out(_write_some, setup, jobs, scratch / WRITING, processes, on_message):
        return None
    for k, (name, _, _) in enumerate(jobs):
        hashes[name] += done[k]
    return hashes


def _synced(path: Path, hashes: list[str]) -> dict[str, Any]:
    with open(path, "r+b") as f:
        sync(f.fileno())
    return {"bytes": path.stat().st_size, "blocks": hashes}


def _write_some(folder: str, count: str) -> None:
    """In a worker: write the blocks of ids that nobody has taken."""
    setup, teller = json.loads((Path(folder) / SETUP).read_text(encoding="ascii")), Teller()
    tables, begin, parts = np.load(Path(folder).with_name(TABLES)), 0, list[Written]()
    for path, narrow, length, size in setup["parts"]:
        parts.append(Written(Path(path), narrow, length, tables[begin : begin + size]))
        begin += size
    try:
        with Renumbered(parts) as ids:
            for k, (name, at, runs) in take_jobs(Path(folder), int(count)):
                with BlockWriter(Path(setup["folder"]) / f"{name}.ids", at, setup["block_bytes"]) as out:
                    for run in runs:
                        for block in ids.read(*run):
                            out.write(block)
                            teller.add(block.nbytes)
                    hashes = out.end()
                teller.flush()
                tell(job=k, hashes=hashes)
    except OSError as e:
        tell_failure(e)


def write_lines(written: Sequence[Written], newline: int, held: Mask, folder: Path, tally: Tally) -> dict[str, Any]:
    """Put every line where it belongs; `held` says which ones are for validation."""
    with (
        Renumbered(written) as ids,
        BlockWriter(folder / "train.ids") as train,
        BlockWriter(folder / "valid.ids") as valid,
    ):
        line = 0
        for block in ids.read(0, sum(part.length for part in written)):
            ends = block == newline
            here = held[line + np.cumsum(ends) - ends]
            for target, part in ((train, block[~here]), (valid, block[here])):
                if len(part):
                    target.write(part)
            line += int(ends.sum())
            tally.add(block.nbytes)
        return {"train": train.finish(), "valid": valid.finish()}

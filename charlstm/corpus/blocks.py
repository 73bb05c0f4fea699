"""Ids on disk with a hash of every block, so that what was damaged is noticed before a network learns from it.

A corpus of up to 256 MB is read into memory, so the file may change afterwards. A larger one is memory-mapped, and no
program may shorten it while it is in use (charlstm never does: it makes a store beside its place and moves it there).
All ids of a file are checked to be those of a character. All hashes of a file of up to 1 GB are compared; of a larger
one, those of 64 blocks of 16 MB, evenly spread, the first and the last among them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from charlstm.corpus.vocab import Ids, smallest_id_type
from charlstm.files.atomic import open_regular, sync

BLOCK_BYTES = 1 << 24
HASHED_BLOCKS = 64
IN_MEMORY_BYTES = 256 << 20


class BlockWriter:
    """A new file of ids, with the hashes of its blocks.

    Args:
        path: the file.
        at: where in a file that is there we begin to write, in bytes: after whole blocks. None: in a new file.
        block_bytes: the size of a block; None: that of all files.
    """

    def __init__(self, path: Path, at: int | None = None, block_bytes: int | None = None) -> None:
        self.block_bytes = block_bytes or BLOCK_BYTES
        self.file = open(path, "wb" if at is None else "r+b")  # noqa: SIM115 (closed by `__exit__`)
        self.file.seek(at or 0)
        self.bytes, self.hashes, self.hash = 0, list[str](), hashlib.sha256()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None) -> None:
        self.file.close()

    def write(self, ids: Ids) -> None:
        """Append ids."""
        rest = ids.data.cast("B")
        self.file.write(rest)
        while rest:
            part = rest[: self.block_bytes - self.bytes % self.block_bytes]
            self.hash.update(part)
            self.bytes += len(part)
            if self.bytes % self.block_bytes == 0:
                self._end_block()
            rest = rest[len(part) :]

    def finish(self) -> dict[str, Any]:
        """Flush everything to the disk; returns the length and the hashes, as `read_ids` needs them."""
        self.end()
        sync(self.file.fileno())
        return {"bytes": self.bytes, "blocks": self.hashes}

    def end(self) -> list[str]:
        """Hand everything over to the system; returns the hashes."""
        if self.bytes % self.block_bytes:
            self._end_block()
        self.file.flush()
        return self.hashes

    def _end_block(self) -> None:
        self.hashes.append(self.hash.hexdigest())
        self.hash = hashlib.sha256()


def read_ids(
    path: Path, about: Mapping[str, Any], vocab_size: int, on_bytes: Callable[[int], None] = lambda n: None
) -> Ids:
    """The ids of a file, checked as the module says.

    Args:
        path: the file.
        about: what `BlockWriter.finish` said of it.
        vocab_size: ids must be below it.
        on_bytes: called with the number of bytes checked since the last call.

    Raises:
        ValueError: if it is not as it was written.
        OSError: if it cannot be read.
    """
    return read_numbers(path, about, smallest_id_type(vocab_size), vocab_size, on_bytes)


def read_numbers(
    path: Path,
    about: Mapping[str, Any],
    kind: np.dtype[np.unsignedinteger],
    limit: int,
    on_bytes: Callable[[int], None] = lambda n: None,
) -> NDArray[np.unsignedinteger]:
    """The numbers of a file, checked as the module says: ids, or places in a text.

    Args:
        path, about, on_bytes: as in `read_ids`.
        kind: their type.
        limit: they must be below it.

    Raises:
        ValueError: if it is not as it was written.
        OSError: if it cannot be read.
    """
    size, hashes = about["bytes"], about["blocks"]
    with open_regular(path) as f:
        if os.fstat(f.fileno()).st_size != size or size % kind.itemsize or len(hashes) != -(-size // BLOCK_BYTES):
            raise ValueError("it is not as long as it was")
        if size == 0:
            return np.zeros(0, dtype=kind)
        if size > IN_MEMORY_BYTES:
            numbers: NDArray[np.unsignedinteger] = np.memmap(f, dtype=kind, mode="r")
        else:
            numbers = np.empty(size // kind.itemsize, dtype=kind)
            if f.readinto(numbers.data.cast("B")) != size:
                raise ValueError("it was cut short")
            numbers.flags.writeable = False
    step, hashed = BLOCK_BYTES // kind.itemsize, hashed_blocks(len(hashes))
    for k, claimed in enumerate(hashes):
        block: NDArray[np.unsignedinteger] = numbers[k * step : (k + 1) * step]
        if block.max() >= limit or (k in hashed and hashlib.sha256(block.data).hexdigest() != claimed):
            raise ValueError("it was damaged")
        on_bytes(block.nbytes)
    return numbers


def hashed_blocks(count: int) -> set[int]:
    """Which blocks, of this many, are compared with their hashes."""
    if count <= HASHED_BLOCKS:
        return set(range(count))
    return {k * (count - 1) // (HASHED_BLOCKS - 1) for k in range(HASHED_BLOCKS)}

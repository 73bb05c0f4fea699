"""The sha256 of every file of a text. Threads do: while it hashes, Python lets others run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from threading import Event

from charlstm.corpus.sources import open_text
from charlstm.errors import TextError

READ_BYTES = 1 << 20
POLL_S = 0.1


def hash_files(paths: Sequence[Path], threads: int, on_bytes: Callable[[int], None]) -> Iterator[str]:
    """The sha256 of the files, in order. Raises TextError for the first that cannot be read.

    Args:
        threads: so many files are read side by side.
        on_bytes: called with the number of bytes read since the last call, by the thread that asks for the hashes.
    """
    if threads == 1 or len(paths) == 1:
        yield from (_hash(path, on_bytes) for path in paths)
        return
    read, stop = SimpleQueue[int](), Event()

    def note(part: int) -> None:
        read.put(part)
        if stop.is_set():
            raise InterruptedError

    def tell() -> None:
        while not read.empty():
            on_bytes(read.get())

    with ThreadPoolExecutor(threads, thread_name_prefix="charlstm") as pool:
        try:
            for future in [pool.submit(_hash, path, note) for path in paths]:
                while not _has_ended(future):
                    tell()
                tell()
                yield future.result()
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _has_ended(future: Future[str]) -> bool:
    try:
        future.exception(timeout=POLL_S)
    except TimeoutError:
        return False
    return True


def _hash(path: Path, on_bytes: Callable[[int], None]) -> str:
    digest = hashlib.sha256()
    try:
        with open_text(path) as f:
            while chunk := f.read(READ_BYTES):
                digest.update(chunk)
                on_bytes(len(chunk))
    except OSError as e:
        raise TextError(f"{path}: {e.strerror}") from None
    return digest.hexdigest()

"""What is done to a disk: files that are replaced whole or not at all, and a folder held for one process."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from charlstm.errors import CharLSTMError, UsageError

LOCK = ".lock"
WRITE_BYTES = 1 << 24


def write_atomically(path: Path, data: bytes | bytearray, option: str = "--out") -> None:
    """Replace a file so that a reader, or a crash, finds the old content or the new, never a part of it.

    Args:
        path: the file.
        data: all that it shall hold.
        option: which option named it, for the message.

    Raises:
        CharLSTMError: names the file and why it could not be written; what was there before is untouched.
    """
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=temporary_prefix(path.name), dir=path.parent)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest[:WRITE_BYTES]) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as e:
        raise cannot_write(path, e, option) from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)


def cannot_write(path: Path, error: OSError, option: str = "--out") -> CharLSTMError:
    """What to say when a file cannot be written."""
    return CharLSTMError(f"cannot write {path}: {error.strerror or error}; free some space or give another {option}")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive a power failure, where the system can."""
    if os.name == "posix":  # pragma: no branch
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def temporary_prefix(name: str) -> str:
    """How the names of files begin that are to become `name`."""
    return f".{name.removeprefix('.')}-"


def is_unfinished(name: str, names: tuple[str, ...]) -> bool:
    """Whether this is the name of a file that was to become one of `names`, in the forms that `tempfile` gives them."""
    prefixes = "|".join(re.escape(temporary_prefix(n)) for n in names)
    return re.fullmatch(rf"({prefixes})(new|(new-)?[a-z0-9_]{{8}})", name) is not None


def remove_unfinished(folder: Path, names: tuple[str, ...]) -> None:
    """Remove what a process that was killed had begun to write."""
    for path in folder.iterdir():
        if is_unfinished(path.name, names):
            with suppress(OSError):
                path.unlink()


def read_regular(path: Path, most: int) -> bytes:
    """The content of a file. Raises OSError if it cannot be read, is no regular file, or has more than `most` bytes."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a file")
    with open(path, "rb") as f:
        data = f.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"more than {most >> 20} MB")
    return data


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Keep all other processes that ask from a folder.

    The system lets go when this process ends, however it ends: a lock file that lies about locks nothing.

    Raises:
        UsageError: if another process holds it.
        CharLSTMError: if the folder cannot be written to.
    """
    lock = FileLock(folder / LOCK, blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise UsageError(
            f"{folder}: another charlstm is training here; wait until it has ended, or give another folder"
        ) from None
    except NotImplementedError:  # a file system without locks: better a training without one than none
        pass
    except OSError as e:
        raise cannot_write(folder / LOCK, e) from None
    try:
        yield
    finally:
        lock.release()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

"""Files that are whole or absent, on any file system: written, read, named.

Not every file system can do everything: network drives may not sync or lock, exFAT has neither permissions nor hard
links. What a file system does not support is left out; any other failure is an error.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, TextIO

from charlstm.errors import CharLSTMError

WRITE_BYTES = 1 << 24
# The errors of a file system that does not support an operation, as opposed to one in which it failed.
UNABLE = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK})
NOT_A_FILE = errno.EINVAL  # what `open_regular` raises for a pipe, a folder, a device
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
NON_BLOCKING = getattr(os, "O_NONBLOCK", 0)


def write_atomically(path: Path, data: bytes | bytearray) -> None:
    """Replace a file so that readers, also after a crash, find the old content or the new, never a part of it.

    Args:
        path: the file.
        data: its new content.

    Raises:
        CharLSTMError: names the file and why it could not be written; the old content is untouched.
    """
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=temporary_prefix(path.name), dir=path.parent)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest[:WRITE_BYTES]) :]
            sync(descriptor)
        finally:
            os.close(descriptor)
        open_to_others(temporary)
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as e:
        raise cannot_write(path, e) from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)


@contextmanager
def new_text_file(path: Path) -> Iterator[TextIO]:
    """A text file for writing that gets its name when it is complete; an existing file is never replaced.

    Raises:
        FileExistsError: if there is something of that name, before or after the text was written.
        OSError: if it cannot be written; nothing of it is left.
    """
    with _new_file(path) as descriptor, open(descriptor, "w", encoding="utf-8", newline="\n", closefd=False) as f:
        yield f


@contextmanager
def new_binary_file(path: Path) -> Iterator[BinaryIO]:
    """The same for bytes: a file that can be read and written anywhere."""
    with _new_file(path) as descriptor, open(descriptor, "w+b", closefd=False) as f:
        yield f


@contextmanager
def _new_file(path: Path) -> Iterator[int]:
    """The descriptor of a file that is named `path` when what is done with it is done."""
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    descriptor, temporary = tempfile.mkstemp(prefix=temporary_prefix(path.name), dir=path.parent)
    try:
        try:
            yield descriptor
            sync(descriptor)
        finally:
            os.close(descriptor)
        open_to_others(temporary)
        _name(temporary, path)
        sync_folder(path.parent)
    finally:
        with suppress(OSError):
            os.unlink(temporary)


def _name(temporary: str, path: Path) -> None:
    """Give a file a name that must be free. Raises FileExistsError where it is taken."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # no hard links here: take the name first, then move the file there
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        try:
            os.replace(temporary, path)
        except BaseException:
            os.unlink(path)
            raise


def give_second_name(path: Path, name: Path) -> None:
    """Make `name` another name of `path`: a hard link or, where there are none, a copy.

    Raises:
        FileExistsError: if the name is not free.
        OSError: if the copy cannot be written.
    """
    try:
        os.link(path, name)
    except FileExistsError:
        raise
    except OSError:
        with open(path, "rb") as source, open(name, "xb") as copy:
            shutil.copyfileobj(source, copy, WRITE_BYTES)
            copy.flush()
            sync(copy.fileno())


def cannot_write(path: Path, error: OSError) -> CharLSTMError:
    """What to say when a file cannot be written."""
    advice = f"{'free some space or ' * (error.errno in FULL)}give another name"
    return CharLSTMError(f"cannot write {path}: {error.strerror or error}; {advice}")


def sync(descriptor: int) -> bool:
    """Make a file survive a power failure; False where the file system cannot. Raises OSError if that fails."""
    try:
        os.fsync(descriptor)
    except OSError as e:
        if e.errno not in UNABLE:
            raise
        return False
    return True


def sync_folder(folder: Path) -> bool:
    """Make the names in a folder survive a power failure; False where the system cannot. Raises OSError."""
    if os.name != "posix":  # pragma: no cover
        return False
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        return sync(descriptor)
    finally:
        os.close(descriptor)


def open_to_others(temporary: str) -> None:
    """Give a temporary file, closed to others, the permissions of an ordinary new file. Raises OSError."""
    mask = os.umask(0)
    os.umask(mask)
    set_mode(temporary, 0o666 & ~mask)


def set_mode(path: str | Path, mode: int) -> None:
    """Set the permissions of a file or folder, where the file system has any. Raises OSError if that fails."""
    try:
        os.chmod(path, mode)
    except OSError as e:
        if e.errno not in UNABLE | {errno.EPERM}:  # a file system without permissions, or with those of a mount
            raise


def temporary_prefix(name: str) -> str:
    """How the temporary names of a file begin that will be called `name`."""
    return f".{name.removeprefix('.')}-"


def is_unfinished(name: str, names: tuple[str, ...]) -> bool:
    """Whether this is a temporary name, as `tempfile` makes them, of a file that would have become one of `names`."""
    prefixes = "|".join(re.escape(temporary_prefix(n)) for n in names)
    return re.fullmatch(rf"({prefixes})(new|(new-)?[a-z0-9_]{{8}})", name) is not None


def remove_unfinished(folder: Path, names: tuple[str, ...]) -> None:
    """Remove the unfinished files of processes that were killed."""
    for path in folder.iterdir():
        if is_unfinished(path.name, names):
            with suppress(OSError):
                path.unlink()


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading, without ever blocking. Raises OSError, also for anything else than a file."""
    _check_regular(os.stat(path))  # before it is opened, which some devices notice
    f = open(path, "rb", opener=lambda name, flags: os.open(name, flags | NON_BLOCKING))  # noqa: SIM115
    try:
        _check_regular(os.fstat(f.fileno()))  # it may have been replaced meanwhile
    except OSError:
        f.close()
        raise
    return f


def _check_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(NOT_A_FILE, "not a file")


def is_empty(f: BinaryIO) -> bool:
    """Whether a regular file has size 0, as have those whose content the system makes up on reading.

    Reading such a file can block for ever (`/proc/kmsg`).
    """
    status = os.fstat(f.fileno())
    return stat.S_ISREG(status.st_mode) and status.st_size == 0


def read_regular(path: Path, most: int) -> bytes:
    """The content of a file. Raises OSError if it cannot be read, is no regular file, or has more than `most` bytes."""
    with open_regular(path) as f:
        data = b"" if is_empty(f) else f.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"more than {most >> 20} MB")
    return data


def read_beginning(path: Path, most: int) -> bytes:
    """The first bytes of a regular file, at most so many. Raises OSError if it cannot be read, or is none."""
    with open_regular(path) as f:
        return b"" if is_empty(f) else f.read(most)

"""A folder that only one process may use at a time."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from charlstm.errors import FolderInUseError
from charlstm.files.atomic import UNABLE, cannot_write, sync, sync_folder

LOCK = ".lock"
HELD = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES})  # the errors of a lock that another process holds
NO_LOCKS = "the file system of {folder} has no locks, so make sure that no other training uses this folder"
NO_SYNC = "the file system of {folder} cannot sync, so a power failure may lose the last save"


@contextmanager
def hold_folder(folder: Path) -> Iterator[list[str]]:
    """Lock a folder for this process. Gives what its file system cannot do, in sentences for people.

    The system releases the lock when this process ends, however it ends; the lock file that stays behind locks nothing.
    Where a file system has no locks, there is none: a file in place of a lock would outlive a process that was killed.

    Raises:
        FolderInUseError: if another process holds it.
        CharLSTMError: if the folder cannot be written to.
    """
    path, missing = folder / LOCK, []
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
    except OSError as e:
        raise cannot_write(path, e) from None
    try:
        try:
            if not _lock(descriptor):
                missing.append(NO_LOCKS.format(folder=folder))
            if not sync(descriptor) or not sync_folder(folder):
                missing.append(NO_SYNC.format(folder=folder))
        except BlockingIOError:
            raise FolderInUseError(
                f"{folder}: another charlstm is training here; wait until it ends, or give another folder"
            ) from None
        except OSError as e:
            raise cannot_write(path, e) from None
        yield missing
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock a file; False where the file system has no locks. Raises BlockingIOError if another process has it."""
    try:
        if sys.platform == "win32":  # pragma: no cover
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as e:
        if e.errno in HELD:
            raise BlockingIOError(e.errno, e.strerror) from None
        if e.errno in UNABLE:
            return False
        raise
    return True

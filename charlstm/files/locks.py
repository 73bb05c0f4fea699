"""What only one process may use or do at a time: a folder, a piece of work."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from charlstm.errors import FolderInUseError
from charlstm.files.atomic import UNABLE, cannot_write, sync, sync_folder

LOCK = ".lock"
POLL_S = 0.1  # between two looks whether a lock is free
NOTE_BYTES = 256  # in a lock file, behind the byte that is locked
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


class Turn:
    """A process's turn at a piece of work.

    Attributes:
        found: the last note of the process that had its turn while we waited; empty if we did not wait, or if it wrote
            none. A process that was killed leaves the last one it wrote.
        is_alone: whether no other process can have its turn now: not where the file system has no locks.
    """

    def __init__(self, descriptor: int, found: str, is_alone: bool) -> None:
        self.descriptor, self.found, self.is_alone = descriptor, found, is_alone

    def write(self, note: str) -> None:
        """Let those who wait know something, in place of what they knew: up to 256 bytes, if the disk has room."""
        with suppress(OSError):
            os.lseek(self.descriptor, 1, os.SEEK_SET)
            os.write(self.descriptor, note.encode().ljust(NOTE_BYTES))


@contextmanager
def take_turn(path: Path, is_result: Callable[[str], bool], on_wait: Callable[[str], None]) -> Iterator[Turn]:
    """Hold a lock while a piece of work is done, after whoever holds it now; what that one wrote is in `Turn.found`.

    The lock file goes with the last turn; one that a killed process left behind locks nothing. Where a file system has
    no locks, nobody waits.

    Args:
        path: of the lock file; names the work.
        is_result: whether a note is what the work was for. Then nothing is left to be done, and the lock may no longer
            be that of its name.
        on_wait: is called with the note of the process that has its turn, several times a second while we wait.

    Raises:
        OSError: if the file cannot be made.
    """
    waited = False
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            while (locked := _try_lock(descriptor)) is None:
                waited = True
                on_wait(_note(descriptor))
                time.sleep(POLL_S)
            turn = Turn(descriptor, _note(descriptor) if waited else "", locked)
            if is_result(turn.found):
                yield turn
                return
            if _is_named(descriptor, path):
                try:
                    turn.write("")
                    yield turn
                finally:
                    with suppress(OSError):  # Windows keeps it while others have it open
                        path.unlink()
                return
        finally:
            os.close(descriptor)


def _note(descriptor: int) -> str:
    os.lseek(descriptor, 1, os.SEEK_SET)
    return os.read(descriptor, NOTE_BYTES).decode("utf-8", "replace").strip()


def _is_named(descriptor: int, path: Path) -> bool:
    """Whether a file still has its name: the process that held it may have taken that away."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _try_lock(descriptor: int) -> bool | None:
    """As `_lock`; None if another process has it."""
    try:
        return _lock(descriptor)
    except BlockingIOError:
        return None


def _lock(descriptor: int) -> bool:
    """Lock a file; False where the file system has no locks. Raises BlockingIOError if another process has it."""
    try:
        if sys.platform == "win32":  # pragma: no cover
            import msvcrt

            os.lseek(descriptor, 0, os.SEEK_SET)
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

"""The cache folder, for what can be made again: encoded corpora, compiled steps, what a probe found."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import time
from contextlib import suppress
from itertools import takewhile
from pathlib import Path

from charlstm.files.atomic import set_mode, sync_folder

MAX_LINKS = 40  # as many as Linux follows


def cache_folder(what: str) -> Path:
    """The folder `what` in `CHARLSTM_CACHE_DIR`, or in the user's cache folder."""
    root = os.environ.get("CHARLSTM_CACHE_DIR")
    if not root:
        import platformdirs

        root = platformdirs.user_cache_dir("charlstm", appauthor=False)
    return Path(root).absolute() / what


def make_folder(folder: Path) -> None:
    """Make a folder and its missing parents, closed to other users whatever the umask. Raises OSError."""
    missing = takewhile(lambda place: not place.is_dir(), (folder, *folder.parents))
    for place in reversed(list(missing)):
        with suppress(FileExistsError):  # made by another process, or a file: checked below
            place.mkdir(mode=0o700)
            set_mode(place, 0o700)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def check_path(path: Path) -> None:
    """Check that nobody but us and the administrator can change what lies at a path, or what it leads to.

    Every folder on the path must be ours or the administrator's, and others must not be able to write to it, unless
    its sticky bit protects what lies in it, as in /tmp; every link must be ours or the administrator's. The check goes
    from the root downwards, so that what has been checked cannot change any more, and ends where nothing exists yet.

    Raises:
        PermissionError: says in `strerror` which folder is not safe, and what to do.
    """
    if os.name == "posix":  # pragma: no branch (elsewhere owners and modes say nothing)
        _check(path, 0)


def _check(path: Path, links: int) -> Path:
    if links > MAX_LINKS:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    place = Path(path.anchor)
    _check_one(place, os.lstat(place))
    for part in path.parts[1:]:
        place = place.parent if part == ".." else place / part
        try:
            status = os.lstat(place)
        except FileNotFoundError:
            break
        _check_one(place, status)
        if stat.S_ISLNK(status.st_mode):
            place = _check(place.parent / os.readlink(place), links + 1)
    return place


def _check_one(place: Path, status: os.stat_result) -> None:
    what = "folder" if stat.S_ISDIR(status.st_mode) else "link" if stat.S_ISLNK(status.st_mode) else "file"
    own = f"set CHARLSTM_CACHE_DIR to a {'path' if what == 'link' else 'folder'} of your own"
    if status.st_uid not in (os.geteuid(), 0, os.stat("/").st_uid):  # in a container root may have another number
        raise PermissionError(errno.EPERM, f"the {what} {place} belongs to another user; {own}", str(place))
    shared = what == "folder" and status.st_mode & stat.S_ISVTX  # there only its owner may move a file
    if what != "link" and status.st_mode & 0o022 and not shared:
        raise PermissionError(
            errno.EPERM, f"other users can write to the {what} {place}; run chmod go-w on it, or {own}", str(place)
        )


def move_into_cache(new: Path, place: Path, aside: Path, complete: str) -> None:
    """Move a folder to its place. One that is there already is damaged, or has the same content, and is replaced.

    Args:
        new: the folder; flushed to the disk.
        place: where it goes.
        aside: where one that is there goes.
        complete: the file that tells a complete folder.

    Raises:
        OSError: if it cannot be moved.
    """
    with suppress(OSError):
        place.rename(aside)
    try:
        new.rename(place)
    except OSError:
        if not (place / complete).exists():  # else another process was faster, with the same content
            raise
    sync_folder(place.parent)


def remove_abandoned(folder: Path, pattern: str, seconds: float) -> None:
    """Remove what killed processes left in a folder: all that matches and has not changed for this long."""
    for path in folder.glob(pattern):
        with suppress(OSError):
            if time.time() - path.lstat().st_mtime > seconds:
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()

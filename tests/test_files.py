"""Files that are whole or not there at all, and readers that never wait."""

import errno
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from charlstm.errors import Interrupted
from charlstm.files.atomic import give_second_name, is_empty, new_text_file, open_regular, read_regular


@contextmanager
def files_of_at_most(n_bytes: int) -> Iterator[None]:
    """The system refuses to let a file grow larger, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def no_second_names(source: object, name: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


@pytest.fixture(params=[True, False], ids=["hard links", "no hard links"])
def links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not request.param:
        monkeypatch.setattr(os, "link", no_second_names)


@pytest.mark.usefixtures("links")
def test_a_new_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "new.txt"
    for failure in (ValueError("broken"), Interrupted(2), KeyboardInterrupt()):
        with pytest.raises(type(failure)), new_text_file(path) as f:
            f.write("half")
            raise failure
        assert list(tmp_path.iterdir()) == []
    with files_of_at_most(100_000), pytest.raises(OSError, match="too large"), new_text_file(path) as f:
        f.write("x" * 200_000)
    assert list(tmp_path.iterdir()) == []
    with new_text_file(path) as f:
        f.write("whole\n")
        assert not path.exists()
    assert path.read_bytes() == b"whole\n"
    assert list(tmp_path.iterdir()) == [path]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


@pytest.mark.usefixtures("links")
def test_a_new_file_takes_nobodys_place(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    with pytest.raises(FileExistsError), new_text_file(path) as f:
        path.write_text("came in between")
        f.write("new")
    assert path.read_text() == "came in between"
    (tmp_path / "link").symlink_to("nowhere")
    for there in (path, tmp_path / "link", tmp_path):
        with pytest.raises(FileExistsError), new_text_file(there):
            raise AssertionError
    assert {p.name for p in tmp_path.iterdir()} == {"mine.txt", "link"}


def test_a_name_that_was_taken_for_a_file_that_cannot_come_is_given_back(tmp_path: Path, monkeypatch) -> None:
    def fail(source: object, target: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "link", no_second_names)
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="Input/output"), new_text_file(tmp_path / "new.txt") as f:
        f.write("x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("links")
def test_a_second_name(tmp_path: Path) -> None:
    path, name = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"content")
    give_second_name(path, name)
    assert name.read_bytes() == b"content"
    with pytest.raises(FileExistsError):
        give_second_name(path, name)


def test_readers_do_not_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero"), Path("/dev/tty")):
        with pytest.raises(OSError, match=r"not a file|No such"):
            open_regular(path)
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100)
    assert read_regular(path, 100) == b"x" * 100
    with pytest.raises(OSError, match="more than 0 MB"):
        read_regular(path, 99)


def test_a_file_that_becomes_another_between_two_looks_is_refused(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    sound = os.stat(path)
    path.unlink()
    os.mkfifo(path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", lambda path: sound)
        with pytest.raises(OSError, match="not a file"):
            open_regular(path)


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="files that a system makes up, as Linux does")
def test_what_the_system_makes_up_as_it_is_read_counts_as_empty() -> None:
    """Of such a file nobody knows whether it ends: `/proc/kmsg` waits for the next message of the kernel."""
    assert read_regular(Path("/proc/version"), 1000) == b""
    with open("/proc/version", "rb") as f:
        assert is_empty(f)

"""Files that are whole or not there at all, and readers that never wait."""

import errno
import os
import resource
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event

import pytest

from charlstm.errors import Interrupted
from charlstm.files import cores as files_cores
from charlstm.files.atomic import give_second_name, is_empty, new_text_file, open_regular, read_regular
from charlstm.files.locks import take_turn


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


def is_result(note: str) -> bool:
    return note == "result"


@pytest.mark.parametrize("note", ["result", "half of it"])
def test_who_waited_finds_what_was_done_meanwhile_or_does_it(tmp_path: Path, note: str) -> None:
    lock, waited, heard = tmp_path / "lock", Event(), list[str]()

    def on_wait(text: str) -> None:
        heard.append(text)
        waited.set()

    def wait() -> tuple[str, bool]:
        with take_turn(lock, is_result, on_wait) as turn:
            return turn.found, lock.exists()

    with ThreadPoolExecutor(1) as others:
        with take_turn(lock, is_result, lambda text: pytest.fail("nobody was before us")) as turn:
            assert (turn.found, turn.is_alone) == ("", True)
            turn.write("all of it, and much more")
            turn.write(note)
            other = others.submit(wait)
            assert waited.wait(30)
        found, has_name = other.result(30)
    assert heard[0] == note
    assert (found, has_name) == (("result", False) if note == "result" else ("", True))
    assert not lock.exists()


def test_a_lock_file_that_a_killed_process_left_locks_nothing(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(" result")
    with take_turn(tmp_path / "lock", is_result, lambda text: pytest.fail("nobody is before us")) as turn:
        assert turn.found == ""  # it may be old
    assert not (tmp_path / "lock").exists()


def test_where_there_are_no_locks_and_no_space_nobody_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(number: int) -> Callable[..., None]:
        def operation(*arguments: object) -> None:
            raise OSError(number, os.strerror(number))

        return operation

    monkeypatch.setattr("fcntl.flock", fail(errno.ENOLCK))
    monkeypatch.setattr(os, "write", fail(errno.ENOSPC))
    never = partial(pytest.fail, "there is nothing to wait for")
    with take_turn(tmp_path / "lock", is_result, never) as one, take_turn(tmp_path / "lock", is_result, never) as two:
        assert not one.is_alone
        assert not two.is_alone
        one.write("result")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("quota", "cores"), [("max 100000", 6), ("150000 100000", 2), ("1000 100000", 1), (None, 6)])
def test_a_container_may_have_fewer_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str | None, cores: int
) -> None:
    monkeypatch.setattr(files_cores, "QUOTA", tmp_path / "cpu.max")
    if quota is not None:
        (tmp_path / "cpu.max").write_text(quota + "\n")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(6)), raising=False)
    assert files_cores.usable_cores() == cores
    monkeypatch.delattr(os, "sched_getaffinity")  # as on other systems
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert files_cores.usable_cores() == cores

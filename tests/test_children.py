"""Child processes: they end with their parent, and take no code from where they run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from charlstm.children import child

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
HERE = str(Path(__file__).parent)
ENDS_S = 2.0


def say(*words: str) -> None:
    """In a child: its words, and what Python finds first."""
    import vocab  # type: ignore[import-not-found]  # beside it lies charlstm/vocab.py, which must not be what this means

    print(*words, vocab.__file__, end="")


def fail() -> None:
    """In a child."""
    raise ValueError("no\nway")


def start_another() -> None:
    """In a child: a process that would outlive it, and talk."""
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    print(other.pid, flush=True)
    other.wait()


def hold(folder: str) -> None:
    """In a parent: a child that has a child, until somebody ends us."""
    with child(start_another, environment={"PYTHONPATH": HERE}) as process:
        (Path(folder) / "new").write_text(f"{process.pid} {process.stdout.readline()}")
        (Path(folder) / "new").rename(Path(folder) / "started")
        process.wait()


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked about does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def descendants(pid: int) -> set[int]:
    """The processes that a process has started, and those that they have started."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if f"\nPPid:\t{pid}\n" in status.read_text():
                found |= {int(status.parent.name)} | descendants(int(status.parent.name))
        except OSError:
            continue
    return found


def until(done: Callable[[], object], seconds: float) -> bool:
    """Whether something has come about in time."""
    end = time.monotonic() + seconds
    while not (so := done()) and time.monotonic() < end:
        time.sleep(0.02)
    return bool(so)


def hostile(folder: Path) -> Path:
    """A folder with code in it that says that it was run."""
    (folder / "charlstm").mkdir(parents=True)
    for name in ("torch.py", "charlstm/__init__.py", "numpy.py", "json.py", "sitecustomize.py", "_ops.py"):
        (folder / name).write_text(f"open({str(folder / 'was-run')!r}, 'w'); raise SystemExit('another user was here')")
    return folder


def test_a_child_says_what_it_has_to_say(tmp_path: Path) -> None:
    (tmp_path / "vocab.py").touch()
    with child(say, "a b", "ç", environment={"PYTHONPATH": f"{HERE}{os.pathsep}{tmp_path}"}) as process:
        assert process.communicate()[0] == f"a b ç {tmp_path / 'vocab.py'}"
    assert process.returncode == 0
    with child(fail, environment={"PYTHONPATH": HERE}) as process:
        assert process.communicate()[1].endswith("ValueError: no\nway\n")
    assert process.returncode == 1


def test_a_child_takes_no_code_from_where_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sound").mkdir()
    (tmp_path / "sound" / "vocab.py").touch()
    monkeypatch.chdir(hostile(tmp_path / "hostile"))
    # an empty part of PYTHONPATH means the current folder; a relative one is where we run, not where the child does
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", HERE, "../sound", ""]))
    for folder in (None, tmp_path / "hostile" / "charlstm"):
        with child(say, folder=folder) as process:
            out, err = process.communicate()
        assert (out, err) == (f" {tmp_path / 'sound' / 'vocab.py'}".lstrip(), "")
    assert not (tmp_path / "hostile" / "was-run").exists()


@on_linux
def test_a_child_ends_with_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stop(Exception):
        pass

    with pytest.raises(Stop), child(start_another, environment={"PYTHONPATH": HERE}) as process:
        other = int(process.stdout.readline())
        assert alive(other)
        raise Stop
    assert process.returncode == -signal.SIGKILL
    assert until(lambda: not alive(other), ENDS_S)


@on_linux
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_child_ends_with_its_parent(tmp_path: Path, signum: int) -> None:
    code = f"import sys; sys.path.append({HERE!r}); import test_children; test_children.hold({str(tmp_path)!r})"
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as parent:
        try:
            assert until((tmp_path / "started").exists, 30)
            started = {int(pid) for pid in (tmp_path / "started").read_text().split()}
            assert len(started) == 2
            assert all(map(alive, started))
        finally:
            parent.send_signal(signum)
            parent.wait()
    assert until(lambda: not any(map(alive, started)), ENDS_S)


COMPILE = "import torch; from charlstm.network.compiling import compiled_steps; compiled_steps('gru', torch.float32)"
MEMORY = "bench memory --hidden-size 13 --batch-size 2 --seq-len 4 --precision fp32"


@on_linux
@pytest.mark.usefixtures("compiled_cache")  # there is a compiler
@pytest.mark.parametrize(
    ("arguments", "signum", "code"),
    [
        (["-c", COMPILE], signal.SIGKILL, -signal.SIGKILL),
        pytest.param(
            ["-P", "-m", "charlstm", *MEMORY.split()],
            signal.SIGTERM,
            128 + signal.SIGTERM,
            marks=pytest.mark.skipif(not os.environ.get("SOAK"), reason="compiles anew; make soak"),
        ),
    ],
    ids=["compile", "bench memory"],
)
def test_compilers_end_with_the_command(tmp_path: Path, arguments: list[str], signum: int, code: int) -> None:
    environment = {**os.environ, "CHARLSTM_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(Path(HERE).parent)}

    def compilers() -> set[int]:
        names = {pid: Path(f"/proc/{pid}/stat") for pid in descendants(command.pid)}
        return {pid for pid, name in names.items() if name.exists() and b"(cc1plus)" in name.read_bytes()}

    with subprocess.Popen([sys.executable, *arguments], env=environment, stderr=subprocess.DEVNULL) as command:
        try:
            assert until(compilers, 600)  # a busy machine takes minutes to import torch
            started = descendants(command.pid)
            assert len(started) >= 3  # the child, what starts the compiler, and the compiler
        finally:
            command.send_signal(signum)
            assert command.wait(20) == code
    assert until(lambda: not any(map(alive, started)), ENDS_S)

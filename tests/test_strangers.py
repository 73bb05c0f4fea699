"""Compiling among strangers: every file that is opened, watched."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from test_children import hostile

import charlstm

PACKAGE = Path(charlstm.__file__).parent
STRACE = shutil.which("strace")
COMPILE = (
    "from charlstm.network import compiling\n"
    "compiling.TIMEOUT_S = 3600\n"  # under strace, on a busy machine
    "from charlstm.network.compiling import compiled_steps, torch\n"
    "if compiled_steps('lstm', torch.float32): print('compiled')"
)
OPENED = re.compile(r"^(?:\d+ +)?(?:<\.\.\. )?open(?:at2?)?\b(.*)= \d+<(/.*)>$")  # with -y, the real path is at the end
RUN = re.compile(r'^(?:\d+ +)?execve\("(/.*?)"')
SYSTEM = ["/usr", "/lib", "/lib64", "/bin", "/etc", "/proc", "/sys", "/dev/null", "/dev/urandom", "/dev/shm"]


def compile_in(folder: Path, *tool: str, code: str = COMPILE) -> str:
    """What Python says that compiles where TMPDIR is everybody's and the current folder holds another user's code."""
    environment = {**os.environ, "CHARLSTM_CACHE_DIR": str(folder / "cache")}
    environment |= dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(folder / "tmp"))
    for name in ("PYTHONPATH", "HOME"):
        environment.pop(name, None)
    done = subprocess.run(
        [*tool, sys.executable, "-P", "-c", code, str(folder)],
        cwd=folder / "hostile",
        env=environment,
        umask=0,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def contents(folder: Path) -> dict[str, bytes | None]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with `hostile` code, and a `tmp` where another user came first; `cache` will be ours."""
    if not any(map(shutil.which, ("g++", "clang++"))):
        pytest.skip("no C++ compiler")
    hostile(tmp_path / "hostile")
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "another-users.h").touch()
    return tmp_path


@pytest.mark.slow
def test_nothing_is_read_or_written_outside(place: Path) -> None:
    before = {name: contents(place / name) for name in ("tmp", "hostile")}
    watch = (
        [STRACE, "-f", "-y", "-qq", "--seccomp-bpf", "-e", "trace=open,openat,openat2,creat,execve"] if STRACE else []
    )
    assert compile_in(place, *watch, *(["-o", str(place / "trace")] if watch else [])) == "compiled"
    assert {name: contents(place / name) for name in before} == before
    for path in (place / "cache").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    (folder,) = (place / "cache" / "gates").iterdir()
    assert sorted(p.name.partition("-")[0] for p in folder.iterdir()) == ["window"]
    if not watch:
        pytest.skip("no strace: what is opened is not watched")
    readable = [*map(Path, SYSTEM), place / "cache", PACKAGE, Path(torch.__file__).parents[1]]
    readable += [Path(p).resolve() for p in (sys.prefix, sys.base_prefix)]
    lines = (place / "trace").read_text(errors="replace").splitlines()
    opened = [(match[1], Path(match[2])) for match in map(OPENED.match, lines) if match]
    ran = {Path(match[1]).name for match in map(RUN.match, lines) if match}
    assert len(opened) > 1_000
    assert {"ld", "as"} < ran, "the C++ compiler was not watched"
    odd = {path for _, path in opened if not any(path.is_relative_to(p) for p in readable)}
    # the folders that are looked through for modules: where we are started, and that of an installation to be edited
    assert odd <= {place / "hostile", *(Path(p).resolve() for p in sys.path)}
    written = {str(path) for flags, path in opened if re.search("O_WRONLY|O_RDWR|O_CREAT", flags)}
    private = str(place / "cache" / "gates")
    assert {p for p in written if not p.startswith((private, "/dev/null", "/dev/shm/sem."))} == set()

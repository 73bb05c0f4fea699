"""What the tests share: a cache of their own, a small text, the command line in this process."""

from __future__ import annotations

import io
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock

from charlstm.checkpoint import find
from charlstm.corpus import Corpus, CorpusRequest, open_corpus
from charlstm.interrupts import INTERRUPTS
from charlstm.network.compiling import compiled_steps, tried

# Tests run side by side, and so do the processes that they start: threads that wait for each other would only spin.
os.environ["OMP_NUM_THREADS"] = "1"
# The program runs as people run it, with what Python keeps back until the end; and in no colours that a shell asks for.
for _name in ("PYTHONUNBUFFERED", "FORCE_COLOR", "COLUMNS", "LINES"):
    os.environ.pop(_name, None)
# Without a card the kernels run in Triton's interpreter, and Triton reads that when somebody first imports it.
if find_spec("triton") is not None and not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"

# Under nohup or in the background of a script these are ignored, and every process that is started inherits that.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

SYLLABLES = ["ba", "de", "gi", "lo", "mu", "ña", "ra", "to", "vé", "si"]


@dataclass
class Result:
    """What a command did."""

    code: int
    out: str
    err: str


Invoke = Callable[..., Result]


def small_text(characters: int, seed: int = 0) -> str:
    """Words of a small invented language, with some order to be learnt."""
    rng = random.Random(seed)
    words: list[str] = []
    length = 0
    while length < characters:
        start = rng.choice(SYLLABLES)
        word = start + (SYLLABLES[(SYLLABLES.index(start) + 1) % 10] if rng.random() < 0.8 else "") + rng.choice(" \n,")
        words.append(word)
        length += len(word)
    return "".join(words)[:characters]


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setattr(INTERRUPTS, "signum", None)
    monkeypatch.setattr(INTERRUPTS, "deferred", False)
    torch.set_num_threads(1)  # small networks, and figures that do not depend on the machine


@pytest.fixture
def nothing_ships(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if charlstm had been installed without its model."""
    monkeypatch.setattr(find, "SHIPPED", Path(os.devnull))


@pytest.fixture(scope="session")
def _compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not any(map(shutil.which, ("g++", "clang++"))):
        pytest.skip("no C++ compiler")
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # the workers share what one of them compiles
    with pytest.MonkeyPatch.context() as patch, FileLock(base / "compiled.lock"):
        patch.setenv("CHARLSTM_CACHE_DIR", str(base / "compiled"))
        for cell_type in ("lstm", "gru"):
            for dtype in (torch.float32, torch.bfloat16):
                compiled_steps(cell_type, dtype)
    return base / "compiled"


@pytest.fixture
def compiled_cache(_compiled_once: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache with all that can be compiled."""
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(_compiled_once))
    tried.cache_clear()
    yield _compiled_once
    tried.cache_clear()


@pytest.fixture
def corpus_file(tmp_path: Path) -> Path:
    path = tmp_path / "small.txt"
    path.write_text(small_text(6000), encoding="utf-8")
    return path


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Invoke:
    """Run `charlstm` with arguments, in an empty folder, in this process."""
    from charlstm.cli.main import run

    monkeypatch.chdir(tmp_path)

    def call(*arguments: object, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "argv", ["charlstm", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        monkeypatch.setattr(INTERRUPTS, "deferred", False)
        capsys.readouterr()
        code = run()
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


def texts_leave_the_cache(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """From here on runs read their texts again; each time, how many processes share that is added to this list."""
    asked = list[int | None]()

    def opened(request: CorpusRequest, stdin: Any, on_progress: Any, processes: int | None) -> Corpus:
        asked.append(processes)
        return open_corpus(request, stdin, on_progress, processes)

    monkeypatch.setattr("charlstm.training.kept.open_corpus", opened)
    monkeypatch.setattr("charlstm.training.kept.stored_corpus", lambda sha256, on_progress: None)
    return asked

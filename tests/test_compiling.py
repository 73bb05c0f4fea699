"""The compiled library: built once, loaded only when it is sound, and not needed. What it computes: `test_native`."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from conftest import Invoke

from charlstm.config import ModelConfig
from charlstm.network import compiling, kernels, products
from charlstm.network.cells import CELLS, Cell
from charlstm.network.compiling import CompileError, are_built, compiled_steps, tried
from charlstm.network.kernels import choose_kernels, worth_compiling
from charlstm.network.native.functions import Library
from charlstm.network.threads import torch_threads
from charlstm.training import session

CPU = torch.device("cpu")
CONFIG = ModelConfig(vocab_size=7, hidden_size=12, num_layers=2, embedding_size=5)
LSTM = ("lstm", torch.float32)


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """What was loaded for one test must not serve another."""
    tried.cache_clear()
    yield
    tried.cache_clear()


def folder_of(cache: Path) -> Path:
    return cache / "gates" / compiling._folder(CELLS["lstm"], torch.float32).name


def put(path: Path, data: bytes) -> None:
    """Replace a file that this process may have loaded, which would end if it were changed in place."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def test_they_are_built_once_and_a_spoilt_library_is_built_again(
    compiled_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(compiled_cache)
    (library,) = folder.iterdir()  # nothing is left behind
    for place in (compiled_cache, folder.parent, folder):
        assert place.stat().st_mode & 0o777 == 0o700
    whole = library.read_bytes()
    built: list[None] = []
    monkeypatch.setattr(compiling, "_build", lambda *a: built.append(put(library, whole)))
    assert compiled_steps(*LSTM)
    assert not built
    # cut short or changed inside, it would end the process where it is loaded, or later
    for k, spoilt in enumerate((whole[:1000], whole[: len(whole) // 2], whole[:-1], b"", whole[:5000] + whole[5001:])):
        tried.cache_clear()
        put(library, spoilt)
        assert compiled_steps(*LSTM)
        assert len(built) == k + 1
        assert list(folder.iterdir()) == [library]


@pytest.mark.parametrize("which", ["gates_forward", "gates_backward", "window_forward", "window_backward"])
def test_one_that_computes_something_else_is_not_used(
    which: str, compiled_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = getattr(Library, which)

    def slightly_wrong(self: Library, *arguments: Any) -> None:
        right(self, *arguments)
        written = arguments[-2] if which == "window_forward" else arguments[-1]
        written.mul_(1.01)

    def build(cell: Cell, dtype: torch.dtype, folder: Path) -> None:
        shutil.copytree(folder_of(compiled_cache), folder, dirs_exist_ok=True)

    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(Library, which, slightly_wrong)
    monkeypatch.setattr(compiling, "_build", build)
    with pytest.raises(CompileError, match="wrong results"):
        compiled_steps(*LSTM)


@pytest.mark.skipif(os.name != "posix", reason="modes")
def test_what_others_can_change_is_neither_loaded_nor_compiled(
    compiled_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(compiled_cache, tmp_path / "cache")
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(compiling, "child", lambda *a, **more: pytest.fail("must not be compiled"))
    folder = folder_of(tmp_path / "cache")
    before = sorted(folder.iterdir())
    for place in (folder, folder.parent, tmp_path / "cache", tmp_path):
        place.chmod(0o777)
        tried.cache_clear()
        chosen = choose_kernels(CONFIG, CPU, "fp32", compiled=True)
        assert chosen.compiled is None
        assert f"other users can write to the folder {place}; run chmod go-w on it" in chosen.problem
        assert sorted(folder.iterdir()) == before
        place.chmod(0o700)
    tried.cache_clear()
    assert choose_kernels(CONFIG, CPU, "fp32", compiled=True).compiled is not None
    tried.cache_clear()
    before[0].chmod(0o666)  # a library alone: it is made again
    monkeypatch.setattr(compiling, "child", no_child)
    assert "no more processes" in choose_kernels(CONFIG, CPU, "fp32", compiled=True).problem
    assert list(folder.iterdir()) == []


def no_child(*arguments: object, **more: object) -> None:
    raise OSError(11, "no more processes")


def test_what_a_killed_compile_left_is_removed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiling, "child", no_child)
    for name in ("abandoned", "in-use"):
        (tmp_path / "gates" / "another" / f"tmp-{name}" / "work").mkdir(parents=True)
    for name, age in (("abandoned", compiling.ABANDONED_S + 60), ("in-use", compiling.TIMEOUT_S)):
        then = time.time() - age
        os.utime(tmp_path / "gates" / "another" / f"tmp-{name}", (then, then))
    assert "no more processes" in choose_kernels(CONFIG, CPU, "fp32", compiled=True).problem
    assert [p.name for p in (tmp_path / "gates").glob("*/*")] == ["tmp-in-use"]


def test_where_no_code_may_run_nothing_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_flag=os.ST_NOEXEC))
    monkeypatch.setattr(compiling, "child", lambda *a, **more: pytest.fail("must not be compiled"))
    assert "noexec" in choose_kernels(CONFIG, CPU, "fp32", compiled=True).problem


def compiler(place: Path, body: str) -> str:
    """A C++ compiler with whims of its own."""
    path = place / "compiler"
    path.write_text(f'#!/bin/sh\n{body}\nexec {shutil.which("g++") or "clang++"} "$@"\n')
    path.chmod(0o700)
    return str(path)


@pytest.mark.slow
@pytest.mark.usefixtures("compiled_cache")  # there is a compiler
def test_a_compiler_is_not_asked_for_what_it_does_not_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path))
    refuse = 'case "$*" in *-mcpu=*|*-fopenmp*) echo "error: no such option" >&2; exit 1;; esac'
    monkeypatch.setenv("CXX", compiler(tmp_path, refuse))
    with torch_threads(3):  # not OpenMP's
        assert compiled_steps(*LSTM)  # loaded, and so compared with the steps as they stand


def test_what_the_compiler_says_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path))
    say = "printf 'In file a.h:\\na.h:3: error: out of paper\\n1 error generated\\n' >&2; exit 1"
    monkeypatch.setenv("CXX", compiler(tmp_path, say))
    assert choose_kernels(CONFIG, CPU, "fp32", compiled=True).problem == "the C++ compiler: a.h:3: error: out of paper"


def test_without_a_compiler_the_steps_run_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CXX", str(tmp_path / "no-compiler"))
    said = []
    chosen = choose_kernels(CONFIG, CPU, "fp32", compiled=True, on_compile=lambda: said.append("compiling"))
    assert said == ["compiling"]
    assert chosen.compiled is None
    assert "compiler" in chosen.problem
    assert "\n" not in chosen.problem
    assert not list((tmp_path / "gates").glob("*/*"))
    assert not are_built(*LSTM)


def test_a_cache_that_cannot_be_written_is_no_calamity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path / "file"))
    assert "cannot keep them" in choose_kernels(CONFIG, CPU, "fp32", compiled=True).problem


def test_what_is_compiled_follows_from_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "compiled_steps", lambda *a: pytest.fail("must not be asked for"))
    assert choose_kernels(CONFIG, CPU, "fp32").compiled is None
    assert choose_kernels(CONFIG.replace(cell_type="rnn"), CPU, "fp32", compiled=True).compiled is None
    assert choose_kernels(CONFIG, torch.device("cuda"), "fp32", compiled=True).compiled is None
    assert not worth_compiling(CONFIG, 1e6, passes=3)
    assert worth_compiling(CONFIG, 1e9, passes=3)


def test_one_text_is_written_in_numpy_and_nothing_is_compiled_for_it(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def compiled_steps(*arguments: object) -> None:
        asked.append(arguments[:2])
        raise CompileError("there is no compiler")

    monkeypatch.setattr(kernels, "WORTH_COMPILING", 0)
    monkeypatch.setattr(kernels, "compiled_steps", compiled_steps)
    for more in ([], ["--num", 2], ["--precision", "bf16"]):
        assert invoke("sample", "-c", "portuguese", "--length", 3, "--json", *more).code == 0
    assert asked == [("lstm", torch.float32), ("lstm", torch.bfloat16)]


def test_a_run_goes_on_with_the_steps_that_it_had(
    invoke: Invoke, corpus_file: Path, compiled_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = ["--hidden-size", 12, "--precision", "fp32", "--steps", 3, "--seq-len", 8]
    for name, is_long in (("long", True), ("short", False)):
        monkeypatch.setattr(session, "is_long", lambda *a, answer=is_long: answer)
        assert invoke("train", corpus_file, "--out", name, *size).code == 0
        monkeypatch.setattr(session, "is_long", lambda *a: pytest.fail("the run has decided that"))
        again = session.resumed_session(Path(name), (), {}, CPU, None, None, lambda *a: None)
        assert (again.kernels.compiled is not None) == is_long
        # not "compiled" alone, as of versions that computed other bits
        assert again.kernels.name(CONFIG, 32, CPU) == ("fp32, compiled C++" if is_long else "fp32, eager")
        assert again.notes == []
    monkeypatch.setattr(session, "is_long", lambda *a: False)
    longer = session.resumed_session(Path("long"), (), {"steps": 6}, CPU, None, None, lambda *a: None)
    assert longer.kernels.compiled is None
    assert "compiled C++ -> " in longer.notes[0]


def test_a_run_goes_on_in_the_numbers_that_it_began_with(
    invoke: Invoke, corpus_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "bf16_multiplier", lambda device: None)
    assert invoke("train", corpus_file, "--out", "run", "--hidden-size", 96, "--steps", 3, "--seq-len", 8).code == 0
    for module in (products, kernels):  # as on another processor, or for a version with another rule
        monkeypatch.setattr(module, "bf16_multiplier", lambda device: "avx512")
    assert choose_kernels(CONFIG.replace(hidden_size=96), CPU).compute_dtype == torch.bfloat16
    again = session.resumed_session(Path("run"), (), {"steps": 6}, CPU, None, None, lambda *a: None)
    assert again.kernels.compute_dtype == torch.float32
    assert again.notes == []

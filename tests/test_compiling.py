"""The compiled gates against the gates as they stand."""

import os
import shutil
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from conftest import COMPILED_WIDTH, Invoke

from charlstm.config import ModelConfig
from charlstm.network import compiling, kernels, products
from charlstm.network.cells import CELLS
from charlstm.network.compiling import CompileError, are_built, compiled_gates
from charlstm.network.kernels import Kernels, choose_kernels, worth_compiling
from charlstm.network.model import CharLM
from charlstm.training import session

CPU = torch.device("cpu")
CONFIG = ModelConfig(vocab_size=7, hidden_size=COMPILED_WIDTH, num_layers=2, embedding_size=5)


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """What was loaded for one test must not serve another."""
    compiled_gates.cache_clear()
    yield
    compiled_gates.cache_clear()


def folder_of(cache: Path) -> Path:
    (folder,) = (cache / "gates").iterdir()
    return folder


def test_compiled_gates_compute_the_same(compiled_cache: Path) -> None:
    model = CharLM(CONFIG)
    model.reset_parameters(30, 0)
    torch.manual_seed(0)
    for T, B in [(9, 1), (9, 4)]:
        ids = torch.randint(7, (T + 1, B))
        state = model.zero_state(B)
        state.c.normal_()
        losses, gradients = [], []
        for gates in (None, compiled_gates("lstm", CONFIG.hidden_size, torch.float32)):
            loss, _ = model.window_loss(ids[:-1], ids[1:], state, kernels=Kernels(torch.float32, gates))
            losses.append(loss)
            gradients.append(torch.autograd.grad(loss, list(model.parameters())))
        torch.testing.assert_close(losses[1], losses[0], rtol=1e-6, atol=0)
        for gradient, right in zip(*reversed(gradients), strict=True):
            torch.testing.assert_close(gradient, right, rtol=1e-4, atol=1e-7)


@pytest.mark.skipif(not os.environ.get("SOAK"), reason="compiles anew; make soak")
@pytest.mark.usefixtures("compiled_cache")  # there is a compiler
def test_the_gates_of_a_gru_can_be_compiled(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path_factory.mktemp("gru")))
    gates = compiled_gates("gru", 20, torch.float32)  # once loaded, they have computed what the gates as they stand do
    expected, found = (CELLS["gru"].pointwise["forward"].example(7, 20, torch.float32) for _ in range(2))
    CELLS["gru"].pointwise["forward"].function(*expected)
    gates.forward(*found)
    for part, right in zip(found, expected, strict=True):
        torch.testing.assert_close(part, right, rtol=1e-5, atol=1e-5)


def put(path: Path, data: bytes) -> None:
    """Replace a file that this process may have loaded, which would end if it were changed in place."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def test_they_are_built_once_and_a_spoilt_library_is_built_again(
    compiled_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(compiled_cache)
    libraries = sorted(folder.iterdir())
    assert [p.name.partition("-")[0] for p in libraries] == ["backward", "forward"]  # nothing is left behind
    for place in (compiled_cache, folder.parent, folder):
        assert place.stat().st_mode & 0o777 == 0o700
    sound = {p: p.read_bytes() for p in libraries}
    built = []
    monkeypatch.setattr(compiling, "_build", lambda *a: built.append([put(p, b) for p, b in sound.items()]))
    assert compiled_gates("lstm", CONFIG.hidden_size, torch.float32)
    assert not built
    whole = sound[libraries[1]]
    # cut short or changed inside, it would end the process where it is loaded, or later
    for k, spoilt in enumerate((whole[:1000], whole[: len(whole) // 2], whole[:-1], b"", whole[:5000] + whole[5001:])):
        compiled_gates.cache_clear()
        put(libraries[1], spoilt)
        assert compiled_gates("lstm", CONFIG.hidden_size, torch.float32)
        assert len(built) == k + 1
        assert sorted(folder.iterdir()) == libraries
    compiled_gates.cache_clear()
    monkeypatch.setattr(compiling.Function, "forward", lambda self, *a: a[4].fill_(2.0))
    with pytest.raises(CompileError, match="wrong results"):
        compiled_gates("lstm", CONFIG.hidden_size, torch.float32)


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
        compiled_gates.cache_clear()
        chosen = choose_kernels(CONFIG, CPU, "fp32", compiled=True)
        assert chosen.compiled is None
        assert f"other users can write to the folder {place}; run chmod go-w on it" in chosen.problem
        assert sorted(folder.iterdir()) == before
        place.chmod(0o700)
    compiled_gates.cache_clear()
    assert choose_kernels(CONFIG, CPU, "fp32", compiled=True).compiled is not None
    compiled_gates.cache_clear()
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


def test_an_old_compiler_is_asked_what_it_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def compile_package(exported: object, package_path: str, inductor_configs: dict[str, object]) -> None:
        asked.append(inductor_configs.get("cpp.vec_isa_ok"))
        if asked[-1]:
            raise RuntimeError("g++: error: unrecognized command-line option '-mavx512bf16'")
        with zipfile.ZipFile(package_path, "w") as package:
            package.writestr("data/a.wrapper.so", b"compiled")

    monkeypatch.setattr(torch._inductor, "aoti_compile_and_package", compile_package)
    compiling.build(CELLS["lstm"].pointwise["backward"], "backward", COMPILED_WIDTH, torch.float32, tmp_path)
    assert asked == [True, None]
    assert (tmp_path / "backward.so").read_bytes() == b"compiled"


def test_a_compiler_without_the_setting_is_not_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch._inductor.config as known  # imported here: it takes a while

    assert compiling._compiler_settings() == {"cpp.threads": 1, "aot_inductor.precompile_headers": False}
    with known.patch(compiling._compiler_settings()):
        assert known.aot_inductor.precompile_headers is False
    monkeypatch.setattr(torch._inductor, "config", SimpleNamespace(aot_inductor=SimpleNamespace()))
    assert compiling._compiler_settings() == {"cpp.threads": 1}


def test_without_a_compiler_the_gates_run_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert not are_built("lstm", CONFIG.hidden_size, torch.float32)


def test_a_cache_that_cannot_be_written_is_no_calamity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path / "file"))
    assert "cannot keep them" in choose_kernels(CONFIG, CPU, "fp32", compiled=True).problem


def test_what_is_compiled_follows_from_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "compiled_gates", lambda *a: pytest.fail("must not be asked for"))
    assert choose_kernels(CONFIG, CPU, "fp32").compiled is None
    assert choose_kernels(CONFIG.replace(cell_type="rnn"), CPU, "fp32", compiled=True).compiled is None
    assert choose_kernels(CONFIG, torch.device("cuda"), "fp32", compiled=True).compiled is None
    assert not worth_compiling(CONFIG, 1e6, passes=3)
    assert worth_compiling(CONFIG, 1e9, passes=3)


def test_a_run_goes_on_with_the_gates_that_it_had(
    invoke: Invoke, corpus_file: Path, compiled_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = ["--hidden-size", COMPILED_WIDTH, "--precision", "fp32", "--steps", 3, "--seq-len", 8]
    for name, is_long in (("long", True), ("short", False)):
        monkeypatch.setattr(session, "is_long", lambda *a, answer=is_long: answer)
        assert invoke("train", corpus_file, "--out", name, *size).code == 0
        monkeypatch.setattr(session, "is_long", lambda *a: pytest.fail("the run has decided that"))
        again = session.resumed_session(Path(name), (), {}, CPU, None, None, lambda *a: None)
        assert (again.kernels.compiled is not None) == is_long
        assert again.notes == []
    monkeypatch.setattr(session, "is_long", lambda *a: False)
    longer = session.resumed_session(Path("long"), (), {"steps": 6}, CPU, None, None, lambda *a: None)
    assert longer.kernels.compiled is None
    assert "compiled -> " in longer.notes[0]


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

"""The gates as one compiled loop: built once for a machine and a width by PyTorch's compiler, kept in the cache.

Compiling takes a C++ compiler and some twenty seconds, loading a few milliseconds.

A library in the cache is code that is run. So nobody else may be able to change it, or anything that it is made of:
every folder on the way to it is checked, and while it is compiled nothing is read or written outside of its folder but
the system, the compiler and the Python installation. Its name depends on all that went into it and on its content,
and before it is used its results are compared with those of the gates as they stand.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from charlstm.children import child
from charlstm.files.cache import cache_folder, check_path, make_folder, remove_abandoned
from charlstm.network.cells import CELLS, Cell, pointwise
from charlstm.network.cells.pointwise import GateFunctions, Pointwise

TIMEOUT_S = 300.0  # for a compiler that hangs
ABANDONED_S = 2 * TIMEOUT_S  # then nobody compiles there any more
SCRATCH = "tmp"
SUFFIX = ".so"
# where PyTorch and the C++ compiler keep what they need for a while
PLACES = ("TMPDIR", "TMP", "TEMP", "XDG_CACHE_HOME")
TORCH_PLACES = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "TORCH_COMPILE_DEBUG_DIR")
SETTINGS = {"CCACHE_DISABLE": "1", "PYTHONWARNINGS": "ignore"}  # a cache of compiled code may be shared with others
# PyTorch would compile six programs to see which of this processor's instructions the C++ compiler knows: ten seconds
TRUSTING = {"cpp.vec_isa_ok": True}
MAX_LANES = 1 << 20
TYPICAL_LANES = 64


class CompileError(Exception):
    """The gates cannot be compiled here; the message says why."""


class Function(nn.Module):
    """A function of a cell type, as PyTorch's exporter takes it."""

    def __init__(self, part: Pointwise) -> None:
        super().__init__()
        self.part = part

    def forward(self, *arguments: Tensor) -> None:
        # into memory of its own first: the compiler then sees values, not memory, and needs one loop for all of them
        function, reads, updates, _ = self.part
        read, written = arguments[:reads], arguments[reads:]
        values = [tensor.clone() for tensor in written[:updates]]
        values += [torch.empty_like(tensor) for tensor in written[updates:]]
        function(*read, *values)
        for tensor, value in zip(written, values, strict=True):
            tensor.copy_(value)


@cache
def compiled_gates(cell_type: str, hidden_size: int, dtype: torch.dtype) -> GateFunctions:
    """The compiled gates of a layer on the CPU, built if they are not in the cache.

    Args:
        cell_type: a name in `CELLS`, of one that has something to compile (`Cell.pointwise`).
        hidden_size: H.
        dtype: of the matrix products, bfloat16 or float32. All else is float32.

    Raises:
        CompileError: if they cannot be had here.
    """
    cell = CELLS[cell_type]
    folder = _folder(cell, hidden_size, dtype)
    try:
        check_path(folder)
        make_folder(folder)
        check_path(folder)
        if are_built(cell_type, hidden_size, dtype):
            try:
                return _load(folder, cell, hidden_size, dtype)
            except CompileError:  # what lies there is not sound: once more
                for path in folder.glob(f"*{SUFFIX}"):
                    path.unlink(missing_ok=True)
        _build(cell, hidden_size, dtype, folder)
    except OSError as e:
        raise CompileError(f"cannot keep them in {folder}: {e.strerror or e}") from None
    return _load(folder, cell, hidden_size, dtype)


def are_built(cell_type: str, hidden_size: int, dtype: torch.dtype) -> bool:
    """Whether the compiled gates of a layer are in the cache, so that `compiled_gates` takes no time."""
    folder = _folder(CELLS[cell_type], hidden_size, dtype)
    return all(any(folder.glob(f"{part}-*{SUFFIX}")) for part in CELLS[cell_type].pointwise)


def _folder(cell: Cell, hidden_size: int, dtype: torch.dtype) -> Path:
    sources = [inspect.getsource(sys.modules[name]) for name in (__name__, pointwise.__name__, type(cell).__module__)]
    made_of = [*sources, torch.__version__, _processor()]
    key = hashlib.sha256("\0".join([*made_of, cell.name, str(hidden_size), str(dtype)]).encode()).hexdigest()[:24]
    return cache_folder("gates") / key


def _processor() -> str:
    """What the compiled code depends on: the instructions that this processor has."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            known = sorted({line.strip() for line in lines if line.startswith(("flags", "Features", "model name"))})
    except OSError:
        known = [platform.processor()]
    return "\n".join([platform.platform(), platform.machine(), *known])


def _build(cell: Cell, hidden_size: int, dtype: torch.dtype, folder: Path) -> None:
    """Compile each part in a process of its own: the compiler is large, slow to import, and talks.

    Raises OSError where nothing can be kept in `folder`, and CompileError.
    """
    remove_abandoned(folder.parent, f"*/{SCRATCH}*", ABANDONED_S)
    if hasattr(os, "ST_NOEXEC") and os.statvfs(folder).f_flag & os.ST_NOEXEC:
        raise CompileError(f"the file system of {folder} runs no programs (noexec); set CHARLSTM_CACHE_DIR")
    place = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=folder))
    try:
        place.chmod(0o700)  # also under a umask that takes our own rights away
        with ExitStack() as running:
            processes = [
                running.enter_context(
                    child(
                        _build_part,
                        *(cell.name, part, str(hidden_size), str(dtype).removeprefix("torch."), str(place)),
                        folder=place,
                        environment=dict.fromkeys(PLACES + TORCH_PLACES, str(place)) | SETTINGS,
                    )
                )
                for part in cell.pointwise
            ]
            for process in processes:
                _, said = process.communicate(timeout=TIMEOUT_S)
                if process.returncode != 0:
                    ended = f"the compiler ended with {process.returncode}"
                    raise CompileError(said.strip().rpartition("\n")[2] or ended)
        for part in cell.pointwise:  # a rename is whole or not at all, whoever else builds the same
            library = place / (part + SUFFIX)
            library.replace(folder / f"{part}-{_sha256(library)}{SUFFIX}")
    except OSError as e:
        raise CompileError(f"cannot be built: {e.strerror or e}") from None
    except subprocess.TimeoutExpired:
        raise CompileError(f"the compiler took more than {TIMEOUT_S:g} seconds") from None
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _build_part(cell_type: str, part: str, hidden_size: str, dtype: str, place: str) -> None:
    """In a child process: `build`."""
    os.umask(0o077)
    build(CELLS[cell_type].pointwise[part], part, int(hidden_size), getattr(torch, dtype), Path(place))


def build(part: Pointwise, name: str, hidden_size: int, dtype: torch.dtype, place: Path) -> None:
    """Compile a function, for any number of lanes, into `place`, under a name."""
    module = Function(part)
    arguments = part.example(TYPICAL_LANES, hidden_size, dtype)
    lanes = torch.export.Dim("B", min=1, max=MAX_LANES)
    dims = [{0: lanes} if argument.dim() == 2 else None for argument in arguments]  # the bias has no lanes
    with torch.no_grad():
        exported = torch.export.export(module, tuple(arguments), dynamic_shapes=(tuple(dims),))
    package = place / f"{name}.pt2"

    def compile_package(**settings: bool) -> None:
        torch._inductor.aoti_compile_and_package(
            exported, package_path=str(package), inductor_configs=_compiler_settings() | settings
        )

    try:
        compile_package(**TRUSTING)
    except Exception:  # perhaps the C++ compiler does not know this processor yet: find out what it knows
        compile_package()
    with zipfile.ZipFile(package) as packed:  # PyTorch would unpack it anew for each run, into a shared folder
        (library,) = (file for file in packed.namelist() if file.endswith((".so", ".dylib", ".pyd")))
        (place / (name + SUFFIX)).write_bytes(packed.read(library))


def _compiler_settings() -> dict[str, bool | int]:
    """One thread: the lanes are shared out before (`threads`).

    And no precompiled headers: they take as long as they save here, and lie where others may have put theirs.
    """
    known = torch._inductor.config.aot_inductor
    headers = {"aot_inductor.precompile_headers": False} if hasattr(known, "precompile_headers") else {}
    return {"cpp.threads": 1, **headers}


def _load(folder: Path, cell: Cell, hidden_size: int, dtype: torch.dtype) -> GateFunctions:
    """The functions in the libraries, once they have shown that they compute what they should."""
    functions = GateFunctions(_library(folder, "forward"), _library(folder, "backward"))
    check_results(functions, cell, hidden_size, dtype, torch.device("cpu"))
    return functions


def check_results(
    functions: GateFunctions, cell: Cell, hidden_size: int, dtype: torch.dtype, device: torch.device
) -> None:
    """Compare gates that are fast with the gates as they stand. Raises CompileError where they differ."""
    for function, part in ((functions.forward, "forward"), (functions.backward, "backward")):
        pointwise = cell.pointwise[part]
        for B in (1, 5):
            expected = pointwise.example(B, hidden_size, dtype)
            computed = [  # with the same strides, which `Tensor.to` would not keep
                torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype, device=device).copy_(tensor)
                for tensor in expected
            ]
            Function(pointwise)(*expected)
            function(*computed)
            for right, result in zip(expected, computed, strict=True):
                rtol = 0.01 if right.dtype == torch.bfloat16 else 1e-4
                if not torch.allclose(result.cpu(), right, rtol=rtol, atol=1e-5):
                    raise CompileError("the compiled gates compute wrong results")


def _library(folder: Path, part: str) -> Callable[..., None]:
    """The function in a library. It checks nothing: types and strides must be those of `example`."""
    try:
        path = next(folder.glob(f"{part}-*{SUFFIX}"))
        check_path(path)
        if path.name != f"{part}-{_sha256(path)}{SUFFIX}":  # loading half of one would end the process
            raise CompileError(f"the compiled library {path} is damaged; remove it")
        # what torch._inductor.aoti_load_package comes down to; that one imports the whole compiler, two seconds
        library = torch._C._aoti.AOTIModelContainerRunnerCpu(str(path), 1)
        run = library.run
    except (AttributeError, TypeError, RuntimeError, StopIteration) as e:
        raise CompileError(
            f"the compiled library does not load: {(str(e) or 'it is not there').splitlines()[0]}"
        ) from None
    except OSError as e:
        raise CompileError(f"the compiled library cannot be used: {e.strerror or e}") from None

    def call(*arguments: Tensor) -> None:
        run(list(arguments))

    return call


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:24]

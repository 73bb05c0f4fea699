"""The steps of a window as a compiled library: built once on a machine by its C++ compiler, kept in the cache.

Compiling takes a C++ compiler and three seconds, loading a tenth of one.

A library in the cache is code that is run. So nobody else may be able to change it, or anything that it is made of:
every folder on the way to it is checked, and while it is compiled nothing is read or written outside of its folder but
the system, the compiler and the Python installation. Its name depends on all that went into it and on its content,
and before it is used its results are compared with those of the steps as they stand.
"""

from __future__ import annotations

import hashlib
import math
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from charlstm.children import child
from charlstm.files.cache import cache_folder, check_path, make_folder, remove_abandoned
from charlstm.network.buffers import BufferPool
from charlstm.network.cells import CELLS, Cell, Layer
from charlstm.network.cells.pointwise import GateFunctions
from charlstm.network.native.compiler import SOURCES, compile_library, compiler, version
from charlstm.network.native.functions import Library

TIMEOUT_S = 300.0  # for a compiler that hangs
ABANDONED_S = 2 * TIMEOUT_S  # then nobody compiles there any more
SCRATCH = "tmp"
FOLDER = "gates"  # in the cache
NAME = "window"
SUFFIX = ".so"
PLACES = ("TMPDIR", "TMP", "TEMP", "XDG_CACHE_HOME")  # where the C++ compiler keeps what it needs for a while
SETTINGS = {"CCACHE_DISABLE": "1", "LC_ALL": "C"}  # a cache of compiled code may be shared with others
WRONG = "the compiled steps compute wrong results"
NUMBERS = {torch.float32: "float", torch.bfloat16: "bfloat16"}  # the types of the products, in C++


class CompileError(Exception):
    """The steps cannot be compiled here; the message says why."""


def compiled_steps(cell_type: str, dtype: torch.dtype, whole_windows: bool = True) -> GateFunctions:
    """The compiled steps of a cell type on the CPU, built if they are not in the cache.

    Args:
        cell_type: a name in `CELLS`, of one that has something to compile (`Cell.pointwise`).
        dtype: of the matrix products, bfloat16 or float32. All else is float32.
        whole_windows: all steps at once, products included; else the gates alone.

    Raises:
        CompileError: if they cannot be had here.
    """
    steps = tried(cell_type, dtype, whole_windows)
    if isinstance(steps, CompileError):
        raise steps
    return steps


@cache
def tried(cell_type: str, dtype: torch.dtype, whole_windows: bool) -> GateFunctions | CompileError:
    """The same, or why they cannot be had: that is found out once in a process."""
    cell = CELLS[cell_type]
    folder = cache_folder(FOLDER)
    try:
        folder = _folder(cell, dtype)
        check_path(folder)
        make_folder(folder)
        check_path(folder)
        if are_built(cell_type, dtype):
            try:
                return _load(folder, cell, dtype, whole_windows)
            except CompileError:  # what lies there is not sound: once more
                for path in folder.glob(f"*{SUFFIX}"):
                    path.unlink(missing_ok=True)
        _build(cell, dtype, folder)
        return _load(folder, cell, dtype, whole_windows)
    except OSError as e:
        return CompileError(f"cannot keep them in {folder}: {e.strerror or e}")
    except CompileError as e:
        return e


def are_built(cell_type: str, dtype: torch.dtype) -> bool:
    """Whether the compiled steps are in the cache, so that `compiled_steps` takes no time."""
    try:
        return any(_folder(CELLS[cell_type], dtype).glob(f"{NAME}-*{SUFFIX}"))
    except OSError:
        return False


def _folder(cell: Cell, dtype: torch.dtype) -> Path:
    sources = [path.read_text(encoding="utf-8") for path in SOURCES]
    found = compiler()
    made_of = [*sources, *found, version(found) if found else "", cell.name, str(dtype), _processor()]
    key = hashlib.sha256("\0".join(made_of).encode()).hexdigest()[:24]
    return cache_folder(FOLDER) / key


@cache
def _processor() -> str:
    """What the compiled code depends on: the instructions that this processor has."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            known = sorted({line.strip() for line in lines if line.startswith(("flags", "Features", "model name"))})
    except OSError:
        known = [platform.processor()]
    return "\n".join([platform.platform(), platform.machine(), *known])


def _build(cell: Cell, dtype: torch.dtype, folder: Path) -> None:
    """Compile in a process of its own, which ends when this one does.

    Raises OSError where nothing can be kept in `folder`, and CompileError.
    """
    if os.name != "posix":
        raise CompileError("on Windows charlstm does not compile")
    remove_abandoned(folder.parent, f"*/{SCRATCH}*", ABANDONED_S)
    if hasattr(os, "ST_NOEXEC") and os.statvfs(folder).f_flag & os.ST_NOEXEC:
        raise CompileError(f"the file system of {folder} runs no programs (noexec); set CHARLSTM_CACHE_DIR")
    place = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=folder))
    library = place / (NAME + SUFFIX)
    try:
        place.chmod(0o700)  # also under a umask that takes our own rights away
        environment = dict.fromkeys(PLACES, str(place)) | SETTINGS
        arguments = (type(cell).__name__, NUMBERS[dtype], str(library), *compiler())
        with child(compile_library, *arguments, folder=place, environment=environment) as process:
            _, said = process.communicate(timeout=TIMEOUT_S)
        if process.returncode != 0:
            ended = f"the compiler ended with {process.returncode}"
            raise CompileError(said.strip().rpartition("\n")[2] or ended)
        library.replace(folder / f"{NAME}-{_sha256(library)}{SUFFIX}")  # whole or not at all, whoever builds the same
    except OSError as e:
        raise CompileError(f"cannot be built: {e.strerror or e}") from None
    except subprocess.TimeoutExpired:
        raise CompileError(f"the compiler took more than {TIMEOUT_S:g} seconds") from None
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _load(folder: Path, cell: Cell, dtype: torch.dtype, whole_windows: bool) -> GateFunctions:
    """The functions in the library, once they have shown that they compute what they should."""
    try:
        path = next(folder.glob(f"{NAME}-*{SUFFIX}"))
        check_path(path)
        if path.name != f"{NAME}-{_sha256(path)}{SUFFIX}":  # loading half of one would end the process
            raise CompileError(f"the compiled library {path} is damaged; remove it")
        functions = Library(path, cell, dtype).gate_functions(whole_windows)
    except (AttributeError, StopIteration) as e:
        raise CompileError(f"the compiled library does not load: {str(e) or 'it is not there'}") from None
    except OSError as e:
        raise CompileError(f"the compiled library cannot be used: {e.strerror or str(e).splitlines()[0]}") from None
    for hidden_size in (5, 40):
        check_results(functions, cell, hidden_size, dtype, torch.device("cpu"))
    if functions.window is not None:
        for hidden_size in (5, 344):  # with half a pair; of rows that are longer than a page
            _check_windows(functions, cell, hidden_size, dtype)
    return functions


def check_results(
    functions: GateFunctions, cell: Cell, hidden_size: int, dtype: torch.dtype, device: torch.device
) -> None:
    """Compare gates that are fast with the gates as they stand. Raises CompileError where they differ."""
    for function, part in ((functions.forward, "forward"), (functions.backward, "backward")):
        pointwise = cell.pointwise[part]
        for B in (1, 5):
            expected, computed = (pointwise.example(B, hidden_size, dtype) for _ in range(2))
            if device.type != "cpu":  # with the same strides, which `Tensor.to` would not keep
                computed = [
                    torch.empty_strided(part.size(), part.stride(), dtype=part.dtype, device=device).copy_(part)
                    for part in expected
                ]
            pointwise.function(*expected)
            function(*computed)
            for right, result in zip(expected, computed, strict=True):
                rtol = 0.01 if right.dtype == torch.bfloat16 else 1e-4
                if not torch.allclose(result.cpu(), right, rtol=rtol, atol=1e-5):
                    raise CompileError(WRONG)


def _check_windows(functions: GateFunctions, cell: Cell, hidden_size: int, dtype: torch.dtype) -> None:
    """Compare windows that are computed at once with those that are computed step by step. Raises CompileError."""
    T, B, H, V, draw = 3, 11, hidden_size, 5, torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw).div(math.sqrt(shape[-1] or 1))

    G, biases = len(cell.rows), len(cell.bias_rows)
    layer = Layer(drawn(G * H, H), drawn(G * H, H), drawn(biases * H))
    h, c, above = drawn(B, H), drawn(B, H if cell.has_cell_state else 0), drawn(T, B, H)
    x, table, ids = drawn(T, B, H).to(dtype), drawn(V, H), torch.arange(T * B).view(T, B) % V

    def scanned(x: Tensor, ids: Tensor | None, gates: GateFunctions | None, keep: bool) -> list[Tensor]:
        inputs = [tensor.clone().requires_grad_(keep) for tensor in (x, *layer, h)]
        x_in, *weights, h_in = inputs
        pool = BufferPool(reuses=False)
        every_h, *last = cell.scan(
            x_in, ids, Layer(*weights), h_in, c, compute_dtype=dtype, gates=gates, pool=pool, keep=keep
        )
        loss = (every_h * above).sum() + last[0].sum()
        return [every_h, *last, *(torch.autograd.grad(loss, inputs) if keep else ())]

    with torch.enable_grad():
        for read, by in ((x, None), (table, ids)):
            for keep in (True, False):
                _check_near(scanned(read, by, functions, keep), scanned(read, by, None, keep), dtype)
    assert functions.window is not None
    z = F.linear(table, layer.weight_ih).to(dtype)
    lowest, upper = (functions.window.stepper(layer, h, c, first) for first in (z, None))
    right = [scanned(table, ids, None, False)[0], scanned(x, None, None, False)[0]]
    for t in range(T):
        _check_near([lowest(ids[t], None), upper(ids[t], x[t])], [shown[t] for shown in right], dtype)


def _check_near(results: Sequence[Tensor], right: Sequence[Tensor], dtype: torch.dtype) -> None:
    for result, expected in zip(results, right, strict=True):  # the steps as they stand round more often
        if not (result - expected).norm() <= (0.02 if dtype == torch.bfloat16 else 1e-5) * expected.norm():
            raise CompileError(WRONG)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:24]

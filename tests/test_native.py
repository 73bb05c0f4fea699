"""The compiled steps against the readable ones in float64, on every shape that a register or a tile can be cut by."""

import math
import os
import shutil
from pathlib import Path

import pytest
import torch
from test_stack import objective, random_stack
from test_threads import exit_status
from torch import Tensor

from charlstm.config import ModelConfig
from charlstm.network import threads
from charlstm.network.buffers import BufferPool
from charlstm.network.cells import CELLS, Cell, State
from charlstm.network.compiling import compiled_steps, tried
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.network.native import functions
from charlstm.network.scan import scan
from charlstm.network.stepper import Stepper
from charlstm.network.threads import torch_threads

pytestmark = pytest.mark.usefixtures("compiled_cache")
COMPILED = [cell for cell in CELLS.values() if cell.pointwise]
V, T = 11, 5
NEAR = {torch.float32: 2e-5, torch.bfloat16: 0.08}  # of a result, as a share of its size

each_cell = pytest.mark.parametrize("cell", COMPILED, ids=lambda cell: cell.name)
each_dtype = pytest.mark.parametrize("dtype", NEAR, ids=str)


def kernels_of(cell: Cell, dtype: torch.dtype, whole_windows: bool = True) -> Kernels:
    return Kernels(dtype, compiled_steps(cell.name, dtype, whole_windows))


def computed(
    cell: Cell, H: int, B: int, kernels: Kernels | None, windows: int = 1, pool: BufferPool | None = None
) -> list[Tensor]:
    """What two layers make of the same drawn numbers, and all gradients; None: the readable path, in float64."""
    torch.manual_seed(H * 100 + B)
    stack = random_stack(cell.name, 2, 6, H)
    with torch.no_grad():
        for weight in stack.parameters():
            weight.div_(math.sqrt(max(1.0, H / 64)))  # or a wide network would make a storm of any rounding
    embedding, ids = torch.randn(V, 6, dtype=torch.float64), torch.randint(V, (T, B))
    zero = stack.zero_state(B)
    state = State(torch.randn_like(zero.h), torch.randn_like(zero.c))
    weights = torch.randn(T, B, H, dtype=torch.float64)
    if kernels is not None:
        stack, embedding, weights = stack.float(), embedding.float(), weights.float()
        state = State(*(part.float() for part in state))
    inputs = [embedding, state.h, *([state.c] if cell.has_cell_state else []), *stack.parameters()]
    for tensor in inputs:
        tensor.requires_grad_()
    for _ in range(windows):
        if kernels is None:
            h, after = stack(embedding[ids], state)
        else:
            h, after = scan(stack, embedding, ids, state, kernels=kernels, pool=pool)
        gradients = torch.autograd.grad(objective(h, after, weights), inputs)
    return [h, after.h, after.c, *gradients]


def assert_near(results: list[Tensor], right: list[Tensor], share: float) -> None:
    for result, expected in zip(results, right, strict=True):
        assert (result.double() - expected.double()).norm() <= share * expected.double().norm()


@each_cell
@each_dtype
@pytest.mark.parametrize("H", [1, 3, 15, 16, 17, 33, 64])
@pytest.mark.parametrize("B", [1, 2, 7, 13, 29])
def test_a_window_is_that_of_the_readable_path(cell: Cell, dtype: torch.dtype, H: int, B: int) -> None:
    assert_near(computed(cell, H, B, kernels_of(cell, dtype)), computed(cell, H, B, None), NEAR[dtype])


@each_cell
@each_dtype
@pytest.mark.parametrize(("H", "B"), [(344, 7), (688, 5)])
def test_so_is_one_of_rows_that_are_longer_than_a_page(cell: Cell, dtype: torch.dtype, H: int, B: int) -> None:
    assert_near(computed(cell, H, B, kernels_of(cell, dtype)), computed(cell, H, B, None), NEAR[dtype])


@each_cell
@each_dtype
def test_so_are_gates_without_their_products(cell: Cell, dtype: torch.dtype) -> None:
    kernels = kernels_of(cell, dtype, whole_windows=False)
    assert kernels.compiled is not None
    assert kernels.compiled.window is None
    assert_near(computed(cell, 19, 5, kernels), computed(cell, 19, 5, None), NEAR[dtype])


@each_cell
def test_buffers_of_the_window_before_are_used_again(cell: Cell) -> None:
    kernels, pool = kernels_of(cell, torch.float32), BufferPool()
    once, again = computed(cell, 9, 3, kernels), computed(cell, 9, 3, kernels, 3, pool)
    assert all(torch.equal(*pair) for pair in zip(once, again, strict=True))


@each_cell
@each_dtype
def test_no_bit_depends_on_the_threads_or_on_the_other_lanes(
    cell: Cell, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_lanes_are_alone(cell, dtype, monkeypatch)


@torch.no_grad()
def assert_lanes_are_alone(cell: Cell, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    stack = random_stack(cell.name, 1, 6, 37).float()  # the products between layers are PyTorch's
    embedding, ids = torch.randn(V, 6), torch.randint(V, (T, 23))
    zero = stack.zero_state(23)
    state, kernels = State(torch.randn_like(zero.h), torch.randn_like(zero.c)), kernels_of(cell, dtype)
    h, after = scan(stack, embedding, ids, state, kernels=kernels)
    for number, lanes in ((2, slice(None)), (40, slice(None)), (3, slice(4, 17)), (1, slice(0, 1)), (1, slice(20, 23))):
        # of our steps alone: what PyTorch computes before them may depend on its threads
        monkeypatch.setattr(functions, "compiled_threads", lambda *work, number=number: number)
        these = State(*(part[:, lanes] for part in state))
        part, part_after = scan(stack, embedding, ids[:, lanes], these, kernels=kernels)
        assert torch.equal(part, h[:, lanes])
        assert torch.equal(part_after.h, after.h[:, lanes])
        assert torch.equal(part_after.c, after.c[:, lanes])


@each_cell
@each_dtype
@pytest.mark.parametrize("B", [1, 9])
@pytest.mark.parametrize("number", [1, 3])
@torch.no_grad()
def test_a_step_is_that_of_the_readable_network(
    cell: Cell, dtype: torch.dtype, B: int, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "SHARED_FROM", 0)
    model = CharLM(ModelConfig(V, 37, 2, 6, cell.name))  # type: ignore[arg-type]
    model.reset_parameters(20, 0)
    torch.manual_seed(0)
    zero = model.zero_state(B)
    begin = state = State(torch.randn_like(zero.h), torch.randn_like(zero.c))
    kept = State(*(part.clone() for part in begin))
    with torch_threads(number):
        stepper = Stepper(model, begin, kernels_of(cell, dtype))
        for _ in range(6):
            ids = torch.randint(V, (B,))
            expected, state = model.step(ids, state)
            assert_near([stepper.step(ids)], [expected], NEAR[dtype])
    assert all(torch.equal(*pair) for pair in zip(begin, kept, strict=True))


@each_cell
@each_dtype
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30, -1e30])
@torch.no_grad()
def test_numbers_without_measure_end_nowhere(cell: Cell, dtype: torch.dtype, value: float) -> None:
    """What is not a number stays so, so that a training sees it; what is large saturates the gates."""
    stack = random_stack(cell.name, 1, 6, 20).float()
    embedding, ids = torch.randn(V, 6), torch.randint(V, (1, 4))
    state = State(torch.zeros(1, 4, 20), torch.zeros(1, 4, 20 if cell.has_cell_state else 0))
    stack.layer(0).bias.fill_(value)
    h, _ = scan(stack, embedding, ids, state, kernels=kernels_of(cell, dtype))
    right, _ = stack(embedding[ids], state)
    torch.testing.assert_close(h.float(), right, rtol=NEAR[dtype] / 10, atol=1e-6, equal_nan=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are forked here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_waits_for_no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one thread, that is: with more, PyTorch's own products wait for OpenMP's threads, which the parent has."""
    monkeypatch.setattr(threads, "SHARED_FROM", 0)
    torch.manual_seed(0)
    stack, kernels = random_stack("lstm", 1, 6, 20).float(), kernels_of(COMPILED[0], torch.float32)
    embedding, ids, state = torch.randn(V, 6), torch.randint(V, (T, 24)), stack.float().zero_state(24)

    def read() -> Tensor:
        with torch.no_grad():
            return scan(stack, embedding, ids, state, kernels=kernels)[0]

    with torch_threads(2):
        right = read()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                torch.set_num_threads(1)
                code = 0 if torch.allclose(read(), right, atol=1e-5) else 2
            finally:
                os._exit(code)
    assert exit_status(child, 20) == 0


@pytest.mark.parametrize("without", ["-mno-avx512f", "-mno-avx"])
def test_older_processors_compute_the_same(without: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        pytest.skip("no such instructions to leave out")
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("CXX", f"{shutil.which('g++') or 'clang++'} {without}")
    tried.cache_clear()
    for cell in COMPILED:
        dtype = torch.bfloat16 if cell is COMPILED[0] else torch.float32
        assert_near(computed(cell, 37, 13, kernels_of(cell, dtype)), computed(cell, 37, 13, None), NEAR[dtype])
        assert_lanes_are_alone(cell, dtype, monkeypatch)
    tried.cache_clear()

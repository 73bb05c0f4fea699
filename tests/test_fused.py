"""The gates as one Triton kernel a step: on a GPU where there is one, else in Triton's interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch

from charlstm.config import CellType, ModelConfig
from charlstm.network import fusing
from charlstm.network.cells import CELLS
from charlstm.network.cells.pointwise import GateFunctions
from charlstm.network.compiling import CompileError
from charlstm.network.fusing import fused_gates
from charlstm.network.kernels import Kernels, choose_kernels
from charlstm.network.model import CharLM
from charlstm.network.scan import scan
from charlstm.network.stepper import Stepper

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
CUDA = torch.device("cuda")
HAVE = find_spec("triton") is not None

needs_triton = pytest.mark.skipif(not HAVE, reason="there is no Triton here")
FUSED: list[CellType] = ["lstm", "gru"]


def gates_of(cell_type: str, hidden_size: int, dtype: torch.dtype) -> GateFunctions:
    gates = fused_gates(cell_type, hidden_size, dtype, DEVICE)
    assert gates is not None
    return gates


def network(cell_type: CellType, hidden_size: int, dtype: torch.dtype) -> CharLM:
    model = CharLM(ModelConfig(7, hidden_size, 2, 5, cell_type))
    model.reset_parameters(20, seed=1)
    return model.to(DEVICE, dtype)


@needs_triton
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("hidden_size", [1, 37, 256, 300])  # a block has 256 cells
@pytest.mark.parametrize("cell_type", FUSED)
def test_a_step_and_its_gradients(cell_type: str, hidden_size: int, dtype: torch.dtype) -> None:
    gates_of(cell_type, hidden_size, dtype)  # which compares both with the gates as they stand


@needs_triton
def test_a_kernel_that_computes_something_else_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    gates = gates_of("lstm", 8, torch.float32)

    def backward(*arguments: torch.Tensor) -> None:
        gates.backward(*arguments)
        arguments[-1].mul_(1.01)

    monkeypatch.setattr(type(CELLS["lstm"]), "fused", GateFunctions(gates.forward, backward))
    with pytest.raises(CompileError, match="wrong results"):
        fused_gates.__wrapped__("lstm", 8, torch.float32, DEVICE)


@needs_triton
@pytest.mark.parametrize("B", [1, 3])
@pytest.mark.parametrize("cell_type", FUSED)
def test_a_window_is_that_of_the_readable_network(cell_type: CellType, B: int) -> None:
    T, H = 3, 19
    model = network(cell_type, H, torch.float64)
    inputs = torch.randint(7, (T, B), generator=torch.Generator().manual_seed(0)).to(DEVICE)
    state = model.zero_state(B)
    state.h.normal_().requires_grad_()
    state.c.normal_().requires_grad_()
    learnt = [*model.stack.parameters(), model.embedding.weight, state.h, *([state.c] if cell_type == "lstm" else [])]
    kernels = Kernels(torch.float64, gates_of(cell_type, H, torch.float64))
    right, right_after = model.stack(model.embedding(inputs), state)
    fused, after = scan(model.stack, model.embedding.weight, inputs, state, kernels=kernels)
    torch.testing.assert_close(fused, right, rtol=0, atol=1e-12)
    torch.testing.assert_close(after, right_after, rtol=0, atol=1e-12)
    expected, gradients = (
        torch.autograd.grad(h.square().sum() + last.h.sum() + last.c.sin().sum(), learnt)
        for h, last in ((right, right_after), (fused, after))
    )
    torch.testing.assert_close(gradients, expected, rtol=0, atol=1e-10)


@needs_triton
@pytest.mark.parametrize("cell_type", FUSED)
def test_sampling_steps_through_the_same_numbers(cell_type: CellType) -> None:
    model = network(cell_type, 11, torch.float32)
    eager, fused = (
        Stepper(model, model.zero_state(2), Kernels(torch.float32, gates))
        for gates in (None, gates_of(cell_type, 11, torch.float32))
    )
    for k in range(4):
        ids = torch.tensor([k, 6 - k], device=DEVICE)
        torch.testing.assert_close(fused.step(ids), eager.step(ids), rtol=1e-5, atol=1e-6)


@needs_triton
@pytest.mark.parametrize("cell_type", FUSED)
def test_they_compile_for_a_card_that_is_not_here(cell_type: str) -> None:
    """Down to the machine code of three generations: what the interpreter takes, a compiler might not."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    code = f"import fused_for_cards; fused_for_cards.compile_all({cell_type!r})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["sm_80", "sm_90", "sm_100"]


def test_without_triton_the_gates_are_eager_and_the_name_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "triton", None)
    for name in ("fused", "lstm_fused"):
        monkeypatch.delitem(sys.modules, f"charlstm.network.cells.{name}", raising=False)
    monkeypatch.delattr("charlstm.network.cells.lstm_fused", raising=False)
    monkeypatch.setattr("charlstm.network.kernels.fused_gates", fused_gates.__wrapped__)
    config = ModelConfig(7, 8, 1, 5)
    chosen = choose_kernels(config, CUDA, "bf16", compiled=True)
    assert chosen == Kernels(torch.bfloat16)
    assert chosen.name(config, 4, CUDA) == "bf16, eager"


def test_gates_that_do_not_compile_are_eager_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    config, asked = ModelConfig(7, 8, 1, 5), []

    def results(*arguments: object) -> None:
        asked.append(arguments[-1])
        raise RuntimeError("Failed to find C compiler.\nPlease specify CC")

    monkeypatch.setattr(type(CELLS["lstm"]), "fused", GateFunctions(print, print))
    monkeypatch.setattr(fusing, "check_results", results)
    chosen = choose_kernels(config, CUDA, "fp32", compiled=True)
    assert asked == [CUDA]
    assert chosen == Kernels(torch.float32, problem="Triton: Failed to find C compiler.")
    monkeypatch.setattr(fusing, "check_results", lambda *arguments: None)
    assert choose_kernels(config, CUDA, "fp32", compiled=False).compiled is None
    chosen = choose_kernels(config, CUDA, "fp32", compiled=True)
    assert chosen.name(config, 4, CUDA) == "fp32, fused"
    assert choose_kernels(ModelConfig(7, 8, 1, 5, "rnn"), CUDA, "fp32", compiled=True) == Kernels(torch.float32)
    fused_gates.cache_clear()

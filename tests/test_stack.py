"""The readable layers against PyTorch's own layers, and against gates set by hand."""

import math
from collections.abc import Sequence
from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from charlstm.config import CellType
from charlstm.network.cells import CELLS, Cell, Layer, State
from charlstm.network.model import torch_layers
from charlstm.network.stack import RecurrentStack

SIZES = [(1, 3, 5, 7, 1), (2, 5, 7, 9, 3), (3, 4, 11, 6, 2)]  # L, E, H, T, B


def random_stack(cell_type: str, L: int, E: int, H: int) -> RecurrentStack:
    stack = RecurrentStack(cell_type, E, H, L).double()
    with torch.no_grad():
        for p in stack.parameters():
            p.uniform_(-0.7, 0.7)
    return stack


def vendor_copy(stack: RecurrentStack, E: int) -> nn.LSTM | nn.RNN:
    vendor = torch_layers(stack.cell)(E, stack.hidden_size, stack.num_layers).double()
    with torch.no_grad():
        for k, layer in enumerate(stack.layers()):
            vendor.get_parameter(f"weight_ih_l{k}").copy_(layer.weight_ih)
            vendor.get_parameter(f"weight_hh_l{k}").copy_(layer.weight_hh)
            for name, bias in zip(("bias_ih", "bias_hh"), stack.cell.bias_to_torch(layer.bias), strict=True):
                vendor.get_parameter(f"{name}_l{k}").copy_(bias)
    return vendor


def pulled_back(cell: Cell, bias: Tensor, grads: Sequence[Tensor | None]) -> Tensor:
    """The gradient of our bias from those of PyTorch's two."""
    outputs = [(part, grad) for part, grad in zip(cell.bias_to_torch(bias), grads, strict=True) if part.requires_grad]
    (grad,) = torch.autograd.grad([part for part, _ in outputs], bias, [grad for _, grad in outputs])
    return grad


def objective(h: Tensor, state: State, weights: Tensor) -> Tensor:
    return (h * weights).sum() + (state.h**2).sum() + (state.c**3).sum()


@pytest.mark.parametrize(("L", "E", "H", "T", "B"), SIZES)
@pytest.mark.parametrize("cell_type", CELLS)
def test_same_as_torch_in_float64(cell_type: str, L: int, E: int, H: int, T: int, B: int) -> None:
    torch.manual_seed(L)
    stack = random_stack(cell_type, L, E, H)
    vendor = vendor_copy(stack, E)
    x = torch.randn(T, B, E, dtype=torch.float64, requires_grad=True)
    zero = stack.zero_state(B)
    state = State(torch.randn_like(zero.h).requires_grad_(), torch.randn_like(zero.c).requires_grad_())
    weights = torch.randn(T, B, H, dtype=torch.float64)

    h, after = stack(x, state)
    if stack.cell.has_cell_state:
        vendor_h, (vendor_hn, vendor_cn) = vendor(x, (state.h, state.c))
    else:
        vendor_h, vendor_hn = vendor(x, state.h)
        vendor_cn = after.c
    torch.testing.assert_close(h, vendor_h, rtol=0, atol=1e-12)
    torch.testing.assert_close(after.h, vendor_hn, rtol=0, atol=1e-12)
    torch.testing.assert_close(after.c, vendor_cn, rtol=0, atol=1e-12)

    inputs = [x, state.h] + ([state.c] if stack.cell.has_cell_state else [])
    ours = torch.autograd.grad(objective(h, after, weights), [*inputs, *stack.parameters()])
    objective(vendor_h, State(vendor_hn, vendor_cn), weights).backward()
    theirs = [part.grad for part in inputs]
    for k, layer in enumerate(stack.layers()):
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        w_ih, w_hh, *biases = (vendor.get_parameter(f"{name}_l{k}").grad for name in names)
        theirs += [w_ih, w_hh, pulled_back(stack.cell, layer.bias, biases)]
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-10)


def test_state_carried_over_two_windows_is_one_long_window() -> None:
    torch.manual_seed(0)
    stack = random_stack("lstm", 2, 3, 5)
    x = torch.randn(9, 2, 3, dtype=torch.float64)
    whole, end = stack(x, stack.zero_state(2))
    first, middle = stack(x[:4], stack.zero_state(2))
    second, end_too = stack(x[4:], middle)
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=0, atol=1e-14)
    torch.testing.assert_close(end.c, end_too.c, rtol=0, atol=1e-14)


def test_step_is_one_character_of_the_window() -> None:
    torch.manual_seed(0)
    stack = random_stack("lstm", 3, 4, 6)
    x = torch.randn(5, 2, 4, dtype=torch.float64)
    h, after = stack(x, stack.zero_state(2))
    state = stack.zero_state(2)
    for x_t in x:
        state, gates = stack.step(x_t, state)
    torch.testing.assert_close(state.h, after.h, rtol=0, atol=1e-14)
    torch.testing.assert_close(state.h[-1], h[-1], rtol=0, atol=1e-14)
    assert len(gates) == 3
    assert all(gate.min() > 0 and gate.max() < 1 for layer in gates for gate in map(layer.get, "ifo"))


def hand_set(i: float, f: float, o: float) -> Layer:
    """One cell that copies its input into the candidate, with gates opened (40) or shut (-40)."""
    bias = torch.tensor([i, f, 0.0, o], dtype=torch.float64)
    weight_ih = torch.tensor([[0.0], [0.0], [1.0], [0.0]], dtype=torch.float64)
    return Layer(weight_ih, torch.zeros(4, 1, dtype=torch.float64), bias)


@pytest.mark.parametrize(
    ("i", "f", "o", "expected_c", "shown"),
    [
        (40, 40, 40, [math.tanh(0.5), 2 * math.tanh(0.5), 3 * math.tanh(0.5)], True),  # all open: a plain sum
        (-40, 40, 40, [0.0, 0.0, 0.0], True),  # input gate shut: nothing is written
        (40, -40, 40, [math.tanh(0.5)] * 3, True),  # forget gate shut: replaced every time
        (40, 40, -40, [math.tanh(0.5), 2 * math.tanh(0.5), 3 * math.tanh(0.5)], False),  # kept, but not shown
    ],
)
def test_gates_do_what_their_names_say(i: float, f: float, o: float, expected_c: list[float], shown: bool) -> None:
    layer = hand_set(i, f, o)
    h = c = torch.zeros(1, 1, dtype=torch.float64)
    for expected in expected_c:
        h, c, _ = CELLS["lstm"].step(torch.full((1, 1), 0.5, dtype=torch.float64), h, c, layer)
        assert c.item() == pytest.approx(expected, abs=1e-12)
        assert h.item() == pytest.approx(math.tanh(expected) if shown else 0.0, abs=1e-12)


def test_recurrent_weights_begin_orthogonal() -> None:
    stack = RecurrentStack("lstm", 4, 8, 2)
    stack.reset_parameters(0, torch.Generator().manual_seed(0))
    for layer in stack.layers():
        for square in layer.weight_hh.detach().chunk(4):
            torch.testing.assert_close(square @ square.T, torch.eye(8), rtol=0, atol=1e-5)
        b_i, b_f, b_g, b_o = layer.bias.detach().chunk(4)
        assert (b_f == 1).all()
        assert (torch.cat([b_i, b_g, b_o]) == 0).all()


def test_chrono_initialisation_spreads_memory_up_to_the_length_asked_for() -> None:
    stack = RecurrentStack("lstm", 4, 512, 1)
    stack.reset_parameters(100, torch.Generator().manual_seed(0))
    b_i, b_f, _, _ = stack.layer(0).bias.detach().chunk(4)
    torch.testing.assert_close(b_i, -b_f)
    memory = 1 / (1 - torch.sigmoid(b_f))  # characters until a cell has kept 1/e of what it held, about
    assert 1 < memory.min() < 5
    assert 90 < memory.max() <= 100
    assert float((memory < 10).float().mean()) == pytest.approx(0.5, abs=0.1)  # as many below 10 as above


def test_input_weights_are_drawn_evenly_with_the_variance_of_their_fan_in() -> None:
    stack = RecurrentStack("lstm", 100, 200, 2)
    stack.reset_parameters(0, torch.Generator().manual_seed(0))
    for layer in stack.layers():
        weights = layer.weight_ih.detach() * math.sqrt(layer.weight_ih.shape[1])  # variance 1, uniform: within sqrt 3
        assert weights.mean().item() == pytest.approx(0, abs=0.02)
        assert weights.var().item() == pytest.approx(1, abs=0.02)
        assert weights.abs().max().item() == pytest.approx(math.sqrt(3), abs=0.01)


def test_a_gru_keeps_by_its_update_gate_what_the_reset_gate_does_not_see() -> None:
    """With the reset gate shut the candidate sees the input alone; with the update gate open nothing changes."""
    step, h = CELLS["gru"].step, torch.full((1, 1), 0.3, dtype=torch.float64)
    x, one = torch.full((1, 1), 0.5, dtype=torch.float64), torch.tensor([[0.0], [0.0], [1.0]], dtype=torch.float64)

    def after(r: float, z: float) -> float:
        bias = torch.tensor([r, z, 0.1, 0.2], dtype=torch.float64)
        return step(x, h, h[:, :0], Layer(one, one, bias))[0].item()

    assert after(-40, 40) == after(40, 40) == pytest.approx(0.3, abs=1e-12)
    assert after(-40, -40) == pytest.approx(math.tanh(0.5 + 0.1), abs=1e-12)
    assert after(40, -40) == pytest.approx(math.tanh(0.5 + 0.1 + 0.3 + 0.2), abs=1e-12)
    assert after(-40, 0) == pytest.approx((math.tanh(0.6) + 0.3) / 2, abs=1e-12)


def test_the_update_gate_of_a_gru_begins_with_memories_up_to_the_length_asked_for() -> None:
    stack = RecurrentStack("gru", 4, 512, 1)
    stack.reset_parameters(100, torch.Generator().manual_seed(0))
    b_r, b_z, b_in, b_hn = stack.layer(0).bias.detach().chunk(4)
    memory = 1 / (1 - torch.sigmoid(b_z))
    assert 1 < memory.min() < 5
    assert 90 < memory.max() <= 100
    assert (torch.cat([b_r, b_in, b_hn]) == 0).all()
    stack.reset_parameters(0, torch.Generator().manual_seed(0))
    assert (stack.layer(0).bias[512:1024] == 1).all()


def test_the_names_in_the_settings_are_those_of_the_classes() -> None:
    assert get_args(CellType) == tuple(CELLS)
    for name, cell in CELLS.items():
        assert cell.name == name

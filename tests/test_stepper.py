"""The stepper against the readable step."""

import pytest
import torch

from charlstm.config import ModelConfig
from charlstm.network.cells import CELLS, State
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.network.stepper import Stepper


@pytest.mark.parametrize("cell_type", CELLS)
@pytest.mark.parametrize(("num_layers", "streams"), [(1, 1), (3, 1), (2, 5)])
@torch.no_grad()
def test_same_as_the_readable_step(cell_type: str, num_layers: int, streams: int) -> None:
    config = ModelConfig(vocab_size=9, hidden_size=7, num_layers=num_layers, embedding_size=4, cell_type=cell_type)
    model = CharLM(config).double()
    model.reset_parameters(20, 0)
    torch.manual_seed(0)
    zero = model.zero_state(streams)
    state = State(torch.randn_like(zero.h), torch.randn_like(zero.c))
    stepper = Stepper(model, state, Kernels(torch.float64))
    for _ in range(6):
        ids = torch.randint(9, (streams,))
        expected, state = model.step(ids, state)
        torch.testing.assert_close(stepper.step(ids), expected, rtol=0, atol=1e-12)


@torch.no_grad()
def test_the_state_that_it_begins_from_stays_as_it_is() -> None:
    model = CharLM(ModelConfig(vocab_size=5, hidden_size=6, num_layers=2, embedding_size=3))
    model.reset_parameters(20, 0)
    state = State(torch.ones(2, 1, 6), torch.ones(2, 1, 6))
    stepper = Stepper(model, state, Kernels(torch.float32))
    for _ in range(3):
        stepper.step(torch.tensor([1]))
    assert bool((state.h == 1).all())
    assert bool((state.c == 1).all())


@torch.no_grad()
def test_narrow_products_come_close() -> None:
    model = CharLM(ModelConfig(vocab_size=9, hidden_size=64, num_layers=2, embedding_size=8))
    model.reset_parameters(20, 0)
    wide, narrow = (Stepper(model, model.zero_state(2), Kernels(dtype)) for dtype in (torch.float32, torch.bfloat16))
    for k in range(20):
        ids = torch.tensor([k % 9, (k + 3) % 9])
        torch.testing.assert_close(narrow.step(ids), wide.step(ids), rtol=0, atol=0.05)

"""Many lanes read side by side: the numbers of the readable path, each computed once, on any number of threads."""

from functools import partial

import numpy as np
import pytest
import torch

from charlstm.config import ModelConfig
from charlstm.network import reader as module
from charlstm.network.cells import CELLS, State
from charlstm.network.model import CharLM
from charlstm.network.reader import Held, Lanes, Reader
from charlstm.network.threads import side_by_side, torch_threads

V, H, L = 5, 7, 2


def network(cell_type: str, hidden_size: int = H) -> CharLM:
    config = ModelConfig(V, hidden_size=hidden_size, num_layers=L, embedding_size=4, cell_type=cell_type)  # type: ignore[arg-type]
    model = CharLM(config).double()
    model.reset_parameters(20.0, 0)
    torch.nn.init.normal_(model.head.weight, generator=torch.Generator().manual_seed(1))
    return model


def drawn_state(model: CharLM, lanes: int) -> State:
    draw = torch.Generator().manual_seed(2)
    return State(*(torch.randn(part.shape, generator=draw, dtype=part.dtype) for part in model.zero_state(lanes)))


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """However little there is to do, threads share it."""
    monkeypatch.setattr(module, "SHARED_FROM", 0)
    monkeypatch.setattr(module, "MIN_LANES", 1)
    monkeypatch.setattr(module, "LARGEST_PART", 2)


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("cell_type", CELLS)
@torch.no_grad()
def test_the_numbers_of_the_readable_path(cell_type: str) -> None:
    """Lanes 0 to 3 begin in one state, lane 4 differs from it in the second layer only, the others in both."""
    model, n = network(cell_type), 13
    state = drawn_state(model, n)
    for part in state:
        part[:, 1:4] = part[:, :1]
        part[0, 4] = part[0, 0]
    begins = np.stack([[0] * 5 + [*range(5, n)], [0] * 4 + [*range(4, n)]])  # (L, n)
    reader, lanes = Reader(model), Lanes.of(state)
    ids = np.random.default_rng(0).integers(0, V, (9, n))
    ids[:, 1], ids[:5, 2], ids[:, 4] = ids[:, 0], ids[:5, 0], ids[:, 0]
    for t, row in enumerate(ids):
        lanes = reader.step(lanes, row)
        state, gates = model.stack.step(model.embedding(torch.from_numpy(row)), state)
        found = lanes.state()
        for k in range(L):
            torch.testing.assert_close(found.h[k], state.h[k], rtol=0, atol=1e-12)
            torch.testing.assert_close(found.c[k], state.c[k], rtol=0, atol=1e-12)
            for letter, gate in gates[k].items():
                torch.testing.assert_close(lanes.every(letter)[k], gate, rtol=0, atol=1e-12)
        some = [(1, 3), (0, 0), (1, 6)]
        expected = torch.stack([state.h[k][:, cell] for k, cell in some], dim=1)
        torch.testing.assert_close(lanes.of_cells(some, "h"), expected, rtol=0, atol=1e-12)
        torch.testing.assert_close(
            reader.log_probabilities(lanes), model.head(state.h[-1]).log_softmax(dim=1), rtol=0, atol=1e-12
        )
        for k, rows in enumerate(lanes.layers):
            assert len(rows.h) == len(
                {(begins[: k + 1, lane].tobytes(), ids[: t + 1, lane].tobytes()) for lane in range(n)}
            )


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("cell_type", CELLS)
@torch.no_grad()
def test_chosen_lanes_go_on_as_before(cell_type: str) -> None:
    model = network(cell_type)
    state = drawn_state(model, 6)
    reader, which = Reader(model), np.array([4, 1, 1, 5])
    lanes = reader.step(Lanes.of(state), np.array([0, 1, 2, 3, 4, 0])).chosen(which)
    assert [len(rows.h) for rows in lanes.layers] == [3, 3]
    after = reader.step(lanes, np.array([0, 0, 1, 2])).state()
    whole, _ = model.stack.step(model.embedding(torch.tensor([0, 1, 2, 3, 4, 0])), state)
    part, _ = model.stack.step(model.embedding(torch.tensor([0, 0, 1, 2])), State(*(one[:, which] for one in whole)))
    torch.testing.assert_close(after, part, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("shared")
@torch.no_grad()
def test_lanes_that_hold_a_cell_are_read_apart_from_there_on_up() -> None:
    model = network("lstm")
    reader, lanes = Reader(model), Lanes.of(model.zero_state(8))
    held = [None, Held(np.array([2, 5, 5]), np.array([0, 1, 3]), torch.tensor([0.5, -0.5, 0.25], dtype=torch.float64))]
    after = reader.step(lanes, np.zeros(8, dtype=np.int64), held)
    assert [len(rows.h) for rows in after.layers] == [1, 3]
    c = after.state().c[1]
    assert (float(c[2, 0]), float(c[5, 1]), float(c[5, 3])) == (0.5, -0.5, 0.25)
    free = reader.step(lanes, np.zeros(8, dtype=np.int64)).state().c[1]
    assert torch.equal(c[[0, 1, 3, 4, 6, 7]], free[[0, 1, 3, 4, 6, 7]])
    assert torch.equal(c[2, 1:], free[2, 1:])


@pytest.mark.parametrize("cell_type", CELLS)
@torch.no_grad()
def test_the_same_bits_on_every_number_of_threads(cell_type: str) -> None:
    """So much work that the threads share it."""
    model = network(cell_type, hidden_size=192).float()
    ids = np.random.default_rng(0).integers(0, V, (6, 300))
    found = []
    for threads in (1, 2, 3, 4):
        with torch_threads(threads):
            reader, lanes = Reader(model), Lanes.of(model.zero_state(300))
            assert reader.threads == threads
            assert len(reader._parts(300)) == 4
            for row in ids:
                lanes = reader.step(lanes, row)
            found.append(lanes.state())
            assert torch.get_num_threads() == threads
    for other in found[1:]:
        assert all(torch.equal(one, two) for one, two in zip(found[0], other, strict=True))


def test_rows_are_divided_by_their_number_alone() -> None:
    reader = Reader(network("lstm", hidden_size=512).float())
    for rows, parts in ((1, 1), (31, 1), (32, 2), (63, 2), (64, 4), (512, 4), (513, 8), (1500, 12)):
        divided = reader._parts(rows)
        assert len(divided) == parts
        assert [part.start for part in divided[1:]] == [part.stop for part in divided[:-1]]
        assert (divided[0].start, divided[-1].stop) == (0, rows)
    assert len(Reader(network("lstm"))._parts(5000)) == 1  # too little work


def test_what_tasks_return_comes_in_their_order() -> None:
    for threads in (1, 2, 3, 8):
        assert side_by_side([partial(pow, k, 2) for k in range(7)], threads) == [k * k for k in range(7)]

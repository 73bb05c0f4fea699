import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from charlstm.training.batches import Lanes, Position

CPU = torch.device("cpu")


@given(st.integers(2, 400), st.integers(1, 9), st.integers(1, 50))
def test_every_character_is_a_target_once_an_epoch(n: int, batch_size: int, seq_len: int) -> None:
    ids = np.arange(n, dtype=np.uint16)
    if n - 1 < batch_size:
        with pytest.raises(ValueError, match="do not fill"):
            Lanes(ids, batch_size, seq_len)
        return
    lanes = Lanes(ids, batch_size, seq_len)
    position, seen, columns = Position(0, 0), [], []
    for k in range(lanes.windows_per_epoch):
        window = lanes.window(position, CPU)
        assert window.is_fresh == (k == 0)
        assert torch.equal(window.targets, window.inputs + 1)  # contiguous
        seen += window.targets.flatten().tolist()
        columns.append(window.inputs)
        position = window.position
    assert position == Position(1, 0)
    assert sorted(seen) == list(range(1, batch_size * lanes.length + 1))
    assert n - 1 - len(seen) < batch_size
    whole = torch.cat(columns)
    assert torch.equal(whole[1:], whole[:-1] + 1)  # lanes go on from window to window


@given(st.integers(0, 10))
def test_a_position_is_enough_to_go_on(k: int) -> None:
    lanes = Lanes(np.arange(100, dtype=np.uint8), 3, 7)
    position = Position(0, 0)
    for _ in range(k):
        position = lanes.window(position, CPU).position
    again = lanes.window(Position(*position), CPU)
    assert torch.equal(again.inputs, lanes.window(position, CPU).inputs)

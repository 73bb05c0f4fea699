"""The lanes of a window shared out among threads: the same numbers, and nobody left behind."""

import os
import signal
import threading
import time

import pytest
import torch
from test_scan import setting
from test_stack import objective

from charlstm.network import threads
from charlstm.network.cells import CELLS
from charlstm.network.kernels import Kernels
from charlstm.network.scan import scan
from charlstm.network.threads import LaneRange, Share, in_parts, share_of, torch_threads


@pytest.mark.parametrize("cell_type", CELLS)
@pytest.mark.parametrize("number", [2, 3, 4])
def test_shared_lanes_give_the_numbers_of_the_readable_path(
    cell_type: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "SHARED_FROM", 0)
    monkeypatch.setattr(threads, "MIN_LANES", 1)
    stack, embedding, ids, state = setting(cell_type, 2, 5, 7, 9, 7)
    inputs = [embedding, state.h, *([state.c] if stack.cell.has_cell_state else []), *stack.parameters()]
    weights = torch.randn(9, 7, 7, dtype=torch.float64)
    h, after = stack(embedding[ids], state)
    expected = torch.autograd.grad(objective(h, after, weights), inputs, retain_graph=True)
    with torch_threads(number):
        assert share_of(7, stack.layer(0).weight_hh).parts == number
        shared_h, shared_after = scan(stack, embedding, ids, state, kernels=Kernels(torch.float64))
        gradients = torch.autograd.grad(objective(shared_h, shared_after, weights), inputs)
    torch.testing.assert_close(shared_h, h, rtol=0, atol=1e-12)
    torch.testing.assert_close(shared_after, after, rtol=0, atol=1e-12)
    for gradient, right in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient, right, rtol=0, atol=1e-10)


def test_who_takes_part_follows_from_the_shape() -> None:
    small, large = torch.zeros(4 * 64, 64), torch.zeros(4 * 512, 512)
    with torch_threads(2):
        assert share_of(32, small) == Share(1, 1)
        assert share_of(32, large) == Share(2, 1)
        assert share_of(8, large) == Share(1, 2)  # too few lanes: PyTorch shares the products out
    with torch_threads(16):
        assert share_of(256, large) == Share(4, 4)
    with torch_threads(1):
        assert share_of(256, large) == Share(1, 1)


@pytest.mark.parametrize("which", [0, 1])
def test_a_part_that_fails_is_said_when_all_have_ended(which: int) -> None:
    ended = threading.Event()

    def run(lanes: LaneRange) -> None:
        if lanes.begin == 4 * which:
            raise ValueError("this part")
        time.sleep(0.2)
        ended.set()

    with pytest.raises(ValueError, match="this part"):
        in_parts(run, 8, Share(2, 1))
    assert ended.is_set()


def test_every_lane_is_somebodys_and_nothing_is_recorded_for_gradients() -> None:
    seen: list[tuple[LaneRange, int, bool]] = []
    with torch_threads(4):
        in_parts(lambda lanes: seen.append((lanes, torch.get_num_threads(), torch.is_grad_enabled())), 7, Share(3, 2))
        assert torch.get_num_threads() == 4
    assert sorted(seen) == [((0, 2), 2, False), ((2, 4), 2, False), ((4, 7), 2, False)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are forked here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own() -> None:
    in_parts(lambda lanes: None, 4, Share(2, 1))
    child = os.fork()
    if child == 0:
        done: list[LaneRange] = []
        in_parts(done.append, 4, Share(2, 1))
        os._exit(0 if sorted(done) == [(0, 2), (2, 4)] else 1)
    assert exit_status(child, 20) == 0


def exit_status(process: int, seconds: float) -> int:
    """How a forked process ended; one that still runs after some time is killed."""
    deadline = time.monotonic() + seconds
    while (ended := os.waitpid(process, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.02)
    if ended == (0, 0):
        os.kill(process, signal.SIGKILL)
        ended = os.waitpid(process, 0)
    return ended[1]

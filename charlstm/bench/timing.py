"""Several ways of doing the same, timed in turns: a machine that slows down slows them all down."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor


def in_turns(
    contenders: Mapping[str, Callable[[], object]],
    device: torch.device,
    rounds: int,
    on_round: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, float]:
    """The median time of each contender, in seconds: A B C A B C ..., after one turn each that does not count.

    Args:
        device: waited for before the clock is read.
        on_round: called with rounds done and rounds in all.
    """
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, run in contenders.items():
            _wait_for(device)
            began = time.perf_counter()
            run()
            _wait_for(device)
            if turn > 0:
                times[name].append(time.perf_counter() - began)
        on_round(turn + 1, rounds + 1)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def large_product(dtype: torch.dtype, device: torch.device) -> tuple[Callable[[], Tensor], float]:
    """A matrix product that keeps this device as busy as can be, and its floating-point operations.

    Of a few shapes that a training has, the one that was fastest just now.
    """
    best_rate, best = 0.0, None
    for rows, inner, columns in ((8192, 512, 2048), (4096, 1024, 4096), (2048, 8192, 512)):
        a, b = (torch.randn(*shape, device=device).to(dtype) for shape in ((rows, inner), (inner, columns)))

        def product(a: Tensor = a, b: Tensor = b) -> Tensor:
            return a @ b

        operations = 2.0 * rows * inner * columns
        rate = operations / in_turns({"product": product}, device, rounds=3)["product"]
        if rate > best_rate:
            best_rate, best = rate, (product, operations)
    assert best is not None
    return best

"""Several ways of doing the same, timed in turns: a machine that slows down slows them all down."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor


def in_turns(
    contenders: Mapping[str, Callable[[], object]],
    device: torch.device,
    rounds: int,
    on_round: Callable[[int, int], None] = lambda done, total: None,
    runs: int = 1,
) -> dict[str, float]:
    """The median time of each contender, in seconds: A B C A B C ..., after one turn each that does not count.

    Args:
        device: waited for before the clock is read.
        on_round: called with rounds done and rounds in all.
        runs: how often a contender runs in its turn. On a GPU more than once: a run is only launched by the processor,
            and the next one can be launched meanwhile.
    """
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, run in contenders.items():
            _wait_for(device)
            began = time.perf_counter()
            for _ in range(runs):
                run()
            _wait_for(device)
            if turn > 0:
                times[name].append((time.perf_counter() - began) / runs)
        on_round(turn + 1, rounds + 1)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def float32_products(tf32: bool) -> Iterator[None]:
    """On a GPU, multiply float32 matrices as TF32 (19 bits), or as they are; in cuDNN's layers, too.

    PyTorch's own setting differs between the two: cuDNN may, and a product may not.
    """
    settings: list[Any] = [torch.backends.cuda.matmul, torch.backends.cudnn.rnn]
    before = [setting.fp32_precision for setting in settings]
    for setting in settings:
        setting.fp32_precision = "tf32" if tf32 else "ieee"
    try:
        yield
    finally:
        for setting, precision in zip(settings, before, strict=True):
            setting.fp32_precision = precision


# rows, inner size, columns of matrix products that a training has, and those of windows of many lanes
LARGE = [(8192, 512, 2048), (4096, 1024, 4096), (2048, 8192, 512)]
LARGER = [(32768, 1024, 4096), (32768, 2048, 8192)]


def large_product(dtype: torch.dtype, device: torch.device) -> tuple[Callable[[], Tensor], float]:
    """A matrix product that keeps this device as busy as can be, and its floating-point operations.

    Of a few shapes, the one that was fastest just now.
    """
    best_rate, best = 0.0, None
    for rows, inner, columns in LARGE if device.type == "cpu" else LARGE + LARGER:
        a, b = (torch.randn(*shape, device=device).to(dtype) for shape in ((rows, inner), (inner, columns)))

        def product(a: Tensor = a, b: Tensor = b) -> Tensor:
            return a @ b

        operations = 2.0 * rows * inner * columns
        rate = operations / in_turns({"product": product}, device, rounds=3)["product"]
        if rate > best_rate:
            best_rate, best = rate, (product, operations)
    assert best is not None
    return best

"""Who computes what: how the processor's cores share the steps of a window.

A step is a product and a pass over the gates; the next one waits for it. When PyTorch shares a single step out, its
threads meet many times a step, and on a busy machine each meeting costs as long as the system lets somebody else have
one of the cores: milliseconds, for work of microseconds. Lanes know nothing of each other, so each thread takes some of
them and goes through the whole window alone; the threads meet once, at its end. What comes before and after the steps
(a few large products a window) is shared out by PyTorch.

Compiled steps (`native`) are shared out in C++, among OpenMP's threads where PyTorch uses the same: they are awake, and
waiting, when the steps begin. Steps in Python are shared out here. Where such a step is so small that it costs more to
call than to compute, one thread takes all lanes.

How many threads take part follows from shapes and from `torch.get_num_threads()`, never from a stopwatch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from itertools import pairwise
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
SHARED_FROM = 1 << 23  # multiplications until threads meet: below, a second one costs more than it saves
MIN_LANES = 16  # a thread takes at least so many: the rows of a matrix unit's tile
MAX_PARTS = 4  # Python runs one line at a time: more threads would wait for each other


class LaneRange(NamedTuple):
    """Some of the lanes of a window: `begin` to `end`, exclusive."""

    begin: int
    end: int


class Share(NamedTuple):
    """How the steps of a window are shared out."""

    parts: int  # threads that go through the window, each with its own lanes
    inner: int  # threads that PyTorch takes for each operation of one of them


def share_of(batch_size: int, weight_hh: Tensor) -> Share:
    """How a window of `batch_size` lanes is shared out whose steps multiply by `weight_hh` (G*H, H)."""
    threads = torch.get_num_threads()
    if weight_hh.device.type != "cpu":
        return Share(1, threads)
    if batch_size * weight_hh.numel() < SHARED_FROM:
        return Share(1, 1)
    parts = max(1, min(threads, MAX_PARTS, batch_size // MIN_LANES))
    return Share(parts, threads // parts)


def compiled_threads(parts: int, multiplications: int) -> int:
    """How many threads share out compiled work.

    Args:
        parts: there is work for so many.
        multiplications: until they meet again; with few of them one thread does all.
    """
    return 1 if multiplications < SHARED_FROM else max(1, min(torch.get_num_threads(), parts))


def in_parts(run: Callable[[LaneRange], None], batch_size: int, share: Share) -> None:
    """Call `run` with the lanes of every part, side by side; return when all have ended.

    Raises:
        Exception: what `run` raised. Even then no part is still running.
    """
    edges = [batch_size * k // share.parts for k in range(share.parts + 1)]
    side_by_side([partial(run, LaneRange(*ends)) for ends in pairwise(edges)], share.parts, share.inner)


def side_by_side(tasks: Sequence[Callable[[], T]], threads: int, inner: int = 1) -> list[T]:
    """What some tasks return, in their order. They know nothing of each other, and take no gradients.

    Args:
        threads: that take part; this one is the first of them.
        inner: threads that PyTorch takes for each operation of a task.

    Raises:
        Exception: what a task raised. Even then no task is still running.
    """
    number = min(threads, len(tasks))

    def some(first: int) -> list[T]:
        with torch.no_grad(), torch_threads(inner):  # both belong to a thread
            return [task() for task in tasks[first::number]]

    others = [_pool(number).submit(some, k) for k in range(1, number)]
    try:
        results = [some(0)]
    finally:
        failures = [other.exception() for other in others]  # waits, also when a signal cuts the first part short
    for failure in failures:
        if failure is not None:
            raise failure
    results += [other.result() for other in others]
    return [results[k % number][k // number] for k in range(len(tasks))]


@contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Have PyTorch take so many threads for an operation of this thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@cache
def _pool(parts: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(parts - 1, thread_name_prefix="charlstm")


if hasattr(os, "register_at_fork"):  # threads stay behind in the parent
    os.register_at_fork(after_in_child=_pool.cache_clear)

"""Memory that is used again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torch import Tensor


class Buffer(NamedTuple):
    """Memory for a window, with its views."""

    whole: Tensor  # (T, ...)
    at: Sequence[Any]  # what is looked at, step by step
    kind: Any  # which buffers may stand in for each other


def by_step(whole: Tensor) -> Sequence[Tensor]:
    """(T, ...) -> for each step its rows."""
    return whole.unbind()


def by_gate(whole: Tensor) -> Sequence[tuple[Tensor, ...]]:
    """(T, B, 4H) -> for each step its rows, and its four gates, (B, H) each."""
    return list(zip(whole.unbind(), *(gate.unbind() for gate in whole.chunk(4, dim=2)), strict=True))


class BufferPool:
    """Buffers of a window that are given back after use, so that the next window need not make them.

    Fresh memory costs a page fault every 4 kB, as much time as the gates themselves; thousands of views cost
    as much again where the network is small. A buffer in use is not in the pool, so two windows in flight never
    share one.
    """

    def __init__(self, reuses: bool = True) -> None:
        self.reuses = reuses
        self.free: defaultdict[Any, list[Buffer]] = defaultdict(list)

    def take(self, shape: tuple[int, ...], like: Tensor, views: Callable[[Tensor], Sequence[Any]] = by_step) -> Buffer:
        """An uninitialised buffer of `shape`, of the type and device of `like`, and its views."""
        kind = (shape, like.dtype, like.device, views)
        if self.free[kind]:
            return self.free[kind].pop()
        whole = like.new_empty(shape)
        return Buffer(whole, views(whole), kind)

    def give(self, *buffers: Buffer) -> None:
        """Take back buffers that nobody reads any more."""
        for buffer in buffers if self.reuses else ():
            self.free[buffer.kind].append(buffer)

"""Memory that is used again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from torch import Tensor


class Buffer:
    """Memory for a window, with its views, made once.

    Args:
        whole: (T, ...).
    """

    def __init__(self, whole: Tensor) -> None:
        self.whole = whole

    @cached_property
    def steps(self) -> Sequence[Tensor]:
        """The rows of each step."""
        return self.whole.unbind()

    @cached_property
    def gates(self) -> Sequence[tuple[Tensor, ...]]:
        """(T, B, 4H): for each step its four gates, (B, H) each."""
        return list(zip(*(gate.unbind() for gate in self.whole.chunk(4, dim=2)), strict=True))


class BufferPool:
    """Buffers of a window that are given back after use, so that the next window need not make them.

    Fresh memory costs a page fault every 4 kB, as much time as the gates themselves; thousands of views cost
    as much again where the network is small. A buffer in use is not in the pool, so two windows in flight never
    share one.
    """

    def __init__(self, reuses: bool = True) -> None:
        self.reuses = reuses
        self.free: defaultdict[Any, list[Buffer]] = defaultdict(list)

    def take(self, shape: tuple[int, ...], like: Tensor) -> Buffer:
        """An uninitialised buffer of `shape`, of the type and device of `like`."""
        idle = self.free[(shape, like.dtype, like.device)]
        return idle.pop() if idle else Buffer(like.new_empty(shape))

    def give(self, *buffers: Buffer) -> None:
        """Take back buffers that nobody reads any more."""
        for buffer in buffers if self.reuses else ():
            whole = buffer.whole
            self.free[(tuple(whole.shape), whole.dtype, whole.device)].append(buffer)

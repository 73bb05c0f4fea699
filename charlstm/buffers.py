"""Memory that is used again."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from torch import Tensor


class BufferPool:
    """Buffers of a window that are given back after use, so that the next window need not allocate.

    Fresh memory costs a page fault every 4 kB, as much time as the gates themselves. A buffer in use is
    not in the pool, so two windows in flight never share one.
    """

    def __init__(self, reuses: bool = True) -> None:
        self.reuses = reuses
        self.free: defaultdict[Any, list[Tensor]] = defaultdict(list)

    def take(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """An uninitialised tensor of `shape`, of the type and device of `like`."""
        idle = self.free[(shape, like.dtype, like.device)]
        return idle.pop() if idle else like.new_empty(shape)

    def give(self, *buffers: Tensor) -> None:
        """Take back buffers that nobody reads any more."""
        for buffer in buffers if self.reuses else ():
            self.free[(tuple(buffer.shape), buffer.dtype, buffer.device)].append(buffer)

"""Memory that is used again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from torch import Tensor


class Buffer:
    """Memory for a window, with its views, made once.

    Args:
        whole: (T, B, ...).
    """

    def __init__(self, whole: Tensor) -> None:
        self.whole = whole
        self._steps: dict[tuple[int, int], Sequence[Tensor]] = {}
        self._blocks: dict[tuple[int, int, int], Sequence[tuple[Tensor, ...]]] = {}

    def steps(self, begin: int, end: int) -> Sequence[Tensor]:
        """For each step the lanes `begin` to `end`."""
        if (begin, end) not in self._steps:
            self._steps[begin, end] = self.whole[:, begin:end].unbind()
        return self._steps[begin, end]

    def blocks(self, number: int, begin: int, end: int) -> Sequence[tuple[Tensor, ...]]:
        """(T, B, number * H): for each step the blocks of these lanes, (end - begin, H) each."""
        if (number, begin, end) not in self._blocks:
            chunks = self.whole[:, begin:end].chunk(number, dim=2)
            self._blocks[number, begin, end] = list(zip(*(block.unbind() for block in chunks), strict=True))
        return self._blocks[number, begin, end]


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

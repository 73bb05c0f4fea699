"""Memory that is used again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from torch import Tensor


class Buffer:
    """Memory for a window, with its views, made once; also for a shorter window.

    Args:
        memory: (most steps, B, ...).

    Attributes:
        length: T, the steps of the window that it serves.
    """

    def __init__(self, memory: Tensor) -> None:
        self.memory, self.length = memory, len(memory)
        self._steps: dict[tuple[int, int], Sequence[Tensor]] = {}
        self._blocks: dict[tuple[int, int, int], Sequence[tuple[Tensor, ...]]] = {}

    @property
    def whole(self) -> Tensor:
        """The window: (T, B, ...)."""
        return self.memory[: self.length]

    def steps(self, begin: int, end: int) -> Sequence[Tensor]:
        """For each step the lanes `begin` to `end`."""
        if (begin, end) not in self._steps:
            self._steps[begin, end] = self.memory[:, begin:end].unbind()
        return self._steps[begin, end][: self.length]

    def blocks(self, number: int, begin: int, end: int) -> Sequence[tuple[Tensor, ...]]:
        """(T, B, number * H): for each step the blocks of these lanes, (end - begin, H) each."""
        if (number, begin, end) not in self._blocks:
            chunks = self.memory[:, begin:end].chunk(number, dim=2)
            self._blocks[number, begin, end] = list(zip(*(block.unbind() for block in chunks), strict=True))
        return self._blocks[number, begin, end][: self.length]


class BufferPool:
    """Buffers of a window that are given back after use, so that the next window need not make them.

    Fresh memory costs a page fault every 4 kB, as much time as the gates themselves; thousands of views cost
    as much again where the network is small. A buffer in use is not in the pool, so two windows in flight never
    share one. Windows of lists have many lengths: a buffer serves all that are not longer than the longest so far.
    """

    def __init__(self, reuses: bool = True) -> None:
        self.reuses = reuses
        self.free: defaultdict[Any, list[Buffer]] = defaultdict(list)

    def take(self, shape: tuple[int, ...], like: Tensor) -> Buffer:
        """An uninitialised buffer of `shape`, of the type and device of `like`."""
        idle = self.free[(shape[1:], like.dtype, like.device)]
        fitting = [buffer for buffer in reversed(idle) if len(buffer.memory) >= shape[0]]
        if not fitting:
            idle.clear()  # they are too short for windows as they come now
            return Buffer(like.new_empty(shape))
        buffer = min(fitting, key=lambda buffer: len(buffer.memory))
        idle.remove(buffer)
        buffer.length = shape[0]
        return buffer

    def give(self, *buffers: Buffer) -> None:
        """Take back buffers that nobody reads any more."""
        for buffer in buffers if self.reuses else ():
            memory = buffer.memory
            self.free[(tuple(memory.shape[1:]), memory.dtype, memory.device)].append(buffer)

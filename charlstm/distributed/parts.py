"""The lanes of a window in parts, and whose they are.

Two ways to share out the work of a training:

- `shards` > 1: the lanes are cut into so many parts, however many processes there are. Each part is computed by itself,
  on one thread, and what the parts come to is added in one fixed order. So the sum has the same bits for every number
  of processes.
- `shards` = 1: there is one part a process, and the sum is taken in whichever order is fastest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import torch
from torch import Tensor

from charlstm.distributed.group import ALONE, Group
from charlstm.distributed.tree import tree_sum
from charlstm.errors import UsageError
from charlstm.network.threads import torch_threads

T = TypeVar("T")


class Parts:
    """How work is shared out.

    Args:
        group: the processes.
        shards: into how many parts the lanes are cut, a power of two; 1: as many as there are processes.
        batch_size: B, the lanes.
        threaded: whether the threads of this process compute parts side by side, where the result is to be exact.

    Attributes:
        is_exact: whether sums have the same bits for every number of processes.
        number: of the parts.
        own: those of this process.

    Raises:
        UsageError: if the number of processes does not divide the number of parts, or that the lanes.
    """

    def __init__(
        self, group: Group = ALONE, shards: int = 1, batch_size: int | None = None, threaded: bool = True
    ) -> None:
        self.group, self.is_exact, self.threaded = group, shards > 1, threaded
        self.number = shards if self.is_exact else group.size
        if self.number % group.size:
            fitting = [str(size) for size in range(1, shards + 1) if shards % size == 0]
            raise UsageError(
                f"{group.size} processes cannot share the {shards} parts of this training alike; start "
                f"{', '.join(fitting[:-1])} or {fitting[-1]} of them, or begin a training with other `shards`",
                "shards",
            )
        if batch_size is not None and batch_size % self.number:
            raise UsageError(
                f"{group.size} processes cannot share `batch_size` {batch_size} alike; give a multiple of "
                f"{self.number}",
                "batch_size",
            )
        each = self.number // group.size
        self.own = range(group.rank * each, (group.rank + 1) * each)
        self._pool: ThreadPoolExecutor | None = None

    @property
    def is_whole(self) -> bool:
        """Whether there is only one part."""
        return self.number == 1

    def lanes(self, part: int, batch_size: int) -> slice:
        """The lanes of a part."""
        return slice(batch_size * part // self.number, batch_size * (part + 1) // self.number)

    def own_lanes(self, batch_size: int) -> slice:
        """The lanes of all parts of this process."""
        return slice(self.lanes(self.own[0], batch_size).start, self.lanes(self.own[-1], batch_size).stop)

    def each(self, work: Callable[[int], T]) -> Iterator[T]:
        """What `work` makes of each part of this process, in order.

        Where the result is to be exact, each part is computed on one thread, and several threads compute one part
        each: so it does not matter how many there are.
        """
        if not self.is_exact:
            return map(work, self.own)
        workers = min(torch.get_num_threads(), len(self.own)) if self.threaded else 1
        if workers == 1:
            return map(_on_one_thread(work), self.own)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(workers, "charlstm")
        return self._pool.map(_on_one_thread(work), self.own)

    def one_thread(self) -> AbstractContextManager[None]:
        """For what all processes compute alike: one thread where the result is to be exact, else as many as there are.

        A sum over a long vector has other bits on another number of threads.
        """
        return torch_threads(1) if self.is_exact else nullcontext()

    def sum(self, vectors: Iterator[Tensor]) -> Tensor:
        """The sum over all parts of all processes of one vector (N) each. The vectors are overwritten."""
        if self.is_exact:
            return self.group.tree_sum_(tree_sum(vectors))
        (own,) = vectors
        return self.group.fast_sum_(own)

    def collect(self, values: Sequence[float]) -> list[float]:
        """The numbers of all parts of all processes, by part; the same in every process."""
        own = torch.tensor(values, dtype=torch.float64)
        return [value for found in self.group.gather(own) for value in found.tolist()]


def _on_one_thread(work: Callable[[int], T]) -> Callable[[int], T]:
    def alone(part: int) -> T:
        with torch_threads(1):
            return work(part)

    return alone


WHOLE = Parts()

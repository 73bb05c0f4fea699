"""What the processes of a training say to each other.

`Group` is a process alone; `ProcessGroup` the same over PyTorch's collectives. Every method is a meeting: all processes
call it at the same point, or wait for those that have not come. Where one has died, the others learn of it within
seconds, because its connections close.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, NoReturn

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from charlstm import errors
from charlstm.distributed.launch import Launch
from charlstm.distributed.tree import tree_sum
from charlstm.interrupts import INTERRUPTS

CONNECTING = timedelta(minutes=5)  # of waiting for processes that were started at the same time
SET_UP = timedelta(days=2)  # of waiting for one that reads a text of terabytes
TRAINING = timedelta(minutes=30)  # of waiting for one that computes a window, scores, or writes a file
FAILED, FAILING_S = "charlstm has failed", 2.0
ASK_S = 0.02  # from one question of the store to the next


class Group:
    """A process alone.

    Attributes:
        rank: the number of this process, from 0.
        size: how many there are.
        store: what all can read and write without a meeting (`torch.distributed.Store`); a process alone has none.
    """

    rank = 0
    size = 1
    store: Any = None

    @property
    def is_first(self) -> bool:
        """Whether this is the process that speaks, writes and decides."""
        return self.rank == 0

    def gather(self, tensor: Tensor) -> list[Tensor]:
        """The tensors of all processes, by rank; all of one shape."""
        return [tensor]

    def tree_sum_(self, flat: Tensor) -> Tensor:
        """Replace a vector (N) by the sum over all processes, in the order of a binary tree over the ranks.

        The number of processes is a power of two. The bits are those of `tree.tree_sum`.
        """
        return flat

    def fast_sum_(self, flat: Tensor) -> Tensor:
        """Replace a vector (N) by the sum over all processes, in whichever order is fastest here."""
        return flat

    def broadcast_(self, tensor: Tensor, owner: int) -> None:
        """Replace a tensor by that of the process `owner`."""

    def agree(self, seconds: float, wants_stop: bool) -> tuple[float, bool]:
        """The first process's clock, and whether any process wants to stop."""
        return seconds, wants_stop

    def check_alike(self, what: Mapping[str, Any]) -> None:
        """Raise CharLSTMError in all processes if some see something else than the first one does.

        Args:
            what: by name, in words that JSON can hold.
        """

    def first_does(self, work: Callable[[], Any]) -> Any:
        """Let the first process do something; all return what it returned, or raise what it raised.

        Args:
            work: returns something that JSON can hold.

        Raises:
            CharLSTMError: as the work raised it. Others are raised in the first process only, and end the job.
        """
        return work()

    def one_by_one(self, work: Callable[[], Any]) -> Any:
        """Let one process of each machine do something before the others do; what it returned here."""
        return work()


ALONE = Group()


class ProcessGroup(Group):
    """The processes that a launcher has started, connected by PyTorch's collectives.

    Args:
        launch: the place of this process among them.
        device: what it computes on.

    Raises:
        CharLSTMError: if they cannot be connected.
    """

    def __init__(self, launch: Launch, device: torch.device) -> None:
        self.rank, self.size, self.launch, self.device = launch.rank, launch.size, launch, device
        if launch.is_on_one_machine and sys.platform.startswith("linux"):
            os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # so that no other machine can reach them
        backend = "gloo" if device.type == "cpu" else "cpu:gloo,cuda:nccl"
        with self._meeting():
            store, _, _ = next(rendezvous("env://", timeout=CONNECTING))
            # A job that is started again, or that a machine joins, may find the store of before, with the addresses of
            # before in it. A rank counts how often it has come; joining machines do not count as an attempt.
            place = f"charlstm/{launch.attempt}/{self.size}"
            place = f"{place}/{store.add(f'{place}/came/{self.rank}', 1)}"
            self.store = dist.PrefixStore(place, store)  # type: ignore[attr-defined]
            self._wait_for_all()
            with INTERRUPTS.held_back():  # a moment; who ended here would leave the others waiting inside PyTorch
                dist.init_process_group(
                    backend,
                    timeout=CONNECTING,
                    store=self.store,
                    rank=self.rank,
                    world_size=self.size,
                )
                self._words: Any = dist.new_group(timeout=SET_UP, backend="gloo")
                self._training: Any = dist.new_group(timeout=TRAINING)

    def gather(self, tensor: Tensor) -> list[Tensor]:
        """The tensors of all processes, by rank; all of one shape."""
        return self._gathered(tensor.contiguous(), self._training)

    def tree_sum_(self, flat: Tensor) -> Tensor:
        """Replace a vector (N) by the sum over all processes, in the order of a binary tree over the ranks.

        Each process adds up one segment of the vector, of all processes, and tells the others: as much to send as a
        ring all-reduce, about 2 N numbers.
        """
        n = -(-len(flat) // self.size)
        padded = torch.zeros(n * self.size, dtype=flat.dtype, device=flat.device)
        padded[: len(flat)] = flat
        pieces = torch.empty_like(padded)
        with self._meeting():
            dist.all_to_all_single(pieces, padded, group=self._training)
            segment = tree_sum(pieces.view(self.size, n).unbind())
            dist.all_gather(list(padded.view(self.size, n).unbind()), segment, group=self._training)
        return flat.copy_(padded[: len(flat)])

    def fast_sum_(self, flat: Tensor) -> Tensor:
        """Replace a vector (N) by the sum over all processes, in whichever order is fastest here."""
        with self._meeting():
            dist.all_reduce(flat, group=self._training)
        return flat

    def broadcast_(self, tensor: Tensor, owner: int) -> None:
        """Replace a tensor by that of the process `owner`."""
        with self._meeting():
            dist.broadcast(tensor, owner, group=self._training)

    def agree(self, seconds: float, wants_stop: bool) -> tuple[float, bool]:
        """The first process's clock, and whether any process wants to stop."""
        said = self.gather(torch.tensor([seconds, float(wants_stop)], dtype=torch.float64))
        return float(said[0][0]), any(bool(wants[1]) for wants in said)

    def check_alike(self, what: Mapping[str, Any]) -> None:
        """Raise CharLSTMError in all processes if some see something else than the first one does."""
        first = self.first_does(lambda: what)
        differs = torch.tensor([first.get(name) != json.loads(json.dumps(value)) for name, value in what.items()])
        names = [
            name for name, *found in zip(what, *(d.tolist() for d in self.gather(differs)), strict=True) if any(found)
        ]
        if names:
            here = ", ".join(f"{name} {what[name]}" for name in names)
            raise errors.CharLSTMError(f"the processes of this training differ; process {self.rank} has {here}")

    def first_does(self, work: Callable[[], Any]) -> Any:
        """Let the first process do something; all return what it returned, or raise what it raised."""
        failure: errors.CharLSTMError | None = None
        said: dict[str, Any] = {}
        if self.is_first:
            try:
                said = {"value": work()}
            except errors.CharLSTMError as e:
                failure, said = e, error_in_words(e)
        said = json.loads(self._from_first(json.dumps(said)))
        if failure is not None:
            raise failure
        if "error" in said:
            raise_again(said)
        return said["value"]

    def one_by_one(self, work: Callable[[], Any]) -> Any:
        """Let one process of each machine do something before the others do; what it returned here."""
        value = work() if self.launch.local_rank == 0 else None
        self._gathered(torch.zeros(1), self._words)
        return work() if self.launch.local_rank else value

    def is_alone_in_failing(self) -> bool:
        """Whether something has gone wrong here and not in the first process, too; waits a little for its word."""
        with suppress(RuntimeError):
            if self.is_first:
                self.store.set(FAILED, "1")
                return False
            until = time.monotonic() + FAILING_S
            while time.monotonic() < until:
                if self.store.check([FAILED]):
                    return False
                time.sleep(0.05)
            return True
        return False  # the store is gone, and with it the first process

    def leave(self) -> None:
        """Close the connections: nothing more is to be said."""
        with suppress(RuntimeError):
            dist.destroy_process_group()

    def _wait_for_all(self) -> None:
        """Wait here until all have come: inside PyTorch, which connects them, no signal would reach us."""
        until = time.monotonic() + CONNECTING.total_seconds()
        here = self.store.add("here", 1)
        while here < self.size:
            if time.monotonic() > until:
                raise RuntimeError(f"{here} of {self.size} have come in {CONNECTING.total_seconds() / 60:.0f} minutes")
            time.sleep(ASK_S)
            here = self.store.add("here", 0)

    def _gathered(self, tensor: Tensor, among: Any) -> list[Tensor]:
        found = [torch.empty_like(tensor) for _ in range(self.size)]
        with self._meeting():
            dist.all_gather(found, tensor, group=among)
        return found

    def _from_first(self, text: str) -> str:
        content = torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)
        length = torch.tensor([len(content)])
        with self._meeting():
            dist.broadcast(length, 0, group=self._words)
            content = content if self.is_first else torch.empty(int(length), dtype=torch.uint8)
            dist.broadcast(content, 0, group=self._words)
        return content.numpy().tobytes().decode()

    @contextmanager
    def _meeting(self) -> Iterator[None]:
        """Turn what PyTorch says of a process that does not come into one line."""
        try:
            yield
        except RuntimeError as e:
            first_line = str(e).strip().splitlines()[0] if str(e).strip() else type(e).__name__
            raise LostProcessError(
                f"process {self.rank} of {self.size} lost the others: one of them has ended, or cannot be reached; "
                f"the run is as it was last saved ({first_line})"
            ) from None


class LostProcessError(errors.CharLSTMError):
    """Another process of the job has ended, or does not answer."""


def error_in_words(error: errors.CharLSTMError) -> dict[str, Any]:
    """An error as another process can raise it (`raise_again`)."""
    return {"error": type(error).__name__, "message": str(error), "settings": list(error.settings)}


def raise_again(said: dict[str, Any]) -> NoReturn:
    """Raise what another process raised."""
    kind = getattr(errors, said["error"], errors.CharLSTMError)
    simple: Sequence[type] = (errors.UsageError, errors.TextError, errors.ModelFileError, errors.DivergedError)
    kind = next((base for base in simple if issubclass(kind, base)), errors.CharLSTMError)
    raise kind(said["message"], *said["settings"])

"""Work in pieces, shared by the threads of several processes, that comes out in one order.

Of W processes, process k mod W does piece k, and the first gives all of them out. Pieces travel as JSON through the
store that the launcher has opened, and whoever waits asks it again and again: so nobody waits where a signal cannot
reach it, and those that have work learn within a second that it is wanted no more.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from threading import Event
from types import TracebackType
from typing import Any

import torch.distributed as dist

from charlstm.distributed.group import FAILED, Group, LostProcessError, error_in_words, raise_again
from charlstm.errors import CharLSTMError
from charlstm.network.threads import torch_threads

Check = Callable[[], None]  # raises `Ended` if the work is wanted no more
Work = Callable[[int, Check], Any]

AHEAD = 2  # pieces that a thread may be ahead of what was given out
ASK_S, TURN_S, BEAT_S = 0.01, 0.2, 1.0  # from one question to the next: for a piece, of a worker, for a sign of life
LOST_S = 300.0  # without a sign of life
PIECE = 1 << 20  # bytes that the store takes at once


class Ended(Exception):
    """The work is wanted no more."""


def unchecked() -> None:
    """For work that nobody ends."""


def in_order(group: Group, number: int, work: Work, threads: int = 1) -> Iterator[Any]:
    """What `work` makes of 0 to `number` - 1, in order, in the first process; the others work, and give out nothing.

    Where there are several pieces, each is computed on one thread, several side by side: so a piece has the same bits
    whoever computes it. Memory holds a few pieces a thread.

    Args:
        work: called with the number of a piece, and with what it is to call again and again, which ends it; where there
            are several processes it returns something that JSON can hold.
        threads: of a process.

    Raises:
        LostProcessError: if another process does not answer any more.
        Exception: what `work` raised, wherever it did, after all pieces that come before.
    """
    if number <= 1 or (group.size == 1 and threads == 1):
        yield from (work(k, unchecked) for k in range(number if group.is_first else 0))
        return
    with Doing(work, range(group.rank, number, group.size), threads) as doing:
        if group.size == 1:
            for _ in range(number):
                yield doing.take()
        elif group.is_first:
            yield from _give_out(doing, Mail(group), number)
        else:
            _hand_in(doing, Mail(group))


class Doing:
    """Pieces that the threads of this process compute, `AHEAD` of what was taken.

    Args:
        work: as for `in_order`.
        pieces: their numbers.
        threads: how many are computed at once.
    """

    def __init__(self, work: Work, pieces: Sequence[int], threads: int) -> None:
        self.work, self.threads = work, threads
        self._waiting, self._begun = deque(pieces), deque[tuple[int, Future[Any]]]()
        self._ended = Event()
        self._pool = ThreadPoolExecutor(threads, "charlstm")

    def __enter__(self) -> Doing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._pool.shutdown(cancel_futures=True)

    @property
    def is_done(self) -> bool:
        """Whether all have been taken."""
        return not self._waiting and not self._begun

    def begin(self, below: float = float("inf")) -> None:
        """Begin as many as there may be, of numbers below a limit."""
        while self._waiting and len(self._begun) < AHEAD * self.threads and self._waiting[0] < below:
            number = self._waiting.popleft()
            self._begun.append((number, self._pool.submit(self._on_one_thread, number)))

    def comes(self, seconds: float) -> bool:
        """Wait for the next piece; whether it is there."""
        if not self._begun:
            time.sleep(seconds)
            return False
        return bool(wait([self._begun[0][1]], seconds).done)

    def next_number(self) -> int:
        """The number of the piece that `take` gives."""
        return self._begun[0][0]

    def take(self) -> Any:
        """The next piece, when it is there. Raises what the work raised."""
        self.begin()
        return self._begun.popleft()[1].result()

    def _on_one_thread(self, number: int) -> Any:
        with torch_threads(1):
            return self.work(number, self._check)

    def _check(self) -> None:
        if self._ended.is_set():
            raise Ended


class Mail:
    """What processes tell each other of their pieces, through the store."""

    def __init__(self, group: Group) -> None:
        self.rank, self.size = group.rank, group.size
        self._root = group.store
        self._store = dist.PrefixStore("pieces", group.store)  # type: ignore[attr-defined]

    def send(self, number: int, piece: dict[str, Any]) -> None:
        """Hand in a piece."""
        content = json.dumps(piece, ensure_ascii=False).encode()
        parts = [content[k : k + PIECE] for k in range(0, len(content), PIECE)]
        with self._asking():
            for k, part in enumerate(parts):
                self._store.set(f"{number}.{k}", part)  # type: ignore[arg-type]
            self._store.set(str(number), str(len(parts)))

    def receive(self, number: int) -> dict[str, Any]:
        """Wait for a piece. Raises LostProcessError if its process gives no sign of life."""
        key, owner = str(number), number % self.size
        silent_s, signs, asked = 0.0, -1, 0
        with self._asking():
            while not self._store.check([key]):
                time.sleep(ASK_S)
                asked += 1
                silent_s += ASK_S  # by our own turns: time stands still while the job is stopped
                if asked % round(BEAT_S / ASK_S) == 0 and (now := self._store.add(f"signs.{owner}", 0)) != signs:
                    silent_s, signs = 0.0, now
                if silent_s >= LOST_S:
                    raise LostProcessError(
                        f"process {owner} of {self.size} has not answered for {LOST_S / 60:.0f} minutes"
                    )
            names = [f"{key}.{k}" for k in range(int(self._store.get(key)))]
            content = b"".join(self._store.get(name) for name in names)
            for name in (key, *names):
                self._store.delete_key(name)
        piece: dict[str, Any] = json.loads(content)
        return piece

    def give_out(self) -> None:
        """The next piece has been given out."""
        with self._asking():
            self._store.add("given", 1)

    def given_out(self) -> int:
        """How many have been; this is a sign of life, too."""
        with self._asking():
            self._store.add(f"signs.{self.rank}", 1)
            return int(self._store.add("given", 0))

    def end(self) -> None:
        """Tell all that no more is wanted."""
        with suppress(RuntimeError):
            self._store.add("ended", 1)

    def is_ended(self) -> bool:
        """Whether no more is wanted."""
        with self._asking():
            return int(self._store.add("ended", 0)) > 0 or bool(self._root.check([FAILED]))

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as e:
            why = str(e).strip().partition("\n")[0]
            raise LostProcessError(f"process {self.rank} of {self.size} lost the others ({why})") from None


def _give_out(doing: Doing, mail: Mail, number: int) -> Iterator[Any]:
    try:
        for k in range(number):
            doing.begin()
            yield doing.take() if k % mail.size == mail.rank else _opened(mail.receive(k))
            mail.give_out()
    finally:
        mail.end()


def _hand_in(doing: Doing, mail: Mail) -> None:
    while not doing.is_done and not mail.is_ended():
        doing.begin(mail.given_out() + AHEAD * doing.threads * mail.size)
        if not doing.comes(TURN_S):
            continue
        number = doing.next_number()
        piece: dict[str, Any]
        try:
            piece = {"piece": doing.take()}
        except CharLSTMError as e:
            piece = error_in_words(e)
        except Exception as e:
            piece = {"failure": f"process {mail.rank} of {mail.size}: {type(e).__name__}: {e}"}
        mail.send(number, piece)
        if "piece" not in piece:
            return


def _opened(piece: dict[str, Any]) -> Any:
    if "error" in piece:
        raise_again(piece)
    if "failure" in piece:
        raise RuntimeError(piece["failure"])
    return piece["piece"]

"""Ctrl-C, SIGTERM, a closed terminal: finish what must not be cut, then stop; a second Ctrl-C stops at once.

Installed before anything heavy is imported, so that there is no moment at which a signal ends in a traceback.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from charlstm.errors import Interrupted

SIGHUP = getattr(signal, "SIGHUP", None)  # where there are terminals to be closed
SIGTSTP = getattr(signal, "SIGTSTP", None)  # Ctrl-Z
SIGNALS = tuple(signum for signum in (signal.SIGINT, signal.SIGTERM, SIGHUP) if signum is not None)


class Interrupts:
    """The signals that have come to this process.

    Attributes:
        signum: the first signal that came, if any.
        deferred: whether a signal is only noted (see `requested`) or raises Interrupted at once.
        paused_s: how long Ctrl-Z has kept us from running, in seconds.
    """

    def __init__(self) -> None:
        self.signum: int | None = None
        self.deferred = False
        self.paused_s = 0.0

    def install(self) -> None:
        """Take over SIGINT, SIGTERM, SIGHUP and SIGTSTP. A signal that the parent chose to ignore (nohup) stays so."""
        for signum in SIGNALS:
            if signal.getsignal(signum) is not signal.SIG_IGN:
                signal.signal(signum, self._handle)
        if SIGTSTP is not None and signal.getsignal(SIGTSTP) is not signal.SIG_IGN:
            signal.signal(SIGTSTP, self._pause)

    def ignore(self) -> None:
        """Ignore signals from here on: the work is done, and while Python shuts down they would still kill it."""
        for signum in SIGNALS:
            signal.signal(signum, signal.SIG_IGN)

    def requested(self) -> bool:
        """Whether a signal has come."""
        return self.signum is not None

    def running_s(self) -> float:
        """A clock, in seconds, that stands still while Ctrl-Z keeps us from running."""
        return time.monotonic() - self.paused_s

    def check(self) -> None:
        """Raise Interrupted if a signal has come."""
        if self.signum is not None:
            raise Interrupted(self.signum)

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """While this lasts, a signal is only noted; it raises Interrupted at the end, unless signals are deferred."""
        before, self.deferred = self.deferred, True
        try:
            yield
        finally:
            self.deferred = before
        if not before:
            self.check()

    def _pause(self, signum: int, frame: FrameType | None) -> None:
        began = time.monotonic()
        signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)  # here the process stops, and goes on when the shell continues it
        signal.signal(signum, self._pause)
        self.paused_s += time.monotonic() - began

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self.signum is not None:
            if signum == SIGHUP:  # the terminal sends one and its shell another: nobody is impatient
                return
            with suppress(OSError):
                os.write(2, b"\n")  # not through a stream, which we may have interrupted
            os._exit(128 + signum)  # the second signal ends the process, whatever hangs
        self.signum = signum
        if not self.deferred:
            raise Interrupted(signum)


@contextmanager
def ctrl_c_waits() -> Iterator[Callable[[], bool]]:
    """For use as a library: while this lasts, a first Ctrl-C is only noted; a second one is a KeyboardInterrupt.

    Gives a function that says whether one has come. In threads other than the main one, which no signal reaches, and
    where Ctrl-C is ignored, nothing changes.
    """
    came = False

    def note(signum: int, frame: FrameType | None) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True

    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None):
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: came
    finally:
        signal.signal(signal.SIGINT, before)


INTERRUPTS = Interrupts()  # of this process: there is only one set of signals

"""Ctrl-C, SIGTERM, a closed terminal: finish what must not be cut, then stop; a second Ctrl-C stops at once.

Installed before anything heavy is imported, so that there is no moment at which a signal ends in a traceback.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from types import FrameType

from charlstm.errors import Interrupted

SIGHUP = getattr(signal, "SIGHUP", None)  # where there are terminals to be closed
SIGNALS = tuple(signum for signum in (signal.SIGINT, signal.SIGTERM, SIGHUP) if signum is not None)


class Interrupts:
    """What was asked of us by signals.

    Attributes:
        signum: the first signal that came, if any.
        deferred: whether a signal is only noted (`requested` tells) or raises Interrupted where it comes.
    """

    def __init__(self) -> None:
        self.signum: int | None = None
        self.deferred = False

    def install(self) -> None:
        """Take over SIGINT, SIGTERM and SIGHUP. A signal that the parent chose to ignore (nohup) stays ignored."""
        for signum in SIGNALS:
            if signal.getsignal(signum) is not signal.SIG_IGN:
                signal.signal(signum, self._handle)

    def ignore(self) -> None:
        """From here on signals change nothing: all is done, and Python, taking itself apart, would let them kill it."""
        for signum in SIGNALS:
            signal.signal(signum, signal.SIG_IGN)

    def requested(self) -> bool:
        """Whether a signal has come."""
        return self.signum is not None

    def check(self) -> None:
        """Raise Interrupted if a signal has come."""
        if self.signum is not None:
            raise Interrupted(self.signum)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self.signum is not None:
            if signum == SIGHUP:  # a terminal sends it, and then its shell does: nobody is impatient
                return
            with suppress(OSError):
                os.write(2, b"\n")  # not through a stream, which we may have interrupted
            os._exit(128 + signum)  # the second one: whatever hangs must not hold us
        self.signum = signum
        if not self.deferred:
            raise Interrupted(signum)


INTERRUPTS = Interrupts()  # of this process: there is only one set of signals

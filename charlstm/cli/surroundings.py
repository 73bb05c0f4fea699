"""What a process is given by whoever starts it: streams that nobody reads or that are full, variables of libraries."""

from __future__ import annotations

import errno
import io
import os
import re
import select
import sys
from typing import TYPE_CHECKING

from charlstm.errors import CharLSTMError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STDOUT, STDERR = 1, 2
MAX_COLUMNS = 1000  # as for --width
NO_HOME = ".charlstm-cache"  # where we work, when there is no home to keep a cache in
WAITING = {  # of OpenMP's threads for each other; in place of 300,000 turns of GNU's, some 3 ms, or LLVM's 200 ms
    "GOMP_SPINCOUNT": "3000",
    "OMP_WAIT_POLICY": "passive",
}
OF_WAITING = (*WAITING, "KMP_BLOCKTIME", "KMP_LIBRARY")
# by which libraries would put colours into files, or draw for another terminal than this
NOT_FOR_US = ("FORCE_COLOR", "CLICOLOR_FORCE", "PY_COLORS", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "TERMINAL_WIDTH")


class Stream(io.FileIO):
    """A standard stream that waits for a slow reader, and knows when there is none any more."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.was_terminal = self.isatty()

    def write(self, data: ReadableBuffer, /) -> int:
        """Write some of the data; how much. Raises OSError."""
        while (written := super().write(data)) is None:  # whoever shares the terminal has made it non-blocking
            select.select([], [self], [])
        return written

    def is_unread(self, error: OSError) -> bool:
        """Whether the reader has gone: `| head`, or a terminal whose window was closed."""
        return error.errno == errno.EPIPE or (error.errno == errno.EIO and self.was_terminal)

    def go_nowhere(self) -> None:
        """Let whatever is still written vanish, also what Python has kept to write at its end."""
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, self.fileno())
        os.close(sink)


class Output(Stream):
    """stdout: data, which is written whole, or the command says that it was not.

    Attributes:
        problem: why something could not be written; from then on all goes nowhere.
    """

    problem = ""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write some of the data; how much. Raises BrokenPipeError if nobody reads, CharLSTMError if it cannot be."""
        try:
            return super().write(data)
        except OSError as e:
            self.go_nowhere()
            if self.is_unread(e):
                raise BrokenPipeError from None  # without a number: Typer would make a failure of that
            why = e.strerror or e
            self.problem = f"cannot write the output: {why}; free some space, or redirect it"
            raise CharLSTMError(self.problem) from None


class Voice(Stream):
    """stderr: no work ends because nobody hears what is said of it."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write some of the data, or drop it; how much."""
        try:
            return super().write(data)
        except OSError as e:
            if self.is_unread(e):
                self.go_nowhere()
            return memoryview(data).nbytes  # on a full disk there may be space for the next message


def open_streams() -> Output:
    """Put our own streams in place of Python's; the one on stdout."""
    for descriptor in (0, STDOUT, STDERR):
        try:
            os.fstat(descriptor)
        except OSError:  # a shell has closed it (>&-): a file that we open must not take its number
            os.open(os.devnull, os.O_RDWR)
    output = Output(STDOUT)
    sys.stdout = _text(output)
    sys.stderr = _text(Voice(STDERR), line_buffering=True)
    return output


def _text(stream: Stream, line_buffering: bool = False) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(stream),
        encoding="utf-8",
        errors="backslashreplace",
        line_buffering=line_buffering or stream.was_terminal,
    )


def tame_environment() -> None:
    """Take away variables by which the libraries that draw and measure would do other than we say, or fail.

    And tell OpenMP, which reads it when PyTorch is loaded, to let a thread that waits sleep soon: on a busy machine the
    one that it waits for needs the core that it would spin on. What the person has said of that stays.
    """
    if not any(name in os.environ for name in OF_WAITING):
        os.environ.update(WAITING)
    for name in list(os.environ):
        if name in NOT_FOR_US or name.startswith("TQDM_"):
            del os.environ[name]
    for name in ("COLUMNS", "LINES"):
        value = os.environ.get(name, "1")
        if not (re.fullmatch("[0-9]{1,4}", value, re.ASCII) and 1 <= int(value) <= MAX_COLUMNS):
            del os.environ[name]  # then the terminal says how large it is
    if not os.environ.get("HOME", "unset"):  # empty: as if there were none
        del os.environ["HOME"]
    if os.path.expanduser("~") == "~":  # a user whom the system does not know, without HOME: a container's
        os.environ.setdefault("CHARLSTM_CACHE_DIR", NO_HOME)
        os.environ.setdefault("LOGNAME", f"user-{os.getuid()}")  # torch asks for one

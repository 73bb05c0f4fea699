"""Work on a text, shared out among processes that load little: each takes the next job that nobody has taken.

A job is a file in a folder, and whoever renames it has taken it: so they are taken in order, each once. A worker tells
what it has done on its standard output, one JSON object a line. Workers are children as `charlstm.children` makes
them, which do not outlive us, and not of `multiprocessing`: those would import the program of whoever calls us.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from subprocess import Popen
from threading import Thread
from time import monotonic
from typing import Any

from charlstm.children import child
from charlstm.errors import CharLSTMError

SETUP = "setup.json"
POLL_S = 0.2  # in between, Python looks whether a signal has come
TELL_S = 0.1  # between two reports of how much has been read
ALONE = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")  # nothing is multiplied here
Message = dict[str, Any]


def share_out(
    work: Callable[[str, str], None],
    setup: Message,
    jobs: Sequence[Any],
    folder: Path,
    processes: int,
    on_message: Callable[[Message], None],
) -> bool:
    """Have jobs done by so many processes, and return when all are; False if none could be started.

    Args:
        work: what a process calls, at the top of a module, with the folder and the number of jobs: it takes them with
            `take_jobs`, and tells of them with `tell`.
        setup: what it needs to know beside the jobs. This and the jobs become JSON.
        folder: is made; what workers write may lie there, too.
        on_message: is called with all that workers tell. What it raises ends the work.

    Raises:
        CharLSTMError: if a worker ended before its time.
        OSError: for a job that cannot be written, and as workers tell.
    """
    folder.mkdir()
    (folder / SETUP).write_text(json.dumps(setup), encoding="ascii")
    for k, job in enumerate(jobs):
        _job(folder, k).write_text(json.dumps(job), encoding="ascii")
    said: SimpleQueue[tuple[Popen[str], str]] = SimpleQueue()
    running, ready = set[Popen[str]](), set[Popen[str]]()
    with ExitStack() as stack:
        for _ in range(min(processes, len(jobs))):
            try:
                process = stack.enter_context(child(work, str(folder), str(len(jobs)), environment=ALONE))
            except OSError:  # those that have been started do without it
                break
            Thread(target=_listen, args=(process, said), daemon=True).start()
            running.add(process)
        while running:
            try:
                process, line = said.get(timeout=POLL_S)
            except Empty:
                continue
            if not line:
                running.remove(process)
                if process.wait() != 0 and process in ready:
                    raise CharLSTMError(_why(process))
                continue
            if not line.endswith("\n"):  # it ended in the middle of a sentence
                continue
            ready.add(process)
            message = json.loads(line)
            if "errno" in message:
                raise OSError(message["errno"], message["strerror"])
            if message:
                on_message(message)
    if ready and any(_job(folder, k).exists() for k in range(len(jobs))):
        raise CharLSTMError("the processes that encode the text did not do all of it; run the command again")
    return bool(ready)


def take_jobs(folder: Path, count: int) -> Iterator[tuple[int, Any]]:
    """In a worker: the jobs that nobody has taken yet, with their numbers."""
    tell()  # we are ready
    for k in range(count):
        taken = folder / f"taken-{k}.json"
        try:
            _job(folder, k).rename(taken)
        except FileNotFoundError:
            continue
        job = json.loads(taken.read_text(encoding="ascii"))
        taken.unlink()
        yield k, job


def tell(**message: Any) -> None:
    """In a worker: tell the process that started us."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def tell_failure(error: OSError) -> None:
    """In a worker: tell of a file that could not be written, for example because the disk is full."""
    tell(errno=error.errno, strerror=error.strerror or str(error))


class Teller:
    """In a worker: adds up how much has been done, and tells now and then."""

    def __init__(self) -> None:
        self.untold, self.told_at = 0, monotonic()

    def add(self, part: int) -> None:
        """So much more is done."""
        self.untold += part
        if monotonic() - self.told_at > TELL_S:
            self.flush()

    def flush(self) -> None:
        """Tell what has not been told."""
        tell(done=self.untold)
        self.untold, self.told_at = 0, monotonic()


def _job(folder: Path, k: int) -> Path:
    return folder / f"job-{k}.json"


def _listen(process: Popen[str], said: SimpleQueue[tuple[Popen[str], str]]) -> None:
    assert process.stdout is not None
    with suppress(ValueError, OSError):  # closed, because the work has ended
        for line in process.stdout:
            said.put((process, line))
    said.put((process, ""))


def _why(process: Popen[str]) -> str:
    if process.returncode < 0:
        name = signal.Signals(-process.returncode).name
        return (
            f"a process that encodes the text was killed ({name}): perhaps the memory was full; run the command again"
        )
    assert process.stderr is not None
    last = process.stderr.read().strip().rpartition("\n")[2]
    return f"a process that encodes the text failed: {last or process.returncode}"

"""The command line in processes that are forked from one that has torch loaded: hundreds of runs, one start-up.

A process that is to die inside a save does so by the alarm clock, whose signal ends it as `kill -9` would: nothing of
ours runs any more.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["charlstm.cli.train", "charlstm.cli.train_run", "charlstm.api"])
SAVE_S = 0.006  # about what a save of the tests' networks takes


def fork(target: Callable[..., None], *arguments: Any) -> BaseProcess:
    """Start a function in a forked process."""
    process = CONTEXT.Process(target=target, args=arguments)
    process.start()
    return process


def finish(process: BaseProcess, seconds: float = 300) -> int:
    """Wait for a process; its exit code, negative for a signal. One that hangs is killed, and fails the test."""
    process.join(seconds)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"still running after {seconds:g} s")
    return process.exitcode


def run_command(folder: Path, command: str, die_in_save: int | None = None) -> None:
    """In a forked process: `charlstm COMMAND` in a folder, with a cache of its own and stderr in `stderr.txt`.

    Args:
        folder: where; a file `ready` appears in it when signals are in our hands, `in-save` holds 1 while it saves.
        command: the arguments, separated by spaces.
        die_in_save: the seed of when to die inside a save; None: not by its own hand.
    """
    os.chdir(folder)
    os.environ["CHARLSTM_CACHE_DIR"] = str(folder / "cache")
    with open("stderr.txt", "ab") as stderr, open(os.devnull, "wb") as nothing:
        os.dup2(stderr.fileno(), 2)
        os.dup2(nothing.fileno(), 1)
    from tqdm import tqdm

    from charlstm.cli.main import main
    from charlstm.interrupts import INTERRUPTS

    tqdm.set_lock(threading.RLock())  # its own is a system's semaphore, which a killed process would leave behind
    if os.environ.get("RANK", "0") == "0":  # the process that writes
        _watch_saves(folder / "in-save", die_in_save)
    sys.argv = ["charlstm", *command.split()]
    INTERRUPTS.install()
    (folder / "ready").touch()
    main()


def run_together(folder: Path, command: str, launch: dict[str, str], die_in_save: int | None = None) -> None:
    """`run_command` as a launcher would start it: `launch` are the variables that say which process this is."""
    os.environ.update(launch)
    run_command(folder, command, die_in_save)


def run_in_own_group(folder: Path, command: str) -> None:
    """`run_command` in a process group of its own: in one that its shell has left, nobody can be stopped by Ctrl-Z."""
    os.setpgid(0, 0)
    run_command(folder, command)


def _watch_saves(marker: Path, die_in_save: int | None) -> None:
    from charlstm.training.state import RunFiles

    chance = random.Random(die_in_save)
    skip = chance.randrange(6)  # so many saves first
    descriptor = os.open(marker, os.O_RDWR | os.O_CREAT)
    os.pwrite(descriptor, b"0", 0)

    def watched(save: Callable[..., None]) -> Callable[..., None]:
        def watched_save(*arguments: Any, **more: Any) -> None:
            nonlocal skip
            skip -= 1
            os.pwrite(descriptor, b"1", 0)
            if die_in_save is not None and skip < 0:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-5, SAVE_S))
            try:
                save(*arguments, **more)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                os.pwrite(descriptor, b"0", 0)

        return watched_save

    for name in ("save_best", "save_last", "save_snapshot"):
        setattr(RunFiles, name, watched(getattr(RunFiles, name)))


def wait_for(path: Path, seconds: float = 30) -> None:
    """Wait until a file is there."""
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, f"no {path.name}"
        time.sleep(0.001)


def run_on_terminal(folder: Path, terminal: str, arguments: tuple[str, ...]) -> None:
    """In a forked process: `charlstm` with arguments, on a terminal."""
    os.chdir(folder)
    os.environ.update(CHARLSTM_CACHE_DIR=str(folder / "cache"), TERM="xterm-256color")
    os.setsid()
    descriptor = os.open(terminal, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(descriptor, standard)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(n, mode, closefd=False) for n, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
    from charlstm.cli.main import main

    sys.argv = ["charlstm", *arguments]
    main()

"""Commands that a launcher such as `torchrun` has started several times: one process speaks, the others work."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.distributed.launch import launched
from charlstm.errors import CharLSTMError, FolderInUseError, Interrupted

if TYPE_CHECKING:
    import torch

    from charlstm.distributed.group import Group

STDOUT, STDERR = 1, 2
_aside: list[int] = []  # the real stderr of a process that has fallen silent
SHARED = ("train", "sample")  # the commands that processes do together; any other is done by the first alone


def has_nothing_to_do(arguments: Sequence[str]) -> bool:
    """Whether this process can end at once; if another speaks for it, it falls silent. Raises UsageError."""
    launch = launched()
    if launch is None or launch.is_first:
        return False
    command = next((argument for argument in arguments if not argument.startswith("-")), "")
    if command not in SHARED or {"--help", "-h"} & set(arguments):
        return True
    _aside.append(os.dup(STDERR))
    sink = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (STDOUT, STDERR):  # not the streams alone: PyTorch's own messages pass them by
        os.dup2(sink, descriptor)
    return False


@contextmanager
def joined(device: torch.device) -> Iterator[Group]:
    """The processes that were started together; this one alone where there is no launcher.

    What goes wrong in all of them is said by the first; what goes wrong in another one only, by that one.
    """
    from charlstm.distributed.group import ALONE, LostProcessError, ProcessGroup

    launch = launched()
    if launch is None:
        yield ALONE
        return
    group = ProcessGroup(launch, device)
    try:
        yield group
    except (LostProcessError, Interrupted):
        raise
    except Exception as e:
        if group.is_alone_in_failing():
            speak_up()
            if isinstance(e, CharLSTMError):
                e.args = (f"process {launch.rank} of {launch.size}: {e}",)
        raise
    group.leave()


def speak_up() -> None:
    """Write to the real stderr again."""
    if _aside:
        os.dup2(_aside.pop(), STDERR)


WAIT_S = 30.0  # for the processes of the same job that a launcher is just ending, before it started this one


@contextmanager
def held(group: Group, folder: Path, new: bool) -> Iterator[list[str]]:
    """The folder of a run, held by the first process for all; see `checkpoint.hold_run`."""
    from charlstm import checkpoint

    with ExitStack() as stack:

        def hold() -> list[str]:
            until = time.monotonic() + (0.0 if launched() is None else WAIT_S)
            while True:
                try:
                    return stack.enter_context(checkpoint.hold_run(folder, new))
                except FolderInUseError:
                    if time.monotonic() >= until:
                        raise
                    time.sleep(0.2)

        yield group.first_does(hold)

"""Commands that a launcher such as `torchrun` has started several times: one process speaks, the others work."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.distributed.launch import launched
from charlstm.errors import CharLSTMError, Interrupted

if TYPE_CHECKING:
    import torch

    from charlstm.distributed.group import Group

SHARED = ("train", "sample")  # the commands that processes do together; any other is done by the first alone


def has_nothing_to_do(arguments: Sequence[str]) -> bool:
    """Whether this process can end at once; if another speaks for it, it falls silent. Raises UsageError."""
    launch = launched()
    if launch is None or launch.is_first:
        return False
    command = next((argument for argument in arguments if not argument.startswith("-")), "")
    if command not in SHARED or {"--help", "-h"} & set(arguments):
        return True
    sink = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (open until the process ends)
    sys.stdout, sys.stderr = sink, sink
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
    sys.stderr = sys.__stderr__


@contextmanager
def held(group: Group, folder: Path, new: bool) -> Iterator[list[str]]:
    """The folder of a run, held by the first process for all; see `checkpoint.hold_run`."""
    from charlstm import checkpoint

    with ExitStack() as stack:
        yield group.first_does(lambda: stack.enter_context(checkpoint.hold_run(folder, new)))

"""The entry point: signals first, then the commands, then one line for whatever went wrong."""

from __future__ import annotations

import errno
import os
import sys

from charlstm.cli.launch import has_nothing_to_do
from charlstm.cli.surroundings import open_streams, tame_environment
from charlstm.errors import CharLSTMError, Interrupted
from charlstm.interrupts import INTERRUPTS

MEMORY = ("not enough memory", "out of memory", "can't allocate memory", "DefaultCPUAllocator", "std::bad_alloc")


def main() -> None:
    """Run the command line of this process, and exit."""
    INTERRUPTS.deferred = True  # until there is somebody to say it
    INTERRUPTS.install()
    output = open_streams()
    tame_environment()
    code = run()
    if output.problem and not code:  # a training has gone on without it
        from charlstm.report.console import fail

        fail(output.problem)
        code = 1
    INTERRUPTS.ignore()
    sys.exit(code)


def run() -> int:
    """Run the command; its exit code."""
    debug = "--debug" in sys.argv or os.environ.get("CHARLSTM_DEBUG", "").lower() in ("1", "true", "yes", "on")
    try:
        INTERRUPTS.deferred = False
        INTERRUPTS.check()
        if has_nothing_to_do(sys.argv[1:]):
            return 0
        from charlstm.cli.app import run_app

        code = run_app()
        sys.stdout.flush()
    except BrokenPipeError:  # `| head`: nothing is wrong
        return 0
    except Interrupted as e:
        from charlstm.report.console import say

        say(str(e))
        return e.exit_code
    except Exception as e:
        if debug:
            raise
        from charlstm.cli.settings import in_options
        from charlstm.report.console import fail

        fail(in_options(e) if isinstance(e, CharLSTMError) else what_happened(e))
        return e.exit_code if isinstance(e, CharLSTMError) else 1
    return code


def what_happened(error: Exception) -> str:
    """What to say of an error that is none of ours."""
    if isinstance(error, MemoryError) or any(sign in str(error) for sign in MEMORY):
        return f"out of memory; {smaller(sys.argv[1:])}"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
        return f"cannot write{f' {error.filename}' if error.filename else ''}: {error.strerror}; free some space"
    return f"{type(error).__name__}: {error} (this should not happen; --debug shows where)"


def smaller(arguments: list[str]) -> str:
    """What would take less memory, in the options that a command has."""
    command = next((a for a in arguments if not a.startswith("-")), "")
    if command == "train" and not any(a.startswith("--resume") for a in arguments):
        return "use a smaller --hidden-size, --batch-size or --seq-len"
    if command == "sample":
        return "use a smaller --num, or close other programs"
    return "close other programs, or use a machine with more memory"

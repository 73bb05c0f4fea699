"""The entry point: signals first, then the commands, then one line for whatever went wrong."""

from __future__ import annotations

import errno
import os
import sys

from charlstm.errors import CharLSTMError, Interrupted
from charlstm.interrupts import INTERRUPTS


def main() -> None:
    """Run the command line of this process, and exit."""
    INTERRUPTS.install()
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 (a shell may close them: >&-)
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    try:
        code = run()
        sys.stdout.flush()
    except BrokenPipeError:
        from charlstm.report.console import close_stdout

        close_stdout()
        code = 0
    INTERRUPTS.ignore()
    sys.exit(code)


def run() -> int:
    """Run the command; its exit code."""
    debug = "--debug" in sys.argv or os.environ.get("CHARLSTM_DEBUG", "").lower() in ("1", "true", "yes", "on")
    try:
        from charlstm.cli.app import make_app

        make_app()()
    except SystemExit as e:
        return e.code if isinstance(e.code, int) else int(e.code is not None)
    except Interrupted as e:
        from charlstm.report.console import say

        say(str(e))
        return e.exit_code
    except CharLSTMError as e:
        if debug:
            raise
        from charlstm.report.console import fail

        fail(str(e))
        return e.exit_code
    except Exception as e:
        if debug:
            raise
        from charlstm.report.console import fail

        if isinstance(e, MemoryError) or "not enough memory" in str(e) or "out of memory" in str(e):
            fail("out of memory; use a smaller --hidden-size, --batch-size or --seq-len")
        elif isinstance(e, OSError) and e.errno in (errno.ENOSPC, errno.EIO, errno.EDQUOT):
            fail(f"cannot write what there is to say: {e.strerror}; free some space, or send it elsewhere")
        else:
            fail(f"{type(e).__name__}: {e} (this should not happen; --debug shows where)")
        return 1
    return 0

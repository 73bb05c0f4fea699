"""Where things are written: data on stdout, everything else on stderr, colour only on a terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console as RichConsole

from charlstm.report.text import printable

PIPED_COLUMNS = 160
LEAST_COLUMNS = 60  # narrower, and tables break into letters


class Console(RichConsole):
    """Rich's console, without its error where nobody reads any more (`| head`)."""

    def on_broken_pipe(self) -> None:
        """Let `cli.main` see it."""
        raise BrokenPipeError


def plain_console(width: int | None = None, **more: Any) -> Console:
    """A console that prints text as it is; `width`: None for the terminal's or, in a pipe, that of `COLUMNS`."""
    if width is None and not (sys.stderr if more.get("stderr") else sys.stdout).isatty():
        width = _piped_columns()
    return Console(markup=False, highlight=False, emoji=False, width=width, **more)


def _piped_columns() -> int:
    """What `COLUMNS` says, at least `LEAST_COLUMNS`; where it says nothing, wide enough for a path."""
    columns = os.environ.get("COLUMNS", "")
    return max(LEAST_COLUMNS, int(columns)) if columns.isdecimal() and len(columns) <= 4 else PIPED_COLUMNS


def messages() -> Console:
    """A console on stderr that takes text as it is."""
    return plain_console(stderr=True, soft_wrap=True)


def say(message: str) -> None:
    """A message to the person, on stderr."""
    messages().print(printable(message))


def fail(message: str) -> None:
    """An error, on stderr: one line, whatever is in it."""
    console = messages()
    line = printable(message.replace("\n", " "), keep="")
    console.print("error:", style="bold red", end=" ")
    console.print(line)


def print_json(data: Mapping[str, Any]) -> None:
    """An object as one line on stdout; on a terminal nothing but ASCII."""
    sys.stdout.write(to_json(data) + "\n")
    sys.stdout.flush()


def to_json(data: Mapping[str, Any]) -> str:
    """An object as `print_json` writes it."""
    return json.dumps(data, ensure_ascii=sys.stdout.isatty(), allow_nan=False).replace("\x7f", "\\u007f")


def colour_allowed() -> bool:
    """Whether stdout is a terminal that shows colour."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

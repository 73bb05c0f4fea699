"""The options that several views of `charlstm explain` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from charlstm.cli.options import MACHINE, TEXT, option

MAX_CHARS = 10_000  # of a text that is read character by character


def cell_option(otherwise: str) -> Any:
    """The cell that is looked at, where the default is one that the probe finds or that does something best."""
    return option("--cell", help=_which(otherwise, ""), show_default=False)


def _which(otherwise: str, more: str) -> str:
    default = f"[default: the one that charlstm probe finds, else the one that {otherwise}]"
    return f"Which cell, as layer:cell (2:73).{more} {default}"


CellOrLongest = Annotated[str | None, cell_option("remembers longest")]
CellsOrLongest = Annotated[
    list[str] | None, option("--cell", help=_which("remembers longest", " May be repeated."), show_default=False)
]
Text = Annotated[
    str | None,
    typer.Argument(
        help="The text to read; - is standard input. [default: the sentence of the girl and João]", show_default=False
    ),
]
OrdinaryText = Annotated[
    str | None,
    typer.Argument(help="The text to read; - is standard input. [default: ordinary text]", show_default=False),
]
TextFile = Annotated[
    Path | None, option("--file", help="Read the text from a file.", rich_help_panel=TEXT, show_default=False)
]
Against = Annotated[
    Path | None,
    option(
        "--against",
        help="Another model to set beside the first. [default: without --checkpoint, the LSTM and the RNN that ship]",
        show_default=False,
    ),
]
Pairs = Annotated[
    Path | None,
    option("--pairs", help="Minimal pairs of your own, as for charlstm probe.", show_default=False),
]
Seed = Annotated[
    int,
    option(
        "--seed",
        help="Seed of the texts, networks and intervals that are drawn.",
        min=0,
        max=2**31,
        rich_help_panel=MACHINE,
    ),
]

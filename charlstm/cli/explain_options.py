"""The options of `charlstm explain`, and which of them go together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from charlstm.cli.options import MACHINE, TEXT, option, parse_finite
from charlstm.errors import UsageError


def view(name: str, help: str, **more: Any) -> Any:
    """An option that chooses what is shown: without a variable, which would choose it every time."""
    return typer.Option(name, help=help, rich_help_panel="What is shown", **more)


Text = Annotated[
    str | None,
    typer.Argument(
        help="The text to read; - is standard input. [default: the sentence of the girl and João]", show_default=False
    ),
]
TextFile = Annotated[
    Path | None, option("--file", help="Read the text from a file.", rich_help_panel=TEXT, show_default=False)
]
Cell = Annotated[
    str | None,
    option(
        "--cell",
        help="Which cell, as layer:cell (2:73). [default: the one that `charlstm probe` finds, else the one that "
        "remembers longest]",
        show_default=False,
    ),
]
At = Annotated[
    int | None,
    view(
        "--at", help="Write out the step at this character (from 1) as equations.", min=1,
        show_default=False,
    ),
]  # fmt: skip
MemoryView = Annotated[bool, view("--memory", help="How long each cell remembers.")]
GradientView = Annotated[bool, view("--gradient", help="How far gradients reach back, LSTM and RNN.")]
DistanceView = Annotated[bool, view("--distance", help="Agreement against distance, LSTM and RNN.")]
SwitchesView = Annotated[
    bool,
    view(
        "--switches",
        help="What the gates do where the gender changes, on lines of agreement-en-cs.",
    ),
]
Against = Annotated[
    Path | None,
    option(
        "--against",
        help="With --gradient and --distance: another model, beside the first. [default: without --checkpoint, the "
        "LSTM and the RNN that ship]",
        show_default=False,
    ),
]
Back = Annotated[int, option("--back", help="With --gradient: how many characters back.", min=2, max=2000)]
Pairs = Annotated[
    Path | None,
    option("--pairs", help="Minimal pairs of your own, as for `charlstm probe`.", show_default=False),
]
Open = Annotated[float, option("--open", help="From here on a gate is open.", min=0, max=1, callback=parse_finite)]
Seed = Annotated[
    int,
    option("--seed", help="Of what is drawn: texts, networks, intervals.", min=0, max=2**31, rich_help_panel=MACHINE),
]


class View(StrEnum):
    """What is shown."""

    walk = "walk"
    step = "--at"
    memory = "--memory"
    gradient = "--gradient"
    distance = "--distance"
    switches = "--switches"


# what an option that not every view understands goes with
ALLOWED = {
    "--against": {View.gradient, View.distance},
    "--back": {View.gradient},
    "--open": {View.walk},
    "--cell": {View.walk, View.step, View.switches},
    "--pairs": {View.walk, View.step, View.distance, View.switches},
    "--unknown": {View.walk, View.step, View.memory, View.gradient},
    "--warm": {View.walk, View.step},
    "a text": {View.walk, View.step, View.memory, View.gradient},
}


def choose_view(chosen: Mapping[View, bool], typed: Iterable[str]) -> View:
    """The one view that is meant. Raises UsageError for two, and for an option that it does not understand.

    Args:
        chosen: which views were asked for.
        typed: options that were typed, of those that not every view understands.
    """
    views = [view for view, is_chosen in chosen.items() if is_chosen]
    if len(views) > 1:
        raise UsageError(f"{views[0]} and {views[1]} are two views; ask for one at a time")
    view = views[0] if views else View.walk
    for name in typed:
        if view not in ALLOWED[name]:
            others = " and ".join(str(other) for other in View if other in ALLOWED[name] and other is not View.walk)
            what = "" if view is View.walk else f" with {view}"
            raise UsageError(
                f"{name} means nothing{what}; it goes with {others}" if others else f"{name} means nothing{what}"
            )
    return view

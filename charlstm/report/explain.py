"""Memory, gradients, distance and switches, for people."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

from rich.console import RenderableType
from rich.text import Text

from charlstm.explain.distance import ByDistance
from charlstm.explain.gradient import Reach, half_of, rate_of
from charlstm.explain.memory import EDGES, Memory
from charlstm.probe.statistics import Estimate, Floats
from charlstm.report.columns import bar
from charlstm.report.curves import Curve, draw_curves
from charlstm.report.tables import table
from charlstm.report.text import printable

Lines = list[RenderableType]


NAME, COUNT, WIDEST = 15, 4, 60  # columns: of a row's name, of a number of cells, of a bar


def draw_memory(memory: Memory, probed: tuple[int, int] | None, width: int, colour: bool) -> Lines:
    """Half-lives: a histogram by layer, and the cells that remember longest; the cell that the probe found, too."""
    lines: Lines = [
        Text(
            printable(
                f"half-life of what a cell holds, in characters: ln 2 / -ln {memory.keep_gate}, over "
                f"{memory.characters:,} characters of {memory.source}"
            )
        ),
        Text(""),
    ]
    names = [f"below {EDGES[0]}", *(f"{low:,} to {high:,}" for low, high in pairwise(EDGES))]
    names.append(f"{EDGES[-1]:,} and more")
    histogram = memory.histogram()
    most = max(max(row) for row in histogram)
    beside = max(1, (width - NAME) // (COUNT + 6))  # so many layers at a time
    for first in range(0, len(histogram), beside):
        some = range(first, min(first + beside, len(histogram)))
        columns = min(WIDEST, (width - NAME) // len(some) - COUNT - 2)
        head = "".join(f" {f'layer {n + 1}':<{columns + COUNT + 1}}" for n in some)
        lines.append(Text(" " * NAME + head.rstrip(), "bold" if colour else ""))
        for k, name in enumerate(names):
            line = Text(f"{name:<{NAME}}")
            for n in some:
                line.append(f" {histogram[n][k]:>{COUNT}} ")
                line.append(bar(histogram[n][k] / most, columns), "blue" if colour else "")
            line.rstrip()
            lines.append(line)
        lines.append(Text(""))
    cells = memory.longest()
    cells += [probed] if probed is not None and probed not in cells else []
    rows = [
        (
            f"{n + 1}:{m}" + (" (probe)" if (n, m) == probed else ""),
            _chars(float(memory.half_life[n, m])),
            _chars(float(memory.between[n, m])),
            f"{100 * float(memory.lets_go[n, m]):.1f}",
        )
        for n, m in cells
    ]
    header = ("cell", "half-life", "between", "lets go %")
    return [
        *lines,
        Text("the cells that remember longest" + (", and the one that charlstm probe found" if probed else "")),
        table(rows, header),
        Text(""),
        Text(
            f"half-life: by the mean of -ln {memory.keep_gate}, every clearing included; between: by its median, that "
            f"is, between clearings; lets go: the share of characters at which {memory.keep_gate} is below one half"
        ),
    ]


def _chars(value: float) -> str:
    if math.isinf(value):
        return "no end"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


LOWEST, HIGHEST = -8, 8  # powers of ten that are drawn
PLACES = (1, 5, 10, 20, 50, 100, 200, 500)


def draw_gradient(
    reaches: Mapping[str, Reach], scaled: Mapping[float, Reach], source: str, width: int, colour: bool
) -> Lines:
    """How far gradients reach: curves of all networks, half-lives, rates, and the RNN with its W_hh scaled.

    Args:
        reaches: by the networks' names.
        scaled: an untrained plain RNN, by what its W_hh was multiplied with.
    """
    last = len(next(iter(reaches.values())).change) - 1
    back = list(range(last + 1))
    lines: Lines = [
        Text(printable(f"how far gradients reach back in time, over {source}")),
        Text(""),
        Text(
            "what is left, after k characters, of a small change: in the hidden states (h), d h_t / d h_{t-k}, and in "
            "the cell states of an LSTM, its memory pipeline (c), d c_t / d c_{t-k}"
        ),
    ]
    curves = [Curve(f"{name}, h", back, reach.change.tolist()) for name, reach in reaches.items()]
    cell_states = {n: r.memory for n, r in reaches.items() if r.memory is not None and r.memory is not r.change}
    curves += [Curve(f"{name}, c", back, memory.tolist()) for name, memory in cell_states.items()]
    top = min(HIGHEST, max(0, math.ceil(math.log10(max(max(curve.y) for curve in curves)) - 1e-9))) + 0.5
    lines += draw_curves(
        curves,
        "k",
        "left",
        width,
        colour,
        logarithmic=True,
        y_limits=(LOWEST, top),
        height=round(2 * (top - LOWEST)),
    )
    if any(not 10**LOWEST <= y < 10**top for curve in curves for y in curve.y):
        lines.append(Text("what leaves the frame is in the tables"))
    places = [k for k in PLACES if k <= last]
    pipelines: dict[str, Floats] = {}
    for name, reach in reaches.items():
        if reach.memory is not None and reach.theory_memory is not None:
            pipelines |= {name: reach.memory, f"{name}, {reach.keep_gate} only": reach.theory_memory}
    sections = {
        "d h_t / d h_{t-k}": {name: reach.change for name, reach in reaches.items()},
        "the memory pipeline, d c_t / d c_{t-k}; f only: what the forget gates alone leave of it": pipelines,
        "d loss_t / d (h, c)_{t-k}, as a share of k = 0": {name: reach.loss for name, reach in reaches.items()},
    }
    for title, rows_of in sections.items():
        if rows_of:
            figures = [(name, *(_size(float(row[k])) for k in places), _half(row)) for name, row in rows_of.items()]
            header = ("k =", *map(str, places), "half-life")
            lines += [Text(""), Text(title), table(figures, header)]
    plain = {**reaches, **{f"rnn untrained, W_hh x {w:g}": reach for w, reach in scaled.items()}}
    rows = [
        (name, f"{rate_of(reach.change):.3f}", f"{reach.theory_rate:.3f}", _size(float(reach.change[min(10, last)])))
        for name, reach in plain.items()
        if reach.theory_rate is not None
    ]
    return [
        *lines,
        Text(""),
        Text("a plain RNN multiplies the change by about the same factor at every character"),
        table(rows, ("", "measured", "theory", f"left after {min(10, last)}")),
        Text(""),
        Text(
            "half-life: after how many characters half is left, for the first time; theory: the root mean square of "
            "(1 - h^2) W_hh, as if a change pointed in no particular direction, which is so in a fresh network only"
        ),
    ]


def _size(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:.3f}" if 0.0995 <= value < 100 else f"{value:.0e}"


def _half(curve: Floats) -> str:
    half = half_of(curve)
    if math.isnan(half):
        return "-"
    return f"> {len(curve) - 1}" if math.isinf(half) else f"{half:.1f}"


def draw_distance(networks: Mapping[str, ByDistance], source: str, width: int, colour: bool) -> Lines:
    """Agreement against distance for one network or several."""
    lines: Lines = [Text(printable(f"agreement against distance: {source}")), Text("")]
    curves = [
        Curve(name, [(b.low + b.high) / 2 for b in found.bins], [100 * b.accuracy.value for b in found.bins])
        for name, found in networks.items()
    ]
    low = 30.0 if min((y for curve in curves for y in curve.y), default=50.0) >= 30 else 0.0
    limits = (low, 105.0)
    rows_drawn = round((limits[1] - limits[0]) / 5)
    lines += draw_curves(curves, "characters", "% right", width, colour, y_limits=limits, height=rows_drawn)
    rows = [("all", *(_percent(found.overall) for found in networks.values()))]
    if any(found.opposite for found in networks.values()):
        rows.append(("past the other gender", *(_percent(found.opposite) for found in networks.values())))
    for place, part in enumerate(next(iter(networks.values())).bins):
        figures = (_percent(found.bins[place].accuracy) for found in networks.values())
        rows.append((f"{part.low} to {part.high} ({part.sentences})", *figures))
    return [
        *lines,
        Text(""),
        table(rows, ("characters (sentences)", *networks)),
        Text(""),
        Text("per cent right, with 95 % intervals over lemmas (over pairs, where none are given); chance is 50"),
    ]


def _percent(estimate: Estimate | None) -> str:
    if estimate is None:
        return "-"
    return f"{100 * estimate.value:.1f} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"

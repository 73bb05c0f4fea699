"""Memory, gradients and agreement against distance, for people: what was found in a sentence, a chart, the figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from rich.console import RenderableType
from rich.text import Text

from charlstm.explain.distance import ByDistance
from charlstm.explain.gradient import Reach, half_of, rate_of
from charlstm.explain.memory import EDGES, Memory
from charlstm.probe.statistics import Estimate, Floats
from charlstm.report.charts import Chart, Curve
from charlstm.report.columns import bar
from charlstm.report.curves import draw_curves
from charlstm.report.tables import table
from charlstm.report.text import printable

Lines = list[RenderableType]


SHORTEST = 0.1  # characters: what is drawn of a half-life that is shorter
NAME, COUNT, WIDEST = 15, 4, 60  # columns: of a row's name, of a number of cells, of a bar


def draw_memory(memory: Memory, probed: tuple[int, int] | None, width: int, colour: bool) -> Lines:
    """Half-lives: a histogram by layer, and the cells that remember longest; the cell that the probe found, too."""
    f = memory.keep_gate
    lines: Lines = [
        Text(printable(_memory_in_words(memory))),
        Text(""),
        Text(printable(f"How many cells have which half-life, in characters, over {memory.read}:")),
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
        Text("The cells that remember longest" + (", and the one that charlstm probe found:" if probed else ":")),
        table(rows, header),
        Text(""),
        table(
            [
                ("half-life", f"after how many characters half of what it held is left: ln 2 / mean of -ln {f}"),
                ("between", "the same by the median: how long it remembers between the moments that clear it"),
                ("lets go", f"the share of characters at which {f} is below one half: most of what it held is lost"),
            ]
        ),
    ]


def _memory_in_words(memory: Memory) -> str:
    """For each layer the half-life that half of its cells reach, and the longest."""
    said = []
    for n, row in enumerate(memory.half_life):
        longest = int(row.argmax())
        middle = _chars(float(np.median(row)))
        said.append(
            f"In layer {n + 1}, half of the cells have a half-life of at least {middle} characters; the longest, "
            f"of cell {longest}, is {_chars(float(row[longest]))}."
        )
    return " ".join(said)


def memory_chart(memory: Memory) -> Chart:
    """The half-lives of each layer's cells, from the shortest to the longest; those without end lie above the frame."""
    curves = []
    for n, row in enumerate(memory.half_life):
        known = np.clip(np.sort(row), SHORTEST, None)
        share = 100 * (1 + np.arange(len(known))) / len(known)
        curves.append(Curve(f"layer {n + 1}", share.tolist(), known.tolist()))
    most = max((y for curve in curves for y in curve.y if math.isfinite(y)), default=1.0)
    return Chart(
        "How long cells remember",
        f"{_memory_in_words(memory)} Measured over {memory.read}.",
        curves,
        "% of the cells of a layer, from the shortest half-life to the longest",
        f"half-life in characters, over {memory.read}",
        y_limits=(math.log10(SHORTEST), max(1, math.ceil(math.log10(most)))),
        logarithmic=True,
    )


def _chars(value: float) -> str:
    if math.isinf(value):
        return "no end"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


LOWEST, HIGHEST = -8, 8  # powers of ten that are drawn
PLACES = (1, 5, 10, 20, 50, 100, 200, 500)


def gradient_chart(reaches: Mapping[str, Reach]) -> Chart:
    """What is left of a small change after k characters, in the hidden states and in the cell states."""
    back = list(range(len(next(iter(reaches.values())).change)))
    cell_states = {n: r.memory for n, r in reaches.items() if r.memory is not None and r.memory is not r.change}
    curves = [Curve(f"{name}, c", back, memory.tolist(), family=name) for name, memory in cell_states.items()]
    curves += [
        Curve(f"{name}, h", back, reach.change.tolist(), family=name, dashed=True) for name, reach in reaches.items()
    ]
    most = max(max(curve.y) for curve in curves)
    top = min(HIGHEST, max(0, math.ceil(math.log10(most) - 1e-9))) if most > 0 else 0
    return Chart(
        "How far gradients reach back",
        _reach_in_words(reaches),
        curves,
        "characters back",
        "what is left of a small change (h: in the hidden states, c: in the cell states)",
        y_limits=(LOWEST, top),
        logarithmic=True,
    )


def _reach_in_words(reaches: Mapping[str, Reach]) -> str:
    """What each trained network keeps over the longest distance, where it keeps most."""
    last = len(next(iter(reaches.values())).change) - 1
    trained = {name: reach for name, reach in reaches.items() if name.endswith(" trained")} or reaches
    said = []
    for name, reach in trained.items():
        of_cells = reach.memory is not None and reach.memory is not reach.change
        curve = reach.memory if of_cells and reach.memory is not None else reach.change
        said.append(f"{name} keeps {_size(float(curve[last]))} of it in its {'cell' if of_cells else 'hidden'} states")
    return f"Of a small change, after {last} characters: {'; '.join(said)}."


def draw_gradient(
    reaches: Mapping[str, Reach], scaled: Mapping[float, Reach], source: str, width: int, colour: bool
) -> Lines:
    """How far gradients reach: curves of all networks, half-lives, rates, and the RNN with its W_hh scaled.

    Args:
        reaches: by the networks' names.
        scaled: an untrained plain RNN, by what its W_hh was multiplied with.
    """
    last = len(next(iter(reaches.values())).change) - 1
    chart = gradient_chart(reaches)
    assert chart.y_limits is not None
    low, high = chart.y_limits
    lines: Lines = [
        Text(printable(chart.says)),
        Text(""),
        Text(printable(f"How far gradients reach back, measured at {source}")),
        *draw_curves(chart, width, colour, height=round(2 * (high - low)) + 1),
    ]
    if any(not 10 ** (low - 0.25) <= y < 10 ** (high + 0.25) for curve in chart.curves for y in curve.y):
        lines.append(Text("Curves that leave the frame go on in the tables."))
    places = [k for k in PLACES if k <= last]
    pipelines: dict[str, Floats] = {}
    for name, reach in reaches.items():
        if reach.memory is not None and reach.theory_memory is not None:
            pipelines |= {name: reach.memory, f"{name}, {reach.keep_gate} only": reach.theory_memory}
    sections = {
        "Left of a change in the hidden states after k characters, d h_t / d h_{t-k}": {
            name: reach.change for name, reach in reaches.items()
        },
        "Left of a change in the cell states, d c_t / d c_{t-k} (f only: what the forget gates alone leave of it)": (
            pipelines
        ),
        "Left of the gradient of the loss, d loss_t / d (h, c)_{t-k}, as a share of k = 0": {
            name: reach.loss for name, reach in reaches.items()
        },
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
        Text("The factor by which a plain RNN multiplies a change, on average over the characters back:"),
        table(rows, ("", "measured", "theory", f"left after {min(10, last)}")),
        Text(""),
        table(
            [
                ("half-life", "after how many characters half is left, for the first time"),
                (
                    "theory",
                    "the root mean square of (1 - h^2) W_hh, for a change in no particular direction, as in an "
                    "untrained network",
                ),
            ]
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


def distance_chart(networks: Mapping[str, ByDistance], source: str) -> Chart:
    """Per cent right by the characters between the cue and what agrees with it, with 95 % intervals."""
    curves = []
    for name, found in networks.items():
        middle = [(b.low + b.high) / 2 for b in found.bins]
        right, low, high = ([100 * getattr(b.accuracy, part) for b in found.bins] for part in ("value", "low", "high"))
        curves.append(Curve(name, middle, right, low, high))
    lowest = 30.0 if min((y for curve in curves for y in curve.y), default=50.0) >= 30 else 0.0
    return Chart(
        "Agreement against distance",
        f"{_distance_in_words(networks)} Measured on {source}.",
        curves,
        "characters between the cue and what agrees with it",
        "% right",
        y_limits=(lowest, 100.0),
        marks={"chance": 50.0},
    )


def _distance_in_words(networks: Mapping[str, ByDistance]) -> str:
    """How often each network is right, over all and at the longest distance."""
    said = []
    for name, found in networks.items():
        words = f"{name} is right in {100 * found.overall.value:.1f} % of the pairs"
        if found.bins:
            far = found.bins[-1]
            words += f", and in {100 * far.accuracy.value:.1f} % at {far.low} to {far.high} characters"
        said.append(words)
    return f"{'; '.join(said)}. Chance is 50 %."


def draw_distance(networks: Mapping[str, ByDistance], source: str, width: int, colour: bool) -> Lines:
    """Agreement against distance for one network or several."""
    chart = distance_chart(networks, source)
    assert chart.y_limits is not None
    rows = [("all", *(_percent(found.overall) for found in networks.values()))]
    if any(found.opposite for found in networks.values()):
        rows.append(("past the other gender", *(_percent(found.opposite) for found in networks.values())))
    for place, part in enumerate(next(iter(networks.values())).bins):
        figures = (_percent(found.bins[place].accuracy) for found in networks.values())
        rows.append((f"{part.low} to {part.high} ({part.sentences})", *figures))
    drawn = any(curve.x for curve in chart.curves)  # pairs may not say how far the cue is
    return [
        Text(printable(_distance_in_words(networks))),
        Text(""),
        Text(printable(f"Agreement against distance: {source}")),
        *(draw_curves(chart, width, colour, height=round((100 - chart.y_limits[0]) / 5) + 1) if drawn else ()),
        Text(""),
        table(rows, ("characters (sentences)", *networks)),
        Text(""),
        Text("Per cent right, with 95 % intervals over lemmas (over pairs, where no lemmas are given)."),
    ]


def _percent(estimate: Estimate | None) -> str:
    if estimate is None:
        return "-"
    return f"{100 * estimate.value:.1f} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"

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
from charlstm.explain.switches import STRETCHES, Contrast, Switches
from charlstm.probe.statistics import Estimate, Floats
from charlstm.report.columns import bar
from charlstm.report.curves import Curve, draw_curves
from charlstm.report.screen import columns_table
from charlstm.report.text import printable

Lines = list[RenderableType]


def draw_memory(memory: Memory, probed: tuple[int, int] | None, width: int, colour: bool) -> Lines:
    """Half-lives: a histogram by layer, and the cells that remember longest; the cell that the probe found, too."""
    lines: Lines = [
        Text(printable(f"half-life of what a cell holds, in characters: ln 2 / -ln f over {memory.source}")),
        Text(""),
    ]
    names = [f"below {EDGES[0]}", *(f"{low} to {high}" for low, high in pairwise(EDGES))]
    names.append(f"{EDGES[-1]:,} and more")
    histogram = memory.histogram()
    most = max(max(row) for row in histogram)
    columns = max(4, (width - 16) // len(histogram) - 6)
    head = Text(f"{'characters':<15}", "bold" if colour else "")
    lines.append(head.append("".join(f" {f'layer {n + 1}':<{columns + 5}}" for n in range(len(histogram)))))
    for k, name in enumerate(names):
        line = Text(f"{name:<15}")
        for row in histogram:
            line.append(f" {row[k]:>4} ").append(bar(row[k] / most, columns - 1), "blue" if colour else "")
        lines.append(line)
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
        Text(""),
        Text("the cells that remember longest"),
        columns_table(header, rows),
        Text(""),
        Text(
            "half-life: by the mean of -ln f, every clearing included; between: by its median, that is, between "
            "clearings; lets go: the share of characters at which f is below one half"
        ),
    ]


def _chars(value: float) -> str:
    if math.isinf(value):
        return "no end"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


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
        Text("d h_t / d h_{t-k}: what is left, after k characters, of a small change in the hidden states"),
    ]
    lines += draw_curves(
        [Curve(name, back, reach.change.tolist()) for name, reach in reaches.items()],
        "k", "norm", width, colour, logarithmic=True, y_limits=(-8.0, 0.5), height=17,
    )  # fmt: skip
    places = [k for k in PLACES if k <= last]
    pipelines: dict[str, Floats] = {}
    for name, reach in reaches.items():
        if reach.memory is not None and reach.theory_memory is not None:
            pipelines |= {name: reach.memory, f"{name}, f only": reach.theory_memory}
    sections = {
        "d h_t / d h_{t-k}": {name: reach.change for name, reach in reaches.items()},
        "the memory pipeline, d c_t / d c_{t-k}; f only: what the forget gates alone leave of it": pipelines,
        "d loss_t / d (h, c)_{t-k}, as a share of k = 0": {name: reach.loss for name, reach in reaches.items()},
    }
    for title, curves in sections.items():
        if curves:
            rows = [(name, *(_size(float(curve[k])) for k in places), _half(curve)) for name, curve in curves.items()]
            header = ("k =", *map(str, places), "half-life")
            lines += [Text(""), Text(title), columns_table(header, rows)]
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
        columns_table(("", "measured", "theory", "left after 10"), rows),
        Text(""),
        Text("theory: the root mean square of (1 - h^2) W_hh, as if a change pointed in no particular direction"),
    ]


def _size(value: float) -> str:
    return f"{value:.3f}" if 0.0995 <= value < 100 else f"{value:.0e}"


def _half(curve: Floats) -> str:
    half = half_of(curve)
    return f"> {len(curve) - 1}" if math.isinf(half) else f"{half:.1f}"


def draw_distance(networks: Mapping[str, ByDistance], source: str, width: int, colour: bool) -> Lines:
    """Agreement against distance for one network or several."""
    lines: Lines = [Text(printable(f"agreement against distance: {source}")), Text("")]
    curves = [
        Curve(name, [(b.low + b.high) / 2 for b in found.bins], [100 * b.accuracy.value for b in found.bins])
        for name, found in networks.items()
    ]
    lines += draw_curves(curves, "characters", "% right", width, colour, y_limits=(30.0, 105.0), height=15)
    rows = [("all", *(_percent(found.overall) for found in networks.values()))]
    if any(found.opposite for found in networks.values()):
        rows.append(("past the other gender", *(_percent(found.opposite) for found in networks.values())))
    for place, part in enumerate(next(iter(networks.values())).bins):
        figures = (_percent(found.bins[place].accuracy) for found in networks.values())
        rows.append((f"{part.low} to {part.high} ({part.sentences})", *figures))
    return [
        *lines,
        Text(""),
        columns_table(("characters (sentences)", *networks), rows),
        Text(""),
        Text("per cent right, with 95 % intervals over nouns; chance is 50"),
    ]


def _percent(estimate: Estimate | None) -> str:
    if estimate is None:
        return "-"
    return f"{100 * estimate.value:.1f} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


SPEAKERS = {
    "FF": "a woman after a woman",
    "FM": "a man after a woman",
    "MF": "a woman after a man",
    "MM": "a man after a man",
}


def draw_switches(found: Switches, chosen: str, width: int, colour: bool) -> Lines:
    """What a cell's gates do where the gender changes, in numbers and in words."""
    switch, repeat = found.lines
    rows = [
        (f"{name}, {stretch}", _two(c.first), _two(c.second), _difference(c))
        for name, contrasts in (("cleared", found.cleared), ("written", found.written))
        for stretch, c in contrasts.items()
    ]
    o = found.shown
    return [
        Text(printable(f"cell {found.cell} of layer {found.layer + 1}: {chosen}")),
        Text(f"it tells the speaker's gender, just before a character that agrees: AUC {_two(found.holds)}"),
        Text(""),
        columns_table(("", f"switch ({switch:,})", f"repeat ({repeat:,})", "difference"), rows),
        Text(""),
        columns_table(
            ("", "before a character that agrees", "before others", "difference"),
            [("output gate o", _two(o.first), _two(o.second), _difference(o))],
        ),
        Text(""),
        columns_table(
            ("cell state after", "the line before", *STRETCHES),
            [(SPEAKERS[who], *(f"{state.value:+.2f}" for state in states)) for who, states in found.course.items()],
        ),
        Text(""),
        *(Text(line) for line in in_words(found)),
        Text(""),
        Text(
            "switch: a line of agreement-en-cs after one of the other gender; repeat: after one of the same; cleared: "
            "1 - product of f; written: sum of i |g|; intervals: 95 %, over texts"
        ),
    ]


LARGE = 0.1  # a difference from here on is worth a word
MOST = 0.5


def in_words(found: Switches) -> list[str]:
    """What the documents expect, and what this cell does."""
    o = found.shown
    return [
        _clearing(found.cleared),
        _writing(found.written),
        _answer(
            "The output gate brings it out where words agree",
            o.difference.low > LARGE,
            f"o is {o.first.value:.2f} before a character that agrees and {o.second.value:.2f} before others",
        ),
    ]


def _clearing(cleared: Mapping[str, Contrast]) -> str:
    claim = "The forget gate clears the old gender at a switch"
    more = [stretch for stretch, c in cleared.items() if c.difference.low > LARGE]
    if more:
        c = cleared[more[0]]
        figures = f"{c.first.value:.2f} is cleared in a switch, {c.second.value:.2f} in a repeat ({more[0]})"
        return _answer(claim, True, figures)
    always = [stretch for stretch, c in cleared.items() if min(c.first.low, c.second.low) > MOST]
    if always:
        return _answer(claim, False, f"it clears in every line, whoever speaks next ({', '.join(always)})")
    return _answer(claim, False, "it does not clear: the new gender is added to the old state, until its sign turns")


def _writing(written: Mapping[str, Contrast]) -> str:
    claim = "The input gate writes the new gender"
    nouns = {stretch: c for stretch, c in written.items() if stretch.endswith("noun")}
    stretch, most = max(nouns.items(), key=lambda part: part[1].first.value)
    figures = f"{most.first.value:.2f} is written in a switch, {most.second.value:.2f} in a repeat ({stretch})"
    return _answer(claim, most.first.low > LARGE, figures)


def _answer(claim: str, holds: bool, why: str) -> str:
    return f"{claim}: {'yes' if holds else 'not so'}; {why}."


def _two(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def _difference(contrast: Contrast) -> str:
    d = contrast.difference
    return f"{d.value:+.2f} [{d.low:+.2f}, {d.high:+.2f}]"

"""Charts in a terminal: curves of dots, told apart by colour, by a sign of their own where there is none; each curve
is named where it ends.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence

import plotille
from rich.text import Text

from charlstm.report.charts import Chart, Curve, nice_limits, round_up
from charlstm.report.text import printable

COLOURS = ("blue", "red", "green", "magenta", "cyan", "yellow")
SIGNS = "*=+#:%@&"  # what curves are drawn with where there is no colour: no letters
LINE = "━"
TICK = 10  # columns between two numbers of the x axis
LABEL = 8  # columns of a number of the y axis
FRAME = LABEL + 3  # columns before the curves
LEAST = 30  # columns for curves; with less, their names go below
LONGEST = 40  # columns of a name
BLANK = "\u2800"  # Braille: a bit a dot


def draw_curves(chart: Chart, width: int, colour: bool, height: int = 16) -> list[Text]:
    """A chart, at most `width` columns wide; at most eight of its curves.

    Args:
        chart: its title is not drawn.
        height: rows of the frame, each of which stands for one number.
    """
    shown = [_finite(curve, chart.logarithmic) for curve in chart.curves[: len(SIGNS)]]
    names = [_short(curve.label) for curve in shown]
    beside = max((len(name) for name in names), default=0) + 4
    is_beside = width - FRAME - beside >= LEAST
    room = max(2, (width - FRAME - (beside if is_beside else 0)) // TICK)
    highest = max((max(curve.x) for curve in shown if curve.x), default=1.0)
    low, high = chart.y_limits or nice_limits([y for curve in shown for y in curve.y], height)
    step = round_up(highest / room)
    ticks = max(2, math.ceil(highest / step - 1e-9))
    row = (high - low) / (height - 1)  # a number stands in the middle of its row, and so must its points
    frame = (0.0, low - row / 2, step * ticks, high + row / 2)
    drawn = [_dots(curve, frame, ticks * TICK, height) for curve in shown]
    lines = [_together(rows, colour) for rows in zip(*drawn, strict=True)]
    numbers = [_number(high - k * row, row, chart.logarithmic) for k in range(height)]
    lines = [Text(f"{number:>{LABEL}} | ").append(line) for number, line in zip(numbers, lines, strict=True)]
    keys = [_key(name, k, colour) for k, name in enumerate(names)]
    if is_beside:
        for place, key in zip(_places(drawn), keys, strict=True):
            lines[place].append(" " * (FRAME + ticks * TICK + 2 - lines[place].cell_len)).append(key)
    for line in lines:
        line.rstrip()
    axis = " " * LABEL + " +-" + "".join("|" + "-" * (TICK - 1) for _ in range(ticks)) + "|"
    below = " " * FRAME + "".join(f"{k * step:<{TICK},.6g}" for k in range(ticks + 1))
    title = chart.x_label.center(ticks * TICK)
    lines = [Text(chart.y_label), *lines, Text(axis), Text(below.rstrip()), Text((" " * FRAME + title).rstrip())]
    return lines if is_beside else lines + [Text(" " * FRAME).append(key) for key in keys]


def _short(name: str) -> str:
    name = printable(name, keep="")
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}..."


def _key(name: str, which: int, colour: bool) -> Text:
    """The name of a curve, with a piece of it."""
    if colour:
        return Text(f"{LINE} {name}", COLOURS[which % len(COLOURS)])
    return Text(f"{SIGNS[which]} {name}")


def _dots(curve: Curve, frame: tuple[float, float, float, float], columns: int, rows: int) -> list[str]:
    """One curve in Braille dots, row by row; `frame`: the least x and y, the most x and y."""
    canvas = plotille.Canvas(columns, rows, *frame)
    for x, y in _runs(curve, frame[1], frame[3]):
        canvas.point(x[0], y[0])
        for k in range(1, len(x)):
            canvas.line(x[k - 1], y[k - 1], x[k], y[k])
    drawn: list[str] = canvas.plot().splitlines()
    return drawn


def _together(rows: Sequence[str], colour: bool) -> Text:
    """One row of all the curves, laid over each other: dots of several are in the colour of most of them."""
    row = Text()
    for signs in zip(*rows, strict=True):
        dots = [(k, ord(sign) - ord(BLANK)) for k, sign in enumerate(signs) if sign not in (BLANK, " ")]
        if not dots:
            row.append(" ")
        elif not colour:
            row.append(SIGNS[dots[-1][0]])
        else:
            most, _ = max(dots, key=lambda part: (part[1].bit_count(), part[0]))
            sign = chr(ord(BLANK) | functools.reduce(operator.or_, (bits for _, bits in dots)))
            row.append(sign, COLOURS[most % len(COLOURS)])
    return row


def _places(drawn: Sequence[Sequence[str]]) -> list[int]:
    """The row in which each curve is named: where it ends, or the next one that is free."""
    ends = []
    for rows in drawn:
        reach = [max((k for k, sign in enumerate(row) if sign not in (BLANK, " ")), default=-1) for row in rows]
        ends.append(reach.index(max(reach)))
    free = set(range(len(drawn[0]))) if drawn else set()
    places = [0] * len(ends)
    for k in sorted(range(len(ends)), key=lambda k: ends[k]):
        places[k] = min(free, key=lambda row: (abs(row - ends[k]), -row))
        free.discard(places[k])
    return places


def _finite(curve: Curve, logarithmic: bool) -> Curve:
    points = [
        (x, math.log10(y) if logarithmic else y)
        for x, y in zip(curve.x, curve.y, strict=True)
        if math.isfinite(y) and (y > 0 or not logarithmic)
    ]
    return Curve(curve.label, [x for x, _ in points], [y for _, y in points])


def _runs(curve: Curve, low: float, high: float) -> list[tuple[list[float], list[float]]]:
    """The stretches of a curve inside the frame: what leaves it and comes back is not joined."""
    runs: list[tuple[list[float], list[float]]] = [([], [])]
    for x, y in zip(curve.x, curve.y, strict=True):
        if low <= y <= high:
            runs[-1][0].append(x)
            runs[-1][1].append(y)
        elif runs[-1][0]:
            runs.append(([], []))
    return [run for run in runs if run[0]]


def _number(value: float, row: float, logarithmic: bool) -> str:
    """The number beside one row; with powers of ten only where there is a whole one."""
    if not logarithmic:
        return f"{0.0 if abs(value) < row / 1e6 else value:,.6g}"
    whole = round(value)
    if abs(value - whole) > 1e-6:
        return ""
    return f"1e{whole:+d}" if whole else "1"

"""Curves in a terminal, drawn by plotille: told apart by colour, and by letters where there is none."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotille
from rich.text import Text

from charlstm.report.text import printable

COLOURS = ("blue", "red", "green", "magenta", "cyan", "yellow")
LETTERS = "abcdefgh"
TICK = 10  # columns between two numbers of the x axis: plotille's
LABEL = 8  # columns of a number of the y axis
BESIDE = LABEL + 6  # columns that plotille takes beside the canvas
BLANK, FULL = "\u2800", "\u28ff"  # Braille: a bit a dot
STEPS = (1, 1.5, 2, 2.5, 3, 4, 5, 10)


@dataclass(frozen=True)
class Curve:
    """Points to be joined."""

    label: str
    x: Sequence[float]
    y: Sequence[float]


def draw_curves(
    curves: Sequence[Curve],
    x_label: str,
    y_label: str,
    width: int,
    colour: bool,
    *,
    height: int = 16,
    logarithmic: bool = False,
    y_limits: tuple[float, float] | None = None,
) -> list[Text]:
    """Curves in one frame, at most `width` columns wide, and what their colours or letters mean.

    Args:
        curves: at most eight; points that are not finite (or, if logarithmic, not positive) are left out, and so
            are those outside the frame.
        logarithmic: the y axis in powers of ten, `y_limits` too.
        y_limits: lowest and highest; None: what the points need.
    """
    shown = [_finite(curve, logarithmic) for curve in curves]
    room = max(2, (width - BESIDE - len(x_label) - 4) // TICK)
    highest = max((max(curve.x) for curve in shown if curve.x), default=1.0)
    low, high = y_limits or nice_limits([y for curve in shown for y in curve.y], height)
    step = _round_up(highest / room)
    ticks = max(2, math.ceil(highest / step - 1e-9))
    half = (high - low) / height / 2  # a number stands in the middle of its row, and so must its points

    def alone(curve: Curve) -> list[str]:
        figure = plotille.Figure()
        figure.width, figure.height = ticks * TICK, height
        figure.with_colors, figure.origin = False, False  # it would ask its own questions about the terminal
        figure.x_label, figure.y_label = x_label, y_label
        figure.set_x_limits(0, step * ticks)
        figure.set_y_limits(low - half, high - half)
        figure.x_ticks_fkt = lambda start, stop: f"{start:,.6g}"
        figure.y_ticks_fkt = lambda start, stop: f"{_tick(start + half, stop + half, logarithmic):>{LABEL}}"
        for x, y in _runs(curve, low - half, high - half):
            figure.plot(x, y, interp="linear")
        *rows, axis, numbers = str(figure.show(legend=False)).splitlines()
        beside = " " * (LABEL + 3)  # where plotille lets the axes cross
        return [*rows, f"{beside}+{axis[LABEL + 4 :]}", f"{beside} {numbers[LABEL + 4 :]}"]

    drawn = [alone(curve) for curve in shown[: len(LETTERS)]]
    lines = [_together(rows, colour) for rows in zip(*drawn, strict=True)]
    for curve, letter, name in zip(shown, LETTERS, COLOURS * 2, strict=False):
        key = Text(" " * BESIDE)
        key.append("━━ " if colour else f"{letter}  ", name if colour else "").append(printable(curve.label, keep=""))
        lines.append(key)
    return lines


def _together(rows: Sequence[str], colour: bool) -> Text:
    """One row of all the curves, laid over each other: dots of several are in the colour of most of them."""
    row = Text()
    for signs in zip(*(row.ljust(max(map(len, rows))) for row in rows), strict=True):
        in_frame = len(set(signs)) == 1 and not BLANK < signs[0] <= FULL
        marks = [] if in_frame else [(k, sign) for k, sign in enumerate(signs) if sign not in (BLANK, " ")]
        if not marks:
            row.append(" " if signs[0] == BLANK else signs[0])
            continue
        if not colour:
            row.append(LETTERS[marks[-1][0]])
            continue
        dots = [(k, ord(mark) - ord(BLANK)) for k, mark in marks]
        most, _ = max(dots, key=lambda part: (part[1].bit_count(), part[0]))
        sign = chr(ord(BLANK) | functools.reduce(operator.or_, (bits for _, bits in dots)))
        row.append(sign, COLOURS[most % len(COLOURS)])
    row.rstrip()
    return row


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


def nice_limits(values: Sequence[float], rows: int) -> tuple[float, float]:
    """Limits that hold all values, such that every row begins at a number that reads well."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    row = _round_up((high - low or 1.0) / (rows - 1))
    first = math.floor(low / row) * row
    return first, first + rows * row


def _round_up(value: float) -> float:
    """The next number that reads well: 1, 1.5, 2, 2.5, 3, 4 or 5 times a power of ten."""
    power: float = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next((step * power for step in STEPS if step * power >= value * 0.999), 10 * power)


def _tick(start: Any, stop: Any, logarithmic: bool) -> str:
    """The number beside one row; with powers of ten only where there is a whole one."""
    if not logarithmic:
        return f"{start:,.6g}"
    whole = math.ceil(start - 1e-9)
    return f"1e{whole:+d}" if whole < stop - 1e-9 and whole else "1" if whole == 0 and whole < stop - 1e-9 else ""

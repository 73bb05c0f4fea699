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

COLOURS = ("blue", "red", "green", "magenta", "cyan")
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
        curves: at most eight; points that are not finite (or, if logarithmic, not positive) are left out.
        logarithmic: the y axis in powers of ten, `y_limits` too.
        y_limits: lowest and highest; None: what the points need.
    """
    shown = [_finite(curve, logarithmic) for curve in curves]
    ticks = max(2, (width - BESIDE - len(x_label) - 4) // TICK)
    highest = max((max(curve.x) for curve in shown if curve.x), default=1.0)
    low, high = y_limits or nice_limits([y for curve in shown for y in curve.y], height)
    x_high = _round_up(highest / ticks) * ticks

    def alone(curve: Curve, letter: str) -> list[str]:
        figure = plotille.Figure()
        figure.width, figure.height = ticks * TICK, height
        figure.with_colors, figure.origin = False, False  # it would ask its own questions about the terminal
        figure.x_label, figure.y_label = x_label, y_label
        figure.set_x_limits(0, x_high)
        figure.set_y_limits(low, high)
        figure.x_ticks_fkt = lambda start, stop: f"{start:,.6g}"
        figure.y_ticks_fkt = lambda start, stop: f"{_tick(start, stop, logarithmic):>{LABEL}}"
        x, y = _within(curve, low, high)
        figure.plot(x, y, interp="linear", marker=None if colour else letter)
        return str(figure.show(legend=False)).splitlines()

    drawn = [alone(curve, letter) for curve, letter in zip(shown, LETTERS, strict=False)]
    lines = [_together(rows, colour) for rows in zip(*drawn, strict=True)]
    for curve, letter, name in zip(shown, LETTERS, COLOURS * 2, strict=False):
        key = Text(" " * BESIDE)
        key.append("━━ " if colour else f"{letter}  ", name if colour else "").append(curve.label)
        lines.append(key)
    return lines


def _together(rows: Sequence[str], colour: bool) -> Text:
    """One row of all the curves, laid over each other: dots of several are in the colour of the last."""
    row = Text()
    for signs in zip(*(row.ljust(max(map(len, rows))) for row in rows), strict=True):
        in_frame = len(set(signs)) == 1 and not BLANK < signs[0] <= FULL
        marks = [] if in_frame else [(k, sign) for k, sign in enumerate(signs) if sign not in (BLANK, " ")]
        if not marks:
            row.append(" " if signs[0] == BLANK else signs[0])
            continue
        last, sign = marks[-1]
        if all(BLANK < mark <= FULL for _, mark in marks):
            sign = chr(ord(BLANK) | functools.reduce(operator.or_, (ord(mark) - ord(BLANK) for _, mark in marks)))
        row.append(sign, COLOURS[last % len(COLOURS)] if colour else "")
    row.rstrip()
    return row


def _finite(curve: Curve, logarithmic: bool) -> Curve:
    points = [
        (x, math.log10(y) if logarithmic else y)
        for x, y in zip(curve.x, curve.y, strict=True)
        if math.isfinite(y) and (y > 0 or not logarithmic)
    ]
    return Curve(curve.label, [x for x, _ in points], [y for _, y in points])


def _within(curve: Curve, low: float, high: float) -> tuple[list[float], list[float]]:
    """The points inside the frame."""
    points = [(x, y) for x, y in zip(curve.x, curve.y, strict=True) if low <= y <= high]
    return [x for x, _ in points], [y for _, y in points]


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

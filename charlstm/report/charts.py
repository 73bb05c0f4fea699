"""What a chart shows, as data: drawn in a terminal by `curves`, into a file by `figures`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

STEPS = (1, 1.5, 2, 2.5, 3, 4, 5, 10)


@dataclass(frozen=True)
class Curve:
    """Points to be joined.

    Attributes:
        label: what it is called where it ends.
        x, y: the points.
        low, high: the interval around each y, where there is one.
        family: curves of one family have one colour in a file; "": it has a colour of its own.
        dashed: whether a file shows it with gaps, to set it apart from others of its family.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    family: str = ""
    dashed: bool = False


@dataclass(frozen=True)
class Chart:
    """Curves in one frame.

    Attributes:
        title: what is shown, in a few words.
        says: what can be seen in it, in a sentence: what it says to those who cannot see it.
        curves: points that are not finite (or, if logarithmic, not positive) are left out, and so are those outside
            the frame.
        x_label, y_label: what the axes are, with their units.
        y_limits: the lowest and the highest number on the y axis, powers of ten if it is logarithmic; None: what the
            points need.
        logarithmic: whether the y axis is in powers of ten.
        marks: numbers on the y axis with a name, as the level of chance.
    """

    title: str
    says: str
    curves: Sequence[Curve]
    x_label: str
    y_label: str
    y_limits: tuple[float, float] | None = None
    logarithmic: bool = False
    marks: Mapping[str, float] = field(default_factory=dict)


def nice_limits(values: Sequence[float], rows: int) -> tuple[float, float]:
    """Limits that hold all values, such that each of so many rows stands for a number that reads well."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    row = round_up((high - low or 1.0) / (rows - 1))
    first = math.floor(low / row) * row
    if first + (rows - 1) * row < high:  # the floor took too much of it
        row = round_up(row * 1.01)
        first = math.floor(low / row) * row
    return first, first + (rows - 1) * row


def round_up(value: float) -> float:
    """The next number that reads well: 1, 1.5, 2, 2.5, 3, 4 or 5 times a power of ten."""
    power: float = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next((step * power for step in STEPS if step * power >= value * 0.999), 10 * power)

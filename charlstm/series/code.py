"""A number series as a text: the change since the season before, in three digits.

    517 498
    ^   ^
    |   the change of this value: z[t] - z[t - m]
    the change of the value a season ago, or --- where there was none

z is the value or, in a logarithmic code, its logarithm; m is the length of the season, 1 for a series without one. A
change d becomes the code 500 + 120 asinh(d / s), rounded, from 000 to 999. s is the median of all |d| of the history,
so that codes are alike whatever the unit. The inverse hyperbolic sine keeps small changes apart, like a straight line,
and takes in large ones, like a logarithm: a change of 30 s still has a code.

The first m values have no change; they are known to whoever reads the text back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CENTRE, SPREAD, LARGEST = 500, 120, 999
NOTHING = "---"  # in place of a change that there was none of
CHARACTERS_OF_VALUE = 8  # "517 498\n"
ALPHABET = "0123456789 -\n"
HIGHEST = 1e300  # of a value that is read back, so that it stays a number


@dataclass(frozen=True)
class Code:
    """How the numbers of a series and a text belong together.

    Attributes:
        season: m, how many values a season has; 1: there is none.
        logarithmic: whether changes are those of the logarithm.
        unit: s, the change that is `SPREAD` * asinh(1) codes away from none.
    """

    season: int
    logarithmic: bool
    unit: float

    @classmethod
    def fitting(cls, values: Floats, season: int, logarithmic: bool) -> Code:
        """The code whose unit fits a history (N).

        Raises:
            ValueError: for a history that is not longer than a season, or is not positive but shall be logarithmic.
        """
        if len(values) <= season:
            raise ValueError(f"{len(values)} values are not more than a season of {season}")
        if logarithmic and values.min() <= 0:
            raise ValueError("a logarithmic code needs positive values")
        changes = np.abs(_changes(values, season, logarithmic))
        typical = float(np.median(changes)) or float(changes.mean())
        level = 1.0 if logarithmic else float(np.abs(values).max())
        return cls(season, logarithmic, max(typical, 1e-9 * level) or 1.0)

    def codes(self, values: Floats) -> NDArray[np.int64]:
        """The codes (N - m) of the changes in values (N)."""
        changes = _changes(values, self.season, self.logarithmic)
        rounded = np.rint(CENTRE + SPREAD * np.arcsinh(changes / self.unit))
        return np.asarray(np.clip(rounded, 0, LARGEST), dtype=np.int64)

    def value_after(self, before: float, code: int) -> float:
        """The value whose change from `before`, the value a season earlier, has this code."""
        change = self.unit * math.sinh((code - CENTRE) / SPREAD)
        if not self.logarithmic:
            return before + change
        return min(math.exp(min(math.log(before) + change, math.log(HIGHEST))), HIGHEST)

    def values(self, first: Sequence[float], codes: Sequence[int]) -> Floats:
        """Values whose first m are known, from the codes of the changes after them; all of them (m + N)."""
        values = list(first)
        for code in codes:
            values.append(self.value_after(values[-self.season], code))
        return np.array(values)

    def log_slopes(self, values: Floats) -> Floats:
        """The logarithm of how many codes a unit of the value is, at each value (N) but the first m.

        A probability of a code times this is a density of the value, by which codes can be compared.
        """
        changes = _changes(values, self.season, self.logarithmic)
        slopes = np.log(SPREAD / np.hypot(self.unit, changes))
        return slopes - np.log(values[self.season :]) if self.logarithmic else slopes


def _changes(values: Floats, season: int, logarithmic: bool) -> Floats:
    z = np.log(values) if logarithmic else values
    return np.asarray(z[season:] - z[:-season])


def line(codes: Sequence[int], place: int, season: int) -> str:
    """What stands before the change at a place: that of a season ago, and a space."""
    return f"{codes[place - season]:03} " if place >= season else f"{NOTHING} "


def text_of(codes: Sequence[int], season: int) -> str:
    """The text of a series, a line a value."""
    return "".join(f"{line(codes, place, season)}{code:03}\n" for place, code in enumerate(codes))

"""How good a forecast was.

Legend: N samples, S steps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from charlstm.series.code import Floats


@dataclass(frozen=True)
class Accuracy:
    """Scores of a forecast of S steps; less is better, but for `coverage`.

    Attributes:
        mase: mean absolute error over that of the seasonal naive forecast, one step ahead within the history (Hyndman &
            Koehler 2006); NaN where that is 0.
        normalised_mae: mean absolute error over the mean of the absolute values.
        crps: continuous ranked probability score (Gneiting & Raftery 2007), in the unit of the series; of a forecast
            without a distribution it is the mean absolute error.
        coverage: the share of values inside the interval; None for a forecast without one.
    """

    mase: float
    normalised_mae: float
    crps: float
    coverage: float | None = None

    def to_dict(self) -> dict[str, float | None]:
        """Return it as a JSON object; what is undefined is None."""
        scores: Mapping[str, float | None] = asdict(self)
        return {name: None if value is None or math.isnan(value) else value for name, value in scores.items()}


def score_point(actual: Floats, expected: Floats, history: Floats, season: int) -> Accuracy:
    """Score a forecast (S) of one value a step."""
    error = float(np.abs(actual - expected).mean())
    naive = float(np.abs(history[season:] - history[:-season]).mean())
    size = float(np.abs(actual).mean())
    return Accuracy(error / naive if naive else math.nan, error / size if size else math.nan, error)


def score_paths(
    actual: Floats, paths: Floats, interval: tuple[Floats, Floats], history: Floats, season: int
) -> Accuracy:
    """Score paths (N, S): their median, their distribution, and an interval of it."""
    point = score_point(actual, np.median(paths, axis=0), history, season)
    inside = (interval[0] <= actual) & (actual <= interval[1])
    return Accuracy(point.mase, point.normalised_mae, crps(actual, paths), float(inside.mean()))


def crps(actual: Floats, paths: Floats) -> float:
    """The mean over S of E|X - y| - E|X - X'| / 2, for X, X' drawn from the N paths, two different ones."""
    n = len(paths)
    ordered = np.sort(paths, axis=0)
    weights = 2 * np.arange(1, n + 1) - n - 1  # the sum of all |x - x'| over pairs, without making them
    between = (weights[:, None] * ordered).sum(axis=0) / max(n * (n - 1), 1)
    return float((np.abs(paths - actual).mean(axis=0) - between).mean())

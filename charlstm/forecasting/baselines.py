"""What a forecast has to beat: the season before, the same with growth, and Holt-Winters."""

from __future__ import annotations

import warnings

import numpy as np

from charlstm.series.code import Floats

NAIVE, WITH_GROWTH, HOLT_WINTERS = "seasonal naive", "with growth", "Holt-Winters"


def seasonal_naive(values: Floats, season: int, steps: int) -> Floats:
    """(steps) the last season again; without a season, the last value."""
    return np.asarray(np.resize(values[-season:], steps))


def seasonal_naive_with_growth(values: Floats, season: int, steps: int) -> Floats | None:
    """(steps) the last season times the last growth, once more for every season; None where there is no growth.

    Growth is the sum of the last season over the sum of the one before.
    """
    if len(values) < 2 * season or values.min() <= 0 or season == 1:
        return None
    growth = values[-season:].sum() / values[-2 * season : -season].sum()
    seasons = np.arange(steps) // season + 1
    return np.asarray(seasonal_naive(values, season, steps) * growth**seasons)


def holt_winters(values: Floats, season: int, steps: int, *, by_factors: bool) -> Floats | None:
    """(steps) exponential smoothing of level, trend and season (Winters 1960), by statsmodels.

    Args:
        values: the history.
        season: 1: no season.
        steps: to forecast.
        by_factors: whether the season is one of factors, in place of amounts; all values must then be positive.

    Returns:
        None if the history is shorter than two seasons, or the fit does not come to an end in numbers.

    Raises:
        ImportError: if statsmodels is not installed.
    """
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    if len(values) < max(2 * season, 5):
        return None
    seasonal = {"seasonal": "mul" if by_factors else "add", "seasonal_periods": season} if season > 1 else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit that did not converge is still the one a person would get
        try:
            expected = np.asarray(ExponentialSmoothing(values, trend="add", **seasonal).fit().forecast(steps))
        except (ValueError, np.linalg.LinAlgError):
            return None
    return expected if np.isfinite(expected).all() else None

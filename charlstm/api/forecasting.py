"""`charlstm.forecast`: what comes next in a number series."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from charlstm.api.arguments import AnyPath, number_of, path_of
from charlstm.checkpoint import find_model, load_model_file, name_of
from charlstm.config import MAX_PATHS, MAX_SEASON, MAX_SEED, MAX_STEPS
from charlstm.errors import UsageError
from charlstm.forecasting.predict import check_model
from charlstm.forecasting.result import Outlook, look_ahead
from charlstm.series.table import LARGEST, LEAST, Series, read_series


def forecast(
    series: AnyPath | Sequence[float],
    steps: int = 4,
    *,
    column: str | None = None,
    season: int | None = None,
    samples: int = 200,
    interval: float = 80.0,
    backtest: int | None = None,
    model: AnyPath = "series",
    seed: int = 0,
) -> Outlook:
    """Go on from a number series many times.

        charlstm.forecast("sales.csv", steps=12).median
        charlstm.forecast([3, 5, 8, 13, 21], steps=2, interval=50).interval

    Args:
        series: a CSV file, or numbers.
        steps: values to forecast.
        column: of the file; None: the only one of numbers.
        season: values in a season, 1 for none; None: what the dates say, or what the network finds.
        samples: ways to go on.
        interval: per cent of them that the interval holds.
        backtest: hold out so many of the last values, forecast those, and score: `accuracy`.
        model: a model that reads series.
        seed: the same seed gives the same forecast.

    Returns:
        an `Outlook`: `median`, `interval` (low, high), `forecast.paths` (samples, steps), `baselines`, `accuracy`.

    Raises:
        UsageError: for an argument out of range, or a season that the series is too short for.
        TextError: for a file that is no table of numbers, or a model of other texts.
        ModelFileError: for a model that cannot be read.
    """
    given = _numbers(series) if isinstance(series, Sequence | np.ndarray) and not isinstance(series, str) else None
    found = given or read_series(path_of(series, "series"), column)
    path = find_model(path_of(model, "model"))
    content = load_model_file(path)
    check_model(content, name_of(path))
    return look_ahead(
        content,
        found,
        name=name_of(path),
        steps=number_of(steps, "steps", 1, MAX_STEPS, whole=True),
        samples=number_of(samples, "samples", 2, MAX_PATHS, whole=True),
        percent=number_of(interval, "interval", 1, 99.9),
        season=None if season is None else number_of(season, "season", 1, MAX_SEASON, whole=True),
        backtest=None if backtest is None else number_of(backtest, "backtest", 1, MAX_STEPS, whole=True),
        seed=number_of(seed, "seed", 0, MAX_SEED, whole=True),
    )


def _numbers(series: Any) -> Series:
    """A series of numbers. Raises UsageError."""
    try:
        values = np.asarray(series, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError(f"`series` is {reprlib.repr(series)}; it must be a file or numbers", "series") from None
    if values.ndim != 1 or len(values) < LEAST or not (np.abs(values) <= LARGEST).all():
        raise UsageError(f"`series` must be at least {LEAST} numbers in a row, up to {LARGEST:g} in size", "series")
    return Series("series", values)

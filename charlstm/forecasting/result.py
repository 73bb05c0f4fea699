"""A forecast together with what it is compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from charlstm.checkpoint import ModelFile
from charlstm.errors import UsageError
from charlstm.forecasting.baselines import (
    HOLT_WINTERS,
    NAIVE,
    WITH_GROWTH,
    holt_winters,
    seasonal_naive,
    seasonal_naive_with_growth,
)
from charlstm.forecasting.predict import Forecast, forecast
from charlstm.forecasting.scores import Accuracy, score_paths, score_point
from charlstm.series.code import Floats
from charlstm.series.table import LEAST, Series


@dataclass(frozen=True, repr=False)
class Outlook:
    """A forecast of S steps, and those of others.

    Attributes:
        series: the history; what was held out is not in it.
        labels: (S) what the steps are called.
        forecast: the network's.
        percent: how many per cent of the paths the interval holds.
        baselines: (S) by name.
        actual: (S) what came, if it was held out.
        accuracy: by name, "network" first; empty if nothing was held out.
        model: what the model is called.
        seed: of the paths.
        notes: what the person should know.
    """

    series: Series
    labels: list[str]
    forecast: Forecast
    percent: float
    baselines: dict[str, Floats]
    actual: Floats | None
    accuracy: dict[str, Accuracy]
    model: str
    seed: int
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        low, high = self.interval
        last = f"{self.median[-1]:.4g} [{low[-1]:.4g}, {high[-1]:.4g}]"
        return f"<Outlook: {len(self.labels)} values of {self.series.name}, the last {last}>"

    @property
    def median(self) -> Floats:
        """(S) the middle of the paths."""
        return self.forecast.median

    @property
    def interval(self) -> tuple[Floats, Floats]:
        """(S) and (S): the edges."""
        return self.forecast.interval(self.percent)


def look_ahead(
    content: ModelFile,
    series: Series,
    *,
    name: str,
    steps: int,
    samples: int,
    percent: float,
    season: int | None = None,
    backtest: int | None = None,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Outlook:
    """Forecast, and compare with what is simple.

    Args:
        content, series, steps, samples, season, seed, on_progress: see `forecast`.
        name: of the model.
        percent: of the interval.
        backtest: hold out so many of the last values, and forecast and score those.

    Raises:
        UsageError: if that leaves fewer than three values, or a season is too long.
    """
    history, actual = series, None
    if backtest is not None:
        if len(series.values) - backtest < LEAST:
            raise UsageError(
                f"`backtest` {backtest} leaves {max(0, len(series.values) - backtest)} of {len(series.values)} values "
                f"to forecast from; leave at least {LEAST}",
                "backtest",
            )
        history, actual, steps = series.first(len(series.values) - backtest), series.values[-backtest:], backtest
    found = forecast(content, history, steps, samples, season=season, seed=seed, on_progress=on_progress)
    labels = history.next_labels(steps) if actual is None or not series.labels else list(series.labels[-steps:])
    baselines, notes = _baselines(history.values, found.code.season, steps, found.code.logarithmic)
    accuracy = {}
    if actual is not None:
        m = found.code.season
        interval = found.interval(percent)
        accuracy["network"] = score_paths(actual, found.paths, interval, history.values, m)
        for other, expected in baselines.items():
            accuracy[other] = score_point(actual, expected, history.values, m)
    return Outlook(history, labels, found, percent, baselines, actual, accuracy, name, seed, notes)


def _baselines(values: Floats, season: int, steps: int, logarithmic: bool) -> tuple[dict[str, Floats], list[str]]:
    found: dict[str, Floats | None] = {
        NAIVE: seasonal_naive(values, season, steps),
        WITH_GROWTH: seasonal_naive_with_growth(values, season, steps),
    }
    notes = []
    try:
        found[HOLT_WINTERS] = holt_winters(values, season, steps, by_factors=logarithmic)
    except ImportError:
        notes.append("The Holt-Winters column is missing: pip install 'charlstm[forecast]' brings it.")
    return {name: column for name, column in found.items() if column is not None}, notes

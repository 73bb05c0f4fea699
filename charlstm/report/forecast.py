"""A forecast, for people: one sentence, history and fan, a table, and how it was made."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.console import RenderableType
from rich.text import Text

from charlstm.forecasting.predict import Reading
from charlstm.forecasting.result import Outlook
from charlstm.forecasting.scores import Accuracy
from charlstm.report.charts import Chart, Curve
from charlstm.report.curves import draw_curves
from charlstm.report.tables import table
from charlstm.report.text import printable
from charlstm.series.code import Floats

SEASONS_SHOWN, LEAST_SHOWN, MOST_SHOWN = 3, 24, 120  # of the history, in the chart


def draw_forecast(outlook: Outlook, width: int, colour: bool) -> list[RenderableType]:
    """What comes next, or how well what came was forecast."""
    lines: list[RenderableType] = [Text(printable(in_words(outlook))), Text("")]
    lines += draw_curves(forecast_chart(outlook, with_edges=True), width, colour)
    lines += [Text(""), table(*_rows(outlook))]
    if outlook.accuracy:
        lines += [Text(""), _accuracy(outlook.accuracy)]
    lines += [Text(""), *(Text(printable(line)) for line in how_it_was_made(outlook))]
    return lines


def in_words(outlook: Outlook) -> str:
    """The conclusion in a sentence."""
    low, high = outlook.interval
    name, last = printable(outlook.series.name, keep=""), len(outlook.labels) - 1
    when = outlook.labels[last] if not outlook.labels[last].startswith("+") else f"{last + 1} values ahead"
    if outlook.actual is not None:
        inside = int(((low <= outlook.actual) & (outlook.actual <= high)).sum())
        error = outlook.accuracy["network"].normalised_mae
        off = "" if math.isnan(error) else f"; the forecast is off by {100 * error:.1f} % of their size on average"
        return (
            f"{name}: of the last {len(outlook.actual)} values, held out, {inside} lie inside the interval of "
            f"{outlook.percent:g} %{off}."
        )
    return (
        f"{name}, {when}: about {number(outlook.median[last], outlook)}, and with {outlook.percent:g} % probability "
        f"between {number(low[last], outlook)} and {number(high[last], outlook)}, says the network."
    )


def forecast_chart(outlook: Outlook, *, with_edges: bool = False) -> Chart:
    """The end of the history and the fan.

    Args:
        outlook: what to draw.
        with_edges: the edges of the interval as curves of their own, for a terminal, which draws no areas.
    """
    history = outlook.series.values
    season = outlook.forecast.code.season
    shown = min(len(history), MOST_SHOWN, max(LEAST_SHOWN, SEASONS_SHOWN * season))
    before = history[-shown:]
    steps = np.arange(shown - 1, shown + len(outlook.labels)).tolist()

    def joined(values: Floats) -> list[float]:
        return [float(before[-1]), *values.tolist()]

    low, high = (joined(edge) for edge in outlook.interval)
    fan = Curve("forecast", steps, joined(outlook.median), None if with_edges else low, None if with_edges else high)
    curves = [Curve("history", np.arange(shown).tolist(), before.tolist())]
    if outlook.actual is not None:
        curves.append(Curve("what came", steps, joined(outlook.actual), dashed=True))
    curves.append(fan)
    if with_edges:
        curves += [Curve(f"upper edge ({outlook.percent:g} %)", steps, high), Curve("lower edge", steps, low)]
    first = outlook.series.labels[-shown] if outlook.series.labels else ""
    return Chart(
        f"{outlook.series.name}: forecast of {len(outlook.labels)} values",
        in_words(outlook),
        curves,
        f"values since {first}" if first else f"values, the last {shown} of the history and what follows",
        outlook.series.name,
    )


def columns_of(outlook: Outlook) -> dict[str, Floats]:
    """The columns of the table, by name; each has a value a step."""
    low, high = outlook.interval
    columns = {"median": outlook.median, "low": low, "high": high, **outlook.baselines}
    return columns if outlook.actual is None else {"what came": outlook.actual, **columns}


def _rows(outlook: Outlook) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    columns = columns_of(outlook)
    rows = [
        (label, *(number(column[k], outlook) for column in columns.values())) for k, label in enumerate(outlook.labels)
    ]
    return rows, ("step", *columns)


def _accuracy(accuracy: Mapping[str, Accuracy]) -> RenderableType:
    """The scores of everyone."""
    rows = [
        (
            name,
            "-" if math.isnan(score.mase) else f"{score.mase:.2f}",
            "-" if math.isnan(score.normalised_mae) else f"{score.normalised_mae:.3f}",
            f"{score.crps:.4g}",
            "-" if score.coverage is None else f"{100 * score.coverage:.0f} %",
        )
        for name, score in accuracy.items()
    ]
    return table(rows, ("forecast", "MASE", "MAE / mean", "CRPS", "coverage"))


def how_it_was_made(outlook: Outlook) -> list[str]:
    """The method in lines."""
    taken, *others = outlook.forecast.readings
    paths, used = len(outlook.forecast.paths), outlook.forecast.used
    lines = [
        f"The model {outlook.model} read {used} values and went on {paths} times; low and high hold "
        f"{outlook.percent:g} % of that.",
        f"It read {_code(taken)}{_reason(taken, others)}.",
    ]
    if outlook.series.filled:
        lines.append(f"{outlook.series.filled} missing values were filled in from their neighbours.")
    lines += outlook.notes
    return lines


def _code(reading: Reading) -> str:
    what = "growth" if reading.code.logarithmic else "change"
    season = reading.code.season
    return f"the {what} since {f'{season} values before' if season > 1 else 'the value before'}"


def _reason(taken: Reading, others: list[Reading]) -> str:
    if taken.nats_per_value is None or not others or others[0].nats_per_value is None:
        return ""
    gain = others[0].nats_per_value - taken.nats_per_value
    return f", in which it predicts the history best ({gain:.2f} nats a value better than {_code(others[0])})"


def number(value: float, outlook: Outlook) -> str:
    """A value with as many digits as the history has, and at least three that count."""
    spread = float(np.ptp(outlook.series.values)) or abs(value) or 1.0
    decimals = max(0, 2 - int(np.floor(np.log10(spread))))
    whole = bool((outlook.series.values % 1 == 0).all())
    return f"{value:,.{0 if whole and spread >= 20 else decimals}f}"


def as_csv(outlook: Outlook) -> str:
    """The table as CSV, numbers in full."""
    columns = columns_of(outlook)
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(["step", *(name.replace(" ", "_").lower() for name in columns)])
    for k, label in enumerate(outlook.labels):
        writer.writerow([label, *(f"{column[k]:.10g}" for column in columns.values())])
    return written.getvalue()


def as_dict(outlook: Outlook) -> dict[str, Any]:
    """A JSON object."""
    code = outlook.forecast.code
    return {
        "series": outlook.series.name,
        "model": outlook.model,
        "seed": outlook.seed,
        "values": len(outlook.series.values),
        "season": code.season,
        "logarithmic": code.logarithmic,
        "interval_percent": outlook.percent,
        "steps": outlook.labels,
        **{name.replace(" ", "_").lower(): column.tolist() for name, column in columns_of(outlook).items()},
        "accuracy": {name.replace(" ", "_").lower(): score.to_dict() for name, score in outlook.accuracy.items()},
    }

"""Scores `charlstm forecast` against simple methods: `python corpora/score_forecasts.py [--m4 FILE] [MODEL]`.

Without --m4 on series made by rule, forty of each season, that no training text has (their seed is another). With --m4
on a table of the M4 competition (columns series, history, future; hourly, so a season has 24 values).
With --text SEASON it writes 400,000 characters of series of one season, for the probe, and scores nothing.
Prints, by kind, the mean MASE of each method, and the network's coverage of the interval of 80 %. Needs statsmodels.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from charlstm.checkpoint import find_model, load_model_file
from charlstm.forecasting.baselines import holt_winters, seasonal_naive, seasonal_naive_with_growth
from charlstm.forecasting.predict import forecast
from charlstm.forecasting.scores import score_paths, score_point
from charlstm.grammar.series import SEASONS, series
from charlstm.series.code import Code, Floats, text_of
from charlstm.series.table import Series

SEED, OF_EACH, SAMPLES = 1_000_003, 40, 100
CHARACTERS = 400_000  # of a text for the probe
METHODS = ("network", "naive", "growth", "Holt-Winters")


def made_by_rule() -> Iterator[tuple[str, int, Floats, Floats]]:
    """Kind, season, history and what came of each series."""
    drawer = np.random.default_rng(SEED)
    for season in SEASONS:
        for _ in range(OF_EACH):
            steps = max(8, season)
            length = steps + season * int(drawer.integers(4, 9)) + int(drawer.integers(20, 80))
            values, _, grows = series(drawer, season, length)
            kind = f"season {season}" if season > 1 else "no season"
            yield f"{kind}, {'by factors' if grows else 'by amounts'}", season, values[:-steps], values[-steps:]


def of_m4(path: Path) -> Iterator[tuple[str, int, Floats, Floats]]:
    """The same of the series of a table."""
    with path.open(newline="", encoding="utf-8") as f:
        for row in csv.DictReader(f):
            history, future = (np.array(row[name].split(), dtype=float) for name in ("history", "future"))
            yield "M4 hourly", 24, history, future


def text_of_season(season: int) -> str:
    """The text of series of one season, each in the code that they were made by."""
    drawer, texts = np.random.default_rng(77), []
    while sum(map(len, texts)) < CHARACTERS:
        values, _, grows = series(drawer, season)
        code = Code.fitting(values, season, grows)
        texts.append(text_of(code.codes(values).tolist(), season) + "\n")
    return "".join(texts)


def main() -> None:
    """Score and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="series")
    parser.add_argument("--m4", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take one series of so many")
    parser.add_argument("--text", type=int, metavar="SEASON")
    asked = parser.parse_args()
    if asked.text:
        print(text_of_season(asked.text), end="")  # noqa: T201
        return
    torch.set_num_threads(1)
    content = load_model_file(find_model(Path(asked.model)))
    rows: dict[str, list[list[float]]] = defaultdict(list)
    for place, (kind, season, history, actual) in enumerate(of_m4(asked.m4) if asked.m4 else made_by_rule()):
        if place % asked.every:
            continue
        steps = len(actual)
        found = forecast(content, Series(kind, history), steps, SAMPLES, season=season)
        scored = score_paths(actual, found.paths, found.interval(80), history, season)
        others = (
            seasonal_naive(history, season, steps),
            seasonal_naive_with_growth(history, season, steps),
            holt_winters(history, season, steps, by_factors=found.code.logarithmic),
        )
        mase = [score_point(actual, other, history, season).mase if other is not None else np.nan for other in others]
        for name in (kind, "all"):
            rows[name].append([scored.mase, *mase, scored.coverage or 0.0])
    print(f"{'kind':28}{'series':>7}" + "".join(f"{name:>14}" for name in (*METHODS, "coverage 80 %")))  # noqa: T201
    for kind in sorted(rows, key=lambda kind: (kind == "all", kind)):
        means = np.nanmean(np.array(rows[kind]), axis=0)
        print(f"{kind:28}{len(rows[kind]):7}" + "".join(f"{mean:14.3f}" for mean in means))  # noqa: T201


if __name__ == "__main__":
    main()

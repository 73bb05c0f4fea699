"""Draw what trainings of some length reach: `make pictures`. The figures lie in quality.csv."""

from __future__ import annotations

import csv
import statistics
import sys
from collections import defaultdict
from pathlib import Path

from charlstm.report.charts import Chart, Curve
from charlstm.report.figures import save_figure

HERE = Path(__file__).parent


def main(folder: Path) -> None:
    """Draw into a folder."""
    scores: defaultdict[str, defaultdict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    with open(HERE / "quality.csv", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            scores[row["text"]][float(row["seconds"]) / 60].append(float(row["bits_per_char"]))
    curves = [
        Curve(
            text,
            list(of),
            [statistics.mean(seeds) for seeds in of.values()],
            [min(seeds) for seeds in of.values()],
            [max(seeds) for seeds in of.values()],
        )
        for text, of in scores.items()
    ]
    chart = Chart(
        "Score against the time of a training",
        "The longer a training may take, the fewer bits a character it needs; most is gained in the first two minutes.",
        curves,
        "minutes of training, one thread, all defaults",
        "bits a character on validation",
    )
    save_figure(folder / "quality.svg", chart)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

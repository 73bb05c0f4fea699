"""Cells that go with features of ordinary text, for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from charlstm.probe.feature_scores import MIN_CORRELATION, FeatureResult
from charlstm.probe.verdict import Verdict
from charlstm.report.tables import table
from charlstm.report.text import printable


def draw_features(
    results: Sequence[FeatureResult], source: str, alpha: float, width: int, colour: bool
) -> list[RenderableType]:
    """A table, the best cells of each feature, and the outcome in words."""
    rows = []
    for result in results:
        null = f"{max(result.null):.2f}" if result.null else "-"
        for k, cell in enumerate(result.cells[:3]):
            r = cell.correlation
            shown = f"{r.value:.2f} [{r.low:.2f}, {r.high:.2f}]"
            verdict = result.verdict.value if k == 0 else ""
            name, share = (result.name, f"{100 * result.share:.1f} %") if k == 0 else ("", "")
            rows.append((name, share, str(cell.layer + 1), str(cell.cell), shown, f"{cell.p:.3f}", null, verdict))
        if not result.cells:
            rows.append((result.name, f"{100 * result.share:.1f} %", "-", "-", "-", "-", "-", result.note))
    header = ("feature", "share", "layer", "cell", "partial r [95 %]", "p", "null r", "verdict")
    legend = (
        "share      of the characters where the feature is not 0",
        "partial r  position, current and previous character partialled out; on documents that chose no cell",
        "p          blocks of the feature exchanged, against the best of all candidates",
        "null r     the best of five re-initialised networks",
        f"verdict    tracks: r at least {MIN_CORRELATION:g}, above every null, p below {alpha:g} after "
        "Benjamini-Hochberg over the features",
    )
    return [
        Text(printable(f"model       {source}")),
        table(rows, header, left=(0, len(header) - 1)),
        Text(""),
        *(Text(line, "dim" if colour else "") for line in legend),
        Text(""),
        *(Text(printable(_words(result))) for result in results),
    ]


def _words(result: FeatureResult) -> str:
    if not result.cells:
        return f"{result.name}: {result.note}."
    best = result.cells[0]
    name, strength = f"cell {best.cell} of layer {best.layer + 1}", best.correlation.value
    if result.verdict is Verdict.tracks:
        return f"{result.name}: {name} goes with it (r = {strength:.2f})."
    null = max(result.null, default=0.0)
    return f"{result.name}: no cell goes with it; the best, {name}, has r = {strength:.2f}, fresh networks {null:.2f}."

"""Charts in a file, drawn by matplotlib, which is loaded only then: SVG, PNG or PDF.

Every curve is named where it ends. An SVG turns dark where its reader asks for dark pages; PNG and PDF are for paper.
All of them say in words what they show. The same chart gives the same bytes.
"""

from __future__ import annotations

import importlib
import io
import logging
import math
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from charlstm.files.atomic import write_atomically
from charlstm.files.cache import cache_folder, make_folder
from charlstm.report.charts import Chart, Curve, round_up
from charlstm.report.text import printable

if TYPE_CHECKING:  # loaded when a figure is drawn
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".svg", ".png", ".pdf")
SIZE = (7.6, 4.4)  # inches
DOTS_PER_INCH = 200  # of a PNG
ROWS = 6  # of the frame, about, where nobody says how high it is
FONT = 10  # points
LINE_HEIGHT = 1.35  # of a font
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
PAPER, INK, FAINT, RULE = "#ffffff", "#1f2328", "#59636e", "#d1d9e0"
COLOURS = ("#0b62c4", "#c2410c", "#16794d", "#8250df", "#9a6700", "#0e7c86")
# what a dark page shows instead
DARK = {
    PAPER: "#0d1117",
    INK: "#e6edf3",
    FAINT: "#9198a1",
    RULE: "#3d444d",
    **dict(zip(COLOURS, ("#6cb6ff", "#ff9b6a", "#5dd39e", "#c8a6ff", "#e3b341", "#56d4dd"), strict=True)),
}
SETTINGS: dict[str, Any] = {
    "font.family": ["DejaVu Sans", "Verdana", "sans-serif"],  # the first comes with matplotlib
    "font.size": FONT,
    "text.parse_math": False,  # names of networks are folders' names
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "charlstm",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "text.color": INK,
    "axes.labelcolor": INK,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
}


def save_figure(path: Path, chart: Chart) -> None:
    """Draw a chart into a file, of the kind that the end of its name says.

    Raises:
        CharLSTMError: if it cannot be written; an older one is then untouched.
    """
    write_atomically(path, as_figure(chart, path.suffix.lower().removeprefix(".")))


def as_figure(chart: Chart, kind: str) -> bytes:
    """A chart as "svg", "png" or "pdf"; the same bytes every time."""
    title, says = printable(chart.title, keep=""), printable(chart.says, keep="")
    about: dict[str, dict[str, str | None]] = {
        "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
        "png": {"Software": None, "Title": title, "Description": says},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None, "Title": title, "Subject": says},
    }
    written = io.BytesIO()
    with _matplotlib() as figure_class:
        figure = figure_class(figsize=SIZE)
        _draw(figure, chart)
        figure.savefig(written, format=kind, dpi=DOTS_PER_INCH, metadata=about[kind])
    return _for_readers(written.getvalue().decode(), title, says).encode() if kind == "svg" else written.getvalue()


@contextmanager
def _matplotlib() -> Iterator[type[Figure]]:
    """The figures of matplotlib, with our settings and nobody else's, silent, and its font cache in our cache."""
    with warnings.catch_warnings(), _loading():
        warnings.simplefilter("ignore")  # of a name's letters that the font lacks, for one
        matplotlib = importlib.import_module("matplotlib")
        figure = importlib.import_module("matplotlib.figure")
        usual = {name: value for name, value in matplotlib.rcParamsDefault.items() if not name.startswith("backend")}
        with matplotlib.rc_context({**usual, **SETTINGS}):
            yield figure.Figure


@contextmanager
def _loading() -> Iterator[None]:
    """What matplotlib finds where it is loaded first: no display, a folder that it may write to."""
    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.ERROR)
    names = ("MPLBACKEND", "MPLCONFIGDIR")
    before = {name: os.environ.get(name) for name in names}
    with tempfile.TemporaryDirectory() as folder:
        if "matplotlib" not in sys.modules:
            os.environ.pop("MPLBACKEND", None)  # of a notebook, or none at all: a file needs none
            with suppress(OSError):
                make_folder(cache_folder("matplotlib"))
                folder = str(cache_folder("matplotlib"))
            os.environ["MPLCONFIGDIR"] = folder if before["MPLCONFIGDIR"] is None else before["MPLCONFIGDIR"]
        try:
            yield
        finally:
            log.setLevel(level)
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def _draw(figure: Figure, chart: Chart) -> None:
    names = [printable(curve.label, keep="") for curve in chart.curves]
    # a letter is about 0.6 of a font wide; the names stand right of the frame
    beside = min(0.4, max(map(len, names), default=0) * 0.62 * FONT / 72 / SIZE[0] + 0.03)
    axes = figure.add_axes((0.085, 0.125, 0.915 - beside, 0.715))
    figure.text(0.015, 0.945, printable(chart.title, keep=""), fontsize=FONT + 2, fontweight="bold")
    figure.text(0.015, 0.885, printable(chart.y_label, keep=""), color=FAINT)
    axes.set_xlabel(printable(chart.x_label, keep=""), color=FAINT)
    axes.grid(axis="y", color=RULE, linewidth=0.8)
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)
    if chart.logarithmic:
        axes.set_yscale("log")
        axes.minorticks_off()
    axes.yaxis.set_major_formatter(lambda value, _: _number(value, chart.logarithmic))
    axes.xaxis.set_major_formatter(lambda value, _: _number(value, False))
    low, high = _limits(chart)
    axes.set_ylim(low, high)
    axes.set_xlim(0, max((x for curve in chart.curves for x in curve.x), default=1.0) or 1.0)
    for name, value in chart.marks.items():
        axes.axhline(value, color=FAINT, linewidth=1, linestyle=(0, (1, 2)))
        axes.annotate(name, (0, value), (2, 3), textcoords="offset points", color=FAINT, fontsize=FONT - 1)
    families = list(dict.fromkeys(curve.family or curve.label for curve in chart.curves))
    ends = []
    for name, curve in zip(names, chart.curves, strict=True):
        colour = COLOURS[families.index(curve.family or curve.label) % len(COLOURS)]
        _draw_curve(axes, curve, colour, low, high)
        end = _end(curve, low, high)
        if end is not None:
            ends.append((name, colour, end))
    _name(axes, ends)


def _limits(chart: Chart) -> tuple[float, float]:
    """The lowest and the highest number on the y axis: those that are given, or what curves and bands need."""
    if chart.y_limits is not None:
        low, high = chart.y_limits
    else:
        edges = [edge for curve in chart.curves for edge in (curve.y, curve.low or (), curve.high or ())]
        values = [y for edge in edges for y in edge if math.isfinite(y) and (y > 0 or not chart.logarithmic)]
        values = [math.log10(y) for y in values] if chart.logarithmic else values
        low, high = min(values, default=0.0), max(values, default=1.0)
        row = round_up((high - low or 1.0) / ROWS)
        low, high = math.floor(low / row) * row, math.ceil(high / row) * row
        high = high if high > low else low + row
    return (10.0**low, 10.0**high) if chart.logarithmic else (low, high)


def _number(value: float, is_power: bool) -> str:
    """A number on an axis; powers of ten that are far from 1 as such."""
    exponent = round(math.log10(value)) if is_power and value > 0 else 0
    return f"10{str(exponent).translate(RAISED)}" if not -2 <= exponent <= 5 else f"{value:,.6g}"


def _draw_curve(axes: Axes, curve: Curve, colour: str, low: float, high: float) -> None:
    """A curve, with its band; one that does not leave the frame is whole where it touches it."""
    inside = all(low <= y <= high for y in curve.y)
    if curve.low is not None and curve.high is not None:
        axes.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.16, linewidth=0)
    dashes = (0, (4, 2)) if curve.dashed else "solid"
    few = len(curve.x) <= 25
    axes.plot(
        curve.x,
        curve.y,
        color=colour,
        linewidth=1.8,
        linestyle=dashes,
        marker="o" if few else "",
        markersize=3.5,
        clip_on=not inside,
        zorder=3,
    )


def _end(curve: Curve, low: float, high: float) -> tuple[float, float] | None:
    """The last point of a curve inside the frame."""
    seen = [(x, y) for x, y in zip(curve.x, curve.y, strict=True) if math.isfinite(y) and low <= y <= high]
    return seen[-1] if seen else None


def _name(axes: Axes, ends: list[tuple[str, str, tuple[float, float]]]) -> None:
    """The names of curves: right of the frame those that reach its edge, the others where they leave it."""
    height = LINE_HEIGHT * FONT / 72 / (SIZE[1] * axes.get_position().height)  # of a name, as a share of the frame
    to_frame = axes.transData + axes.transAxes.inverted()
    heights: dict[int, float] = {}  # by the number of the curve
    for k, (name, colour, end) in enumerate(ends):
        x, y = to_frame.transform(end)
        if x > 0.97:
            heights[k] = float(y)
        else:
            offset = (5, 1)
            axes.annotate(
                name, end, offset, textcoords="offset points", color=colour, va="bottom", annotation_clip=False
            )
    from_below = sorted(heights, key=lambda k: heights[k])
    for _ in range(100):  # names that lie upon each other push each other apart, in equal parts
        for below, above in pairwise(from_below):
            overlap = max(0.0, height - (heights[above] - heights[below]))
            heights[below] -= overlap / 2
            heights[above] += overlap / 2
    for k, y in heights.items():
        axes.text(1.012, y, ends[k][0], color=ends[k][1], va="center", transform=axes.transAxes)


def _for_readers(svg: str, title: str, says: str) -> str:
    """An SVG with its words for those who cannot see it, in the colours of a dark page where that is asked for."""
    dark = "\n".join(
        f'[style*="{part}: {light}"] {{ {part}: {colour} !important; }}'
        for light, colour in DARK.items()
        for part in ("fill", "stroke")
    )
    head = (
        f'<title id="title">{escape(title)}</title>\n<desc id="desc">{escape(says)}</desc>\n'
        f"<style>@media (prefers-color-scheme: dark) {{\n{dark}\n}}</style>\n"
    )
    svg = re.sub(r"<\?xml.*?\?>\s*|<!DOCTYPE.*?>\s*|\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return re.sub(
        r"<svg ([^>]*)>\n",
        lambda found: f'<svg role="img" aria-labelledby="title desc" {found[1]}>\n{head}',
        svg,
        count=1,
    )

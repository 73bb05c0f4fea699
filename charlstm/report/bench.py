"""What `charlstm bench` measured, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from charlstm.report.charts import Chart, Curve
from charlstm.report.curves import draw_curves
from charlstm.report.tables import table

if TYPE_CHECKING:
    from charlstm.bench.peak_memory import MemoryRow
    from charlstm.bench.quality import Point
    from charlstm.bench.sampling_speed import SamplingRow
    from charlstm.bench.training_speed import TrainingRow

MANY = 100_000  # characters a second: from here on in thousands
CURVE_WIDTH, CURVE_HEIGHT = 80, 12  # columns and rows


def machine_report(machine: dict[str, Any]) -> str:
    """The header: what the figures were measured on."""
    return (
        f"charlstm {machine['charlstm']}, PyTorch {machine['torch']}, Python {machine['python']}, {machine['system']}\n"
        f"{machine['processor']} ({machine['instructions']}), {machine['cores']} cores, "
        f"{machine['threads']} threads, device {machine['device']}"
    )


def draw_training_speed(rows: Sequence[TrainingRow], rounds: int, width: int, colour: bool) -> list[RenderableType]:
    """Characters a second of both sides, their ratios, and the share of the limit."""
    theirs = rows[0].shape.torch_name
    precisions = [p for p in ("fp32", "tf32", "bf16") if f"{theirs} {p}" in rows[0].chars_per_s]
    full, in_words = ("tf32", "TF32") if "tf32" in precisions else ("fp32", "float32")
    names = [f"{side} {p}" for p in precisions for side in ("charlstm", theirs)]
    header = ("layers", "lanes", "window", *names, "times", f"times {full}", "limit")
    thousands = min(rate for row in rows for rate in row.chars_per_s.values()) >= MANY
    cells = []
    for row in rows:
        shape = row.shape
        shares = [(p, share) for p in precisions if (share := row.share_of_limit(p)) is not None]
        best = max(precisions, key=lambda p, row=row: row.chars_per_s[f"charlstm {p}"])  # type: ignore[misc]
        cells.append(
            (
                f"{shape.num_layers} x {shape.hidden_size}",
                f"{shape.batch_size}",
                f"{shape.seq_len}",
                *(f"{row.chars_per_s[name] / (1000 if thousands else 1):,.0f}" for name in names),
                f"{row.best('charlstm') / row.best(theirs):.2f}",
                times(row.ratio(f"charlstm {full}", f"{theirs} {full}")),
                f"{dict(shares)[best]:.0%} of {operations(row.limit_operations_per_s[best])}",
            )
        )
    title = f"Training, {'1,000 ' if thousands else ''}characters/s"
    lines: list[RenderableType] = [table(cells, header, title=title)]
    several = len({row.shape.hidden_size for row in rows}) < len(rows)
    eager = [
        f"{row.shape.num_layers} x {row.shape.hidden_size}"
        f"{f' ({row.shape.batch_size} x {row.shape.seq_len})' if several else ''} {p} {row.chars_per_s[name]:,.0f}"
        for row in rows
        for p in precisions
        if (name := f"charlstm {p} eager") in row.chars_per_s
    ]
    if eager:
        lines.append(Text("  with steps that are not compiled, as in short runs: " + ", ".join(eager)))
    explained = (
        f"  medians of {rounds} rounds. times: charlstm at its faster precision against {theirs} at its faster one;\n"
        f"  times {full}: both in {in_words}; limit: the arithmetic done, as a share of the fastest matrix product here"
    )
    return [*lines, Text(explained)]


def draw_sampling_speed(rows: Sequence[SamplingRow], rounds: int, width: int, colour: bool) -> list[RenderableType]:
    """Characters a second of every contender, and how many times PyTorch's that is."""
    theirs = rows[0].shape.torch_name
    against = (theirs, f"{theirs}Cell")
    header = ("layers", "streams", "", "chars/s", *(f"x {name}" for name in against))
    lines = []
    for row in rows:
        place = (f"{row.shape.num_layers} x {row.shape.hidden_size}", f"{row.shape.batch_size}")
        for name, rate in row.chars_per_s.items():
            ratios = [times(None if name in against else rate / row.chars_per_s[other]) for other in against]
            lines.append((*place, name, f"{rate:,.0f}", *ratios))
            place = ("", "")
    shares = ", ".join(
        f"{row.shape.num_layers} x {row.shape.hidden_size} {row.share_of_limit:.0%}"
        for row in rows
        if row.share_of_limit is not None
    )
    limit = [Text(f"  one stream, of the rate at which a core can read the weights: {shares}")] if shares else []
    return [
        table(lines, header, left=(0, 2), title="Sampling, characters/s"),
        Text(f"  medians of {rounds} rounds, all streams together; x: times as fast as"),
        *limit,
    ]


def draw_peak_memory(rows: Sequence[MemoryRow], width: int, colour: bool) -> list[RenderableType]:
    """The peak of both sides, in megabytes, and the ratio."""
    theirs = rows[0].shape.torch_name
    header = ("layers", "lanes", "window", "type", "charlstm", theirs, "times")
    cells = []
    for row in rows:
        ours, other = row.peak_bytes["charlstm"], row.peak_bytes[theirs]
        cells.append(
            (
                f"{row.shape.num_layers} x {row.shape.hidden_size}",
                f"{row.shape.batch_size}",
                f"{row.shape.seq_len}",
                row.precision,
                f"{ours / 1e6:,.0f}",
                f"{other / 1e6:,.0f}",
                times(ours / other if other else None),
            )
        )
    return [table(cells, header, title="Peak memory of training, MB")]


def operations(per_s: float) -> str:
    """Floating-point operations a second: "190 G/s", "700 T/s"."""
    return f"{per_s / 1e9:,.0f} G/s" if per_s < 1e13 else f"{per_s / 1e12:,.0f} T/s"


def times(ratio: float | None) -> str:
    """A ratio, or a dash."""
    return "-" if ratio is None else f"{ratio:.2f}"


def draw_quality(points: Sequence[Point], width: int, colour: bool) -> list[RenderableType]:
    """Bits a character against seconds."""
    curve = Curve("validation", [p.seconds for p in points], [p.bits_per_char for p in points])
    chart = Chart("Bits a character against time", "", [curve], "seconds", "bits/char on the validation text")
    return list(draw_curves(chart, min(width, CURVE_WIDTH), colour, height=CURVE_HEIGHT))

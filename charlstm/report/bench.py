"""What `charlstm bench` measured, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from charlstm.report.console import plain_console

if TYPE_CHECKING:
    from charlstm.bench.peak_memory import MemoryRow
    from charlstm.bench.quality import Point
    from charlstm.bench.sampling_speed import SamplingRow
    from charlstm.bench.training_speed import TrainingRow

CURVE_WIDTH, CURVE_HEIGHT = 64, 12


def machine_report(machine: dict[str, Any]) -> str:
    """The header: what the figures were measured on."""
    return (
        f"charlstm {machine['charlstm']}, PyTorch {machine['torch']}, Python {machine['python']}, {machine['system']}\n"
        f"{machine['processor']} ({machine['instructions']}), {machine['cores']} cores, "
        f"{machine['threads']} threads, device {machine['device']}"
    )


def print_training(rows: Sequence[TrainingRow], rounds: int) -> None:
    """Characters a second of both sides, their ratios, and the share of the limit."""
    precisions = [p for p in ("fp32", "bf16") if f"nn.LSTM {p}" in rows[0].chars_per_s]
    names = [f"{side} {p}" for p in precisions for side in ("charlstm", "nn.LSTM")]
    table = columns("Training, characters/s", "layers", "lanes", "window", *names, "times", "times fp32", "limit")
    for row in rows:
        shape = row.shape
        shares = [(p, share) for p in precisions if (share := row.share_of_limit(p)) is not None]
        best = max(precisions, key=lambda p, row=row: row.chars_per_s[f"charlstm {p}"])  # type: ignore[misc]
        table.add_row(
            f"{shape.num_layers} x {shape.hidden_size}",
            f"{shape.batch_size}",
            f"{shape.seq_len}",
            *(f"{row.chars_per_s[name]:,.0f}" for name in names),
            f"{row.best('charlstm') / row.best('nn.LSTM'):.2f}",
            times(row.ratio("charlstm fp32", "nn.LSTM fp32")),
            f"{dict(shares)[best]:.0%} of {row.limit_operations_per_s[best] / 1e9:,.0f} G/s",
        )
    console = plain_console()
    console.print(table)
    eager = [
        f"{row.shape.num_layers} x {row.shape.hidden_size} {p} {row.chars_per_s[name]:,.0f}"
        for row in rows
        for p in precisions
        if (name := f"charlstm {p} eager") in row.chars_per_s
    ]
    if eager:
        console.print("  gates not compiled, as in short runs: " + ", ".join(eager))
    console.print(
        f"  medians of {rounds} turns; times: our better precision against the better of nn.LSTM; times fp32: float32\n"
        "  against float32; limit: arithmetic done, as a share of the fastest matrix product in the same turns"
    )


def print_sampling(rows: Sequence[SamplingRow], rounds: int) -> None:
    """Characters a second of every contender, and how many times nn.LSTM and nn.LSTMCell that is."""
    names = list(rows[0].chars_per_s)
    table = columns("Sampling, characters/s", "layers", "streams", *names)
    for row in rows:
        rates = row.chars_per_s
        cells = [
            f"{rates[n]:,.0f}"
            + (f" ({rates[n] / rates['nn.LSTM']:.1f}, {rates[n] / rates['nn.LSTMCell']:.1f})" if n[0] == "c" else "")
            for n in names
        ]
        table.add_row(f"{row.shape.num_layers} x {row.shape.hidden_size}", f"{row.shape.batch_size}", *cells)
    plain_console().print(table)
    plain_console().print(
        f"  medians of {rounds} turns, all streams together; in brackets: times nn.LSTM, times nn.LSTMCell"
    )


def print_memory(rows: Sequence[MemoryRow]) -> None:
    """The peak of both sides, in megabytes, and the ratio."""
    table = columns("Peak memory of training, MB", "layers", "lanes", "window", "type", "charlstm", "nn.LSTM", "times")
    for row in rows:
        ours, theirs = row.peak_bytes["charlstm"], row.peak_bytes["nn.LSTM"]
        table.add_row(
            f"{row.shape.num_layers} x {row.shape.hidden_size}",
            f"{row.shape.batch_size}",
            f"{row.shape.seq_len}",
            row.precision,
            f"{ours / 1e6:,.0f}",
            f"{theirs / 1e6:,.0f}",
            times(ours / theirs if theirs else None),
        )
    plain_console().print(table)


def columns(title: str, first: str, *rest: str) -> Table:
    """An empty table: a name on the left, numbers on the right."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), title_style="bold")
    table.add_column(first)
    for name in rest:
        table.add_column(name, justify="right")
    return table


def times(ratio: float | None) -> str:
    """A ratio, or a dash."""
    return "-" if ratio is None else f"{ratio:.2f}"


def curve(points: Sequence[Point]) -> str:
    """Bits a character against seconds, drawn."""
    bits, seconds = [p.bits_per_char for p in points], [p.seconds for p in points]
    low, high, end = min(bits), max(bits), max(seconds) or 1.0
    span = (high - low) or 1.0
    grid = [[" "] * CURVE_WIDTH for _ in range(CURVE_HEIGHT)]
    for x, y in zip(seconds, bits, strict=True):
        grid[round((high - y) / span * (CURVE_HEIGHT - 1))][round(x / end * (CURVE_WIDTH - 1))] = "●"
    lines = [
        f"{high - span * k / (CURVE_HEIGHT - 1):6.3f} │{''.join(row).rstrip()}"
        if k % 3 == 0 or k == CURVE_HEIGHT - 1
        else f"{'':6} │{''.join(row).rstrip()}"
        for k, row in enumerate(grid)
    ]
    axis = f"{'':6} └{'─' * CURVE_WIDTH}"
    return "\n".join(["bits/char against seconds", *lines, axis, f"{'':8}0{end:>{CURVE_WIDTH - 1},.0f}"])

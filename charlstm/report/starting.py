"""A run that goes on from a model: what it begins with, what it has learnt, and what it has forgotten."""

from __future__ import annotations

from charlstm.config import TrainConfig
from charlstm.evaluate import bits_per_char
from charlstm.report.text import quoted
from charlstm.training.events import Compared
from charlstm.training.mixing import old_lanes
from charlstm.training.start import Start

SHOWN = 20  # characters


def start_report(start: Start, config: TrainConfig) -> str:
    """What a run goes on from, in a few lines."""
    new = start.new_characters
    shown = " ".join(map(quoted, new[:SHOWN])) + (" ..." if len(new) > SHOWN else "")
    lines = [f"from        {start.name}"]
    if start.licence:
        lines.append(f"licence     {start.licence}")
    lines.append(f"new         {f'{len(new):,} characters: {shown}' if new else 'no characters'}")
    lanes = old_lanes(config)
    if lanes:
        lines.append(f"old text    read by {lanes:,} of {config.batch_size:,} lanes ({lanes / config.batch_size:.0%})")
    scores = (("this text", start.before_nats), ("the old text", start.old_before_nats))
    known = [f"{bits_per_char(nats):.3f} bits/char on {text}" for text, nats in scores if nats is not None]
    if known:
        lines.append(f"before      {', '.join(known)}")
    if start.old_before_nats is None:
        lines.append(f"note: what it forgets is not measured: {start.why_no_old}")
    return "\n".join(lines)


def compared_rows(event: Compared) -> list[tuple[str, str]]:
    """Both texts, before and after, for the table at the end."""
    pairs = (
        ("new", "this text", event.valid_bits_per_char_before, event.valid_bits_per_char),
        ("old", "the old text", event.old_bits_per_char_before, event.old_bits_per_char),
    )
    rows = [
        (name, f"{before:.4f} -> {after:.4f} bits/char ({after - before:+.4f}) on {text}")
        for name, text, before, after in pairs
        if before is not None and after is not None
    ]
    if event.old_bits_per_char is None:
        rows.append(("old", f"not measured: {event.why_no_old}"))
    return rows

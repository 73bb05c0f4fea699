"""What the gates of a cell do at the cue, at the attractor and in between.

    cleared   1 - product of f     how much of the old memory the forget gate takes away over some characters
    written   sum of i * |g|       how much the input gate lets in
    kept      product of f         how much of what stood at the cue's end still stands at the deciding character
    shown     o                    how far the output gate is open just before the deciding character

f, i, g and o are an LSTM's; what stands for them in another cell type, its class says (`Cell.kept`, `Cell.written`).

Legend: N sentences, T characters, S cells.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from charlstm.probe.reading import Trace
from charlstm.probe.statistics import Floats
from charlstm.probe.stimuli import Bools, Ints


@dataclass(frozen=True)
class GateUse:
    """Means over sentences of what one cell's gates do."""

    cleared_at_cue: float
    written_at_cue: float
    cleared_at_attractor: float
    written_at_attractor: float
    kept_over_span: float
    shown_at_target: float | None  # None without an output gate

    def to_dict(self) -> dict[str, float | None]:
        """Return it as a JSON object."""
        return asdict(self)


def gate_use(trace: Trace, cell: int, start: Ints, landmarks: Ints, length: Ints) -> GateUse:
    """The gates of one cell of a trace.

    Args:
        start: (N) the first character of the cue's last word.
        landmarks: (N, 4) as in `stimuli`.
        length: (N).
    """
    cue, before, after = landmarks[:, 0], landmarks[:, 1], landmarks[:, 2]
    kind, gates = trace.kind, {letter: values[:, :, cell] for letter, values in trace.gates.items()}
    kept = kind.kept(gates).numpy().astype(float)
    written = kind.written(gates).abs().numpy().astype(float)
    shown = gates[kind.output_gate].numpy().astype(float) if kind.output_gate else None
    return GateUse(
        cleared_at_cue=float((1 - _product(kept, start, cue)).mean()),
        written_at_cue=float(_sum(written, start, cue).mean()),
        cleared_at_attractor=float((1 - _product(kept, before + 1, after)).mean()),
        written_at_attractor=float(_sum(written, before + 1, after).mean()),
        kept_over_span=float(_product(kept, cue + 1, length - 1).mean()),
        shown_at_target=None if shown is None else float(shown[np.arange(len(shown)), length - 1].mean()),
    )


def _product(values: Floats, first: Ints, last: Ints) -> Floats:
    """Over the characters `first` to `last`, both included, of every sentence: (N, T) -> (N). None is 1."""
    result: Floats = np.where(_inside(values, first, last), values, 1.0).prod(axis=1)
    return result


def _sum(values: Floats, first: Ints, last: Ints) -> Floats:
    result: Floats = np.where(_inside(values, first, last), values, 0.0).sum(axis=1)
    return result


def _inside(values: Floats, first: Ints, last: Ints) -> Bools:
    places = np.arange(values.shape[1])
    return (places >= first[:, None]) & (places <= last[:, None])

"""What is said of a cell's wiring, as data; `wiring` measures it. Layers count from 1 in `to_dict`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Source:
    """A character or a cell, and what it adds to a gate's pre-activation.

    Attributes:
        name: the character as Python writes it, or layer:cell.
        weight: what one unit of it adds; of a character, beside the mean over ordinary text.
        spread: its standard deviation on ordinary text.
        usual, twin: by moment, what it adds beyond its mean on ordinary text; what it adds in a sentence of the first
            class beyond what it adds in the twin. Means over pairs.
    """

    name: str
    weight: float | None
    spread: float | None
    usual: dict[str, float]
    twin: dict[str, float]

    @property
    def by_weight(self) -> float | None:
        """Weight times spread."""
        return None if self.weight is None or self.spread is None else self.weight * self.spread

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {**vars(self), "weight_times_spread": self.by_weight}


@dataclass(frozen=True)
class GateWiring:
    """One gate of the cell.

    Attributes:
        letter, role: which.
        mean: by moment, its mean pre-activation in sentences of the first and of the second class.
        usual: its mean pre-activation on ordinary text.
        whole: all that comes in by each way (the characters or the layer below; the own layer) as one source; its
            weight and spread are None.
        sources: those that count, by weight times spread.
    """

    letter: str
    role: str
    mean: dict[str, tuple[float, float]]
    usual: float
    whole: list[Source]
    sources: list[Source]

    def strongest(self, change: str, moment: str) -> Source:
        """The source with the largest change ("usual" or "twin") at a moment."""
        return max(self.sources, key=lambda source: abs(getattr(source, change)[moment]))

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        mean = {moment: list(pair) for moment, pair in self.mean.items()}
        sources = {name: [source.to_dict() for source in getattr(self, name)] for name in ("whole", "sources")}
        return {**vars(self), "mean": mean, **sources}


@dataclass(frozen=True)
class Reader:
    """What reads the cell's hidden state: a logit, or a gate of a cell.

    Attributes:
        name: the character of the logit as Python writes it, or layer:cell.
        gate: the gate's letter; empty for a logit.
        weight: what one unit of the hidden state adds.
        twin: what it adds in a sentence of the first class beyond the twin, at the moment where it is read.
    """

    name: str
    gate: str
    weight: float
    twin: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return dict(vars(self))


@dataclass(frozen=True)
class Wiring:
    """How a cell is written and read.

    Attributes:
        layer, cell: both from 0.
        classes: the two values of the feature.
        pairs: how many were read.
        written_at: the characters at which it is written, and in which share of the pairs.
        gates: in the order of the cell's parts.
        roles: the letters of the candidate, of the gate that writes, and of the gate that shows.
        spread: the standard deviation of its hidden state on ordinary text.
        readers: the logits, or the gates, that read it with the largest weights.
        endings: of the log odds of the endings' first characters, how many nats between twins are the cell's, and how
            many all cells'; None below the top layer.
    """

    layer: int
    cell: int
    classes: tuple[str, str]
    pairs: int
    written_at: dict[str, float]
    gates: dict[str, GateWiring]
    roles: tuple[str, str, str]
    spread: float
    readers: list[Reader]
    endings: tuple[float, float] | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object: layers count from 1."""
        ends = self.endings and {"cell_nats": self.endings[0], "all_nats": self.endings[1]}
        return {
            "layer": self.layer + 1,
            "cell": self.cell,
            "classes": list(self.classes),
            "pairs": self.pairs,
            "written_at": self.written_at,
            "gates": {letter: gate.to_dict() for letter, gate in self.gates.items()},
            "hidden_spread": self.spread,
            "readers": [reader.to_dict() for reader in self.readers],
            "endings": ends,
        }

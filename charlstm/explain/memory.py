"""How long each cell remembers: the half-life of what it holds, by the gate that keeps it alone.

A cell whose forget gate (in a GRU, update gate) is f keeps f^k of what it held k characters ago: half of it after
ln 2 / -ln f characters.
Over a text f changes; what stands at the end is the product of all f, so -ln f is averaged. That counts the moments at
which a cell lets go of everything, as one that is cleared at every newline does; its median tells how long it holds
in between.

Legend: N windows, T characters a window, L layers, H hidden.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from charlstm.checkpoint import ModelFile
from charlstm.network.model import CharLM
from charlstm.network.reader import Lanes, Reader
from charlstm.probe.ordinary import read_lanes, to_lanes
from charlstm.probe.statistics import Floats, without_nan
from charlstm.probe.texts import ordinary_text
from charlstm.progress import OnProgress

EDGES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)  # of the histogram, characters
LONGEST = 10


@dataclass(frozen=True)
class Memory:
    """The half-lives of all cells over a text, in characters.

    Attributes:
        half_life: (L, H) ln 2 / mean of -ln f; infinite where f was 1 to the last bit at every character.
        between: (L, H) ln 2 / median of -ln f.
        lets_go: (L, H) the share of characters at which f is below one half.
        characters: how many were read.
        source: which text it was.
        keep_gate: the letter of f.
    """

    half_life: Floats
    between: Floats
    lets_go: Floats
    characters: int
    source: str
    keep_gate: str = "f"

    @property
    def read(self) -> str:
        """What was read, for people."""
        count = f"{self.characters:,} characters"
        return self.source if self.source.startswith(count) else f"{count} of {self.source}"

    def longest(self, number: int = LONGEST) -> list[tuple[int, int]]:
        """The cells that remember longest, layer and number from 0, the longest first."""
        order = np.argsort(-self.half_life, axis=None, kind="stable")[:number]
        return [(int(k) // self.half_life.shape[1], int(k) % self.half_life.shape[1]) for k in order]

    def histogram(self) -> list[list[int]]:
        """For each layer how many cells lie below the first of `EDGES`, between two, and above the last."""
        return [np.bincount(np.digitize(row, EDGES), minlength=len(EDGES) + 1).tolist() for row in self.half_life]

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object: a half-life without end is null."""
        numbers = {name: getattr(self, name) for name in ("half_life", "between", "lets_go")}
        longest = [
            {"layer": n + 1, "cell": m, **{name: float(values[n, m]) for name, values in numbers.items()}}
            for n, m in self.longest()
        ]
        result: dict[str, Any] = without_nan(
            {
                "characters": self.characters,
                "text": self.source,
                **{name: values.tolist() for name, values in numbers.items()},
                "edges": list(EDGES),
                "histogram": self.histogram(),
                "longest": longest,
            }
        )
        return result


def half_life(forgetting: Floats | float) -> Floats:
    """The half-life of what is forgotten by a factor of exp(-forgetting) a character: ln 2 / forgetting."""
    with np.errstate(divide="ignore"):
        return np.asarray(math.log(2) / np.abs(forgetting))


def measure_memory(model: CharLM, ids: Tensor, source: str) -> Memory:
    """The half-life of every cell over a text in windows: ids (N, T). KeyError for cells without a gate that keeps."""
    forgetting: list[Tensor] = []  # of each character: (L, N, H)

    def keep(t: int, rows: Tensor, lanes: Lanes) -> None:
        gates = {letter: lanes.every(letter) for letter in model.cell.gates}
        forgetting.append(-model.cell.kept(gates).log().cpu())

    read_lanes(Reader(model), ids, keep)
    every = torch.stack(forgetting).transpose(0, 1).flatten(1, 2).numpy()  # (L, T * N, H)
    return Memory(
        half_life=half_life(every.mean(axis=1, dtype=np.float64)),
        between=half_life(np.median(every, axis=1)),
        lets_go=(every > math.log(2)).mean(axis=1),
        characters=ids.numel(),
        source=source,
        keep_gate=model.cell.keep_gate,
    )


def longest_memory(content: ModelFile, on_progress: OnProgress, text: str | None = None) -> tuple[int, int]:
    """The cell with the longest half-life, layer and number from 0; without gates the first one of the last layer.

    `text`: what is read; None: ordinary text (`probe.texts.ordinary_text`).
    """
    if not content.model.cell.keep_gate:
        return content.model.config.num_layers - 1, 0
    known = None if text is None else content.vocabulary.encode(text, "skip")
    ids, source = ordinary_text(content, None, on_progress) if known is None else (known, "")
    return measure_memory(content.model, to_lanes(ids), source).longest(1)[0]

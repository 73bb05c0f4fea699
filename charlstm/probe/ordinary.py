"""Ordinary text: what each cell does on it, and what the network loses there without the cell.

Legend: B lanes, T characters a lane, L layers, H hidden, S cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from charlstm.corpus.vocab import Ids
from charlstm.evaluate import bits_per_char as bits_of
from charlstm.network.reader import Lanes, Reader
from charlstm.probe.reading import Clamp, OnStep, read, repeat
from charlstm.probe.statistics import Floats

LANE_CHARS = 400
WARM_CHARS = 50  # read but not counted
MAX_CHARS = 20_000
AT_ONCE = 8  # cells that are held side by side, each in lanes of its own


@dataclass(frozen=True)
class Ordinary:
    """A text in lanes, and the cells over it.

    Attributes:
        source: where it comes from, for people.
        ids: (B, T).
        mean: (L, H) of what an ablation holds: the state that carries the memory.
        deviation: (L, H) of the probed state.
        bits_per_char: what the intact network makes of it.
    """

    source: str
    ids: Tensor
    mean: Floats
    deviation: Floats
    bits_per_char: float


def to_lanes(ids: Ids) -> Tensor:
    """At most 20,000 characters of a text, from all over it, in lanes: (N) -> (B, T). A short text is one lane."""
    lanes = max(1, min(len(ids), MAX_CHARS) // LANE_CHARS)
    length = min(LANE_CHARS, len(ids))
    starts = np.linspace(0, len(ids) - length, lanes).astype(np.int64)
    return torch.from_numpy(np.stack([ids[start : start + length] for start in starts]).astype(np.int64))


@dataclass(frozen=True)
class Score:
    """How well a network predicts a text in lanes: what it is told while it reads (B, T).

    Attributes:
        losses: after each character that counts, the loss of the next one in every lane, (B), nats.
    """

    reader: Reader
    ids: Tensor
    losses: list[Tensor] = field(default_factory=list)

    def add(self, t: int, rows: Tensor, lanes: Lanes) -> None:
        """Every lane has read its character t."""
        if first_counted(self.ids) <= t < self.ids.shape[1] - 1:
            targets = self.ids[:, t + 1, None].to(self.reader.model.device)
            self.losses.append(-self.reader.log_probabilities(lanes).gather(1, targets)[:, 0])

    def bits_per_char(self, groups: int = 1) -> list[float]:
        """Bits a character in each of some groups of equally many lanes."""
        by_group = torch.stack(self.losses).mean(dim=0).reshape(groups, -1).mean(dim=1)
        return [bits_of(nats) for nats in by_group.tolist()]


def measure(reader: Reader, ids: Tensor, source: str, of_hidden: bool) -> Ordinary:
    """Mean and deviation of every cell over a text in lanes, and how well the network predicts it."""
    memory, probed = reader.model.cell.memory, "h" if of_hidden else "c"
    score = Score(reader, ids)
    found = moments(reader, ids, memory + probed, also=score.add)
    mean, deviation = found[memory][0].cpu().numpy(), found[probed][1].cpu().numpy()
    return Ordinary(source, ids, mean, deviation, score.bits_per_char()[0])


def moments(
    reader: Reader, ids: Tensor, letters: str, also: OnStep = lambda t, rows, lanes: None
) -> dict[str, tuple[Tensor, Tensor]]:
    """Mean and standard deviation over a text in lanes, (L, H) each, of states by their letter.

    Args:
        also: called as `on_step` is.
    """
    sums: dict[str, list[Tensor]] = {letter: [] for letter in letters}  # of each character: means over lanes

    def add(t: int, rows: Tensor, lanes: Lanes) -> None:
        if t >= first_counted(ids):
            for letter, into in sums.items():
                values = lanes.every(letter).double()
                into.append(torch.stack([values.mean(dim=1), values.square().mean(dim=1)]))
        also(t, rows, lanes)

    read_lanes(reader, ids, add)
    found = {}
    for letter, parts in sums.items():
        mean, square = torch.stack(parts).mean(dim=0)
        found[letter] = mean, (square - mean.square()).clamp_min(0).sqrt()
    return found


def bits_per_char(reader: Reader, ids: Tensor) -> float:
    """Bits a character over a text in lanes."""
    score = Score(reader, ids)
    read_lanes(reader, ids, score.add)
    return score.bits_per_char()[0]


def bits_without(
    reader: Reader,
    text: Ordinary,
    cells: Sequence[tuple[int, int]],
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[float]:
    """The same without each of some cells, which is held at its mean."""
    figures: list[float] = []
    for start in range(0, len(cells), AT_ONCE):
        on_progress(start, len(cells))
        group = cells[start : start + AT_ONCE]
        values = torch.tensor([float(text.mean[cell]) for cell in group]).to(reader.model.head.weight)
        score = Score(reader, text.ids.repeat(len(group), 1))
        read_lanes(reader, score.ids, score.add, Clamp.each(group, values, len(text.ids)))
        figures += score.bits_per_char(len(group))
    return figures


def first_counted(ids: Tensor) -> int:
    """The first character of each lane that counts."""
    return WARM_CHARS if ids.shape[1] > 2 * WARM_CHARS else 0


def read_lanes(reader: Reader, ids: Tensor, on_step: OnStep, clamp: Clamp | None = None) -> None:
    """Read a text in lanes (B, T), each from a zero state; `on_step` as in `reading.read`."""
    B, T = ids.shape
    start = torch.zeros(B, dtype=torch.int64)
    zero = repeat(reader.model.zero_state(1), B)
    read(reader, ids, start, torch.full_like(start, T), zero, clamp=clamp, on_step=on_step)

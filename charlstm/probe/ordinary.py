"""Ordinary text: what each cell does on it, and what the network loses there without the cell.

Legend: B lanes, T characters a lane, L layers, H hidden, S cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from charlstm.corpus.vocab import Ids
from charlstm.evaluate import bits_per_char as bits_of
from charlstm.network.cells import Gates, State
from charlstm.network.model import CharLM
from charlstm.probe.reading import Clamp, log_probabilities, read, repeat
from charlstm.probe.statistics import Floats

LANE_CHARS = 400
WARM_CHARS = 50  # read but not counted
MAX_CHARS = 20_000


@dataclass(frozen=True)
class Ordinary:
    """A text in lanes, and the cells over it.

    Attributes:
        source: where it comes from, for people.
        ids: (B, T).
        mean: (L, H) of what an ablation holds: the state that carries the memory.
        deviation: (L, H) of the probed state.
    """

    source: str
    ids: Tensor
    mean: Floats
    deviation: Floats


def to_lanes(ids: Ids) -> Tensor:
    """At most 20,000 characters of a text, from all over it, in lanes: (N) -> (B, T). A short text is one lane."""
    lanes = max(1, min(len(ids), MAX_CHARS) // LANE_CHARS)
    length = min(LANE_CHARS, len(ids))
    starts = np.linspace(0, len(ids) - length, lanes).astype(np.int64)
    return torch.from_numpy(np.stack([ids[start : start + length] for start in starts]).astype(np.int64))


def measure(model: CharLM, ids: Tensor, source: str, of_hidden: bool) -> Ordinary:
    """Mean and deviation of every cell over a text in lanes."""
    (mean, _), (_, deviation) = moments(
        model, ids, lambda state: (model.cell.memory_of(state), state.h if of_hidden else state.c)
    )
    return Ordinary(source, ids, mean.cpu().numpy(), deviation.cpu().numpy())


def moments(model: CharLM, ids: Tensor, parts: Callable[[State], Sequence[Tensor]]) -> list[tuple[Tensor, Tensor]]:
    """Mean and standard deviation over a text in lanes, (L, H) each, of parts of the state (L, B, H)."""
    first = WARM_CHARS if ids.shape[1] > 2 * WARM_CHARS else 0
    sums: list[Tensor] = []  # of each character: for every part the means over lanes of itself and of its square

    def add(t: int, rows: Tensor, new: State, gates: list[Gates]) -> None:
        if t >= first:
            values = [part.double() for part in parts(new)]
            sums.append(torch.stack([torch.stack([x.mean(dim=1), x.square().mean(dim=1)]) for x in values]))

    read_lanes(model, ids, None, add)
    every = torch.stack(sums).mean(dim=0)
    return [(mean, (square - mean.square()).clamp_min(0).sqrt()) for mean, square in every]


def bits_per_char(
    model: CharLM,
    ids: Tensor,
    clamps: Sequence[Clamp | None],
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[float]:
    """Bits a character over a text in lanes, with each of some ablations: one figure a clamp, None for intact."""
    first = WARM_CHARS if ids.shape[1] > 2 * WARM_CHARS else 0
    figures = []
    for k, clamp in enumerate(clamps):
        on_progress(k, len(clamps))
        losses: list[Tensor] = []

        def score(t: int, rows: Tensor, new: State, gates: list[Gates], into: list[Tensor] = losses) -> None:
            if first <= t < ids.shape[1] - 1:
                targets = ids[rows, t + 1, None].to(model.device)
                into.append(-log_probabilities(model, new.h[-1]).gather(1, targets).mean())

        read_lanes(model, ids, clamp, score)
        figures.append(bits_of(float(torch.stack(losses).mean())))
    return figures


def read_lanes(
    model: CharLM, ids: Tensor, clamp: Clamp | None, on_step: Callable[[int, Tensor, State, list[Gates]], None]
) -> None:
    """Read a text in lanes (B, T), each from a zero state; `on_step` as in `reading.read`."""
    B, T = ids.shape
    start = torch.zeros(B, dtype=torch.int64)
    read(model, ids, start, torch.full_like(start, T), repeat(model.zero_state(1), B), clamp=clamp, on_step=on_step)

"""A network reads sentences, step by step, while some of its cells are held or swapped.

Legend: N sentences, K landmarks, L layers, H hidden, S cells that are watched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from charlstm.checkpoint import ModelFile
from charlstm.corpus.vocab import OnUnknown
from charlstm.network.cells import Cell, State
from charlstm.network.reader import Held, Lanes, Reader

# called with the step, the rows that read (a tensor of numbers), and where they stand then
OnStep = Callable[[int, Tensor, Lanes], None]


@dataclass(frozen=True)
class Clamp:
    """Cells whose memory is held: an ablation (`Cell.hold`).

    Attributes:
        layer, cell: (N or 1, S) which cells each sentence holds, from 0.
        value: (T or 1, N or 1, S) their memory after each character of a reading; the last one stays.
    """

    layer: Tensor
    cell: Tensor
    value: Tensor

    @classmethod
    def of(cls, cells: Sequence[tuple[int, int]], value: Tensor) -> Clamp:
        """The same cells in all sentences: value (T or 1, N or 1, S)."""
        layer, cell = torch.tensor(list(cells), device=value.device).T
        return cls(layer[None], cell[None], value)

    @classmethod
    def each(cls, cells: Sequence[tuple[int, int]], values: Tensor, lanes: int) -> Clamp:
        """So many sentences for every one of some cells, which is held alone at one value: values (C)."""
        layer, cell = (torch.tensor(part).repeat_interleave(lanes)[:, None] for part in zip(*cells, strict=True))
        return cls(layer, cell, values.repeat_interleave(lanes)[None, :, None])

    def rows(self, rows: slice | Tensor) -> Clamp:
        """The clamp of some of the sentences."""

        def chosen(part: Tensor) -> Tensor:
            return part if part.shape[-2] == 1 else part[..., rows, :]

        return Clamp(chosen(self.layer), chosen(self.cell), chosen(self.value))

    def repeat(self, times: int) -> Clamp:
        """The clamp of the same sentences, so many times over."""

        def again(part: Tensor) -> Tensor:
            return part if part.shape[-2] == 1 else torch.cat([part] * times, dim=-2)

        return Clamp(again(self.layer), again(self.cell), again(self.value))

    def after(self, steps: Tensor) -> Clamp:
        """What stays when a reading of so many characters is over: steps (N)."""
        if len(self.value) == 1:
            return self
        last = (steps - 1).clamp(0, len(self.value) - 1).to(self.value.device)
        return Clamp(self.layer, self.cell, self.value[last, torch.arange(len(last))][None])

    def at(self, step: int, n: int, num_layers: int) -> list[Held | None]:
        """What the first n sentences hold after the character of a step, for each layer."""
        S = self.layer.shape[1]
        layer, cell = (part[:n].expand(n, S).flatten().cpu().numpy() for part in (self.layer, self.cell))
        value = self.value[min(step, len(self.value) - 1)][:n].expand(n, S).flatten()
        lane = np.repeat(np.arange(n), S)
        held: list[Held | None] = []
        for k in range(num_layers):
            here = np.flatnonzero(layer == k)
            held.append(Held(lane[here], cell[here], value[here]) if len(here) else None)
        return held


class Snapshots(NamedTuple):
    """The states at the landmarks."""

    h: Tensor  # (N, K, L, H)
    c: Tensor  # (N, K, L, H), or (N, K, L, 0) where there is no cell state


@torch.no_grad()
def read(
    reader: Reader,
    ids: Tensor,
    start: Tensor,
    stop: Tensor,
    state: State | Lanes,
    *,
    clamp: Clamp | None = None,
    landmarks: Tensor | None = None,
    on_step: OnStep | None = None,
) -> tuple[State, Snapshots | None]:
    """Each sentence reads its characters `start` to `stop` (exclusive); those that are done wait.

    Args:
        ids: (N, T).
        start, stop: (N).
        state: where they stand before the first of these characters; (L, N, H).
        clamp: cells to hold all the while.
        landmarks: (N, K) characters after which the state is kept.

    Returns:
        the state of each sentence when it was done, and the states at the landmarks.
    """
    order = torch.argsort(start - stop, stable=True)  # the longest first: those that still read are a prefix
    span, begins, texts = ((part[order]).numpy() for part in (stop - start, start, ids))
    reads = (span[:, None] > np.arange(max(span.max(initial=0), 0))).sum(axis=0)  # how many, at each step
    lanes = (state if isinstance(state, Lanes) else Lanes.of(state)).chosen(order.numpy())
    end = reader.model.zero_state(len(order))
    kept, marks = None, None
    if landmarks is not None:
        N, K = landmarks.shape
        kept = Snapshots(*(part.new_zeros(N, K, len(part), part.shape[2]) for part in end))
        marks = landmarks[order].numpy()
    clamp = clamp and clamp.rows(order)
    for t, n in enumerate(reads.tolist()):
        lanes = _done(lanes, n, order, end)
        places = begins[:n] + t
        held = clamp.at(t, n, len(lanes.layers)) if clamp else ()
        lanes = reader.step(lanes, texts[np.arange(n), places], held)
        if marks is not None and kept is not None:
            row, mark = np.nonzero(marks[:n] == places[:, None])
            for whole, part in zip(kept, lanes.state(row), strict=True) if len(row) else ():
                whole[order[row], mark] = part.transpose(0, 1)
        if on_step is not None:
            on_step(t, order[:n], lanes)
    _done(lanes, 0, order, end)
    return end, kept


def _done(lanes: Lanes, n: int, order: Tensor, end: State) -> Lanes:
    """Write down where the lanes from n on have ended; the others."""
    if n == len(lanes):
        return lanes
    for whole, part in zip(end, lanes.state(np.arange(n, len(lanes))), strict=True):
        whole[:, order[n : len(lanes)]] = part
    return lanes.chosen(np.arange(n))


def state_after(content: ModelFile, text: str, on_unknown: OnUnknown = "skip", what: str = "text") -> State:
    """The state after some text: (L, 1, H).

    Args:
        content: the model.
        text: what is read, from a zero state.
        on_unknown: what becomes of characters that the model has never seen.
        what: what the text is, for the message.

    Raises:
        UnknownCharacterError: for such a character, if that is an error.
    """
    ids = content.vocabulary.encode(content.normalize(text), on_unknown, what).astype(np.int64)
    return warm_state(Reader(content.model), torch.from_numpy(ids))


def warm_state(reader: Reader, warm: Tensor) -> State:
    """The state after some neutral text: warm (T) -> (L, 1, H)."""
    lanes = Lanes.of(reader.model.zero_state(1))
    for character in warm.numpy()[:, None]:
        lanes = reader.step(lanes, character)
    return lanes.state()


def repeat(state: State, n: int) -> State:
    """A state of one lane for n of them."""
    return State(*(part.expand(-1, n, -1) for part in state))


@torch.no_grad()
def log_odds(
    reader: Reader,
    state: State,
    endings: tuple[Sequence[Tensor], Sequence[Tensor]],
    clamp: Clamp | None = None,
) -> Tensor:
    """Log P(ending of class 0) - log P(ending of class 1), each summed over its characters: (N), nats.

    Args:
        state: (L, N, H) just before the deciding character.
        endings: for each class, N texts of ids.
        clamp: cells to hold while the ending is read.
    """
    texts = [*endings[0], *endings[1]]  # side by side
    ids = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True)
    device = reader.model.device
    lanes = Lanes.of(state).chosen(np.tile(np.arange(state.h.shape[1]), 2))
    total = reader.log_probabilities(lanes).gather(1, ids[:, :1].to(device))[:, 0]

    def score(t: int, rows: Tensor, lanes: Lanes) -> None:
        total[rows.to(device)] += reader.log_probabilities(lanes).gather(1, ids[rows, t + 1, None].to(device))[:, 0]

    start, stop = torch.zeros(len(texts), dtype=torch.int64), torch.tensor([len(text) - 1 for text in texts])
    read(reader, ids, start, stop, lanes, clamp=clamp and clamp.repeat(2), on_step=score)
    of_first, of_second = total.chunk(2)
    return of_first - of_second


@dataclass(frozen=True)
class Trace:
    """What some cells did over every character of every sentence; NaN after a sentence's end.

    Attributes:
        kind: what the cells are.
        state: (N, T, S) cell state, or hidden state where that is probed.
        gates: by their letter, (N, T, S) each.
    """

    kind: Cell
    state: Tensor
    gates: dict[str, Tensor]

    def of(self, sentence: int, length: int) -> Trace:
        """The trace of one sentence, without what comes after its end."""
        gates = {letter: values[[sentence], :length] for letter, values in self.gates.items()}
        return Trace(self.kind, self.state[[sentence], :length], gates)


def trace_cells(
    reader: Reader,
    ids: Tensor,
    length: Tensor,
    state: State,
    cells: Sequence[tuple[int, int]],
    of_hidden: bool,
) -> tuple[State, Trace]:
    """Follow cells (layer and number, both from 0) over whole sentences; the state after each (L, N, H), too."""
    (N, T), S, cell = ids.shape, len(cells), reader.model.cell
    kept = torch.full((N, T, S), torch.nan)
    of_gates = {letter: torch.full((N, T, S), torch.nan) for letter in cell.gates}

    def keep(t: int, rows: Tensor, lanes: Lanes) -> None:
        kept[rows, t] = lanes.of_cells(cells, "h" if of_hidden else "c").cpu()
        for letter, into in of_gates.items():
            into[rows, t] = lanes.of_cells(cells, letter).cpu()

    end, _ = read(reader, ids, torch.zeros_like(length), length, state, on_step=keep if cells else None)
    return end, Trace(cell, kept, of_gates)

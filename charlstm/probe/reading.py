"""A network reads sentences, step by step as `cells` writes it, while some of its cells are held or swapped.

Legend: N sentences, K landmarks, L layers, H hidden, S cells that are watched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from charlstm.network.cells import Cell, Gates, State
from charlstm.network.model import CharLM


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

    def rows(self, rows: slice | Tensor) -> Clamp:
        """The clamp of some of the sentences."""

        def chosen(part: Tensor) -> Tensor:
            return part if part.shape[-2] == 1 else part[..., rows, :]

        return Clamp(chosen(self.layer), chosen(self.cell), chosen(self.value))

    def after(self, steps: Tensor) -> Clamp:
        """What stays when a reading of so many characters is over: steps (N)."""
        if len(self.value) == 1:
            return self
        last = (steps - 1).clamp(0, len(self.value) - 1).to(self.value.device)
        return Clamp(self.layer, self.cell, self.value[last, torch.arange(len(last))][None])

    def masks(self, step: int, num_layers: int, hidden_size: int) -> tuple[Tensor, Tensor]:
        """Which cells are held after the character of a step, bool, and at what value: (L, N or 1, H) each."""
        value = self.value[min(step, len(self.value) - 1)]
        n, S = max(len(self.layer), len(value)), self.layer.shape[1]
        row = torch.arange(n, device=value.device)[:, None].expand(n, S)
        held = torch.zeros(num_layers, n, hidden_size, dtype=torch.bool, device=value.device)
        at = value.new_zeros(num_layers, n, hidden_size)
        held[self.layer, row, self.cell] = True
        at[self.layer, row, self.cell] = value.expand(n, S)
        return held, at


class Snapshots(NamedTuple):
    """The states at the landmarks."""

    h: Tensor  # (N, K, L, H)
    c: Tensor  # (N, K, L, H), or (N, K, L, 0) where there is no cell state


def read_character(
    model: CharLM, ids: Tensor, state: State, clamp: Clamp | None, step: int = 0
) -> tuple[State, list[Gates]]:
    """One character, as `RecurrentStack.step`, with some cells held: ids (N) -> the new state and the gates."""
    if clamp is None:
        return model.stack.step(model.embedding(ids), state)
    held, value = clamp.masks(step, model.config.num_layers, model.config.hidden_size)
    x, hs, cs, gates = model.embedding(ids), [], [], []
    for k, layer in enumerate(model.stack.layers()):
        h, c, gate = model.cell.step(x, state.h[k], state.c[k], layer)
        h, c = model.cell.hold(h, c, gate, held[k], value[k])
        gates.append(gate)
        hs.append(h)
        cs.append(c)
        x = h
    return State(torch.stack(hs), torch.stack(cs)), gates


@torch.no_grad()
def read(
    model: CharLM,
    ids: Tensor,
    start: Tensor,
    stop: Tensor,
    state: State,
    *,
    clamp: Clamp | None = None,
    landmarks: Tensor | None = None,
    on_step: Callable[[int, Tensor, State, list[Gates]], None] | None = None,
) -> tuple[State, Snapshots | None]:
    """Each sentence reads its characters `start` to `stop` (exclusive); those that are done wait.

    Args:
        ids: (N, T).
        start, stop: (N).
        state: (L, N, H) before the first of these characters.
        clamp: cells to hold all the while.
        landmarks: (N, K) characters after which the state is kept.
        on_step: called with the step, the rows that read (a tensor of numbers), their new state and gates.

    Returns:
        the state of each sentence when it was done, and the states at the landmarks.
    """
    order = torch.argsort(start - stop, stable=True)  # the longest first: those that still read are a prefix
    span, begins = (stop - start)[order], start[order]
    h, c = state.h[:, order].clone(), state.c[:, order].clone()
    clamp = clamp and clamp.rows(order)
    kept = None
    if landmarks is not None:
        (N, K), (L, _, H) = landmarks.shape, h.shape
        kept = Snapshots(h.new_zeros(N, K, L, H), c.new_zeros(N, K, L, c.shape[2]))
    for t in range(int(span.max()) if len(span) else 0):
        n = int((span > t).sum())
        rows, places = order[:n], begins[:n] + t
        new, gates = read_character(
            model, ids[rows, places].to(model.device), State(h[:, :n], c[:, :n]), clamp and clamp.rows(slice(n)), t
        )
        h[:, :n], c[:, :n] = new
        if landmarks is not None and kept is not None:
            row, mark = (landmarks[rows] == places[:, None]).nonzero(as_tuple=True)
            kept.h[rows[row], mark] = new.h[:, row].transpose(0, 1)
            kept.c[rows[row], mark] = new.c[:, row].transpose(0, 1)
        if on_step is not None:
            on_step(t, rows, new, gates)
    back = torch.argsort(order)
    return State(h[:, back], c[:, back]), kept


def read_to_landmarks(
    model: CharLM, ids: Tensor, length: Tensor, warm: State, landmarks: Tensor, of_hidden: bool
) -> tuple[State, Tensor]:
    """Whole sentences from a warm state (L, 1, H): the state after each; the probed one at landmarks (N, K, L, H)."""
    start = torch.zeros_like(length)
    end, kept = read(model, ids, start, length, repeat(warm, len(length)), landmarks=landmarks)
    assert kept is not None
    return end, kept.h if of_hidden else kept.c


@torch.no_grad()
def warm_state(model: CharLM, warm: Tensor) -> State:
    """The state after some neutral text: warm (T) -> (L, 1, H)."""
    state = model.zero_state(1)
    for character in warm.to(model.device):
        state, _ = read_character(model, character[None], state, None)
    return state


def repeat(state: State, n: int) -> State:
    """A state of one lane for n of them."""
    return State(*(part.expand(-1, n, -1) for part in state))


@torch.no_grad()
def log_odds(
    model: CharLM,
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
    scores = []
    for texts in endings:
        length = torch.tensor([len(text) for text in texts])
        ids = torch.nn.utils.rnn.pad_sequence(list(texts), batch_first=True)
        first = log_probabilities(model, state.h[-1]).gather(1, ids[:, :1].to(model.device))[:, 0]
        total = [first]

        def score(
            t: int, rows: Tensor, new: State, gates: list[Gates], ids: Tensor = ids, into: list[Tensor] = total
        ) -> None:
            log_p = log_probabilities(model, new.h[-1]).gather(1, ids[rows, t + 1, None].to(model.device))[:, 0]
            into.append(torch.zeros_like(into[0]).index_put((rows.to(model.device),), log_p))

        read(model, ids, torch.zeros_like(length), length - 1, state, clamp=clamp, on_step=score)
        scores.append(torch.stack(total).sum(dim=0))
    return scores[0] - scores[1]


def log_probabilities(model: CharLM, h: Tensor) -> Tensor:
    """What the head makes of the top hidden state: (N, H) -> (N, V), nats."""
    logits: Tensor = model.head(h)
    return logits.log_softmax(dim=1)


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


def trace_cells(
    model: CharLM,
    ids: Tensor,
    length: Tensor,
    state: State,
    cells: Sequence[tuple[int, int]],
    of_hidden: bool,
) -> Trace:
    """Follow cells (layer and number, both from 0) over whole sentences."""
    (N, T), S = ids.shape, len(cells)
    layers, numbers = torch.tensor([layer for layer, _ in cells]), torch.tensor([cell for _, cell in cells])
    kept = torch.full((N, T, S), torch.nan)
    of_gates = {letter: torch.full((N, T, S), torch.nan) for letter in model.cell.gates}

    def keep(t: int, rows: Tensor, new: State, gates: list[Gates]) -> None:
        kept[rows, t] = (new.h if of_hidden else new.c)[layers, :, numbers].T.cpu()
        for letter, into in of_gates.items():
            every_layer = torch.stack([gate[letter] for gate in gates])
            into[rows, t] = every_layer[layers, :, numbers].T.cpu()

    if cells:
        read(model, ids, torch.zeros_like(length), length, state, on_step=keep)
    return Trace(model.cell, kept, of_gates)

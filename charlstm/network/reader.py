"""Many texts at once, a character at a time, fast: the path that `probe` and `explain` take.

The same numbers as `RecurrentStack.step`, but for how a product rounds; no gradients. Three things make it faster:

1. Nothing is computed twice. In each layer, lanes that stand in the same state and read the same are one *row*. So
   sentences that begin alike are read together until they part, and of ten experiments on the second layer, the first
   one is read once.
2. The weights are prepared once (`products`), and the first layer's W_ih x is a table with a row for every character.
3. The cores share the rows. How they are divided follows from their number alone, so the result is the same for every
   number of threads.

    Legend: n lanes, R rows of a layer (R <= n), L layers, H hidden, G blocks of rows (one a gate), V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from charlstm.network.cells import Gates, State
from charlstm.network.model import CharLM
from charlstm.network.products import prepare
from charlstm.network.threads import MAX_PARTS, MIN_LANES, SHARED_FROM, side_by_side, torch_threads

T = TypeVar("T")
Ints = npt.NDArray[np.int64]
LARGEST_PART = 128  # rows: what the gates of a part work on stays near its core


@dataclass(frozen=True)
class Rows:
    """The distinct states of a layer.

    Attributes:
        h, c: (R, H); c is (R, 0) where there is no cell state.
        gates: those of the last step, part by part; none before the first.
        of: (n) which row each lane stands in.
    """

    h: Tensor
    c: Tensor
    gates: Sequence[Gates]
    of: Ints

    def part(self, letter: str) -> Tensor:
        """A state or a gate by its letter: (R, H)."""
        states = {"h": self.h, "c": self.c}
        return states[letter] if letter in states else torch.cat([gates[letter] for gates in self.gates])

    def chosen(self, lanes: Ints) -> Rows:
        """Those that some lanes stand in, without the gates."""
        kept, of = np.unique(self.of[lanes], return_inverse=True)
        return Rows(rows_of(self.h, kept), rows_of(self.c, kept), (), of)


@dataclass(frozen=True)
class Lanes:
    """Where some texts stand."""

    layers: Sequence[Rows]

    @classmethod
    def of(cls, state: State) -> Lanes:
        """Lanes in these states, (L, n, H); equal ones are found."""
        return cls([_distinct(h, c) for h, c in zip(*state, strict=True)])

    def __len__(self) -> int:
        return len(self.layers[0].of)

    def chosen(self, lanes: Ints) -> Lanes:
        """Some of them, or some more than once, without the gates."""
        return Lanes([rows.chosen(lanes) for rows in self.layers])

    def state(self, lanes: Ints | None = None) -> State:
        """The states of all lanes, or of some: (L, n, H)."""
        which = [rows.of if lanes is None else rows.of[lanes] for rows in self.layers]
        h = torch.stack([rows_of(rows.h, of) for rows, of in zip(self.layers, which, strict=True)])
        c = torch.stack([rows_of(rows.c, of) for rows, of in zip(self.layers, which, strict=True)])
        return State(h, c)

    def every(self, letter: str) -> Tensor:
        """A state, h or c, of all cells, or a gate at the last step, by its letter: (L, n, H)."""
        return torch.stack([rows_of(rows.part(letter), rows.of) for rows in self.layers])

    def of_cells(self, cells: Sequence[tuple[int, int]], letter: str) -> Tensor:
        """The same of some cells, layer and number from 0: (n, S)."""
        parts = [rows.part(letter) for rows in self.layers]
        return torch.stack([rows_of(parts[k][:, cell], self.layers[k].of) for k, cell in cells], dim=1)


@dataclass(frozen=True)
class Held:
    """Cells of a layer whose memory is held after a step: an ablation (`Cell.hold`).

    Attributes:
        lane, cell: (m) each; a lane may hold several.
        value: (m).
    """

    lane: Ints
    cell: Ints
    value: Tensor


class Reader:
    """A network that reads, for as long as its weights stay the same.

    Args:
        model: the network.
        threads: that share the rows; None: as many as PyTorch has now.
    """

    def __init__(self, model: CharLM, threads: int | None = None) -> None:
        self.model, self.cell = model, model.cell
        layers = [type(layer)(*(part.detach() for part in layer)) for layer in model.stack.layers()]
        dtype, device = model.head.weight.dtype, model.device
        self.biases = [layer.bias for layer in layers]
        with torch_threads(1):  # how a product rounds may depend on them
            self.table = F.linear(model.embedding.weight.detach(), layers[0].weight_ih)  # (V, G*H)
        self.times_w_ih = [prepare(layer.weight_ih, dtype, MIN_LANES) for layer in layers[1:]]
        self.times_w_hh = [prepare(layer.weight_hh, dtype, MIN_LANES) for layer in layers]
        self.work = layers[0].weight_hh.numel() if device.type == "cpu" else 0  # multiplications a row
        self.threads = min(threads or torch.get_num_threads(), MAX_PARTS)

    @torch.no_grad()
    def step(self, lanes: Lanes, ids: Ints, held: Sequence[Held | None] = ()) -> Lanes:
        """Every lane reads a character, ids (n); `held`: for every layer, the cells that are held."""
        new: list[Rows] = []
        with torch_threads(1):
            for k, own in enumerate(lanes.layers):
                z_x, read = (self._times_w_ih(k, new[-1].h), new[-1].of) if k else (self.table, ids)
                new.append(self._layer(k, own, z_x, read, held[k] if held else None))
        return Lanes(new)

    @torch.no_grad()
    def log_probabilities(self, lanes: Lanes) -> Tensor:
        """What the head makes of the top hidden state: (n, V), nats."""
        top = lanes.layers[-1]
        with torch_threads(1):
            return rows_of(self.model.head(top.h).log_softmax(dim=1), top.of)

    def _times_w_ih(self, k: int, x: Tensor) -> Tensor:
        product = self.times_w_ih[k - 1]
        return torch.cat(self._by_parts(len(x), lambda rows: product(x[rows])))

    def _layer(self, k: int, own: Rows, z_x: Tensor, read: Ints, held: Held | None) -> Rows:
        """One layer: z_x are the distinct W_ih x; read (n) says which of them each lane reads."""
        first, of = _agreeing(own.of, read, len(z_x), held)
        before, read = own.of[first], read[first]  # (R) each
        row = None if held is None else of[held.lane]

        def part(rows: slice) -> tuple[Tensor, Tensor, Gates]:
            start, stop = before[rows.start], before[rows.stop - 1] + 1  # `before` ascends
            z_h = rows_of(self.times_w_hh[k](own.h[start:stop]), before[rows] - start)
            h, c = rows_of(own.h, before[rows]), rows_of(own.c, before[rows])
            h, c, gates = self.cell.gated(rows_of(z_x, read[rows]), z_h, self.biases[k], h, c)
            if held is not None and row is not None:
                self._hold(State(h, c), gates, row - rows.start, held)
            return h, c, gates

        h, c, gates = zip(*self._by_parts(len(first), part), strict=True)
        return Rows(torch.cat(h), torch.cat(c), gates, of)

    def _hold(self, state: State, gates: Gates, row: Ints, held: Held) -> None:
        """Put the values into a part of the rows; row (m): where they belong, which may be outside."""
        inside = np.flatnonzero((row >= 0) & (row < len(state.h)))
        at = (_index(row[inside], state.h), _index(held.cell[inside], state.h))
        values = self.cell.hold(rows_of(held.value, inside), {letter: gate[at] for letter, gate in gates.items()})
        for part, value in zip(state, values, strict=True):
            if part.shape[1]:
                part[at] = value

    def _by_parts(self, rows: int, run: Callable[[slice], T]) -> list[T]:
        return side_by_side([partial(run, part) for part in self._parts(rows)], self.threads)

    def _parts(self, rows: int) -> list[slice]:
        """How rows are divided; into a multiple of four if there are many, so that two or four threads get as much."""
        if rows * self.work < SHARED_FROM or rows < 2 * MIN_LANES:
            number = 1
        else:
            number = 2 if rows < 4 * MIN_LANES else MAX_PARTS * -(-rows // (MAX_PARTS * LARGEST_PART))
        edges = [rows * k // number for k in range(number + 1)]
        return [slice(begin, end) for begin, end in pairwise(edges)]


def rows_of(values: Tensor, rows: Ints) -> Tensor:
    """Some rows of values (N, ...), in this order; a view where one follows the other."""
    if len(rows) and (rows == np.arange(rows[0], rows[0] + len(rows))).all():
        return values[rows[0] : rows[0] + len(rows)]
    return values.index_select(0, _index(rows, values))


def _index(rows: Ints, like: Tensor) -> Tensor:
    return torch.from_numpy(rows).to(like.device)


def _distinct(h: Tensor, c: Tensor) -> Rows:
    """The distinct rows among the states of a layer, (n, H) each."""
    both = torch.cat([h, c], dim=1)
    kept, of = torch.unique(both, dim=0, return_inverse=True)
    if len(kept) == len(h):
        return Rows(h, c, (), np.arange(len(h)))
    return Rows(kept[:, : h.shape[1]].contiguous(), kept[:, h.shape[1] :].contiguous(), (), of.cpu().numpy())


def _agreeing(own: Ints, read: Ints, inputs: int, held: Held | None) -> tuple[Ints, Ints]:
    """Lanes that agree in state and input, and hold no cell, are one row: a lane of each (R), and each lane's row (n).

    Args:
        own: (n) the row that each lane stands in.
        read: (n) which of so many inputs it reads.
    """
    key = own * inputs + read
    if held is not None:
        apart = np.zeros(len(key), dtype=np.int64)
        apart[held.lane] = held.lane + 1
        key = key * (len(key) + 1) + apart
    _, first, of = np.unique(key, return_index=True, return_inverse=True)
    return first, of

"""One cell over a text, character by character: what its gates do, and what they do to its memory.

Two of the gates are valves of the memory; a step is named after which of them are open:

    forget gate   input gate    the memory is
    open          closed        kept
    closed        open          replaced
    open          open          added to
    closed        closed        cleared

Legend: T characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor

from charlstm.errors import CharLSTMError
from charlstm.network.cells import Cell, Gates, State
from charlstm.network.model import CharLM
from charlstm.probe.statistics import without_nan
from charlstm.shown import Shown

LIKELIEST = 5  # characters that may follow
OPEN = 0.5  # a gate that lets half or more through is open


class Step(StrEnum):
    """What one character did to the memory of a cell."""

    kept = "kept"
    replaced = "replaced"
    added_to = "added to"
    cleared = "cleared"


@dataclass(frozen=True, repr=False)
class Walk(Shown):
    """One cell over a text.

    Attributes:
        text: the characters that were read.
        layer, cell: which cell; both from 0.
        kind: what the cell is.
        numbers: its gates at each character and its states after it, by letter, in the order of `Cell.parts`; T each.
        kept, written: the share of the memory that each character kept, and that of the candidate that it wrote; empty
            without gates.
        open_from: from which value on a gate counts as open.
        start: which character of the whole text the first one is, from 1.
        expected: after each character, the likeliest ones to follow and their probabilities, the likeliest first.
    """

    text: str
    layer: int
    cell: int
    kind: Cell
    numbers: dict[str, list[float]]
    kept: list[float]
    written: list[float]
    open_from: float = OPEN
    start: int = 1
    expected: Sequence[Sequence[tuple[str, float]]] = ()

    @property
    def has_gates(self) -> bool:
        """Whether there are gates that say what was kept."""
        return bool(self.kind.keep_gate)

    @property
    def memory(self) -> list[float]:
        """The state that carries the memory."""
        return self.numbers["c" if self.kind.has_cell_state else "h"]

    @property
    def steps(self) -> list[Step]:
        """What each character did to the memory; empty without gates."""
        return [name_step(kept, written, self.open_from) for kept, written in zip(self.kept, self.written, strict=True)]

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object: layers and characters count from 1."""
        about = {"text": self.text, "from": self.start, "layer": self.layer + 1, "cell": self.cell}
        after = [[{"character": c, "probability": p} for c, p in likeliest] for likeliest in self.expected]
        result: dict[str, Any] = without_nan(
            {
                **about,
                "open_from": self.open_from,
                **self.numbers,
                "steps": [step.value for step in self.steps],
                "expected": after,
            }
        )
        return result


def name_step(kept: float, written: float, open_from: float = OPEN) -> Step:
    """What the share that is kept and the share that is written do to the memory between them."""
    if kept >= open_from:
        return Step.added_to if written >= open_from else Step.kept
    return Step.replaced if written >= open_from else Step.cleared


@torch.no_grad()
def read_steps(model: CharLM, ids: Tensor, state: State) -> Iterator[tuple[Tensor, State, State, list[Gates]]]:
    """Read a text from a state (L, 1, H): for every character its embedding (1, E), the states before and after, gates.

    Args:
        ids: (T).

    Raises:
        CharLSTMError: if weights are so large that what comes out is no number.
    """
    for k, character in enumerate(ids.to(model.device)):
        x, before = model.embedding(character[None]), state
        state, gates = model.stack.step(x, before)
        if not (state.h.isfinite().all() and state.c.isfinite().all()):
            raise CharLSTMError(f"the network's numbers are not finite from character {k + 1} on; take another model")
        yield x, before, state, gates


def walk(model: CharLM, ids: Tensor, text: str, state: State, place: tuple[int, int], open_from: float = OPEN) -> Walk:
    """Follow one cell (layer and number, both from 0) over a text from a state (L, 1, H): ids (T)."""
    return walk_cells(model, ids, text, state, [place], open_from)[0]


def walk_cells(
    model: CharLM,
    ids: Tensor,
    text: str,
    state: State,
    places: Sequence[tuple[int, int]],
    open_from: float = OPEN,
    *,
    start: int = 1,
    characters: Sequence[str] = (),
) -> list[Walk]:
    """Follow cells over a text from a state (L, 1, H).

    Args:
        ids: (T).
        text: what they stand for.
        places: layer and number of each cell, both from 0.
        open_from: from which value on a gate counts as open.
        start: the first character that is told of, from 1; what is before it is only read.
        characters: the vocabulary, by id; without it nothing is said of what may follow.

    Raises:
        CharLSTMError: as `read_steps`.
    """
    kind = model.cell
    numbers: list[dict[str, list[float]]] = [{letter: [] for letter in kind.parts} for _ in places]
    kept: list[list[float]] = [[] for _ in places]
    written: list[list[float]] = [[] for _ in places]
    expected = []
    for at, (_, _, after, gates) in enumerate(read_steps(model, ids, state), 1):
        if at < start:
            continue
        for k, (layer, cell) in enumerate(places):
            gate = {letter: values[0, cell] for letter, values in gates[layer].items()}
            for letter, value in gate.items():
                numbers[k][letter].append(float(value))
            for letter, part in after._asdict().items():
                if letter in numbers[k]:
                    numbers[k][letter].append(float(part[layer, 0, cell]))
            if kind.keep_gate:
                kept[k].append(float(kind.kept(gate)))
                written[k].append(float(kind.write_share(gate)))
        if characters:
            likeliest = model.head(after.h[-1])[0].softmax(dim=0).topk(min(LIKELIEST, len(characters)))
            expected.append([(characters[c], p) for p, c in zip(*map(Tensor.tolist, likeliest), strict=True)])
    return [
        Walk(text[start - 1 :], *place, kind, numbers[k], kept[k], written[k], open_from, start, expected)
        for k, place in enumerate(places)
    ]

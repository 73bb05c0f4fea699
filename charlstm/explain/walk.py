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

from collections.abc import Iterator
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
    """

    text: str
    layer: int
    cell: int
    kind: Cell
    numbers: dict[str, list[float]]
    kept: list[float]
    written: list[float]
    open_from: float = OPEN

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
        """Return it as a JSON object: layers count from 1."""
        about = {"text": self.text, "layer": self.layer + 1, "cell": self.cell, "open_from": self.open_from}
        result: dict[str, Any] = without_nan({**about, **self.numbers, "steps": [step.value for step in self.steps]})
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
    layer, cell = place
    kind = model.cell
    numbers: dict[str, list[float]] = {letter: [] for letter in kind.parts}
    kept, written = [], []
    for _, _, after, gates in read_steps(model, ids, state):
        gate = {letter: values[0, cell] for letter, values in gates[layer].items()}
        for letter, value in gate.items():
            numbers[letter].append(float(value))
        for letter, part in after._asdict().items():
            if letter in numbers:
                numbers[letter].append(float(part[layer, 0, cell]))
        if kind.keep_gate:
            kept.append(float(kind.kept(gate)))
            written.append(float(kind.write_share(gate)))
    return Walk(text, layer, cell, kind, numbers, kept, written, open_from)

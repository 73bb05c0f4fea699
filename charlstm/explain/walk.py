"""One cell over a text, character by character: what its gates do, and what they do to its memory.

The documents that charlstm was conceived from call the gates valves; by which of two are open a step is named:

    forget gate   input gate    the memory is
    open          closed        kept
    closed        open          replaced
    open          open          added to
    closed        closed        cleared

Legend: T characters.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor

from charlstm.errors import CharLSTMError
from charlstm.network.lstm import Gates, State
from charlstm.network.model import CharLM
from charlstm.probe.statistics import without_nan

OPEN = 0.5  # a gate that lets half or more through is open


class Step(StrEnum):
    """What one character did to the memory of a cell."""

    kept = "kept"
    replaced = "replaced"
    added_to = "added to"
    cleared = "cleared"


@dataclass(frozen=True)
class Walk:
    """One cell over a text. Each list has T numbers; a plain RNN has only h, the others are NaN.

    Attributes:
        text: the characters that were read.
        layer, cell: which cell; both from 0.
        f, i, o: forget, input and output gate, 0 to 1.
        g: candidate, -1 to 1.
        c, h: cell state and hidden state after the character.
        open_from: from which value on a gate counts as open.
    """

    text: str
    layer: int
    cell: int
    f: list[float]
    i: list[float]
    g: list[float]
    o: list[float]
    c: list[float]
    h: list[float]
    open_from: float = OPEN

    @property
    def has_gates(self) -> bool:
        """Whether it is a cell of an LSTM."""
        return not any(map(math.isnan, self.f))

    @property
    def steps(self) -> list[Step]:
        """What each character did to the memory; empty in a plain RNN."""
        gates = zip(self.f, self.i, strict=True)
        return [name_step(f, i, self.open_from) for f, i in gates] if self.has_gates else []

    def to_dict(self) -> dict[str, Any]:
        """As a JSON object: layers count from 1."""
        numbers = {name: getattr(self, name) for name in "figoch"}
        about = {"text": self.text, "layer": self.layer + 1, "cell": self.cell, "open_from": self.open_from}
        result: dict[str, Any] = without_nan({**about, **numbers, "steps": [step.value for step in self.steps]})
        return result


def name_step(f: float, i: float, open_from: float = OPEN) -> Step:
    """What forget gate f and input gate i do to the memory between them."""
    if f >= open_from:
        return Step.added_to if i >= open_from else Step.kept
    return Step.replaced if i >= open_from else Step.cleared


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
    numbers: dict[str, list[float]] = {name: [] for name in "figoch"}
    for _, _, after, gates in read_steps(model, ids, state):
        for name in "figo":
            numbers[name].append(float(getattr(gates[layer], name)[0, cell]) if gates else math.nan)
        numbers["c"].append(float(after.c[layer, 0, cell]) if gates else math.nan)
        numbers["h"].append(float(after.h[layer, 0, cell]))
    return Walk(text, layer, cell, **numbers, open_from=open_from)

"""One step of one cell written out: the equations of its type with its numbers, each line to be checked by hand.

Every line is right to its last digit (`network.cells.written`); the last one, h_t, is then the network's own to within
a few units of the last digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from typing import Any

import torch
from torch import Tensor

from charlstm.explain.walk import read_steps
from charlstm.network.cells.base import State
from charlstm.network.cells.written import Equation, Terms, to_digits
from charlstm.network.model import CharLM

EXACT = Context(prec=100)  # digits: float32 goes up to 3e38, and two of these are multiplied


@dataclass(frozen=True)
class WrittenStep:
    """One step of one cell in numbers.

    Attributes:
        text: what was read up to the character of this step, and it.
        before: what the cell held before the step; None without gates.
        equations: in the order in which they are computed.
        c, h: the network's own numbers after the step; c is None without a cell state.
    """

    text: str
    layer: int
    cell: int
    before: Decimal | None
    equations: tuple[Equation, ...]
    c: float | None
    h: float

    @property
    def at(self) -> int:
        """Which character it is, from 0."""
        return len(self.text) - 1

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object: characters and layers count from 1."""
        memory = "h_before" if self.c is None else "c_before"
        before = None if self.before is None else float(self.before)
        equations = [equation.to_dict() for equation in self.equations]
        numbers = {"c_before": None, memory: before, "equations": equations, "c": self.c, "h": self.h}
        return {"text": self.text, "at": self.at + 1, "layer": self.layer + 1, "cell": self.cell, **numbers}


@torch.no_grad()
def write_step(model: CharLM, ids: Tensor, text: str, state: State, place: tuple[int, int], at: int) -> WrittenStep:
    """The step at character `at` (from 0) of a text that is read from a state (L, 1, H): ids (T)."""
    with localcontext(EXACT):
        return _write_step(model, ids, text, state, place, at)


def _write_step(model: CharLM, ids: Tensor, text: str, state: State, place: tuple[int, int], at: int) -> WrittenStep:
    layer, cell = place
    *_, (x, before, after, _) = read_steps(model, ids[: at + 1], state)
    below = x if layer == 0 else after.h[layer - 1]  # what this layer reads: (1, E or H)
    memory = float(model.cell.memory_of(before)[layer, 0, cell])
    equations = model.cell.equations(_terms(model, below, before.h[layer], layer, cell), memory)
    c, h = (float(part[layer, 0, cell]) if part.numel() else None for part in (after.c, after.h))
    assert h is not None
    held = to_digits(memory) if model.cell.keep_gate else None
    return WrittenStep(text[: at + 1], layer, cell, held, tuple(equations), c, h)


def _terms(model: CharLM, below: Tensor, h: Tensor, layer: int, cell: int) -> Terms:
    """What the pre-activations are sums of."""
    weights, H = model.stack.layer(layer), model.config.hidden_size

    def products(weight: Tensor, vector: Tensor) -> dict[str, Decimal]:
        rows = (weight[k * H + cell].double() @ vector[0].double() for k in range(len(model.cell.rows)))
        return {letter: to_digits(float(value)) for letter, value in zip(model.cell.rows, rows, strict=True)}

    bias = {letter: to_digits(float(weights.bias[k * H + cell])) for k, letter in enumerate(model.cell.bias_rows)}
    return Terms(products(weights.weight_ih, below), products(weights.weight_hh, h), bias)

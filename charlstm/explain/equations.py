"""One step of one cell written out: the six equations of `lstm` with its numbers, each line to be checked by hand.

Numbers are decimals with `DIGITS` places. What a line adds or multiplies is what stands in it, so that every line is
right to its last digit; the last one, h_t, is then the network's own to within a few units of the last digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from typing import Any

import torch
from torch import Tensor

from charlstm.explain.walk import read_steps
from charlstm.network.lstm import State
from charlstm.network.model import CharLM

DIGITS = 6
UNIT = Decimal(1).scaleb(-DIGITS)
EXACT = Context(prec=100)  # digits: float32 goes up to 3e38, and two of these are multiplied


@dataclass(frozen=True)
class Equation:
    """One equation with a cell's numbers.

    Attributes:
        name: what it gives: `f_t`.
        meaning: what that is.
        symbols: the right-hand side as `lstm` writes it.
        numbers: the same with numbers, from the first line to the last but one.
        value: what comes out.
    """

    name: str
    meaning: str
    symbols: str
    numbers: tuple[str, ...]
    value: Decimal

    def to_dict(self) -> dict[str, Any]:
        """As a JSON object."""
        return {**vars(self), "numbers": list(self.numbers), "value": float(self.value)}


@dataclass(frozen=True)
class WrittenStep:
    """One step of one cell in numbers.

    Attributes:
        text: what was read up to the character of this step, and it.
        c_before: the cell state before the step; None in a plain RNN.
        equations: in the order in which they are computed.
        c, h: the network's own numbers after the step; c is None in a plain RNN.
    """

    text: str
    layer: int
    cell: int
    c_before: Decimal | None
    equations: tuple[Equation, ...]
    c: float | None
    h: float

    @property
    def at(self) -> int:
        """Which character it is, from 0."""
        return len(self.text) - 1

    def to_dict(self) -> dict[str, Any]:
        """As a JSON object: characters and layers count from 1."""
        before = None if self.c_before is None else float(self.c_before)
        equations = [equation.to_dict() for equation in self.equations]
        numbers = {"c_before": before, "equations": equations, "c": self.c, "h": self.h}
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
    sums = _sums(model, below, before.h[layer], layer, cell)
    h = float(after.h[layer, 0, cell])
    if model.config.cell_type == "rnn":
        z = _activation("h_t", "hidden state", "", sums[0], "tanh", "W_i x_t + W_h h_{t-1} + b")
        return WrittenStep(text[: at + 1], layer, cell, None, (z,), None, h)
    i, f, g, o = (
        _activation(f"{letter}_t", meaning, letter, terms, "tanh" if letter == "g" else "sigmoid")
        for letter, meaning, terms in zip(
            "ifgo", ("input gate", "forget gate", "candidate", "output gate"), sums, strict=True
        )
    )
    c_before = to_digits(float(before.c[layer, 0, cell]))
    c = _cell_state(f.value, c_before, i.value, g.value)
    shown = _hidden_state(o.value, c.value)
    return WrittenStep(text[: at + 1], layer, cell, c_before, (f, i, g, o, c, shown), float(after.c[layer, 0, cell]), h)


def _sums(model: CharLM, below: Tensor, h: Tensor, layer: int, cell: int) -> list[tuple[Decimal, Decimal, Decimal]]:
    """What the pre-activation of each gate is the sum of: from the input, from the hidden state, and the bias."""
    weights = model.stack.layer(layer)
    found = []
    for gate in range(model.stack.num_gates):
        row = gate * model.config.hidden_size + cell
        parts = (
            weights.weight_ih[row].double() @ below[0].double(),
            weights.weight_hh[row].double() @ h[0].double(),
            weights.bias[row],
        )
        found.append((to_digits(float(parts[0])), to_digits(float(parts[1])), to_digits(float(parts[2]))))
    return found


def _activation(
    name: str, meaning: str, letter: str, terms: tuple[Decimal, Decimal, Decimal], function: str, inside: str = ""
) -> Equation:
    """A gate or a plain RNN's hidden state: a function of three terms."""
    inside = inside or f"W_i{letter} x_t + W_h{letter} h_{{t-1}} + b_{letter}"
    z = sum(terms, Decimal(0))
    value = _rounded(_sigmoid(z) if function == "sigmoid" else _tanh(z))
    added = f"{signed(terms[0])} {joined(terms[1])} {joined(terms[2])}"
    return Equation(name, meaning, f"{function}({inside})", (f"{function}({added})", f"{function}({signed(z)})"), value)


def _cell_state(f: Decimal, c_before: Decimal, i: Decimal, g: Decimal) -> Equation:
    kept, written = _rounded(f * c_before), _rounded(i * g)
    numbers = (f"{f} * {signed(c_before)} + {i} * {signed(g)}", f"{signed(kept)} {joined(written)}")
    return Equation("c_t", "cell state", "f_t * c_{t-1} + i_t * g_t", numbers, kept + written)


def _hidden_state(o: Decimal, c: Decimal) -> Equation:
    squashed = _rounded(_tanh(c))
    numbers = (f"{o} * tanh({signed(c)})", f"{o} * {signed(squashed)}")
    return Equation("h_t", "hidden state", "o_t * tanh(c_t)", numbers, _rounded(o * squashed))


def signed(value: Decimal) -> str:
    """With its sign, as the first of several terms."""
    return f"{value:+f}"


def joined(value: Decimal) -> str:
    """With a sign to add it by, as a later term."""
    return f"{'-' if value < 0 else '+'} {abs(value):f}"


def to_digits(value: float) -> Decimal:
    """A number with `DIGITS` places."""
    return _rounded(Decimal(value))


def _rounded(value: Decimal) -> Decimal:
    """To `DIGITS` places; a zero has no sign."""
    return value.quantize(UNIT) + 0


def _sigmoid(z: Decimal) -> Decimal:
    z = max(min(z, Decimal(1000)), Decimal(-1000))  # beyond, it is 0 or 1 to hundreds of digits
    return 1 / (1 + (-z).exp()) if z >= 0 else z.exp() / (1 + z.exp())


def _tanh(z: Decimal) -> Decimal:
    return 2 * _sigmoid(2 * z) - 1

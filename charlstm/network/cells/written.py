"""Equations written out in decimals, each line to be checked by hand.

Numbers have `DIGITS` places. What a line adds or multiplies is what stands in it, so that every line is right to its
last digit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

DIGITS = 6
UNIT = Decimal(1).scaleb(-DIGITS)


@dataclass(frozen=True)
class Equation:
    """One equation with a cell's numbers.

    Attributes:
        name: what it gives: `f_t`.
        meaning: what that is.
        symbols: the right-hand side as the cell type's file writes it.
        numbers: the same with numbers, from the first line to the last but one.
        value: what comes out.
    """

    name: str
    meaning: str
    symbols: str
    numbers: tuple[str, ...]
    value: Decimal

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {**vars(self), "numbers": list(self.numbers), "value": float(self.value)}


class Terms(NamedTuple):
    """What the pre-activations of one cell at one step are sums of, by the letters of the rows."""

    from_input: Mapping[str, Decimal]  # W_ih x_t
    from_hidden: Mapping[str, Decimal]  # W_hh h_{t-1}
    bias: Mapping[str, Decimal]

    def of(self, row: str) -> tuple[Decimal, Decimal, Decimal]:
        """All three of a row that has one bias."""
        return self.from_input[row], self.from_hidden[row], self.bias[row]


def activation(name: str, meaning: str, function: str, symbols: str, terms: tuple[Decimal, ...]) -> Equation:
    """A function, "sigmoid" or "tanh", of a sum."""
    z = sum(terms, Decimal(0))
    first, *others = terms
    added = " ".join([signed(first), *map(joined, others)])
    numbers = (f"{function}({added})", f"{function}({signed(z)})")
    return Equation(
        name, meaning, f"{function}({symbols})", numbers, rounded(sigmoid(z) if function == "sigmoid" else tanh(z))
    )


def signed(value: Decimal) -> str:
    """With its sign, as the first of several terms."""
    return f"{value:+f}"


def joined(value: Decimal) -> str:
    """With a sign to add it by, as a later term."""
    return f"{'-' if value < 0 else '+'} {abs(value):f}"


def to_digits(value: float) -> Decimal:
    """A number with `DIGITS` places."""
    return rounded(Decimal(value))


def rounded(value: Decimal) -> Decimal:
    """To `DIGITS` places; a zero has no sign."""
    return value.quantize(UNIT) + 0


def sigmoid(z: Decimal) -> Decimal:
    """1 / (1 + exp(-z))."""
    z = max(min(z, Decimal(1000)), Decimal(-1000))  # beyond, it is 0 or 1 to hundreds of digits
    return 1 / (1 + (-z).exp()) if z >= 0 else z.exp() / (1 + z.exp())


def tanh(z: Decimal) -> Decimal:
    """2 sigmoid(2z) - 1."""
    return 2 * sigmoid(2 * z) - 1

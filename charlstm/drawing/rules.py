"""Rules: what a stream may write.

Legend: V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

Allowed = npt.NDArray[np.bool_]  # (V): which ids may come next


class Rule(Protocol):
    """What one stream may write. It is asked before every character, and told every character."""

    def allowed(self, left: int) -> Allowed | None:
        """Which ids may come next, (V); None: all of them. All others are masked. If there is none, the text ends.

        Args:
            left: how many characters the stream may still write, this one included; at least 1.
        """

    def push(self, drawn: int, left: int) -> bool:
        """Take an id that was drawn, one of those that are allowed. False: the text ends before it.

        Args:
            left: as it was for `allowed`.
        """


class Every:
    """Several rules as one: an id is allowed where all allow it, and the first that ends the text ends it."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules

    def allowed(self, left: int) -> Allowed | None:
        """As in `Rule`."""
        masks = [mask for rule in self.rules if (mask := rule.allowed(left)) is not None]
        return np.logical_and.reduce(masks) if masks else None

    def push(self, drawn: int, left: int) -> bool:
        """As in `Rule`."""
        return all(rule.push(drawn, left) for rule in self.rules)

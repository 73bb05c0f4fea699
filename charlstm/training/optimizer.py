"""What all optimisers have in common.

PyTorch's own classes import its compiler when the first of them is made, and a person waits 1.7 seconds for that before
the first step. So the classes are ours; the arithmetic of AdamW is PyTorch's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor


class Optimizer(ABC):
    """Moves weights against their gradients.

    Args:
        groups: "params", the weights of a group, and the settings that it has of its own.
        settings: of all groups.

    Attributes:
        param_groups: the groups; their settings may be changed between two steps.
        state: what is remembered of each weight that was moved, by name.
    """

    def __init__(self, groups: Iterable[Mapping[str, Any]], **settings: Any) -> None:
        self.param_groups: list[dict[str, Any]] = [
            {**settings, **group, "params": list(group["params"])} for group in groups
        ]
        self.state: dict[Tensor, dict[str, Tensor]] = {}

    @property
    def params(self) -> list[Tensor]:
        """All that it moves, in order."""
        return [p for group in self.param_groups for p in group["params"]]

    @abstractmethod
    def step(self) -> None:
        """Move every weight that has a gradient."""

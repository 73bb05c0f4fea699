"""Sums in one fixed order.

Floating-point addition is not associative, so a sum has the same bits only if it is taken in the same order. Here that
is the order of a binary tree over the summands: ((0 + 1) + (2 + 3)) + ... . Whoever holds a whole branch may add it up
alone, so any number of processes that is a power of two comes to the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor


def tree_sum(summands: Iterable[Tensor]) -> Tensor:
    """The sum of 2^n tensors of one shape, in the order of a binary tree. They are overwritten; n + 1 live at a time.

    Raises:
        ValueError: if their number is no power of two.
    """
    branches: list[tuple[int, Tensor]] = []  # height and sum, the highest first
    for tensor in summands:
        height = 0
        while branches and branches[-1][0] == height:
            tensor = branches.pop()[1].add_(tensor)
            height += 1
        branches.append((height, tensor))
    if len(branches) != 1:
        raise ValueError("a binary tree has a power of two of leaves")
    return branches[0][1]

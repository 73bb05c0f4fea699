"""All of a step but its matrix products: functions that take every number on its own.

`scan` calls them T times a window. They write into memory that is there already. They run as they stand, or as
TorchScript (`scripted`), or compiled by PyTorch into one loop that reads and writes every number once (`compiling`):
one source for all.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor


class GateFunctions(NamedTuple):
    """The gates of one step and their gradients, ready to be called."""

    forward: Callable[..., None]
    backward: Callable[..., None]


class Pointwise(NamedTuple):
    """A function that can be compiled, and what the compiler must know of it."""

    function: Callable[..., None]
    reads: int  # its first arguments, which it only reads
    updates: int  # those after them, which it reads and writes; all others it only writes
    # arguments of the types and strides that the scan passes, always the same numbers, for B, H, type of the products
    example: Callable[[int, int, torch.dtype], list[Tensor]]


def tanh(x: Tensor, out: Tensor) -> Tensor:
    """The hyperbolic tangent; compiled, as 2 sigmoid(2x) - 1: one exponential, which vectorises better."""
    if not torch.jit.is_scripting() and torch.compiler.is_compiling():  # type: ignore[attr-defined]
        return out.copy_(2 * torch.sigmoid(2 * x) - 1)
    return torch.tanh(x, out=out)


@cache
def scripted(function: Callable[..., None]) -> Callable[..., None]:
    """The same function as TorchScript, or as it stands where PyTorch has that no more.

    TorchScript goes from one operation to the next without Python. It gives the same bits, and Python's lock, which
    threads would pass to and fro a dozen times a step, is free all the while.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            script: Callable[..., None] = torch.jit.script(function)
    except Exception:  # whatever a later version raises: it is only slower without
        return function
    return script

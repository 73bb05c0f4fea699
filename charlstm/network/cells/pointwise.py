"""All of a step but its matrix products: functions that take every number on its own.

`scan` calls them T times a window. They write into memory that is there already. They run as they stand, or as
TorchScript (`scripted`); what is faster, in C++ (`native`) or on a GPU (`fused`), must compute the same.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor


class WindowFunctions(NamedTuple):
    """All steps of a window, products included, in one call each.

    forward(z_x, ids, weight_hh, bias, gates, memory, shown, keep)
        z_x, ids: W_ih x, as `InputPart.part` gives it
        gates: (T, B, 4*H), or one step without `keep`, written
        memory: (T + 1, B, H), or two steps without `keep`; the first is given, the others are written
        shown: (T + 1, B, H), likewise: h in the type of the products
    backward(weight_hh, d_above, gates, memory, d_h, d_memory, d_zx, d_zh)
        d_above: (T, B, H), in the type of the products
        gates, memory: as `forward` left them
        d_h, d_memory: (B, H), of the states after the window when called, of those before it after; where the hidden
            state is the memory, d_h is what came through the products
        d_zx, d_zh: (T, B, G*H), written in the type of the products; where both are the same, one memory
    stepper(layer, h, c, table)
        a function that reads one character after the other, where the window is not known before:
        (ids (B), or what the layer below shows (B, H)) -> what this one shows, (B, H)
    """

    forward: Callable[..., None]
    backward: Callable[..., None]
    stepper: Callable[..., Callable[[Tensor, Tensor | None], Tensor]]


class GateFunctions(NamedTuple):
    """The gates of one step and their gradients, ready to be called; or all steps of a window at once."""

    forward: Callable[..., None]
    backward: Callable[..., None]
    window: WindowFunctions | None = None


class Pointwise(NamedTuple):
    """A function, and what those must know of it who compute the same in another way."""

    function: Callable[..., None]
    passed: tuple[int, ...]  # which of its arguments the C++ takes; the first of some blocks stands for all of them
    # arguments of the types and strides that the scan passes, always the same numbers, for B, H, type of the products
    example: Callable[[int, int, torch.dtype], list[Tensor]]


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

"""What the fused steps of the cell types share.

A fused step is one Triton kernel that does all of a step but its matrix products: it adds the bias, computes the gates
and the states, and reads and writes every number once.

It computes what the functions in `pointwise` compute, from arguments of the same types and strides. The files
`lstm_fused` and `gru_fused` hold the kernels; they need Triton, which PyTorch brings with it for CUDA, and are imported
only where there is a GPU.

Each program of a kernel has `BLOCK` cells of one lane. In its code a pointer is a tensor, too. (Tillet, Kung & Cox
2019, "Triton: an intermediate language and compiler for tiled neural network computations".)
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 256


def launch(kernel: Any, state: Tensor, *arguments: Tensor) -> None:
    """Run a kernel over all cells of all lanes; `state`: any tensor (B, H) on the device."""
    B, H = state.shape
    with torch.cuda.device_of(state):  # Triton launches on the current device, whatever it is given
        kernel[(B, triton.cdiv(H, BLOCK))](*arguments, H, BLOCK)


@triton.jit
def cells(H: tl.constexpr, BLOCK: tl.constexpr) -> Any:
    """The cells of this program, and which of them there are."""
    cell = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    return cell, cell < H


@triton.jit
def in_rows_of(width: tl.constexpr, cell: tl.tensor) -> tl.tensor:
    """Where the cells lie in a tensor with a row of so many numbers for each lane."""
    return tl.program_id(0).to(tl.int64) * width + cell


@triton.jit
def load(place: tl.tensor, inside: tl.tensor, like: tl.tensor) -> tl.tensor:
    """The numbers of the cells inside, in the type of those that `like` points to."""
    return tl.load(place, mask=inside).to(like.dtype.element_ty)


@triton.jit
def store(place: tl.tensor, numbers: tl.tensor, inside: tl.tensor) -> None:
    """Write the numbers of the cells inside, in the type that the place has."""
    tl.store(place, numbers.to(place.dtype.element_ty), mask=inside)


@triton.jit
def tanh(x: tl.tensor) -> tl.tensor:
    """The hyperbolic tangent, from the one function of its kind that Triton has everywhere."""
    return 2 * tl.sigmoid(2 * x) - 1

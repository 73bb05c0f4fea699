"""Matrix products with a right-hand side that stays the same for a whole window.

A recurrent weight is multiplied T times before it changes, so whatever a product does to its weight first
(transpose, narrow, rearrange for the matrix unit) is done once a window here. Which kind runs follows from
type, device and what is installed, never from a stopwatch, and its name is recorded with every run.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

Product = Callable[[Tensor], Tensor]  # (B, K) -> (B, N)


# cells a layer from which bfloat16 pays, by what multiplies it; below, the calls cost more than the arithmetic
BF16_FROM = {"avx512": 96, "amx": 192, "cuda": 192}


def choose_compute_dtype(precision: str, device: torch.device, hidden_size: int) -> torch.dtype:
    """The type of the matrix products for `--precision auto|fp32|bf16`.

    "auto" takes bfloat16 in layers that are wide enough for it to pay on this device. Measured, one layer, 32 lanes of
    64, times as fast as float32: with AVX-512's own instructions 0.89, 1.26, 1.46 and 1.49 with 64, 96, 128 and 160
    cells; with AMX 0.75, 0.96, 1.11 and 1.33 with 64, 128, 192 and 256.
    """
    if precision == "fp32":
        return torch.float32
    if precision == "bf16":
        return torch.bfloat16
    multiplier = bf16_multiplier(device)
    return torch.bfloat16 if multiplier and hidden_size >= BF16_FROM[multiplier] else torch.float32


def bf16_multiplier(device: torch.device) -> str | None:
    """What multiplies bfloat16 matrices on this device, faster than it does float32 ones: a key of `BF16_FROM`."""
    if device.type == "cuda":
        return "cuda" if torch.cuda.get_device_capability(device) >= (8, 0) else None
    # PyTorch knows the processor's instructions, under names that are not public
    known = {"amx": "_is_amx_tile_supported", "avx512": "_is_avx512_bf16_supported"}
    there = (name for name, function in known.items() if getattr(torch.cpu, function, lambda: False)())
    return next(there, None) if device.type == "cpu" else None


def has_matrix_unit(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether this device multiplies whole matrices of this type at once, which oneDNN's products do."""
    return dtype == torch.bfloat16 and bf16_multiplier(device) == "amx"


SHORT_NAMES = {torch.bfloat16: "bf16", torch.float32: "fp32", torch.float64: "fp64"}
PACKED_FROM = 1 << 20  # multiplications: in a smaller float32 product the call costs more than it saves


@cache
def can_pack(dtype: torch.dtype) -> bool:
    """Whether oneDNN's rearranged weights are there and right: tried once, on a product small enough to check.

    PyTorch has them for its compiler's use, without a public name, so nothing is taken for granted.
    """
    try:
        x, w = torch.ones(2, 32, dtype=dtype), torch.ones(16, 32, dtype=dtype)
        packed = torch.ops.mkldnn._reorder_linear_weight(w, 2)
        y = torch.ops.mkldnn._linear_pointwise(x, packed, None, "none", [], "")
    except (AttributeError, RuntimeError, TypeError):
        return False
    return y.dtype == dtype and bool((y == 32).all())


def product_name(compute_dtype: torch.dtype, device: torch.device, multiplications: int) -> str:
    """The kind of product that `prepare` makes, as recorded in a run: "bf16-packed", "fp32-packed", "bf16", ...

    Args:
        multiplications: B * N * K.
    """
    name = SHORT_NAMES[compute_dtype]
    pays = name == "bf16" or (name == "fp32" and multiplications >= PACKED_FROM)
    return f"{name}-packed" if pays and device.type == "cpu" and can_pack(compute_dtype) else name


def prepare(weight: Tensor, compute_dtype: torch.dtype, batch_size: int) -> Product:
    """The product x (B, K) -> x @ weight.T (B, N), for many x and one `weight` (N, K), in `compute_dtype`."""
    w = weight.detach().to(compute_dtype)
    if product_name(compute_dtype, weight.device, batch_size * weight.numel()).endswith("-packed"):
        packed = torch.ops.mkldnn._reorder_linear_weight(w.contiguous(), batch_size)
        return lambda x: torch.ops.mkldnn._linear_pointwise(x, packed, None, "none", [], "")
    w_t = w.T.contiguous()
    return lambda x: torch.mm(x, w_t)

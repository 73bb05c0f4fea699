"""How a window is computed: in which type the matrix products, and whether its steps are compiled.

The choice follows from shapes, device, and the amount of work, never from a stopwatch: the same command gives the
same numbers every time. Its name is recorded with every run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch

from charlstm.config import ModelConfig, Precision
from charlstm.in_numpy.shapes import num_parameters
from charlstm.network.cells import CELLS
from charlstm.network.cells.pointwise import GateFunctions
from charlstm.network.compiling import CompileError, are_built, compiled_steps
from charlstm.network.fusing import fused_gates
from charlstm.network.products import (
    SHORT_NAMES,
    bf16_multiplier,
    choose_compute_dtype,
    has_matrix_unit,
    product_name,
)

WORTH_COMPILING = 1e12  # floating-point operations: some ten seconds of a core


class Kernels(NamedTuple):
    """How a window is computed."""

    compute_dtype: torch.dtype  # of the matrix products
    compiled: GateFunctions | None = None  # the steps, or their gates alone; None: as they stand
    problem: str = ""  # why they are not compiled, where they should be

    def name(self, config: ModelConfig, batch_size: int, device: torch.device) -> str:
        """As recorded in a run, such as "bf16, compiled C++", "bf16-packed, eager", or "bf16, fused" on a GPU.

        Runs of earlier versions, whose gates PyTorch compiled, say "compiled" alone.
        """
        if self.compiled is not None and self.compiled.window is not None:
            return f"{SHORT_NAMES[self.compute_dtype]}, compiled C++"
        multiplications = len(CELLS[config.cell_type].rows) * config.hidden_size**2 * batch_size
        gates = "eager" if self.compiled is None else "compiled C++" if device.type == "cpu" else "fused"
        return f"{product_name(self.compute_dtype, device, multiplications)}, {gates}"


def choose_kernels(
    config: ModelConfig,
    device: torch.device,
    precision: Precision = "auto",
    *,
    compiled: bool = False,
    on_compile: Callable[[], None] = lambda: None,
) -> Kernels:
    """The kernels for a network.

    Args:
        precision: of the matrix products.
        compiled: whether to compile the steps, where that can be done.
        on_compile: called before they are compiled, which takes a moment.
    """
    dtype = choose_compute_dtype(precision, device, config.hidden_size)
    if not compiled or not CELLS[config.cell_type].pointwise or device.type not in ("cpu", "cuda"):
        return Kernels(dtype)
    try:
        if device.type == "cuda":
            return Kernels(dtype, fused_gates(config.cell_type, config.hidden_size, dtype, device))
        if not are_built(config.cell_type, dtype):
            on_compile()
        return Kernels(dtype, compiled_steps(config.cell_type, dtype, not has_matrix_unit(dtype, device)))
    except CompileError as e:
        return Kernels(dtype, problem=str(e))


def precision_again(name: str, device: torch.device) -> Precision:
    """What "auto" came to when kernels of this name (`Kernels.name`) were chosen on a device of this kind.

    It is "auto" again where bfloat16 is not fast here.
    """
    if name.startswith("fp32"):
        return "fp32"
    return "bf16" if name.startswith("bf16") and bf16_multiplier(device) else "auto"


def worth_compiling(config: ModelConfig, characters: float, passes: int = 1) -> bool:
    """Whether so many characters are work enough to compile for.

    Args:
        passes: 1 to read them, 3 to learn from them (Kaplan et al. 2020, section 2.1: backward costs twice forward).
    """
    return 2.0 * passes * num_parameters(config) * characters >= WORTH_COMPILING

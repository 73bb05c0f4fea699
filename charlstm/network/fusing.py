"""The gates as one Triton kernel a step, on a GPU: compiled for its widths and types when they are first used."""

from __future__ import annotations

from functools import cache

import torch

from charlstm.network.cells import CELLS
from charlstm.network.cells.pointwise import GateFunctions
from charlstm.network.compiling import CompileError, check_results


@cache
def fused_gates(cell_type: str, hidden_size: int, dtype: torch.dtype, device: torch.device) -> GateFunctions | None:
    """The fused gates of a layer, once they have computed on the device what the gates as they stand do.

    That also compiles them, so that nothing is compiled while a window is recorded (`training.graphed`). Triton keeps
    what it has compiled in a cache of its own.

    Args:
        cell_type: a name in `CELLS`.
        hidden_size: H.
        dtype: of the matrix products. Triton compiles once more for windows of other types.
        device: a GPU; or the processor, in Triton's interpreter.

    Returns:
        None where the cell type has none, or there is no Triton.

    Raises:
        CompileError: where they do not compile, or compute something else.
    """
    cell = CELLS[cell_type]
    try:
        gates = cell.fused
    except ImportError:
        return None
    if gates is None:
        return None
    try:
        check_results(gates, cell, hidden_size, dtype, device)
    except CompileError:
        raise
    except Exception as e:  # Triton's compiler, a C compiler that is not there, the driver: each has its own
        raise CompileError(f"Triton: {(str(e) or type(e).__name__).splitlines()[0]}") from None
    return gates

"""The functions of a compiled library (`window.cpp`), called with tensors.

They check nothing: shapes, types and strides must be those that a cell type's `scan` passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ctypes import CDLL, c_long, c_void_p
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from charlstm.network.cells import Cell, Layer
from charlstm.network.cells.pointwise import GateFunctions, WindowFunctions
from charlstm.network.threads import compiled_threads

LANES_EACH, CELLS_EACH = 6, 16  # what a thread takes at least: a tile's lanes, a vector's cells
ARGUMENTS = {  # how many numbers, then how many pointers
    "pack_weights": (5, 2),
    "window_forward": (5, 7),
    "window_backward": (4, 8),
    "layer_step": (3, 9),
    "gates_forward": (2, 7),
    "gates_backward": (2, 8),
}


class Library:
    """A compiled library.

    Args:
        path: of the file.
        cell: the cell type that it was compiled for.
        dtype: of the products.

    Raises:
        OSError: if it does not load.
        AttributeError: if it lacks a function.
    """

    def __init__(self, path: Path, cell: Cell, dtype: torch.dtype) -> None:
        self.cell, self.dtype = cell, dtype
        self.functions = CDLL(str(path))  # which frees Python's lock while one runs
        for name, (numbers, pointers) in ARGUMENTS.items():
            function = getattr(self.functions, name)
            function.argtypes, function.restype = [c_long] * numbers + [c_void_p] * pointers, None
        self.functions.packed_length.argtypes, self.functions.packed_length.restype = [c_long] * 3, c_long

    def gate_functions(self, whole_windows: bool) -> GateFunctions:
        """What it computes; `whole_windows`: also all steps at once, products included."""
        windows = WindowFunctions(self.window_forward, self.window_backward, self.layer_stepper)
        return GateFunctions(self.gates_forward, self.gates_backward, windows if whole_windows else None)

    def gates_forward(self, *arguments: Tensor) -> None:
        """What the cell type's `pointwise["forward"]` computes."""
        self._gates("forward", arguments)

    def gates_backward(self, *arguments: Tensor) -> None:
        """What the cell type's `pointwise["backward"]` computes."""
        self._gates("backward", arguments)

    def window_forward(
        self,
        z_x: Tensor,
        ids: Tensor | None,
        weight_hh: Tensor,
        bias: Tensor,
        gates: Tensor,
        memory: Tensor,
        shown: Tensor,
        keep: bool,
    ) -> None:
        """All steps of a window: see `WindowFunctions`."""
        T, (B, H) = len(shown) - 1, shown.shape[1:]
        tensors = (z_x, ids, self.packed(weight_hh), bias, gates, memory, shown)
        threads = compiled_threads(B // LANES_EACH, T * B * weight_hh.numel())
        self.functions.window_forward(T, B, H, keep, threads, *map(_address, tensors))

    def window_backward(
        self,
        weight_hh: Tensor,
        d_above: Tensor,
        gates: Tensor,
        memory: Tensor,
        d_h: Tensor,
        d_memory: Tensor,
        d_zx: Tensor,
        d_zh: Tensor,
    ) -> None:
        """The gradients of all steps of a window: see `WindowFunctions`."""
        T, B, H = d_above.shape
        tensors = (self.packed(weight_hh, transposed=True), d_above, gates, memory, d_h, d_memory, d_zx, d_zh)
        threads = compiled_threads(B // LANES_EACH, T * B * weight_hh.numel())
        self.functions.window_backward(T, B, H, threads, *map(_address, tensors))

    def layer_stepper(
        self, layer: Layer, h: Tensor, c: Tensor, table: Tensor | None
    ) -> Callable[[Tensor, Tensor | None], Tensor]:
        """A layer that reads one character after the other: see `LayerStepper`."""
        return LayerStepper(self, layer, h, c, table).step

    def packed(self, weight: Tensor, transposed: bool = False) -> Tensor:
        """A weight W (G*H, H) as the product of a step reads it: for h W', or transposed for d_z W."""
        weight = weight.detach().to(self.dtype).contiguous()
        rows, H = weight.shape
        gates, columns, row, column = (1, rows, 1, H) if transposed else (rows // H, H, H, 1)
        packed = weight.new_empty(self.functions.packed_length(gates, H, columns))
        self.functions.pack_weights(gates, H, columns, row, column, _address(weight), _address(packed))
        return packed

    def _gates(self, part: str, arguments: Sequence[Tensor]) -> None:
        B, H = arguments[4].shape  # one of the states, or a gate
        passed = (arguments[k] for k in self.cell.pointwise[part].passed)
        getattr(self.functions, f"gates_{part}")(B, H, *map(_address, passed))


class LayerStepper:
    """A layer that reads one character after the other.

    Args:
        library: the compiled one.
        layer: its weights, which stay the same from here on.
        h, c: (B, H), where it begins; they stay as they are.
        table: W_ih x of every character (V, G*H) in the type of the products, for the lowest layer; else None.
    """

    def __init__(self, library: Library, layer: Layer, h: Tensor, c: Tensor, table: Tensor | None) -> None:
        self.library, self.table, self.bias = library, table, layer.bias.detach()
        self.weights_ih = None if table is not None else library.packed(layer.weight_ih)
        self.weights_hh = library.packed(layer.weight_hh)
        self.memory = (c if library.cell.has_cell_state else h).clone(memory_format=torch.contiguous_format)
        self.shown, self.before = (h.to(library.dtype, copy=True).contiguous() for _ in range(2))
        B, H = self.shown.shape
        threads = compiled_threads(H // CELLS_EACH, B * layer.weight_hh.numel())
        self.call = partial(library.functions.layer_step, B, H, threads)

    def step(self, ids: Tensor, below: Tensor | None) -> Tensor:
        """Read a character of every stream, ids (B), or what the layer below shows, (B, H) -> what this one shows.

        That holds until the next step but one.
        """
        self.shown, self.before = self.before, self.shown
        tensors = (self.table, ids.contiguous(), below, self.weights_ih, self.weights_hh)
        self.call(*map(_address, (*tensors, self.bias, self.memory, self.before, self.shown)))
        return self.shown


def _address(tensor: Tensor | None) -> int | None:
    """Where its numbers lie, for as long as somebody holds it."""
    return None if tensor is None else tensor.data_ptr()

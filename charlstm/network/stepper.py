"""One character at a time, fast: the path that sampling takes.

The same numbers as `model.CharLM.step`. Whatever depends on the weights alone is done once, when it is made: the
products are prepared, and the first layer's W_ih x is a table with a row for every character.

    Legend: B streams, H hidden, G blocks of rows (one a gate), V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from charlstm.network.cells import Cell, Layer, State
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.network.products import prepare


class Stepper:
    """A network that reads characters one by one, for as long as its weights stay the same.

    Args:
        model: the network.
        state: where to begin.
        kernels: how it is computed.
    """

    def __init__(self, model: CharLM, state: State, kernels: Kernels) -> None:
        dtype, B = kernels.compute_dtype, state.h.shape[1]
        state = state.detach()
        layers = [Layer(*(part.detach() for part in layer)) for layer in model.stack.layers()]
        table = F.linear(model.embedding.weight.detach(), layers[0].weight_ih).to(dtype)  # (V, G*H)
        # in the weights' own type: it is small, and for one stream PyTorch's narrow products take longer
        self.head, self.head_bias = prepare(model.head.weight, model.head.weight.dtype, B), model.head.bias.detach()
        window = None if kernels.compiled is None else kernels.compiled.window
        self.layers: Sequence[Callable[[Tensor, Tensor | None], Tensor]] = [
            window.stepper(layer, h, c, None if k else table)
            if window is not None
            else _StepByStep(model.cell, layer, h, c, None if k else table, kernels).step
            for k, (layer, h, c) in enumerate(zip(layers, *state, strict=True))
        ]

    @torch.no_grad()
    def step(self, ids: Tensor) -> Tensor:
        """Read a character of every stream, ids (B); the logits of the next ones (B, V)."""
        h = None
        for layer in self.layers:
            h = layer(ids, h)
        assert h is not None
        return torch.add(self.head_bias, self.head(h.to(self.head_bias.dtype)))


class _StepByStep:
    """A layer whose products and gates are called one after the other; arguments as for `LayerStepper`."""

    def __init__(self, cell: Cell, layer: Layer, h: Tensor, c: Tensor, table: Tensor | None, kernels: Kernels) -> None:
        dtype, B = kernels.compute_dtype, len(h)
        self.table, self.times_w_ih = table, prepare(layer.weight_ih, dtype, B)
        self.times_w_hh = prepare(layer.weight_hh, dtype, B)
        self.h = h.to(dtype, copy=True)  # (B, H)
        self.gates = cell.stepping(layer.bias, h, c, self.h, kernels.compiled)

    def step(self, ids: Tensor, below: Tensor | None) -> Tensor:
        if below is None:
            assert self.table is not None
            z_x = self.table.index_select(0, ids)
        else:
            z_x = self.times_w_ih(below)
        self.gates(z_x, self.times_w_hh(self.h))
        return self.h

"""One character at a time, fast: the path that sampling takes.

The same numbers as `model.CharLM.step`. Whatever depends on the weights alone is done once, when it is made: the
products are prepared, and the first layer's W_ih x is a table with a row for every character.

    Legend: B streams, H hidden, G blocks of rows (one a gate), V vocabulary.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from charlstm.network.cells import State
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
        stack, dtype, B = model.stack, kernels.compute_dtype, state.h.shape[1]
        layers = stack.layers()
        self.table = F.linear(model.embedding.weight, layers[0].weight_ih).detach().to(dtype)  # (V, G*H)
        self.times_w_ih = [prepare(layer.weight_ih, dtype, B) for layer in layers[1:]]
        self.times_w_hh = [prepare(layer.weight_hh, dtype, B) for layer in layers]
        self.head, self.head_bias = prepare(model.head.weight, dtype, B), model.head.bias.detach()
        self.h = [h.to(dtype, copy=True) for h in state.h.detach().unbind()]  # each (B, H)
        self.steps = [
            stack.cell.stepping(layer.bias.detach(), h, c, shown, kernels.compiled)
            for layer, h, c, shown in zip(layers, state.h.detach(), state.c.detach(), self.h, strict=True)
        ]

    @torch.no_grad()
    def step(self, ids: Tensor) -> Tensor:
        """Read a character of every stream, ids (B); the logits of the next ones (B, V)."""
        z_x = self.table.index_select(0, ids)
        for k, step in enumerate(self.steps):
            if k > 0:
                z_x = self.times_w_ih[k - 1](self.h[k - 1])
            step(z_x, self.times_w_hh[k](self.h[k]))
        return torch.add(self.head_bias, self.head(self.h[-1]))

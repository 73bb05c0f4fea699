"""One character at a time, fast: the path that sampling takes.

The same numbers as `model.CharLM.step`. Whatever depends on the weights alone is done once, when it is made: the
products are prepared, and the first layer's W_ih x is a table with a row for every character.

    Legend: B streams, H hidden, G = 4 gates (1 for the plain RNN), V vocabulary.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from charlstm.network.kernels import Kernels
from charlstm.network.lstm import State
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
        layers = [layer._replace(bias=layer.bias.detach()) for layer in stack.layers()]
        self.kernels = kernels
        self.biases = [layer.bias for layer in layers]
        self.table = F.linear(model.embedding.weight, layers[0].weight_ih).detach().to(dtype)  # (V, G*H)
        self.times_w_ih = [prepare(layer.weight_ih, dtype, B) for layer in layers[1:]]
        self.times_w_hh = [prepare(layer.weight_hh, dtype, B) for layer in layers]
        self.head, self.head_bias = prepare(model.head.weight, dtype, B), model.head.bias.detach()
        self.is_lstm = stack.cell_type == "lstm"
        self.h = [h.to(dtype, copy=True) for h in state.h.detach().unbind()]  # each (B, H)
        self.c = [c.clone() for c in state.c.detach().unbind()]
        self.c_next = [torch.empty_like(c) for c in self.c]
        self.ifgo = torch.empty(B, 4 * stack.hidden_size).to(model.head.weight).chunk(4, dim=1)

    @torch.no_grad()
    def step(self, ids: Tensor) -> Tensor:
        """Read a character of every stream, ids (B); the logits of the next ones (B, V)."""
        z_x = self.table.index_select(0, ids)
        for k, bias in enumerate(self.biases):
            if k > 0:
                z_x = self.times_w_ih[k - 1](self.h[k - 1])
            z_h = self.times_w_hh[k](self.h[k])
            if self.is_lstm:
                self.kernels.gates.forward(z_x, z_h, bias, self.c[k], *self.ifgo, self.c_next[k], self.h[k])
                self.c[k], self.c_next[k] = self.c_next[k], self.c[k]
            else:
                self.h[k].copy_(torch.add(bias, z_x).add_(z_h).tanh_())
        return torch.add(self.head_bias, self.head(self.h[-1]))

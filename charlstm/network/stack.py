"""The layers one above the other, written to be read: what each does at a step is in the file of its cell type.

Everything else in charlstm is checked against this module and `cells`. `scan` computes the same numbers faster.

    Legend: B lanes (batch), T window, E embedding, H hidden, L layers, G blocks of rows (one a gate).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from charlstm.network.cells import CELLS, Gates, Layer, State


class RecurrentStack(nn.Module):
    """L layers, each reading the hidden state of the one below.

    Args:
        cell_type: a name in `CELLS`.
        input_size: E, the width of what the first layer reads.
        hidden_size: H.
        num_layers: L.
    """

    def __init__(self, cell_type: str, input_size: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.cell = CELLS[cell_type]
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        rows, bias_rows = (len(letters) * hidden_size for letters in (self.cell.rows, self.cell.bias_rows))
        for k in range(num_layers):
            columns = input_size if k == 0 else hidden_size
            self.register_parameter(f"weight_ih_l{k}", nn.Parameter(torch.zeros(rows, columns)))
            self.register_parameter(f"weight_hh_l{k}", nn.Parameter(torch.zeros(rows, hidden_size)))
            self.register_parameter(f"bias_l{k}", nn.Parameter(torch.zeros(bias_rows)))

    def layer(self, k: int) -> Layer:
        """The weights of layer k, counted from 0."""
        return Layer(
            self.get_parameter(f"weight_ih_l{k}"),
            self.get_parameter(f"weight_hh_l{k}"),
            self.get_parameter(f"bias_l{k}"),
        )

    def layers(self) -> list[Layer]:
        """The weights of all layers, from the bottom up."""
        return [self.layer(k) for k in range(self.num_layers)]

    def zero_state(self, batch_size: int) -> State:
        """A state that remembers nothing, for `batch_size` lanes."""
        like = self.layer(0).bias
        h = like.new_zeros(self.num_layers, batch_size, self.hidden_size)
        return State(h, torch.zeros_like(h) if self.cell.has_cell_state else h[:, :, :0].clone())

    def step(self, x: Tensor, state: State, layers: Sequence[Layer] | None = None) -> tuple[State, list[Gates]]:
        """One character through every layer: x (B, E) -> the new state and the gates of each layer.

        The top layer's hidden state, `state.h[-1]`, is what the head reads.
        """
        hs, cs, gates = [], [], []
        for k, layer in enumerate(layers or self.layers()):
            h, c, gate = self.cell.step(x, state.h[k], state.c[k], layer)
            gates.append(gate)
            hs.append(h)
            cs.append(c)
            x = h
        return State(torch.stack(hs), torch.stack(cs)), gates

    def forward(
        self,
        x: Tensor,
        state: State,
        masks: Sequence[Tensor | None] = (),
        layers: Sequence[Layer] | None = None,
    ) -> tuple[Tensor, State]:
        """A window, one layer at a time, one character at a time: x (T, B, E) -> h of the top (T, B, H).

        Args:
            x: what the first layer reads.
            state: where the window before this one ended.
            masks: dropout on the output of each layer, (T, B, H) or (B, H), already divided by 1 - p.
            layers: weights to use in place of the stack's own (weight dropout).
        """
        hs, cs = [], []
        for k, layer in enumerate(layers or self.layers()):
            h, c, outputs = state.h[k], state.c[k], []
            for x_t in x:
                h, c, _ = self.cell.step(x_t, h, c, layer)
                outputs.append(h)
            hs.append(h)
            cs.append(c)
            x = torch.stack(outputs)  # (T, B, H)
            if masks and (mask := masks[k]) is not None:
                x = x * mask
        return x, State(torch.stack(hs), torch.stack(cs))

    @torch.no_grad()
    def reset_parameters(self, memory_chars: float, generator: torch.Generator) -> None:
        """Draw fresh weights.

        W_ih: uniform, variance 1 / fan-in. W_hh: each block's square orthogonal (Saxe et al. 2014), so that what is
        carried neither grows nor fades at first. Biases: as the cell type says (`Cell.reset_bias`).
        """
        for layer in self.layers():
            bound = math.sqrt(3.0 / layer.weight_ih.shape[1])
            layer.weight_ih.uniform_(-bound, bound, generator=generator)
            for square in layer.weight_hh.chunk(len(self.cell.rows)):
                nn.init.orthogonal_(square, generator=generator)
            layer.bias.zero_()
            self.cell.reset_bias(layer.bias, memory_chars, generator)

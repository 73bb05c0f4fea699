"""The heart: one gate step, the layer, the stack, written to be read.

Everything else in charlstm is checked against this module. `scan` computes the same numbers faster.

    Legend: B lanes (batch), T window, E embedding, H hidden, L layers, G = 4 gates (1 for the plain RNN).

    i_t = sigmoid(W_ii x_t + W_hi h_{t-1} + b_i)     input gate      what may be written
    f_t = sigmoid(W_if x_t + W_hf h_{t-1} + b_f)     forget gate     what is kept
    g_t = tanh   (W_ig x_t + W_hg h_{t-1} + b_g)     candidate       what would be written
    o_t = sigmoid(W_io x_t + W_ho h_{t-1} + b_o)     output gate     what is shown
    c_t = f_t * c_{t-1} + i_t * g_t                  cell state      the long memory
    h_t = o_t * tanh(c_t)                            hidden state    the short memory

The gates stand in `torch.nn.LSTM`'s order (i, f, g, o) with one bias a gate, so that the weights load
into it as they are. Sources: Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000 (the
forget gate); C. Olah, "Understanding LSTM Networks", 2015 (the drawing that the names follow).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn


class State(NamedTuple):
    """What a stack carries from one character to the next. A plain RNN has no cell state: c is (L, B, 0)."""

    h: Tensor  # (L, B, H) hidden state
    c: Tensor  # (L, B, H) cell state

    def detach(self) -> State:
        """The same numbers, cut off from the graph: where truncated back-propagation stops."""
        return State(self.h.detach(), self.c.detach())


class Gates(NamedTuple):
    """The four gates of one layer at one step, each (B, H)."""

    i: Tensor  # input gate, 0..1
    f: Tensor  # forget gate, 0..1
    g: Tensor  # candidate, -1..1
    o: Tensor  # output gate, 0..1


class Layer(NamedTuple):
    """The weights of one layer."""

    weight_ih: Tensor  # (G*H, E or H)
    weight_hh: Tensor  # (G*H, H)
    bias: Tensor  # (G*H)


def lstm_step(x: Tensor, h: Tensor, c: Tensor, layer: Layer) -> tuple[Tensor, Tensor, Gates]:
    """One LSTM layer over one character: x (B, E), h and c (B, H) -> the new h, the new c, the gates."""
    z = x @ layer.weight_ih.T + h @ layer.weight_hh.T + layer.bias  # (B, 4H)
    z_i, z_f, z_g, z_o = z.chunk(4, dim=1)
    i = torch.sigmoid(z_i)  # input gate: what may be written
    f = torch.sigmoid(z_f)  # forget gate: what is kept
    g = torch.tanh(z_g)  # candidate: what would be written
    o = torch.sigmoid(z_o)  # output gate: what is shown
    c = f * c + i * g  # cell state: the long memory
    h = o * torch.tanh(c)  # hidden state: the short memory
    return h, c, Gates(i, f, g, o)


def rnn_step(x: Tensor, h: Tensor, layer: Layer) -> Tensor:
    """One plain tanh RNN layer over one character (Elman 1990): x (B, E), h (B, H) -> the new h."""
    return torch.tanh(x @ layer.weight_ih.T + h @ layer.weight_hh.T + layer.bias)


class RecurrentStack(nn.Module):
    """L layers, each reading the hidden state of the one below.

    Args:
        cell_type: "lstm", or "rnn" for the plain tanh network that it is compared with.
        input_size: E, the width of what the first layer reads.
        hidden_size: H.
        num_layers: L.
    """

    def __init__(self, cell_type: str, input_size: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.cell_type = cell_type
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.num_gates = 4 if cell_type == "lstm" else 1
        rows = self.num_gates * hidden_size
        for k in range(num_layers):
            columns = input_size if k == 0 else hidden_size
            self.register_parameter(f"weight_ih_l{k}", nn.Parameter(torch.zeros(rows, columns)))
            self.register_parameter(f"weight_hh_l{k}", nn.Parameter(torch.zeros(rows, hidden_size)))
            self.register_parameter(f"bias_l{k}", nn.Parameter(torch.zeros(rows)))

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
        return State(h, torch.zeros_like(h) if self.cell_type == "lstm" else h[:, :, :0].clone())

    def step(self, x: Tensor, state: State, layers: Sequence[Layer] | None = None) -> tuple[State, list[Gates]]:
        """One character through every layer: x (B, E) -> the new state and the gates of each layer.

        The top layer's hidden state, `state.h[-1]`, is what the head reads. A plain RNN has no gates.
        """
        hs, cs, gates = [], [], []
        for k, layer in enumerate(layers or self.layers()):
            if self.cell_type == "lstm":
                h, c, gate = lstm_step(x, state.h[k], state.c[k], layer)
                gates.append(gate)
            else:
                h, c = rnn_step(x, state.h[k], layer), state.c[k]
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
                if self.cell_type == "lstm":
                    h, c, _ = lstm_step(x_t, h, c, layer)
                else:
                    h = rnn_step(x_t, h, layer)
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

        W_ih: uniform, variance 1 / fan-in. W_hh: each gate's square orthogonal (Saxe et al. 2014), so that
        what is carried neither grows nor fades at first. Biases: chrono initialisation after
        Tallec & Ollivier 2018, section 3: b_f = log m and b_i = -b_f let a cell remember about m characters. Here m
        is log-uniform between 1 and M - 1, with M = `memory_chars`: as many cells for 1 to 10 characters as for 10
        to 100. (The paper's m is uniform, which leaves hardly a cell for what is near.) M <= 2 gives b_f = 1,
        b_i = 0 instead (Jozefowicz et al. 2015).
        """
        for layer in self.layers():
            bound = math.sqrt(3.0 / layer.weight_ih.shape[1])
            layer.weight_ih.uniform_(-bound, bound, generator=generator)
            for square in layer.weight_hh.chunk(self.num_gates):
                nn.init.orthogonal_(square, generator=generator)
            layer.bias.zero_()
            if self.cell_type == "lstm":
                b_i, b_f, _, _ = layer.bias.chunk(4)
                if memory_chars > 2:
                    b_f.uniform_(0.0, math.log(memory_chars - 1.0), generator=generator)
                    b_i.copy_(-b_f)
                else:
                    b_f.fill_(1.0)

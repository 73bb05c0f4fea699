"""The long short-term memory.

    i_t = sigmoid(W_ii x_t + W_hi h_{t-1} + b_i)     input gate      what may be written
    f_t = sigmoid(W_if x_t + W_hf h_{t-1} + b_f)     forget gate     what is kept
    g_t = tanh   (W_ig x_t + W_hg h_{t-1} + b_g)     candidate       what would be written
    o_t = sigmoid(W_io x_t + W_ho h_{t-1} + b_o)     output gate     what is shown
    c_t = f_t * c_{t-1} + i_t * g_t                  cell state      the long memory
    h_t = o_t * tanh(c_t)                            hidden state    the short memory

The gates stand in `torch.nn.LSTM`'s order (i, f, g, o) with one bias a gate, so that the weights load into it as they
are. Sources: Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000 (the forget gate); C. Olah,
"Understanding LSTM Networks", 2015 (the drawing that the names follow).

    Legend: B lanes, T window, H hidden. d_x stands for d loss / d x.

    Backward through one step, from d_h (from above and from step t + 1) and d_c (from step t + 1):
        d_o = d_h * tanh(c_t)            d_c += d_h * o_t * (1 - tanh(c_t)^2)
        d_i = d_c * g_t                  d_f = d_c * c_{t-1}            d_g = d_c * i_t
        d_z = (d_i i (1-i), d_f f (1-f), d_g (1-g^2), d_o o (1-o))      the four pre-activations
        d_c_{t-1} = d_c * f_t            d_h_{t-1} = d_z W_hh           (the product is left to the caller)
    (Hochreiter & Schmidhuber 1997, appendix; the same in PyTorch's and cuDNN's kernels.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

import torch
from torch import Tensor

from charlstm.in_numpy import cells as layouts
from charlstm.network.cells.base import Gates, Part, State, fill_with_log_memories
from charlstm.network.cells.gated import GatedCell
from charlstm.network.cells.pointwise import GateFunctions, Pointwise
from charlstm.network.cells.written import Equation, Terms, activation, joined, rounded, signed, to_digits
from charlstm.network.cells.written import tanh as tanh_in_decimals


class LSTM(GatedCell):
    """The long short-term memory: a cell state that gates write to, keep and show."""

    layout = layouts.LSTM
    label = "an LSTM"
    parts = {  # noqa: RUF012
        "f": Part("forget gate", "what is kept"),
        "i": Part("input gate", "what may be written"),
        "g": Part("candidate", "what would be written", low=-1.0),
        "o": Part("output gate", "what is shown"),
        "c": Part("cell state", "the long memory", low=-math.inf),
        "h": Part("hidden state", "the short memory", low=-1.0),
    }
    keep_gate, write_gate, candidate, output_gate = "f", "input gate", "g", "o"
    torch_name = "LSTM"

    def gated(self, z_x: Tensor, z_h: Tensor, bias: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Gates]:
        z = (z_x + z_h).add_(bias)  # (B, 4H)
        z_i, z_f, z_g, z_o = z.chunk(4, dim=1)
        i = torch.sigmoid(z_i)  # input gate: what may be written
        f = torch.sigmoid(z_f)  # forget gate: what is kept
        g = torch.tanh(z_g)  # candidate: what would be written
        o = torch.sigmoid(z_o)  # output gate: what is shown
        c = f * c + i * g  # cell state: the long memory
        h = o * torch.tanh(c)  # hidden state: the short memory
        return h, c, {"i": i, "f": f, "g": g, "o": o}

    def hold(self, value: Tensor, gates: Gates) -> State:
        """The cell state is held, and the hidden state follows through the output gate."""
        return State(gates["o"] * torch.tanh(value), value)

    def reset_bias(self, bias: Tensor, memory_chars: float, generator: torch.Generator) -> None:
        """Chrono initialisation: b_f = log m and b_i = -b_f let a cell remember about m characters."""
        b_i, b_f, _, _ = bias.chunk(4)
        if fill_with_log_memories(b_f, memory_chars, generator):
            b_i.copy_(-b_f)

    def write_share(self, gates: Gates) -> Tensor:
        return gates["i"]

    def equations(self, terms: Terms, memory: float) -> list[Equation]:
        i, f, o = (
            activation(
                f"{letter}_t",
                self.parts[letter].name,
                "sigmoid",
                f"W_i{letter} x_t + W_h{letter} h_{{t-1}} + b_{letter}",
                terms.of(letter),
            )
            for letter in "ifo"
        )
        g = activation("g_t", "candidate", "tanh", "W_ig x_t + W_hg h_{t-1} + b_g", terms.of("g"))
        c = _cell_state(f.value, to_digits(memory), i.value, g.value)
        return [f, i, g, o, c, _hidden_state(o.value, c.value)]

    @property
    def pointwise(self) -> Mapping[str, Pointwise]:
        return {
            "forward": Pointwise(gates_forward, (0, 1, 2, 3, 4, 8, 9), example_forward),
            "backward": Pointwise(gates_backward, (0, 4, 5, 6, 7, 8, 9, 9), example_backward),
        }

    @property
    def fused(self) -> GateFunctions:
        from charlstm.network.cells import lstm_fused  # it imports Triton

        return GateFunctions(lstm_fused.forward, lstm_fused.backward)


def _cell_state(f: Decimal, c_before: Decimal, i: Decimal, g: Decimal) -> Equation:
    kept, written = rounded(f * c_before), rounded(i * g)
    numbers = (f"{f} * {signed(c_before)} + {i} * {signed(g)}", f"{signed(kept)} {joined(written)}")
    return Equation("c_t", "cell state", "f_t * c_{t-1} + i_t * g_t", numbers, kept + written)


def _hidden_state(o: Decimal, c: Decimal) -> Equation:
    squashed = rounded(tanh_in_decimals(c))
    numbers = (f"{o} * tanh({signed(c)})", f"{o} * {signed(squashed)}")
    return Equation("h_t", "hidden state", "o_t * tanh(c_t)", numbers, rounded(o * squashed))


def gates_forward(
    z_x: Tensor,
    z_h: Tensor,
    bias: Tensor,
    c_prev: Tensor,
    i: Tensor,
    f: Tensor,
    g: Tensor,
    o: Tensor,
    c: Tensor,
    h: Tensor,
) -> None:
    """From the two products of a step to its gates, cell state and hidden state.

    Args:
        z_x, z_h: W_ih x_t and W_hh h_{t-1}, (B, 4H), in the type of the products.
        bias: (4H); c_prev: c_{t-1}, (B, H).
        i, f, g, o, c: (B, H), written; h: (B, H), written in the type of the products.
    """
    z_i, z_f, z_g, z_o = torch.add(bias, z_x).add_(z_h).chunk(4, dim=1)
    torch.sigmoid(z_i, out=i)
    torch.sigmoid(z_f, out=f)
    torch.tanh(z_g, out=g)
    torch.sigmoid(z_o, out=o)
    torch.mul(f, c_prev, out=c).addcmul_(i, g)
    torch.mul(o, torch.tanh(c), out=h)


def gates_backward(
    i: Tensor,
    f: Tensor,
    g: Tensor,
    o: Tensor,
    c_prev: Tensor,
    c: Tensor,
    d_h_above: Tensor,
    d_h_next: Tensor,
    d_c: Tensor,
    d_i: Tensor,
    d_f: Tensor,
    d_g: Tensor,
    d_o: Tensor,
) -> None:
    """From the gradients of a step's hidden and cell state to those of its pre-activations.

    Args:
        i, f, g, o, c_prev, c: (B, H), as `gates_forward` left them.
        d_h_above, d_h_next: the two parts of d_h, (B, H), in the type of the products.
        d_c: (B, H), d_c_t when called, d_c_{t-1} after.
        d_i, d_f, d_g, d_o: (B, H), written in the type of the products: d_z, one gate each.
    """
    d_h = d_h_above.to(c.dtype).add(d_h_next)
    tanh_c = torch.tanh(c)
    d_tanh_c = d_h * o
    d_c.add_(torch.ops.aten.tanh_backward(d_tanh_c, tanh_c, grad_input=d_tanh_c))  # grad * (1 - y^2)
    torch.ops.aten.sigmoid_backward(d_c * g, i, grad_input=d_i)  # grad * y * (1 - y)
    torch.ops.aten.sigmoid_backward(d_c * c_prev, f, grad_input=d_f)
    torch.ops.aten.tanh_backward(d_c * i, g, grad_input=d_g)
    torch.ops.aten.sigmoid_backward(d_h * tanh_c, o, grad_input=d_o)
    d_c.mul_(f)


def example_forward(B: int, H: int, dtype: torch.dtype) -> list[Tensor]:
    """Arguments of `gates_forward` with the types and strides that the scan passes."""
    draw = torch.Generator().manual_seed(B)
    z_x, z_h = (torch.randn(B, 4 * H, generator=draw).to(dtype) for _ in range(2))
    bias, c_prev = torch.randn(4 * H, generator=draw), torch.randn(B, H, generator=draw)
    ifgo = torch.zeros(B, 4 * H).chunk(4, dim=1)
    return [z_x, z_h, bias, c_prev, *ifgo, torch.zeros(B, H), torch.zeros(B, H, dtype=dtype)]


def example_backward(B: int, H: int, dtype: torch.dtype) -> list[Tensor]:
    """Arguments of `gates_backward`, likewise."""
    draw = torch.Generator().manual_seed(B)
    ifgo = torch.rand(B, 4 * H, generator=draw).chunk(4, dim=1)
    c_prev, c, d_c = (torch.randn(B, H, generator=draw) for _ in range(3))
    d_h_above, d_h_next = (torch.randn(B, H, generator=draw).to(dtype) for _ in range(2))
    d_z = torch.zeros(B, 4 * H, dtype=dtype).chunk(4, dim=1)
    return [*ifgo, c_prev, c, d_h_above, d_h_next, d_c, *d_z]

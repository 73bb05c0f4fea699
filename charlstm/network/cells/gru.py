"""The gated recurrent unit (Cho et al. 2014), in the form of `torch.nn.GRU`.

    r_t = sigmoid(W_ir x_t + W_hr h_{t-1} + b_r)                     reset gate     what of the old the candidate sees
    z_t = sigmoid(W_iz x_t + W_hz h_{t-1} + b_z)                     update gate    what is kept
    n_t = tanh   (W_in x_t + b_in + r_t * (W_hn h_{t-1} + b_hn))     candidate      what would be written
    h_t = (1 - z_t) * n_t + z_t * h_{t-1}                            hidden state   all that it remembers

What is not kept is written over: one gate does what the LSTM has two for, and nothing is hidden from the layer above.
The reset gate multiplies after W_hn, not before as in the paper, so that a step is one product; that is why the
candidate has two biases. The blocks stand in `torch.nn.GRU`'s order (r, z, n); the bias holds r, z, n_input and
n_recurrent, so that weights go both ways.

    Legend: B lanes, T window, H hidden. d_x stands for d loss / d x, q_t for W_hn h_{t-1} + b_hn.

    Backward through one step, from d_h (from above and from step t + 1):
        d_n = d_h * (1 - z_t)            d_z = d_h * (h_{t-1} - n_t)
        a_n = d_n (1-n^2)                a_z = d_z z (1-z)              a_r = a_n * q_t r (1-r)     the pre-activations
        d_zx = (a_r, a_z, a_n)           d_zh = (a_r, a_z, a_n * r_t)
        d_h_{t-1} = d_h * z_t + d_zh W_hh                               (the product is left to the caller)
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import torch
from torch import Tensor

from charlstm.in_numpy import cells as layouts
from charlstm.network.cells.base import Gates, Part, fill_with_log_memories
from charlstm.network.cells.gated import GatedCell
from charlstm.network.cells.pointwise import GateFunctions, Pointwise
from charlstm.network.cells.written import Equation, Terms, activation, joined, rounded, signed, to_digits
from charlstm.network.cells.written import tanh as tanh_in_decimals


class GRU(GatedCell):
    """The gated recurrent unit: a hidden state that one gate keeps or writes over."""

    layout = layouts.GRU
    label = "a GRU"
    parts = {  # noqa: RUF012
        "r": Part("reset gate", "what of the old the candidate sees"),
        "z": Part("update gate", "what is kept"),
        "n": Part("candidate", "what would be written", low=-1.0),
        "h": Part("hidden state", "all that it remembers", low=-1.0),
    }
    keep_gate, write_gate, candidate = "z", "its complement", "n"
    torch_name = "GRU"

    def gated(self, z_x: Tensor, z_h: Tensor, bias: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Gates]:
        x_r, x_z, x_n = z_x.chunk(3, dim=1)
        h_r, h_z, h_n = z_h.chunk(3, dim=1)
        b_r, b_z, b_in, b_hn = bias.chunk(4)
        r = torch.sigmoid(x_r + h_r + b_r)  # reset gate: what of the old the candidate sees
        z = torch.sigmoid(x_z + h_z + b_z)  # update gate: what is kept
        n = torch.tanh(x_n + b_in + r * (h_n + b_hn))  # candidate: what would be written
        h = (1 - z) * n + z * h  # hidden state: all that it remembers
        return h, c, {"r": r, "z": z, "n": n}

    def reset_bias(self, bias: Tensor, memory_chars: float, generator: torch.Generator) -> None:
        """Chrono initialisation: b_z = log m lets a cell remember about m characters; what is written is the rest."""
        _, b_z, _, _ = bias.chunk(4)
        fill_with_log_memories(b_z, memory_chars, generator)

    def bias_to_torch(self, bias: Tensor) -> tuple[Tensor, Tensor]:
        b_r, b_z, b_in, b_hn = bias.chunk(4)
        return torch.cat([b_r, b_z, b_in]), torch.cat([torch.zeros_like(b_r), torch.zeros_like(b_z), b_hn])

    def bias_from_torch(self, bias_ih: Tensor, bias_hh: Tensor) -> Tensor:
        """The two biases of r and of z are only ever added: they become one."""
        (i_r, i_z, b_in), (h_r, h_z, b_hn) = bias_ih.chunk(3), bias_hh.chunk(3)
        return torch.cat([i_r + h_r, i_z + h_z, b_in, b_hn])

    def write_share(self, gates: Gates) -> Tensor:
        return 1 - gates["z"]

    def equations(self, terms: Terms, memory: float) -> list[Equation]:
        r, z = (
            activation(
                f"{letter}_t",
                self.parts[letter].name,
                "sigmoid",
                f"W_i{letter} x_t + W_h{letter} h_{{t-1}} + b_{letter}",
                terms.of(letter),
            )
            for letter in "rz"
        )
        n = _candidate(r.value, terms)
        return [r, z, n, _hidden_state(z.value, n.value, to_digits(memory))]

    @property
    def pointwise(self) -> Mapping[str, Pointwise]:
        return {
            "forward": Pointwise(gates_forward, (0, 1, 2, 3, 4, 8, 9), example_forward),
            "backward": Pointwise(gates_backward, (0, 4, 5, 6, 7, 8, 9, 12), example_backward),
        }

    @property
    def fused(self) -> GateFunctions:
        from charlstm.network.cells import gru_fused  # it imports Triton

        return GateFunctions(gru_fused.forward, gru_fused.backward)


def _candidate(r: Decimal, terms: Terms) -> Equation:
    (x_n, b_in), (h_n, b_hn) = (
        (products["n"], terms.bias[bias])
        for products, bias in ((terms.from_input, "n_input"), (terms.from_hidden, "n_recurrent"))
    )
    new, old = x_n + b_in, h_n + b_hn
    seen = rounded(r * old)
    numbers = (
        f"tanh({signed(x_n)} {joined(b_in)} + {r} * ({signed(h_n)} {joined(b_hn)}))",
        f"tanh({signed(new)} + {r} * {signed(old)})",
        f"tanh({signed(new)} {joined(seen)})",
        f"tanh({signed(new + seen)})",
    )
    symbols = "tanh(W_in x_t + b_in + r_t * (W_hn h_{t-1} + b_hn))"
    return Equation("n_t", "candidate", symbols, numbers, rounded(tanh_in_decimals(new + seen)))


def _hidden_state(z: Decimal, n: Decimal, h_before: Decimal) -> Equation:
    written, kept = rounded((1 - z) * n), rounded(z * h_before)
    numbers = (f"(1 - {z}) * {signed(n)} + {z} * {signed(h_before)}", f"{signed(written)} {joined(kept)}")
    return Equation("h_t", "hidden state", "(1 - z_t) * n_t + z_t * h_{t-1}", numbers, written + kept)


def gates_forward(
    z_x: Tensor,
    z_h: Tensor,
    bias: Tensor,
    h_prev: Tensor,
    r: Tensor,
    z: Tensor,
    n: Tensor,
    q: Tensor,
    h: Tensor,
    shown: Tensor,
) -> None:
    """From the two products of a step to its gates and hidden state.

    Args:
        z_x, z_h: W_ih x_t and W_hh h_{t-1}, (B, 3H), in the type of the products.
        bias: (4H); h_prev: h_{t-1}, (B, H).
        r, z, n, q, h: (B, H), written; shown: (B, H), written: h in the type of the products.
    """
    x_r, x_z, x_n = z_x.chunk(3, dim=1)
    h_r, h_z, h_n = z_h.chunk(3, dim=1)
    b_r, b_z, b_in, b_hn = bias.chunk(4)
    torch.sigmoid(torch.add(b_r, x_r).add_(h_r), out=r)
    torch.sigmoid(torch.add(b_z, x_z).add_(h_z), out=z)
    torch.add(b_hn, h_n, out=q)
    torch.tanh(torch.add(b_in, x_n).addcmul_(r, q), out=n)
    torch.sub(h_prev, n, out=h).mul_(z).add_(n)  # (1 - z) n + z h_prev
    shown.copy_(h)


def gates_backward(
    r: Tensor,
    z: Tensor,
    n: Tensor,
    q: Tensor,
    h_prev: Tensor,
    h: Tensor,
    d_h_above: Tensor,
    d_h_next: Tensor,
    d_h: Tensor,
    d_x_r: Tensor,
    d_x_z: Tensor,
    d_x_n: Tensor,
    d_h_r: Tensor,
    d_h_z: Tensor,
    d_h_n: Tensor,
) -> None:
    """From the gradient of a step's hidden state to those of its pre-activations.

    Args:
        r, z, n, q, h_prev, h: (B, H), as `gates_forward` left them; h, the new memory, is not needed here.
        d_h_above, d_h_next: two parts of d_h_t, (B, H), in the type of the products.
        d_h: (B, H), the third part, what step t + 1 kept of h_t; after the call, what step t kept of h_{t-1}.
        d_x_r, d_x_z, d_x_n, d_h_r, d_h_z, d_h_n: (B, H), written in the type of the products: d_zx and d_zh.
    """
    d = d_h_above.to(z.dtype).add(d_h_next).add_(d_h)
    a_n = d * (1 - z)
    torch.ops.aten.tanh_backward(a_n, n, grad_input=a_n)  # grad * (1 - y^2)
    torch.ops.aten.sigmoid_backward(a_n * q, r, grad_input=d_x_r)  # grad * y * (1 - y)
    torch.ops.aten.sigmoid_backward(d * (h_prev - n), z, grad_input=d_x_z)
    d_x_n.copy_(a_n)
    d_h_r.copy_(d_x_r)
    d_h_z.copy_(d_x_z)
    d_h_n.copy_(a_n * r)
    torch.mul(d, z, out=d_h)


def example_forward(B: int, H: int, dtype: torch.dtype) -> list[Tensor]:
    """Arguments of `gates_forward` with the types and strides that the scan passes."""
    draw = torch.Generator().manual_seed(B)
    z_x, z_h = (torch.randn(B, 3 * H, generator=draw).to(dtype) for _ in range(2))
    bias, h_prev = torch.randn(4 * H, generator=draw), torch.rand(B, H, generator=draw)
    rznq = torch.zeros(B, 4 * H).chunk(4, dim=1)
    return [z_x, z_h, bias, h_prev, *rznq, torch.zeros(B, H), torch.zeros(B, H, dtype=dtype)]


def example_backward(B: int, H: int, dtype: torch.dtype) -> list[Tensor]:
    """Arguments of `gates_backward`, likewise."""
    draw = torch.Generator().manual_seed(B)
    rznq = torch.rand(B, 4 * H, generator=draw).chunk(4, dim=1)
    h_prev, h, d_h = (torch.randn(B, H, generator=draw) for _ in range(3))
    d_h_above, d_h_next = (torch.randn(B, H, generator=draw).to(dtype) for _ in range(2))
    d_z = [gate for _ in range(2) for gate in torch.zeros(B, 3 * H, dtype=dtype).chunk(3, dim=1)]
    return [*rznq, h_prev, h, d_h_above, d_h_next, d_h, *d_z]

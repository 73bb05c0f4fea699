"""A step of an LSTM in one Triton kernel, and its gradients in another. See `fused`; the equations are in `lstm`.

Legend: H hidden; every argument but the bias is (B, H) with rows of H or, where it is one of four gates, of 4H numbers.
"""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from charlstm.network.cells.fused import cells, in_rows_of, launch, load, store, tanh


@triton.jit
def forward_kernel(
    z_x: tl.tensor,
    z_h: tl.tensor,
    bias: tl.tensor,
    c_prev: tl.tensor,
    i: tl.tensor,
    f: tl.tensor,
    g: tl.tensor,
    o: tl.tensor,
    c: tl.tensor,
    h: tl.tensor,
    H: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """As `lstm.gates_forward`."""
    cell, inside = cells(H, BLOCK)
    state, gate = in_rows_of(H, cell), in_rows_of(4 * H, cell)
    i_t = tl.sigmoid(pre_activation(z_x + gate, z_h + gate, bias + cell, inside))
    f_t = tl.sigmoid(pre_activation(z_x + gate + H, z_h + gate + H, bias + cell + H, inside))
    g_t = tanh(pre_activation(z_x + gate + 2 * H, z_h + gate + 2 * H, bias + cell + 2 * H, inside))
    o_t = tl.sigmoid(pre_activation(z_x + gate + 3 * H, z_h + gate + 3 * H, bias + cell + 3 * H, inside))
    c_t = f_t * tl.load(c_prev + state, mask=inside) + i_t * g_t
    store(i + gate, i_t, inside)
    store(f + gate, f_t, inside)
    store(g + gate, g_t, inside)
    store(o + gate, o_t, inside)
    store(c + state, c_t, inside)
    store(h + state, o_t * tanh(c_t), inside)


@triton.jit
def pre_activation(z_x: tl.tensor, z_h: tl.tensor, bias: tl.tensor, inside: tl.tensor) -> tl.tensor:
    """W_ih x_t + W_hh h_{t-1} + b, in the type of the bias."""
    return tl.load(bias, mask=inside) + load(z_x, inside, bias) + load(z_h, inside, bias)


@triton.jit
def backward_kernel(
    i: tl.tensor,
    f: tl.tensor,
    g: tl.tensor,
    o: tl.tensor,
    c_prev: tl.tensor,
    c: tl.tensor,
    d_h_above: tl.tensor,
    d_h_next: tl.tensor,
    d_c: tl.tensor,
    d_i: tl.tensor,
    d_f: tl.tensor,
    d_g: tl.tensor,
    d_o: tl.tensor,
    H: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """As `lstm.gates_backward`."""
    cell, inside = cells(H, BLOCK)
    state, gate = in_rows_of(H, cell), in_rows_of(4 * H, cell)
    i_t, f_t = tl.load(i + gate, mask=inside), tl.load(f + gate, mask=inside)
    g_t, o_t = tl.load(g + gate, mask=inside), tl.load(o + gate, mask=inside)
    tanh_c = tanh(tl.load(c + state, mask=inside))
    d_h = load(d_h_above + state, inside, c) + load(d_h_next + state, inside, c)
    d_c_t = tl.load(d_c + state, mask=inside) + d_h * o_t * (1 - tanh_c * tanh_c)
    store(d_i + gate, d_c_t * g_t * i_t * (1 - i_t), inside)
    store(d_f + gate, d_c_t * tl.load(c_prev + state, mask=inside) * f_t * (1 - f_t), inside)
    store(d_g + gate, d_c_t * i_t * (1 - g_t * g_t), inside)
    store(d_o + gate, d_h * tanh_c * o_t * (1 - o_t), inside)
    store(d_c + state, d_c_t * f_t, inside)


def forward(z_x: Tensor, z_h: Tensor, bias: Tensor, c_prev: Tensor, *written: Tensor) -> None:
    """As `lstm.gates_forward`, on a GPU."""
    launch(forward_kernel, c_prev, z_x, z_h, bias, c_prev, *written)


def backward(*arguments: Tensor) -> None:
    """As `lstm.gates_backward`, on a GPU."""
    launch(backward_kernel, arguments[0], *arguments)

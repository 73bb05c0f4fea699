"""A step of a GRU in one Triton kernel, and its gradients in another. See `fused`; the equations are in `gru`.

Legend: H hidden; every argument but the bias is (B, H): h and its gradients with rows of H, what belongs to W x or W h
with rows of 3H, and r, z, n and q with rows of 4H numbers.
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
    h_prev: tl.tensor,
    r: tl.tensor,
    z: tl.tensor,
    n: tl.tensor,
    q: tl.tensor,
    h: tl.tensor,
    shown: tl.tensor,
    H: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """As `gru.gates_forward`."""
    cell, inside = cells(H, BLOCK)
    state, product, gate = in_rows_of(H, cell), in_rows_of(3 * H, cell), in_rows_of(4 * H, cell)
    x, w, b = z_x + product, z_h + product, bias + cell
    r_t = tl.sigmoid(tl.load(b, mask=inside) + load(x, inside, bias) + load(w, inside, bias))
    z_t = tl.sigmoid(tl.load(b + H, mask=inside) + load(x + H, inside, bias) + load(w + H, inside, bias))
    q_t = tl.load(b + 3 * H, mask=inside) + load(w + 2 * H, inside, bias)
    n_t = tanh(tl.load(b + 2 * H, mask=inside) + load(x + 2 * H, inside, bias) + r_t * q_t)
    h_t = (tl.load(h_prev + state, mask=inside) - n_t) * z_t + n_t  # (1 - z) n + z h_prev
    store(r + gate, r_t, inside)
    store(z + gate, z_t, inside)
    store(n + gate, n_t, inside)
    store(q + gate, q_t, inside)
    store(h + state, h_t, inside)
    store(shown + state, h_t, inside)


@triton.jit
def backward_kernel(
    r: tl.tensor,
    z: tl.tensor,
    n: tl.tensor,
    q: tl.tensor,
    h_prev: tl.tensor,
    d_h_above: tl.tensor,
    d_h_next: tl.tensor,
    d_h: tl.tensor,
    d_x_r: tl.tensor,
    d_x_z: tl.tensor,
    d_x_n: tl.tensor,
    d_h_r: tl.tensor,
    d_h_z: tl.tensor,
    d_h_n: tl.tensor,
    H: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """As `gru.gates_backward`."""
    cell, inside = cells(H, BLOCK)
    state, product, gate = in_rows_of(H, cell), in_rows_of(3 * H, cell), in_rows_of(4 * H, cell)
    r_t, z_t = tl.load(r + gate, mask=inside), tl.load(z + gate, mask=inside)
    n_t, q_t = tl.load(n + gate, mask=inside), tl.load(q + gate, mask=inside)
    d = load(d_h_above + state, inside, d_h) + load(d_h_next + state, inside, d_h) + tl.load(d_h + state, mask=inside)
    a_n = d * (1 - z_t) * (1 - n_t * n_t)
    a_r = a_n * q_t * r_t * (1 - r_t)
    a_z = d * (tl.load(h_prev + state, mask=inside) - n_t) * z_t * (1 - z_t)
    store(d_x_r + product, a_r, inside)
    store(d_x_z + product, a_z, inside)
    store(d_x_n + product, a_n, inside)
    store(d_h_r + product, a_r, inside)
    store(d_h_z + product, a_z, inside)
    store(d_h_n + product, a_n * r_t, inside)
    store(d_h + state, d * z_t, inside)


def forward(z_x: Tensor, z_h: Tensor, bias: Tensor, h_prev: Tensor, *written: Tensor) -> None:
    """As `gru.gates_forward`, on a GPU."""
    launch(forward_kernel, h_prev, z_x, z_h, bias, h_prev, *written)


def backward(*arguments: Tensor) -> None:
    """As `gru.gates_backward`, on a GPU."""
    launch(backward_kernel, arguments[0], *arguments[:5], *arguments[6:])  # without h, which it does not need

"""The mathematics of `lstm` over a whole window, fast: the path that training and evaluation take.

Three things make it faster than automatic differentiation over `lstm.RecurrentStack.forward`:

1. The first layer needs no matrix product for its input. A character is one of V, so W_ih x + b is a
   table of V rows, computed once a window and looked up. Higher layers take one large product a window.
2. The backward pass is derived by hand (below) and writes into buffers that are allocated once.
3. Each weight gradient is one large product over all T * B steps, after the loop.

    Legend: B lanes, T window, E embedding, H hidden, V vocabulary. d_x stands for d loss / d x.

    Backward through one LSTM step, from d_h (from above and from step t + 1) and d_c (from step t + 1):
        d_o = d_h * tanh(c_t)            d_c += d_h * o_t * (1 - tanh(c_t)^2)
        d_i = d_c * g_t                  d_f = d_c * c_{t-1}            d_g = d_c * i_t
        d_z = (d_i i (1-i), d_f f (1-f), d_g (1-g^2), d_o o (1-o))      the four pre-activations
        d_h_{t-1} = d_z W_hh             d_c_{t-1} = d_c * f_t
    (Hochreiter & Schmidhuber 1997, appendix; the same in PyTorch's and cuDNN's kernels.)

`compute_dtype` is the type of the matrix products: bfloat16 where the processor multiplies it faster, else
the weights' own. Master weights, gates, cell state, and loss stay in the weights' type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from charlstm.buffers import BufferPool
from charlstm.lstm import Layer, RecurrentStack, State
from charlstm.products import prepare

sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input  # grad, y, grad_input: grad * y * (1 - y)
tanh_backward = torch.ops.aten.tanh_backward.grad_input  # grad, y, grad_input: grad * (1 - y^2)


class InputPart:
    """W_ih x_t + b for every step of a window, and its gradients.

    With `ids` (T, B), x is the embedding (V, E) and the part is a table of V rows, looked up by character.
    Without, x is the layer below (T, B, H) and the part is one large product.
    """

    def __init__(
        self, x: Tensor, ids: Tensor | None, layer: Layer, compute_dtype: torch.dtype, pool: BufferPool
    ) -> None:
        self.x, self.ids, self.weight_ih, self.bias, self.pool = x, ids, layer.weight_ih, layer.bias, pool
        if ids is None:
            w_ih = layer.weight_ih.to(compute_dtype)
            self.part = pool.take((x.shape[0] * x.shape[1], len(w_ih)), w_ih)
            torch.mm(x.flatten(0, 1), w_ih.T, out=self.part)
        else:
            self.part = F.linear(x, layer.weight_ih, layer.bias)

    def write(self, z: Tensor, t: int) -> None:
        """Write W_ih x_t + b into z (B, G*H)."""
        if self.ids is None:
            B = len(z)
            torch.add(self.bias, self.part[t * B : (t + 1) * B], out=z)
        else:
            torch.index_select(self.part, 0, self.ids[t], out=z)

    def release(self) -> None:
        """Give the part back: the backward pass does not need it."""
        if self.ids is None:
            self.pool.give(self.part)
        del self.part

    def gradients(self, d_z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """d_z (T, B, G*H) -> d x, d W_ih, d b."""
        rows, x = d_z.flatten(0, 1), self.x.flatten(0, -2)
        if self.ids is not None:
            rows = gather_rows(rows, self.ids.flatten(), len(x)).to(x.dtype)  # the gradient of the table
        d_x = rows @ self.weight_ih.to(rows.dtype)
        d_w_ih = (rows.T @ x).to(self.weight_ih.dtype)
        return d_x.view_as(self.x), d_w_ih, rows.sum(dim=0).to(self.bias.dtype)


def gather_rows(rows: Tensor, ids: Tensor, num_ids: int) -> Tensor:
    """The sum of the rows of each id: rows (N, K), ids (N) -> (V, K)."""
    if num_ids <= 512:  # one product with V columns beats the scatter while V is small
        return F.one_hot(ids, num_ids).to(rows.dtype).T @ rows
    rows = rows.to(torch.promote_types(rows.dtype, torch.float32))
    return rows.new_zeros(num_ids, rows.shape[1]).index_add_(0, ids, rows)


class LSTMScan(torch.autograd.Function):
    """One LSTM layer over a window.

    forward(x, ids, weight_ih, weight_hh, bias, h0, c0, compute_dtype, pool, keep)
        -> h (T, B, H), h_T and c_T (B, H)
        x, ids: what the layer reads, as in `InputPart`
        keep: whether a backward pass will follow
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        ids: Tensor | None,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias: Tensor,
        h0: Tensor,
        c0: Tensor,
        compute_dtype: torch.dtype,
        pool: BufferPool,
        keep: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        T, (B, H) = len(x if ids is None else ids), h0.shape
        input_part = InputPart(x, ids, Layer(weight_ih, weight_hh, bias), compute_dtype, pool)
        times_w_hh = prepare(weight_hh, compute_dtype, B)
        gates = pool.take((T if keep else 1, B, 4 * H), c0)
        c = pool.take((T + 1 if keep else 2, B, H), c0)
        h = h0.new_empty(T + 1, B, H, dtype=compute_dtype)
        tanh_c = torch.empty_like(c0)
        h[0], c[0] = h0, c0
        for t in range(T):
            z, c_prev, c_next = (gates[t], c[t], c[t + 1]) if keep else (gates[0], c[t % 2], c[1 - t % 2])
            input_part.write(z, t)
            z.add_(times_w_hh(h[t]))
            i, f, g, o = z.chunk(4, dim=1)
            z[:, : 2 * H].sigmoid_()  # i and f lie side by side
            g.tanh_()
            o.sigmoid_()
            torch.mul(f, c_prev, out=c_next).addcmul_(i, g)
            torch.mul(o, torch.tanh(c_next, out=tanh_c), out=h[t + 1])
        h_last, c_last = h[T].to(h0.dtype), (c[T] if keep else c[T % 2]).clone()
        if keep:
            ctx.saved = gates, c, h, input_part, weight_hh, pool
        else:
            pool.give(gates, c)
        input_part.release()
        return h[1:], h_last, c_last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_h: Tensor, grad_h_last: Tensor, grad_c_last: Tensor) -> Any:
        gates, c, h, input_part, weight_hh, pool = ctx.saved
        T, B, H = grad_h.shape
        times_w_hh_t = prepare(weight_hh.T, h.dtype, B)
        d_z_all = pool.take((T, B, 4 * H), h)
        d_z = torch.empty_like(gates[0])
        d_i_f, d_g, d_o = d_z[:, : 2 * H], d_z[:, 2 * H : 3 * H], d_z[:, 3 * H :]
        d_i, d_f = d_i_f.chunk(2, dim=1)
        d_h, d_c = grad_h_last.clone(), grad_c_last.clone()
        tanh_c, d_tanh = torch.empty_like(d_c), torch.empty_like(d_c)
        for t in reversed(range(T)):
            i, f, g, o = gates[t].chunk(4, dim=1)
            d_h.add_(grad_h[t])
            torch.tanh(c[t + 1], out=tanh_c)
            torch.mul(d_h, o, out=d_tanh)
            d_c.add_(tanh_backward(d_tanh, tanh_c, grad_input=d_tanh))
            torch.mul(d_c, g, out=d_i)
            torch.mul(d_c, c[t], out=d_f)
            torch.mul(d_c, i, out=d_g)
            torch.mul(d_h, tanh_c, out=d_o)
            sigmoid_backward(d_i_f, gates[t][:, : 2 * H], grad_input=d_i_f)
            tanh_backward(d_g, g, grad_input=d_g)
            sigmoid_backward(d_o, o, grad_input=d_o)
            d_c.mul_(f)
            d_z_all[t] = d_z
            d_h.copy_(times_w_hh_t(d_z_all[t]))
        d_w_hh = (d_z_all.flatten(0, 1).T @ h[:T].flatten(0, 1)).to(weight_hh.dtype)
        d_x, d_w_ih, d_bias = input_part.gradients(d_z_all)
        pool.give(d_z_all)
        if pool.reuses:
            pool.give(gates, c)
            del ctx.saved  # a second backward must fail rather than read another window's numbers
        return d_x, None, d_w_ih, d_w_hh, d_bias, d_h, d_c, None, None, None


class RNNScan(torch.autograd.Function):
    """One plain tanh RNN layer over a window: d_z = d_h * (1 - h_t^2), d_h_{t-1} = d_z W_hh.

    forward(x, ids, weight_ih, weight_hh, bias, h0, compute_dtype, pool) -> h (T, B, H), h_T (B, H);
    arguments as for `LSTMScan`.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        ids: Tensor | None,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias: Tensor,
        h0: Tensor,
        compute_dtype: torch.dtype,
        pool: BufferPool,
    ) -> tuple[Tensor, Tensor]:
        T, (B, H) = len(x if ids is None else ids), h0.shape
        input_part = InputPart(x, ids, Layer(weight_ih, weight_hh, bias), compute_dtype, pool)
        times_w_hh = prepare(weight_hh, compute_dtype, B)
        z = torch.empty_like(h0)
        h = h0.new_empty(T + 1, B, H, dtype=compute_dtype)
        h[0] = h0
        for t in range(T):
            input_part.write(z, t)
            z.add_(times_w_hh(h[t]))
            h[t + 1] = z.tanh_()
        ctx.saved = h, input_part, weight_hh
        input_part.release()
        return h[1:], h[T].to(h0.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_h: Tensor, grad_h_last: Tensor) -> Any:
        h, input_part, weight_hh = ctx.saved
        T, B, _ = grad_h.shape
        times_w_hh_t = prepare(weight_hh.T, h.dtype, B)
        d_z_all = torch.empty_like(h[1:])
        d_h = grad_h_last.clone()
        for t in reversed(range(T)):
            d_h.add_(grad_h[t])
            d_z_all[t] = tanh_backward(d_h, h[t + 1].to(d_h.dtype), grad_input=d_h)
            d_h.copy_(times_w_hh_t(d_z_all[t]))
        d_w_hh = (d_z_all.flatten(0, 1).T @ h[:T].flatten(0, 1)).to(weight_hh.dtype)
        d_x, d_w_ih, d_bias = input_part.gradients(d_z_all)
        return d_x, None, d_w_ih, d_w_hh, d_bias, d_h, None, None


def scan(
    stack: RecurrentStack,
    embedding: Tensor,
    ids: Tensor,
    state: State,
    *,
    compute_dtype: torch.dtype,
    pool: BufferPool | None = None,
    masks: Sequence[Tensor | None] = (),
    layers: Sequence[Layer] | None = None,
) -> tuple[Tensor, State]:
    """The same numbers as `stack(embedding[ids], state, masks, layers)`, fast.

    Args:
        embedding: (V, E); ids: (T, B), int64; state, masks and layers as in `RecurrentStack.forward`.
        compute_dtype: the type of the matrix products.
        pool: where the buffers of the window before this one lie. With one, a window's backward runs once.

    Returns:
        h of the top layer (T, B, H) in `compute_dtype`, and the state after the window.
    """
    keep = torch.is_grad_enabled()
    pool = pool if pool is not None else BufferPool(reuses=False)
    hs, cs = [], []
    x, rows = embedding, cast(Tensor | None, ids)
    for k, layer in enumerate(layers or stack.layers()):
        if stack.cell_type == "lstm":
            x, h, c = LSTMScan.apply(x, rows, *layer, state.h[k], state.c[k], compute_dtype, pool, keep)  # type: ignore[no-untyped-call]
        else:
            x, h = RNNScan.apply(x, rows, *layer, state.h[k], compute_dtype, pool)  # type: ignore[no-untyped-call]
            c = state.c[k]
        hs.append(h)
        cs.append(c)
        if masks and (mask := masks[k]) is not None:
            x = x * mask.to(compute_dtype)
        rows = None
    return x, State(torch.stack(hs), torch.stack(cs))

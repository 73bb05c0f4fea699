"""The mathematics of `lstm` over a whole window, fast: the path that training and evaluation take.

Five things make it faster than automatic differentiation over `lstm.RecurrentStack.forward`:

1. The first layer needs no matrix product for its input. A character is one of V, so W_ih x is a table of V rows,
   computed once a window and looked up. Higher layers take one large product a window.
2. The backward pass is derived by hand (`gates`) and writes into buffers that are allocated once.
3. Each weight gradient is one large product over all T * B steps, after the loop.
4. What is left in the loop is one product and one pass over the gates, which may be compiled (`compiling`).
5. Each thread goes through the window with lanes of its own (`threads`).

    Legend: B lanes, T window, E embedding, H hidden, V vocabulary. d_x stands for d loss / d x.

The matrix products are in `Kernels.compute_dtype`: bfloat16 where the processor multiplies it faster, else the
weights' own. Master weights, gates, cell state, and loss stay in the weights' type.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from charlstm.network.buffers import BufferPool
from charlstm.network.kernels import Kernels
from charlstm.network.lstm import Layer, RecurrentStack, State
from charlstm.network.products import prepare
from charlstm.network.threads import Lanes, in_parts, share_of


class InputPart:
    """W_ih x_t for every step of a window, and its gradients.

    With `ids` (T, B), x is the embedding (V, E) and the part is a table of V rows, looked up by character.
    Without, x is the layer below (T, B, H) and the part is one large product.
    """

    def __init__(
        self, x: Tensor, ids: Tensor | None, layer: Layer, compute_dtype: torch.dtype, pool: BufferPool
    ) -> None:
        self.x, self.ids, self.weight_ih, self.bias, self.pool = x, ids, layer.weight_ih, layer.bias, pool
        if ids is None:
            w_ih_t = layer.weight_ih.T.to(compute_dtype).contiguous()
            self.product = pool.take((*x.shape[:2], w_ih_t.shape[1]), w_ih_t)
            torch.mm(x.flatten(0, 1), w_ih_t, out=self.product.whole.flatten(0, 1))
        else:
            self.table = F.linear(x, layer.weight_ih).to(compute_dtype)

    def steps(self, lanes: Lanes) -> Iterator[Tensor]:
        """W_ih x_t of some lanes, (b, G*H), step after step; each holds until the next one."""
        if self.ids is None:
            yield from self.product.steps(*lanes)
            return
        z_x = self.table.new_empty(lanes.end - lanes.begin, self.table.shape[1])
        for ids in self.ids[:, lanes.begin : lanes.end].unbind():
            yield torch.index_select(self.table, 0, ids, out=z_x)

    def release(self) -> None:
        """Give it back: the backward pass does not need it."""
        if self.ids is None:
            self.pool.give(self.product)
            del self.product
        else:
            del self.table

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
        return rows.new_zeros(num_ids, len(ids)).scatter_(0, ids[None], 1) @ rows
    rows = rows.to(torch.promote_types(rows.dtype, torch.float32))
    return rows.new_zeros(num_ids, rows.shape[1]).index_add_(0, ids, rows)


class LSTMScan(torch.autograd.Function):
    """One LSTM layer over a window.

    forward(x, ids, weight_ih, weight_hh, bias, h0, c0, kernels, pool, keep)
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
        kernels: Kernels,
        pool: BufferPool,
        keep: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        T, (B, H) = len(x if ids is None else ids), h0.shape
        input_part = InputPart(x, ids, Layer(weight_ih, weight_hh, bias), kernels.compute_dtype, pool)
        times_w_hh = prepare(weight_hh, kernels.compute_dtype, B)
        ifgo = pool.take((T if keep else 1, B, 4 * H), c0)
        c = pool.take((T + 1 if keep else 2, B, H), c0)
        h = h0.new_empty(T + 1, B, H, dtype=kernels.compute_dtype)
        h[0], c.whole[0] = h0, c0

        def run(lanes: Lanes) -> None:
            h_at, c_at, ifgo_at = h[:, lanes.begin : lanes.end].unbind(), c.steps(*lanes), ifgo.gates(*lanes)
            for t, z_x in enumerate(input_part.steps(lanes)):
                c_prev, c_next = (c_at[t], c_at[t + 1]) if keep else (c_at[t % 2], c_at[1 - t % 2])
                i, f, g, o = ifgo_at[t if keep else 0]
                kernels.gates.forward(z_x, times_w_hh(h_at[t]), bias, c_prev, i, f, g, o, c_next, h_at[t + 1])

        in_parts(run, B, share_of(B, weight_hh))
        h_last, c_last = h[T].to(h0.dtype), c.whole[T if keep else T % 2].clone()
        if keep:
            ctx.saved = ifgo, c, h, input_part, weight_hh, kernels, pool
        else:
            pool.give(ifgo, c)
        input_part.release()
        return h[1:], h_last, c_last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_h: Tensor, grad_h_last: Tensor, grad_c_last: Tensor) -> Any:
        ifgo, c, h, input_part, weight_hh, kernels, pool = ctx.saved
        T, B, H = grad_h.shape
        times_w_hh_t = prepare(weight_hh.T, h.dtype, B)
        d_z = pool.take((T, B, 4 * H), h)
        d_h, d_c = grad_h_last.to(h.dtype).contiguous(), grad_c_last.clone(memory_format=torch.contiguous_format)
        d_h_above, d_h0 = grad_h.contiguous(), torch.empty_like(d_h)

        def run(lanes: Lanes) -> None:
            these = slice(*lanes)
            above, d_h_next, d_c_t = d_h_above[:, these].unbind(), d_h[these], d_c[these]
            c_at, ifgo_at, d_z_at, d_ifgo_at = (
                c.steps(*lanes),
                ifgo.gates(*lanes),
                d_z.steps(*lanes),
                d_z.gates(*lanes),
            )
            for t in reversed(range(T)):
                kernels.gates.backward(*ifgo_at[t], c_at[t], c_at[t + 1], above[t], d_h_next, d_c_t, *d_ifgo_at[t])
                d_h_next = times_w_hh_t(d_z_at[t])
            d_h0[these] = d_h_next

        in_parts(run, B, share_of(B, weight_hh))
        d_w_hh = (d_z.whole.flatten(0, 1).T @ h[:T].flatten(0, 1)).to(weight_hh.dtype)
        d_x, d_w_ih, d_bias = input_part.gradients(d_z.whole)
        pool.give(d_z)
        if pool.reuses:
            pool.give(ifgo, c)
            del ctx.saved  # a second backward must fail rather than read another window's numbers
        return d_x, None, d_w_ih, d_w_hh, d_bias, d_h0.to(d_c.dtype), d_c, None, None, None


class RNNScan(torch.autograd.Function):
    """One plain tanh RNN layer over a window: d_z = d_h * (1 - h_t^2), d_h_{t-1} = d_z W_hh.

    forward(x, ids, weight_ih, weight_hh, bias, h0, kernels, pool) -> h (T, B, H), h_T (B, H);
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
        kernels: Kernels,
        pool: BufferPool,
    ) -> tuple[Tensor, Tensor]:
        T, (B, H) = len(x if ids is None else ids), h0.shape
        input_part = InputPart(x, ids, Layer(weight_ih, weight_hh, bias), kernels.compute_dtype, pool)
        times_w_hh = prepare(weight_hh, kernels.compute_dtype, B)
        h = h0.new_empty(T + 1, B, H, dtype=kernels.compute_dtype)
        h[0] = h0

        def run(lanes: Lanes) -> None:
            h_at = h[:, lanes.begin : lanes.end].unbind()
            for t, z_x in enumerate(input_part.steps(lanes)):
                h_at[t + 1].copy_(torch.add(bias, z_x).add_(times_w_hh(h_at[t])).tanh_())

        in_parts(run, B, share_of(B, weight_hh))
        ctx.saved = h, input_part, weight_hh
        input_part.release()
        return h[1:], h[T].to(h0.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_h: Tensor, grad_h_last: Tensor) -> Any:
        h, input_part, weight_hh = ctx.saved
        T, B, _ = grad_h.shape
        times_w_hh_t = prepare(weight_hh.T, h.dtype, B)
        d_z = torch.empty_like(h[1:])
        d_h = grad_h_last.clone(memory_format=torch.contiguous_format)

        def run(lanes: Lanes) -> None:
            these = slice(*lanes)
            d_h_t, above, h_at, d_z_at = d_h[these], grad_h[:, these], h[1:, these], d_z[:, these]
            for t in reversed(range(T)):
                d_h_t.add_(above[t])
                d_z_at[t] = torch.ops.aten.tanh_backward(d_h_t, h_at[t].to(d_h.dtype), grad_input=d_h_t)
                d_h_t.copy_(times_w_hh_t(d_z_at[t]))

        in_parts(run, B, share_of(B, weight_hh))
        d_w_hh = (d_z.flatten(0, 1).T @ h[:T].flatten(0, 1)).to(weight_hh.dtype)
        d_x, d_w_ih, d_bias = input_part.gradients(d_z)
        return d_x, None, d_w_ih, d_w_hh, d_bias, d_h, None, None


def scan(
    stack: RecurrentStack,
    embedding: Tensor,
    ids: Tensor,
    state: State,
    *,
    kernels: Kernels,
    pool: BufferPool | None = None,
    masks: Sequence[Tensor | None] = (),
    layers: Sequence[Layer] | None = None,
) -> tuple[Tensor, State]:
    """The same numbers as `stack(embedding[ids], state, masks, layers)`, fast.

    Args:
        embedding: (V, E); ids: (T, B), int64; state, masks and layers as in `RecurrentStack.forward`.
        kernels: how it is computed.
        pool: where the buffers of the window before this one lie. With one, a window's backward runs once.

    Returns:
        h of the top layer (T, B, H) in the type of the products, and the state after the window.
    """
    keep = torch.is_grad_enabled()
    pool = pool if pool is not None else BufferPool(reuses=False)
    hs, cs = [], []
    x, rows = embedding, cast(Tensor | None, ids)
    for k, layer in enumerate(layers or stack.layers()):
        if stack.cell_type == "lstm":
            x, h, c = LSTMScan.apply(x, rows, *layer, state.h[k], state.c[k], kernels, pool, keep)  # type: ignore[no-untyped-call]
        else:
            x, h = RNNScan.apply(x, rows, *layer, state.h[k], kernels, pool)  # type: ignore[no-untyped-call]
            c = state.c[k]
        hs.append(h)
        cs.append(c)
        if masks and (mask := masks[k]) is not None:
            x = x * mask.to(kernels.compute_dtype)
        rows = None
    return x, State(torch.stack(hs), torch.stack(cs))

"""What the cell types with gates share of the fast path: a layer over a window, and one step after the other.

A step is one product, then the gates, which each cell type has in its `pointwise`. Both hand on a hidden state, in the
type of the products, and a memory, in the weights' type: the cell state, or the hidden state where there is none.

    Legend: B lanes, T window, H hidden, G blocks of the weights. d_x stands for d loss / d x; z_x = W_ih x_t and
    z_h = W_hh h_{t-1}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from charlstm.network.buffers import BufferPool
from charlstm.network.cells.base import Cell, Layer
from charlstm.network.cells.pointwise import GateFunctions
from charlstm.network.input_part import InputPart
from charlstm.network.products import prepare
from charlstm.network.threads import LaneRange, in_parts, share_of

ACTIVATIONS = 4  # blocks of H numbers that a step keeps for the backward pass, with every cell type


class GatedCell(Cell):
    """A cell type whose memory gates keep and write to."""

    def scan(
        self,
        x: Tensor,
        ids: Tensor | None,
        layer: Layer,
        h: Tensor,
        c: Tensor,
        *,
        compute_dtype: torch.dtype,
        gates: GateFunctions | None,
        pool: BufferPool,
        keep: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        memory = c if self.has_cell_state else h
        every_h, h, memory = GatedScan.apply(  # type: ignore[no-untyped-call]
            x, ids, *layer, h, memory, compute_dtype, gates or self.eager, pool, keep
        )
        return (every_h, h, memory) if self.has_cell_state else (every_h, memory, c)

    def stepping(
        self, bias: Tensor, h: Tensor, c: Tensor, shown: Tensor, gates: GateFunctions | None
    ) -> Callable[[Tensor, Tensor], None]:
        forward = (gates or self.eager).forward
        memory = (c if self.has_cell_state else h).clone()
        memory_next = torch.empty_like(memory)
        activations = memory.new_empty(len(memory), ACTIVATIONS * memory.shape[1]).chunk(ACTIVATIONS, dim=1)

        def step(z_x: Tensor, z_h: Tensor) -> None:
            nonlocal memory, memory_next
            forward(z_x, z_h, bias, memory, *activations, memory_next, shown)
            memory, memory_next = memory_next, memory

        return step


class GatedScan(torch.autograd.Function):
    """One layer over a window.

    forward(x, ids, weight_ih, weight_hh, bias, h0, memory0, compute_dtype, gates, pool, keep)
        -> h (T, B, H), h_T and the memory after the last step (B, H)
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
        memory0: Tensor,
        compute_dtype: torch.dtype,
        gates: GateFunctions,
        pool: BufferPool,
        keep: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        T, (B, H) = len(x if ids is None else ids), h0.shape
        input_part = InputPart(x, ids, weight_ih, bias, compute_dtype, pool)
        activations = pool.take((T if keep else 1, B, ACTIVATIONS * H), memory0)
        memory = pool.take((T + 1 if keep else 2, B, H), memory0)
        h = h0.new_empty(T + 1, B, H, dtype=compute_dtype)
        h[0], memory.whole[0] = h0, memory0

        if gates.window is not None:
            gates.window.forward(*input_part.part(), weight_hh, bias, activations.memory, memory.memory, h, keep)
        else:
            times_w_hh = prepare(weight_hh, compute_dtype, B)

            def run(lanes: LaneRange) -> None:
                h_at, memory_at = h[:, lanes.begin : lanes.end].unbind(), memory.steps(*lanes)
                activations_at = activations.blocks(ACTIVATIONS, *lanes)
                for t, z_x in enumerate(input_part.steps(lanes)):
                    now, after, kept = (t, t + 1, t) if keep else (t % 2, 1 - t % 2, 0)
                    written = (*activations_at[kept], memory_at[after], h_at[t + 1])
                    gates.forward(z_x, times_w_hh(h_at[t]), bias, memory_at[now], *written)

            in_parts(run, B, share_of(B, weight_hh))
        h_last, memory_last = h[T].to(h0.dtype), memory.whole[T if keep else T % 2].clone()
        if keep:
            ctx.saved = activations, memory, h, input_part, weight_hh, bias, gates, pool
        else:
            pool.give(activations, memory)
        input_part.release()
        return h[1:], h_last, memory_last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_h: Tensor, grad_h_last: Tensor, grad_memory_last: Tensor) -> Any:
        activations, memory, h, input_part, weight_hh, bias, gates, pool = ctx.saved
        T, B, H = grad_h.shape
        G, biases = len(weight_hh) // H, len(bias) // H
        d_zx = pool.take((T, B, G * H), h)
        # where z_x and z_h are only ever added, both have one bias and one gradient
        d_zh = pool.take((T, B, G * H), h) if biases > G else d_zx
        d_above, d_memory = grad_h.contiguous(), grad_memory_last.clone(memory_format=torch.contiguous_format)
        if gates.window is not None:
            d_h0 = grad_h_last.clone(memory_format=torch.contiguous_format)
            states = (activations.memory, memory.memory)
            gates.window.backward(weight_hh, d_above, *states, d_h0, d_memory, d_zx.memory, d_zh.memory)
        else:
            times_w_hh_t = prepare(weight_hh.T, h.dtype, B)
            d_h = grad_h_last.to(h.dtype).contiguous()
            d_h0 = torch.empty_like(d_h)

            def run(lanes: LaneRange) -> None:
                these = slice(*lanes)
                above, d_h_next, d_memory_t = d_above[:, these].unbind(), d_h[these], d_memory[these]
                memory_at, activations_at = memory.steps(*lanes), activations.blocks(ACTIVATIONS, *lanes)
                d_zh_at, d_blocks = d_zh.steps(*lanes), [d_zx.blocks(G, *lanes)]
                if d_zh is not d_zx:
                    d_blocks.append(d_zh.blocks(G, *lanes))
                for t in reversed(range(T)):
                    states = (*activations_at[t], memory_at[t], memory_at[t + 1])
                    written = [block for blocks in d_blocks for block in blocks[t]]
                    gates.backward(*states, above[t], d_h_next, d_memory_t, *written)
                    d_h_next = times_w_hh_t(d_zh_at[t])
                d_h0[these] = d_h_next

            in_parts(run, B, share_of(B, weight_hh))
        d_w_hh = (d_zh.whole.flatten(0, 1).T @ h[:T].flatten(0, 1)).to(weight_hh.dtype)
        d_x, d_w_ih, d_bias = input_part.gradients(d_zx.whole)
        if d_zh is not d_zx:  # the second biases are those of the last blocks
            d_second = d_zh.whole[:, :, (2 * G - biases) * H :].sum(dim=(0, 1), dtype=d_bias.dtype)
            d_bias = torch.cat([d_bias, d_second])
            pool.give(d_zh)
        pool.give(d_zx)
        if pool.reuses:
            pool.give(activations, memory)
            del ctx.saved  # a second backward must fail rather than read another window's numbers
        return d_x, None, d_w_ih, d_w_hh, d_bias, d_h0.to(d_memory.dtype), d_memory, None, None, None, None

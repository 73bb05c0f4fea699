"""The plain tanh network (Elman 1990) that the others are compared with.

h_t = tanh(W_i x_t + W_h h_{t-1} + b)            hidden state    all that it remembers

Legend: B lanes, T window, H hidden. d_x stands for d loss / d x.

Backward through one step, from d_h (from above and from step t + 1):
d_z = d_h * (1 - h_t^2)          d_h_{t-1} = d_z W_hh
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from charlstm.in_numpy import cells as layouts
from charlstm.network.buffers import BufferPool
from charlstm.network.cells.base import Cell, Gates, Layer, Part
from charlstm.network.cells.pointwise import GateFunctions
from charlstm.network.cells.written import Equation, Terms, activation
from charlstm.network.input_part import InputPart
from charlstm.network.products import prepare
from charlstm.network.threads import LaneRange, in_parts, share_of


class RNN(Cell):
    """The plain network: no gates, no cell state."""

    layout = layouts.RNN
    label = "a plain RNN"
    parts = {"h": Part("hidden state", "all that it remembers", low=-1.0)}  # noqa: RUF012
    torch_name = "RNN"

    def gated(self, z_x: Tensor, z_h: Tensor, bias: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Gates]:
        return torch.tanh(z_x + z_h + bias), c, {}

    def reset_bias(self, bias: Tensor, memory_chars: float, generator: torch.Generator) -> None:
        """Zero: there is no gate that would keep anything."""

    def equations(self, terms: Terms, memory: float) -> list[Equation]:
        return [activation("h_t", "hidden state", "tanh", "W_i x_t + W_h h_{t-1} + b", terms.of("h"))]

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
        every_h, h = RNNScan.apply(x, ids, *layer, h, compute_dtype, pool)  # type: ignore[no-untyped-call]
        return every_h, h, c

    def stepping(
        self, bias: Tensor, h: Tensor, c: Tensor, shown: Tensor, gates: GateFunctions | None
    ) -> Callable[[Tensor, Tensor], None]:
        def step(z_x: Tensor, z_h: Tensor) -> None:
            shown.copy_(torch.add(bias, z_x).add_(z_h).tanh_())

        return step


class RNNScan(torch.autograd.Function):
    """One plain tanh RNN layer over a window: d_z = d_h * (1 - h_t^2), d_h_{t-1} = d_z W_hh.

    forward(x, ids, weight_ih, weight_hh, bias, h0, compute_dtype, pool) -> h (T, B, H), h_T (B, H);
    arguments as for `GatedScan`.
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
        input_part = InputPart(x, ids, weight_ih, bias, compute_dtype, pool)
        times_w_hh = prepare(weight_hh, compute_dtype, B)
        h = h0.new_empty(T + 1, B, H, dtype=compute_dtype)
        h[0] = h0

        def run(lanes: LaneRange) -> None:
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

        def run(lanes: LaneRange) -> None:
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

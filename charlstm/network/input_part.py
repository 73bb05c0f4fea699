"""What a layer reads, multiplied by its weights: the part of a window that need not wait for the step before."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from charlstm.network.buffers import BufferPool
from charlstm.network.threads import LaneRange


class InputPart:
    """W_ih x_t for every step of a window, and its gradients.

    With `ids` (T, B), x is the embedding (V, E) and the part is a table of V rows, looked up by character.
    Without, x is the layer below (T, B, H) and the part is one large product.
    """

    def __init__(
        self,
        x: Tensor,
        ids: Tensor | None,
        weight_ih: Tensor,
        bias: Tensor,
        compute_dtype: torch.dtype,
        pool: BufferPool,
    ) -> None:
        self.x, self.ids, self.weight_ih, self.bias, self.pool = x, ids, weight_ih, bias, pool
        if ids is None:
            w_ih_t = weight_ih.T.to(compute_dtype).contiguous()
            self.product = pool.take((*x.shape[:2], w_ih_t.shape[1]), w_ih_t)
            torch.mm(x.flatten(0, 1), w_ih_t, out=self.product.whole.flatten(0, 1))
        else:
            self.table = F.linear(x, weight_ih).to(compute_dtype)

    def steps(self, lanes: LaneRange) -> Iterator[Tensor]:
        """W_ih x_t of some lanes, (b, G*H), step after step; each holds until the next one."""
        if self.ids is None:
            yield from self.product.steps(*lanes)
            return
        z_x = self.table.new_empty(lanes.end - lanes.begin, self.table.shape[1])
        for ids in self.ids[:, lanes.begin : lanes.end].unbind():
            yield torch.index_select(self.table, 0, ids, out=z_x)

    def part(self) -> tuple[Tensor, Tensor | None]:
        """W_ih x_t of every step, (T, B, G*H); or the table (V, G*H), and ids (T, B) of its rows."""
        if self.ids is None:
            return self.product.whole, None
        return self.table, self.ids.contiguous()

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

"""The mathematics of `cells` over a whole window, fast: the path that training and evaluation take.

Five things make it faster than automatic differentiation over `stack.RecurrentStack.forward`:

1. The first layer needs no matrix product for its input. A character is one of V, so W_ih x is a table of V rows,
   computed once a window and looked up. Higher layers take one large product a window (`input_part`).
2. The backward pass is derived by hand (a step in the file of each cell type, the window in `cells.gated`) and writes
   into buffers that are allocated once.
3. Each weight gradient is one large product over all T * B steps, after the loop.
4. What is left in the loop is one product and the gates. Compiled (`native`), they are one pass, in which what the
   product adds up becomes a gate without leaving the registers, and no Python runs until the window has ended.
5. Each thread goes through the window with lanes of its own (`threads`).

    Legend: B lanes, T window, E embedding, H hidden, V vocabulary.

The matrix products are in `Kernels.compute_dtype`: bfloat16 where the processor multiplies it faster, else the
weights' own. Master weights, gates, the state that carries the memory, and loss stay in the weights' type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from charlstm.network.buffers import BufferPool
from charlstm.network.cells import Layer, State
from charlstm.network.kernels import Kernels
from charlstm.network.stack import RecurrentStack


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
        x, h, c = stack.cell.scan(
            x,
            rows,
            layer,
            state.h[k],
            state.c[k],
            compute_dtype=kernels.compute_dtype,
            gates=kernels.compiled,
            pool=pool,
            keep=keep,
        )
        hs.append(h)
        cs.append(c)
        if masks and (mask := masks[k]) is not None:
            x = x * mask.to(kernels.compute_dtype)
        rows = None
    return x, State(torch.stack(hs), torch.stack(cs))

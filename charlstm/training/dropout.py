"""Dropout drawn from (seed, step, layer), never from a stream of random numbers.

So a run that stops and goes on draws what it would have drawn, with no random state to keep, and several
processes can draw the same masks and take their own lanes of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from charlstm.network.cells import Layer


def draw_seed(seed: int, *place: int | str) -> int:
    """A seed, 0..2^63 - 1, for each place where a run draws random numbers."""
    digest = hashlib.blake2b("/".join(map(str, (seed, *place))).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator_for(seed: int, *place: int | str) -> torch.Generator:
    """A generator that depends on nothing but its arguments."""
    return torch.Generator().manual_seed(draw_seed(seed, *place))


def dropout_masks(
    p: float,
    variational: bool,
    shape: tuple[int, int, int],
    num_layers: int,
    seed: int,
    step: int,
    device: torch.device,
    *place: int,
) -> list[Tensor]:
    """A mask for the output of each layer: 0 with probability p, else 1 / (1 - p); none where p is 0.

    Args:
        p: the share of outputs that is dropped (Srivastava et al. 2014; Zaremba et al. 2014 for LSTMs).
        variational: one mask for the whole window (Gal & Ghahramani 2016): (1, B, H) in place of (T, B, H).
        shape: T, B, H.
        place: of these lanes among all, where they are drawn apart from the others.
    """
    if p == 0:
        return []
    T, B, H = shape
    size = (1 if variational else T, B, H)
    return [
        torch.empty(size).bernoulli_(1 - p, generator=generator_for(seed, step, k, "h", *place)).div_(1 - p).to(device)
        for k in range(num_layers)
    ]


def recurrent_masks(p: float, layers: Sequence[Layer], seed: int, step: int) -> list[Tensor]:
    """A mask for W_hh of each layer, to drop a share p of it for a window (Merity et al. 2017, "DropConnect").

    None where p is 0.
    """
    if p == 0:
        return []
    return [
        torch.empty(layer.weight_hh.shape)
        .bernoulli_(1 - p, generator=generator_for(seed, step, k, "w_hh"))
        .div_(1 - p)
        .to(layer.weight_hh.device)
        for k, layer in enumerate(layers)
    ]


def drop_recurrent_weights(layers: Sequence[Layer], masks: Sequence[Tensor]) -> list[Layer]:
    """The layers with the masks of `recurrent_masks` upon W_hh."""
    if not masks:
        return list(layers)
    return [layer._replace(weight_hh=layer.weight_hh * mask) for layer, mask in zip(layers, masks, strict=True)]


def kept_lanes(p: float, batch_size: int, seed: int, step: int, device: torch.device) -> Tensor:
    """Which lanes carry their state into this window: (B, 1) bool, each False with probability p.

    A network that never begins from a zero state does not learn to: its cells, at first unlike anything it
    was trained on, may take thousands of characters to settle, and samples begin from a zero state.
    """
    keep = torch.rand(batch_size, 1, generator=generator_for(seed, step, "reset")) >= p
    return keep.to(device)

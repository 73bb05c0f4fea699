"""One draw from a distribution."""

from __future__ import annotations

import torch
from torch import Tensor


def draw(logits: Tensor, u: Tensor, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> Tensor:
    """Draw an id from every row of logits by inverting its cumulative distribution.

    Args:
        logits: (B, V).
        u: (B) uniform numbers in [0, 1): one draw each, so that equal numbers give equal text.
        temperature: logits are divided by it; 0 takes the likeliest.
        top_k: only the k likeliest; 0: all. A tie goes to the lower id.
        top_p: only the likeliest that together reach a probability p (Holtzman et al. 2020).

    Returns:
        (B) ids.
    """
    logits = logits.double()
    if temperature == 0 or top_k == 1:
        return logits.argmax(dim=1)
    logits, order = logits.sort(dim=1, descending=True, stable=True)
    # the largest becomes 0 first, so that a tiny temperature cannot overflow
    p = ((logits - logits[:, :1]) / temperature).softmax(dim=1)
    if top_k:
        p[:, top_k:] = 0.0
    if top_p < 1:
        p[(p.cumsum(dim=1) - p) / p.sum(dim=1, keepdim=True) >= top_p] = 0.0
    cumulative = p.cumsum(dim=1)
    place = torch.searchsorted(cumulative, u.double()[:, None] * cumulative[:, -1:], right=True)
    # Rounding must not carry u = 0.999... beyond what is allowed; a network that diverged allows nothing (NaN).
    last = ((p > 0).sum(dim=1, keepdim=True) - 1).clamp(min=0)
    return order.gather(1, place.minimum(last)).squeeze(1)

"""Null networks: fresh weights that learnt nothing, with the biases of the trained network.

A network with large forget biases remembers what it read whether or not it was trained to (a reservoir), so the
comparison is with networks that remember as long: each gate keeps its biases, shuffled over the cells.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import torch

from charlstm.network.model import CharLM
from charlstm.probe.statistics import Floats

NUMBER = 5
# one-sided 1 % point of Student's t with 4 degrees of freedom, times sqrt(1 + 1/5): a sixth network of the same kind
# lies above mean + LIMIT * deviation of five in one case of a hundred
LIMIT = 3.7469 * 1.2**0.5
# five networks may lie closer together than such networks do: among sixty untrained ones the best AUC deviated, on the
# probit scale, by 0.1 to 0.15 where it had to hold all the way, and by 0.2 to 0.6 where it had to for a while
MIN_DEVIATION = 0.25


@torch.no_grad()
def reinitialised(model: CharLM, seed: int) -> CharLM:
    """A network of the same shape with fresh weights, and with the biases of every gate shuffled over the cells."""
    fresh = CharLM(model.config)
    fresh.reset_parameters(0.0, seed)
    generator = torch.Generator().manual_seed(seed)
    gates = len(model.cell.bias_rows)
    for ours, theirs in zip(fresh.stack.layers(), model.stack.layers(), strict=True):
        for mine, other in zip(ours.bias.chunk(gates), theirs.bias.chunk(gates), strict=True):
            mine.copy_(other[torch.randperm(len(other), generator=generator)])
    return fresh.to(model.head.weight)


def limit_of(null: Floats, resolution: float = 1e-3) -> float:
    """What an AUC, or a share, must exceed: the best of these, and the prediction interval on the probit scale.

    Args:
        null: of each network.
        resolution: 1 over the comparisons behind an AUC: one of 1 is taken for half a comparison less.
    """
    if len(null) < 2:
        return 0.0
    z = np.array([_probit(value, resolution) for value in null])
    return max(float(null.max()), NormalDist().cdf(float(z.mean() + LIMIT * max(z.std(ddof=1), MIN_DEVIATION))))


def stands_out(observed: float, null: Floats, resolution: float = 1e-3) -> bool:
    """Whether an AUC lies above what a re-initialised network reaches; see `limit_of`."""
    if len(null) < 2:
        return True
    clipped = NormalDist().cdf(_probit(observed, resolution))
    return bool(observed > null.max()) and clipped > limit_of(null, resolution)


def _probit(value: float, resolution: float) -> float:
    return NormalDist().inv_cdf(min(max(value, resolution / 2), 1 - resolution / 2))

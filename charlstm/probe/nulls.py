"""Null networks: fresh weights that learnt nothing, with the biases of the trained network.

A network with large forget biases remembers what it read whether or not it was trained to (a reservoir), so the
comparison is with networks that remember as long: each gate keeps its biases, shuffled over the cells.
"""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist

import numpy as np
import torch

from charlstm.network.model import CharLM
from charlstm.probe.statistics import Floats

LEAST, MOST = 5, 19  # as many as this are taken by default: the more, the smaller the network
# with five, Student's t alone puts the bound four deviations above their mean, so that untrained networks with r of .25
# refused a cell with .49; with nine, three
LEAST_OF_FEATURES = 9
WORK = 3e11  # parameters times characters that all of them may read by default: some seconds
# five networks may lie closer together than such networks do: among sixty untrained ones the best AUC deviated, on the
# probit scale, by 0.1 to 0.15 where it had to hold all the way, and by 0.2 to 0.6 where it had to for a while
MIN_DEVIATION = 0.25
# the same for correlations: on Fisher's z the best ones of untrained networks of six kinds, twelve of each, with three
# features, deviated by .02 to .08
MIN_DEVIATION_Z = 0.05
LEVEL = 0.99  # of the bound: one more network of the same kind lies below it in so many cases


def default_number(parameters: int, characters: int, least: int = LEAST) -> int:
    """How many networks to take: by size, not by a stopwatch, so that a result can be had again.

    Args:
        parameters: of the network.
        characters: that each of them reads.
        least: however large it is.
    """
    return int(min(MOST, max(least, WORK / (parameters * max(characters, 1)))))


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
    """What an AUC, or a share, must exceed: the best of these, and a 99 % prediction bound on the probit scale.

    The bound is that of a normal sample for one more of its kind (Hahn & Meeker 1991); the deviation of the sample
    counts for 0.25 at least.

    Args:
        null: of each network.
        resolution: 1 over the comparisons behind an AUC: one of 1 is taken for half a comparison less.
    """
    if len(null) < 2:
        return 0.0
    z = np.array([_probit(value, resolution) for value in null])
    return max(float(null.max()), NormalDist().cdf(_prediction_bound(z, MIN_DEVIATION)))


def correlation_limit(null: Floats) -> float:
    """What a correlation must exceed: as `limit_of`, on Fisher's z (Fisher 1915).

    Args:
        null: of each network.
    """
    if len(null) < 2:
        return 0.0
    z = np.arctanh(np.clip(null, -0.999, 0.999))
    return max(float(null.max()), math.tanh(_prediction_bound(z, MIN_DEVIATION_Z)))


def _prediction_bound(sample: Floats, least: float) -> float:
    factor = student_t(LEVEL, len(sample) - 1) * (1 + 1 / len(sample)) ** 0.5
    return float(sample.mean() + factor * max(sample.std(ddof=1), least))


def stands_out(observed: float, null: Floats, resolution: float = 1e-3) -> bool:
    """Whether an AUC lies above what a re-initialised network reaches; see `limit_of`."""
    if len(null) < 2:
        return True
    clipped = NormalDist().cdf(_probit(observed, resolution))
    return bool(observed > null.max()) and clipped > limit_of(null, resolution)


@cache
def student_t(level: float, freedom: int) -> float:
    """The quantile of Student's t above one half: its density is summed over a fine grid, and the level looked up."""
    t, step = np.linspace(0, 400, 400_001, retstep=True)
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    density = scale * (1 + t * t / freedom) ** (-(freedom + 1) / 2)
    above_half = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * step)])
    return float(np.interp(level - 0.5, above_half, t))


def _probit(value: float, resolution: float) -> float:
    return NormalDist().inv_cdf(min(max(value, resolution / 2), 1 - resolution / 2))

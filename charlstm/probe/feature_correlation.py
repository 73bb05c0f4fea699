"""Partial correlation of every cell with a feature of ordinary text.

Cell and feature are each freed, by least squares, of the position, its square, the current and the previous
character; what is left is correlated. Candidates are chosen on one half of the stretches and judged on the other; p
exchanges blocks of the feature, against the best of all candidates.

Legend: B stretches, T characters each, N = B T, L layers, H hidden, S = L H cells, C candidates, P permutations.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from charlstm.corpus.vocab import Ids
from charlstm.network.reader import Lanes, Reader
from charlstm.probe.feature_result import FeatureCell
from charlstm.probe.feature_text import WARM_CHARS
from charlstm.probe.reading import read, repeat
from charlstm.probe.selectivity import MAX_CANDIDATES
from charlstm.probe.statistics import Estimate, Floats, above, bootstrap
from charlstm.probe.stimuli import Bools, Ints

MAX_CONTROLS = 200  # characters
BLOCK = 75  # characters that stay together when the feature is permuted: ten blocks a stretch
PERMUTATIONS = 1000


def freed_by_half(values: Floats, partialled: Floats, halves: Sequence[Bools]) -> list[Floats]:
    """The residuals (see `freed`) of each half of the stretches: values (B, T, S)."""
    return [freed(values[half], partialled[half]) for half in halves]


def controls_of(stretches: Ids) -> Floats:
    """What is partialled out: 1, position, its square, the current and the previous character: (B, T, columns).

    Of the characters that occur, the 200 commonest have a column each; the others share the constant's.
    """
    B, T = stretches.shape
    known, number, counts = np.unique(stretches, return_inverse=True, return_counts=True)
    rank = np.argsort(np.argsort(-counts, kind="stable"), kind="stable")
    ranked = rank[number].reshape(B, T)
    position = np.broadcast_to(np.linspace(-1, 1, T), (B, T))
    one_hot = np.eye(len(known), min(len(known), MAX_CONTROLS), dtype=np.float32)
    previous = np.concatenate([ranked[:, :1], ranked[:, :-1]], axis=1)
    columns = [
        np.ones((B, T, 1)),
        position[:, :, None],
        position[:, :, None] ** 2,
        one_hot[ranked],
        one_hot[previous],
    ]
    return np.concatenate(columns, axis=2).astype(np.float32)[:, WARM_CHARS:]


def states_of(reader: Reader, stretches: Ids, of_hidden: bool) -> Floats:
    """Every cell over every character: (B, T, L * H)."""
    B, T = stretches.shape
    ids = torch.from_numpy(stretches.astype(np.int64))
    kept: list[Floats] = []

    def keep(t: int, rows: torch.Tensor, lanes: Lanes) -> None:
        if t >= WARM_CHARS:
            kept.append(lanes.every("h" if of_hidden else "c").transpose(0, 1).flatten(1).cpu().numpy())

    start = torch.zeros(B, dtype=torch.int64)
    read(reader, ids, start, torch.full_like(start, T), repeat(reader.model.zero_state(1), B), on_step=keep)
    return np.stack(kept, axis=1)


def freed(values: Floats, controls: Floats) -> Floats:
    """The residuals of values (B, T, S) after least squares on the controls (B, T, K)."""
    y, x = values.reshape(-1, values.shape[-1]), controls.reshape(-1, controls.shape[-1])
    gram = (x.T @ x).astype(np.float64)
    coefficients = np.linalg.lstsq(gram, (x.T @ y).astype(np.float64), rcond=1e-8)[0]
    result: Floats = (y - x @ coefficients.astype(np.float32)).reshape(values.shape)
    return result


def candidates(
    residuals: Sequence[Floats], features: Sequence[Floats], rng: np.random.Generator, H: int, full: bool
) -> list[FeatureCell]:
    """Discovery, then confirmation, best first; without `full` only the best, without p and interval."""
    strength = correlations(residuals[0].reshape(-1, residuals[0].shape[-1]), features[0].ravel())
    chosen = np.argsort(-np.abs(strength), kind="stable")[:MAX_CANDIDATES]
    signs = np.sign(strength[chosen])
    judged = residuals[1][:, :, chosen] * signs  # (B, T, C)
    observed = correlations(judged.reshape(-1, len(chosen)), features[1].ravel())
    if not full:
        best = int(observed.argmax())
        estimate = Estimate(float(observed[best]), float("nan"), float("nan"))
        return [FeatureCell(int(chosen[best]) // H, int(chosen[best]) % H, estimate, 1.0)]
    by_chance = _permuted_best(judged, features[1], rng)
    return [
        FeatureCell(
            int(chosen[k]) // H,
            int(chosen[k]) % H,
            _interval(judged[:, :, k], features[1], rng),
            above(float(observed[k]), by_chance),
        )
        for k in np.argsort(-observed, kind="stable").tolist()
    ]


def correlations(values: Floats, feature: Floats) -> Floats:
    """Pearson's r of every column: values (N, C), feature (N) -> (C). 0 for a column that does not vary."""
    centred, target = values - values.mean(axis=0), feature - feature.mean()
    scale = np.sqrt((centred**2).sum(axis=0) * (target**2).sum())
    result: Floats = (target @ centred) / np.maximum(scale, 1e-12)
    return result


def _permuted_best(values: Floats, feature: Floats, rng: np.random.Generator) -> Floats:
    """The best candidate's r when the feature's blocks are exchanged: (P)."""
    B, T, C = values.shape
    blocks = T // BLOCK
    v = values[:, : blocks * BLOCK].reshape(B * blocks, BLOCK, C)
    f = feature[:, : blocks * BLOCK].reshape(B * blocks, BLOCK)
    best = [correlations(v.reshape(-1, C), f[rng.permutation(len(f))].ravel()).max() for _ in range(PERMUTATIONS)]
    return np.array(best)


def _interval(values: Floats, feature: Floats, rng: np.random.Generator) -> Estimate:
    """R of one cell with its interval over stretches: (B, T) each."""
    sums = np.stack(
        [x.sum(axis=1) for x in (np.ones_like(values), values, feature, values**2, feature**2, values * feature)],
        axis=1,
    ).astype(np.float64)

    def statistic(rows: Ints) -> float:
        n, x, y, xx, yy, xy = sums[rows].sum(axis=0)
        scale = np.sqrt(max((xx - x * x / n) * (yy - y * y / n), 0.0))
        return float((xy - x * y / n) / scale) if scale > 0 else float("nan")

    return bootstrap(statistic, np.arange(len(values)), rng, 400)

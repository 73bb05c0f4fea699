"""Which cells go with a feature of ordinary text, beyond what position and the last two characters say.

Cell and feature are each freed, by least squares, of the position, its square, the current and the previous
character; what is left is correlated (partial correlation). Candidates are chosen on one half of the documents and
judged on the other; p exchanges blocks of the feature, against the best of all candidates; networks with fresh weights
go through the same. This is correlation: nothing is said of causes.

Legend: B documents, T characters each, N = B T, L layers, H hidden, C candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from charlstm.corpus.vocab import Ids, Vocabulary
from charlstm.network.cells import Gates, State
from charlstm.network.model import CharLM
from charlstm.probe import nulls
from charlstm.probe.features import FEATURES
from charlstm.probe.reading import read, repeat
from charlstm.probe.selectivity import MAX_CANDIDATES
from charlstm.probe.statistics import Estimate, Floats, above, benjamini_hochberg, bootstrap, without_nan
from charlstm.probe.stimuli import Ints
from charlstm.probe.verdict import Verdict
from charlstm.progress import OnProgress, unheard

MAX_TEXT = 1_000_000  # characters, from the beginning
DOCUMENTS = 64
DOCUMENT_CHARS = 800
MAX_CONTROLS = 200  # characters
WARM_CHARS = 50  # read but not scored
BLOCK = 75  # characters that stay together when the feature is permuted: ten blocks a document
PERMUTATIONS = 1000
MIN_DOCUMENTS = 8
MIN_CORRELATION = 0.3
SHOWN = 5

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class FeatureCell:
    """A cell and a feature: partial correlation on the confirmation documents, and p among the candidates."""

    layer: int
    cell: int
    correlation: Estimate
    p: float


@dataclass(frozen=True)
class FeatureResult:
    """The result for one feature.

    Attributes:
        name: of the feature.
        share: how often its value is not 0.
        cells: the best candidates, best first.
        null: the best correlation of each re-initialised network.
        p_adjusted: of the best cell, over the features that were asked for together (Benjamini & Hochberg 1995).
        verdict: of the best cell: "tracks" or "none".
        note: why there is nothing, if so.
    """

    name: str
    share: float
    cells: list[FeatureCell]
    null: list[float]
    p_adjusted: float
    verdict: Verdict
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object; layers count from 1."""
        cells = [
            {
                "layer": cell.layer + 1,
                "cell": cell.cell,
                "correlation": cell.correlation.to_dict(),
                "p": cell.p,
            }
            for cell in self.cells
        ]
        found: dict[str, Any] = without_nan({**vars(self), "cells": cells, "verdict": self.verdict.value})
        return found


@torch.no_grad()
def score_features(
    model: CharLM,
    vocabulary: Vocabulary,
    ids: Ids,
    names: Sequence[str],
    *,
    of_hidden: bool,
    alpha: float,
    seed: int,
    on_progress: OnProgress = unheard,
) -> list[FeatureResult]:
    """Score every cell on features of a text.

    Args:
        ids: the text, at least `MIN_DOCUMENTS` x `DOCUMENT_CHARS` characters.
        names: keys of `features.FEATURES`.
    """
    rng = np.random.default_rng(seed)
    ids = ids[:MAX_TEXT]
    starts = document_starts(len(ids))
    documents = cut(np.asarray(ids), starts)
    text = vocabulary.decode(ids)
    first = np.arange(len(documents)) < len(documents) // 2  # discovery
    controls = controls_of(documents)
    # read off the whole text, so that a quotation that began before the document is known
    values = {name: cut(FEATURES[name].values(text), starts)[:, WARM_CHARS:] for name in names}
    networks = [model, *(nulls.reinitialised(model, seed + 1 + k) for k in range(nulls.LEAST))]
    found: dict[str, list[list[FeatureCell]]] = {name: [] for name in names}
    for k, network in enumerate(networks):
        on_progress("reading text with this and five re-initialised networks", k, len(networks))
        residuals = [freed(states_of(network, documents[half], of_hidden), controls[half]) for half in (first, ~first)]
        for name in names:
            freed_values = [freed(values[name][half][:, :, None], controls[half])[:, :, 0] for half in (first, ~first)]
            varies = all(values[name][half].std() > 0 for half in (first, ~first))
            cells = _candidates(residuals, freed_values, rng, full=k == 0) if varies else []
            found[name].append(cells)
    results = [_result(name, values[name], found[name]) for name in names]
    varying = [result for result in results if result.cells]  # the others were not tested
    adjusted = benjamini_hochberg(np.array([result.p_adjusted for result in varying]))
    p_of = {result.name: float(p) for result, p in zip(varying, adjusted, strict=True)}
    return [_judged(result, p_of.get(result.name, 1.0), alpha) for result in results]


def document_starts(length: int) -> Ints:
    """Where stretches from all over a text begin: (B). They do not overlap."""
    number = min(DOCUMENTS, length // DOCUMENT_CHARS)
    return np.linspace(0, length - DOCUMENT_CHARS, number).astype(np.int64)


def cut(values: npt.NDArray[Scalar], starts: Ints) -> npt.NDArray[Scalar]:
    """The stretches of a text, or of what was read off it: (N) -> (B, T)."""
    return np.stack([values[start : start + DOCUMENT_CHARS] for start in starts])


def controls_of(documents: Ids) -> Floats:
    """What is partialled out: 1, position, its square, the current and the previous character: (B, T, columns).

    Of the characters that occur, the 200 commonest have a column each; the others share the constant's.
    """
    B, T = documents.shape
    known, number, counts = np.unique(documents, return_inverse=True, return_counts=True)
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


def states_of(model: CharLM, documents: Ids, of_hidden: bool) -> Floats:
    """Every cell over every character: (B, T, L * H)."""
    B, T = documents.shape
    ids = torch.from_numpy(documents.astype(np.int64))
    kept: list[Floats] = []

    def keep(t: int, rows: torch.Tensor, new: State, gates: list[Gates]) -> None:
        if t >= WARM_CHARS:
            kept.append((new.h if of_hidden else new.c).transpose(0, 1).flatten(1).cpu().numpy())

    start = torch.zeros(B, dtype=torch.int64)
    read(model, ids, start, torch.full_like(start, T), repeat(model.zero_state(1), B), on_step=keep)
    return np.stack(kept, axis=1)


def freed(values: Floats, controls: Floats) -> Floats:
    """The residuals of values (B, T, S) after least squares on the controls (B, T, K)."""
    y, x = values.reshape(-1, values.shape[-1]), controls.reshape(-1, controls.shape[-1])
    gram = (x.T @ x).astype(np.float64)
    coefficients = np.linalg.lstsq(gram, (x.T @ y).astype(np.float64), rcond=1e-8)[0]
    result: Floats = (y - x @ coefficients.astype(np.float32)).reshape(values.shape)
    return result


def _candidates(
    residuals: Sequence[Floats], features: Sequence[Floats], rng: np.random.Generator, full: bool
) -> list[FeatureCell]:
    """Discovery, then confirmation; without `full`, no p and no intervals (for re-initialised networks)."""
    strength = correlations(residuals[0].reshape(-1, residuals[0].shape[-1]), features[0].ravel())
    chosen = np.argsort(-np.abs(strength), kind="stable")[:MAX_CANDIDATES]
    signs = np.sign(strength[chosen])
    judged = residuals[1][:, :, chosen] * signs  # (B, T, C)
    observed = correlations(judged.reshape(-1, len(chosen)), features[1].ravel())
    H = residuals[0].shape[-1]
    p_values = np.ones(len(chosen))
    if full:
        best = _permuted_best(judged, features[1], rng)
        p_values = np.array([above(value, best) for value in observed])
    order = np.argsort(-observed, kind="stable")[: SHOWN if full else 1]
    cells = []
    for k in order:
        estimate = Estimate(float(observed[k]), float("nan"), float("nan"))
        if full:
            estimate = _interval(judged[:, :, k], features[1], rng)
        cells.append(FeatureCell(int(chosen[k]) // H, int(chosen[k]) % H, estimate, float(p_values[k])))
    return cells


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
    """R of one cell with its interval over documents: (B, T) each."""
    sums = np.stack(
        [x.sum(axis=1) for x in (np.ones_like(values), values, feature, values**2, feature**2, values * feature)],
        axis=1,
    ).astype(np.float64)

    def statistic(rows: Ints) -> float:
        n, x, y, xx, yy, xy = sums[rows].sum(axis=0)
        scale = np.sqrt(max((xx - x * x / n) * (yy - y * y / n), 0.0))
        return float((xy - x * y / n) / scale) if scale > 0 else float("nan")

    return bootstrap(statistic, np.arange(len(values)), rng, 400)


def _result(name: str, values: Floats, found: list[list[FeatureCell]]) -> FeatureResult:
    share = float((values != 0).mean())
    note = "" if found[0] else "it does not vary in this text"
    null = [cells[0].correlation.value for cells in found[1:] if cells]
    return FeatureResult(name, share, found[0], null, found[0][0].p if found[0] else 1.0, Verdict.none, note)


def _judged(result: FeatureResult, p_adjusted: float, alpha: float) -> FeatureResult:
    if not result.cells:
        return replace(result, p_adjusted=p_adjusted)
    strength = result.cells[0].correlation.value
    tracks = p_adjusted < alpha and strength >= MIN_CORRELATION and nulls.stands_out(strength, np.array(result.null))
    return replace(result, p_adjusted=p_adjusted, verdict=Verdict.tracks if tracks else Verdict.none)

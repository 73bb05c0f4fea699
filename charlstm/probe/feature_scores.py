"""Which cells go with features of ordinary text, and whether the network uses them: all tests, put together.

Cells are chosen by partial correlation (`feature_correlation`) on one half of the stretches and judged on the other.
Networks that learnt nothing go through the same: a correlation must exceed what they could reach. Then the best cell,
and those that move the predictions most, are exchanged between places with and without the feature (`feature_causes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from charlstm.corpus.vocab import Vocabulary
from charlstm.network.model import CharLM
from charlstm.network.reader import Reader
from charlstm.probe import nulls
from charlstm.probe.causes import MAX_DRIVERS, controls
from charlstm.probe.feature_causes import Interchange, find_places, predicted, read_places
from charlstm.probe.feature_correlation import candidates, controls_of, freed_by_half, states_of
from charlstm.probe.feature_result import MIN_CORRELATION, FeatureCell, FeatureResult
from charlstm.probe.feature_text import WARM_CHARS, Stretches
from charlstm.probe.features import FEATURES
from charlstm.probe.statistics import Floats, above, benjamini_hochberg
from charlstm.probe.verdict import FeatureEvidence, Thresholds, Verdict, judge_feature_cell
from charlstm.progress import OnProgress, unheard

SHOWN = 5


@torch.no_grad()
def score_features(
    model: CharLM,
    vocabulary: Vocabulary,
    stretches: Stretches,
    *,
    of_hidden: bool,
    limits: Thresholds,
    seed: int,
    fresh: int | None = None,
    null_models: Sequence[CharLM] = (),
    on_progress: OnProgress = unheard,
) -> list[FeatureResult]:
    """Score every cell on the features of some stretches of text, and test whether the network uses the best ones.

    Args:
        stretches: at least `MIN_STRETCHES`, and the features read off them.
        of_hidden: whether hidden states are looked at, not cell states.
        fresh: how many re-initialised networks to compare with; None: see `nulls.default_number`.
        null_models: other networks that learnt nothing of the features.
    """
    rng = np.random.default_rng(seed)
    halves = stretches.halves
    results = {name: FeatureResult(name, float((v != 0).mean())) for name, v in stretches.values.items()}
    varying = [
        name for name, values in stretches.values.items() if all(values[half, WARM_CHARS:].std() > 0 for half in halves)
    ]
    for name in results.keys() - set(varying):
        results[name] = replace(results[name], note="it does not vary in this text")
    if not varying:
        return list(results.values())
    partialled = controls_of(stretches.ids)
    values = {name: freed_by_half(stretches.values[name][:, WARM_CHARS:, None], partialled, halves) for name in varying}
    number = fresh
    if number is None:
        parameters = sum(part.numel() for part in model.parameters())
        number = nulls.default_number(parameters, stretches.ids.size, nulls.LEAST_OF_FEATURES)
    networks = [model, *(nulls.reinitialised(model, seed + 1 + k) for k in range(number)), *null_models]
    L, H = model.config.num_layers, model.config.hidden_size
    found: dict[str, list[FeatureCell]] = {}
    spread = np.zeros((L, H))
    for k, network in enumerate(networks):
        on_progress("reading text with this network and others that learnt nothing", k, len(networks))
        states = states_of(Reader(network), stretches.ids, of_hidden)
        if k == 0:
            spread = states.reshape(-1, states.shape[-1]).std(axis=0).reshape(L, H)
        residuals = freed_by_half(states, partialled, halves)
        for name in varying:
            cells = candidates(residuals, [part[:, :, 0] for part in values[name]], rng, H, full=k == 0)
            if k == 0:
                found[name] = cells
            else:
                results[name].null.append(cells[0].correlation.value)
    adjusted = benjamini_hochberg(np.array([found[name][0].p for name in varying]))
    for name, p in zip(varying, adjusted.tolist(), strict=True):
        bound = max(MIN_CORRELATION, nulls.correlation_limit(np.array(results[name].null)))
        results[name] = replace(results[name], cells=found[name], bound=bound, p_adjusted=p)
    tested = _test_causes(
        model, vocabulary, stretches, [results[name] for name in varying], spread, limits, rng, on_progress
    )
    results |= {result.name: _judged(result, limits) for result in tested}
    return list(results.values())


def _test_causes(
    model: CharLM,
    vocabulary: Vocabulary,
    stretches: Stretches,
    results: Sequence[FeatureResult],
    spread: Floats,
    limits: Thresholds,
    rng: np.random.Generator,
    on_progress: OnProgress,
) -> list[FeatureResult]:
    """The same results with causes, where they can be had: spread (L, H) of the cells on this text."""
    done = {result.name: result for result in results}
    places = {}
    for name, result in done.items():
        prediction = FEATURES[name].prediction
        if prediction is None:
            done[name] = replace(result, note="the feature predicts no character of its own")
            continue
        if not predicted(name, vocabulary).any():
            note = f"the network does not know {prediction.summary}"
            done[name] = replace(result, note=note)
            continue
        found = find_places(stretches, name, vocabulary, rng)
        both = [found.of(half) for half in stretches.halves]
        if not all(some.are_enough for some in both):
            note = "too few stretches have the feature on and off after the same character"
            done[name] = replace(result, note=note)
            continue
        places[name] = both
    if not places:
        return list(done.values())
    on_progress("reading text up to the places of the features", 0, 1)
    reader = Reader(model)
    states = iter(read_places(reader, stretches, [some for both in places.values() for some in both]))
    for k, (name, both) in enumerate(places.items()):
        on_progress("cells exchanged between places", k, len(places))
        first, second = (Interchange.of(reader, vocabulary, stretches, name, some, next(states)) for some in both)
        done[name] = _with_causes(done[name], first, second, spread, limits, rng)
    return list(done.values())


def _with_causes(
    result: FeatureResult,
    choosing: Interchange,
    judging: Interchange,
    spread: Floats,
    limits: Thresholds,
    rng: np.random.Generator,
) -> FeatureResult:
    direction = 1
    if FEATURES[result.name].kind == "clock":  # a line may be the likelier to end the longer it is, or the less likely
        direction = -1 if choosing.whole.sum() < 0 else 1
    choosing, judging = choosing.turned(direction), judging.turned(direction)
    apart = judging.nats_apart(rng)
    if not (apart.low > 0 and choosing.whole.sum() > 0):
        note = "the predictions do not depend on the feature, so there is nothing for a cell to cause"
        return replace(result, apart=apart, direction=direction, note=note)
    moved = choosing.recoveries([cell.place for cell in result.cells])
    order = np.argsort(-moved, kind="stable")
    driving = [int(k) for k in order[:MAX_DRIVERS] if moved[k] >= limits.recovery]
    cells = list(result.cells)
    tested = sorted({0, *driving})
    barred = {cells[k].place for k in tested}
    for k in tested:
        place = cells[k].place
        patch = judging.patch([place], rng)
        others = controls(place, spread, barred)
        if len(others) >= limits.min_controls:
            reached = judging.recoveries([place, *others])
            patch = replace(patch, controls=len(others), p=above(float(reached[0]), reached[1:]))
        cells[k] = replace(cells[k], patch=patch)
    return replace(result, apart=apart, direction=direction, cells=cells)


def _judged(result: FeatureResult, limits: Thresholds) -> FeatureResult:
    cells = []
    for cell in result.cells:
        evidence = FeatureEvidence(
            cell.correlation.value,
            MIN_CORRELATION,
            result.bound,
            max(cell.p, result.p_adjusted),
            None if cell.patch is None else cell.patch.recovery,
            None if cell.patch is None else cell.patch.p,
        )
        cells.append(replace(cell, verdict=judge_feature_cell(evidence, limits)))
    rank = list(Verdict)
    cells.sort(key=lambda cell: (rank.index(cell.verdict), -cell.correlation.value))
    kept = [cell for k, cell in enumerate(cells) if k < SHOWN or cell.patch is not None]
    return replace(result, cells=kept, verdict=kept[0].verdict)

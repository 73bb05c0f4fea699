"""The probe from beginning to end: sentences in, cells and proof out.

read the stimuli -> behaviour -> discovery, confirmation -> re-initialised networks -> causes -> gates -> verdicts
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from charlstm.corpus.vocab import Ids, Vocabulary
from charlstm.grammar.pairs import MinimalPair
from charlstm.network.cells import State
from charlstm.network.model import CharLM
from charlstm.network.reader import Reader
from charlstm.network.threads import side_by_side, torch_threads
from charlstm.probe import ngram, nulls, ordinary, power
from charlstm.probe.behaviour import judge
from charlstm.probe.causal_tests import causal_tests, drivers, rank_cells
from charlstm.probe.causes import make_bench
from charlstm.probe.directions import compare
from charlstm.probe.evidence import CONFOUNDED, Material, cell_reports, confounds, gather_nulls, shown_reports
from charlstm.probe.items import items_of
from charlstm.probe.reading import log_odds, read, repeat, trace_cells, warm_state
from charlstm.probe.result import CellReport, Nulls, ProbeResult, SentenceReport
from charlstm.probe.statistics import Floats
from charlstm.probe.stimuli import LANDMARKS, Bools, Stimuli, ending_ids, make_stimuli, split_lemmas
from charlstm.probe.verdict import Thresholds, Verdict, judge_cell
from charlstm.progress import OnProgress, unheard

AT_ONCE = 512  # sentences of which only the answers are wanted
OTHER_HOLDS = (0.80, 0.85, 0.90, 0.95)


@dataclass(frozen=True)
class ProbeRequest:
    """What is to be probed, and with what.

    Attributes:
        pairs: the minimal pairs that claims rest on; empty: only `sentences` are read.
        sentences: single pairs to be shown, each with its name.
        warm: neutral text that is read before every sentence.
        ordinary: ids of ordinary text, and where they come from.
        train_text: ids of the text that the network was trained on, for the n-gram baseline.
        of_hidden: probe the hidden state in place of the cell state.
        cells: cells (layer and number from 0) to report in any case.
        directions: compare the best cell with directions of its layer, too.
        nulls: how many re-initialised networks to compare with; None: see `nulls.default_number`.
        null_models: other networks that learnt nothing of the feature, with the same vocabulary: trained on shuffled
            labels, for instance.
        limits: the thresholds.
        seed: of the split, the permutations, the bootstrap, and the re-initialised networks.
    """

    pairs: Sequence[MinimalPair]
    sentences: Sequence[tuple[str, MinimalPair]] = ()
    warm: str = ""
    ordinary: tuple[Ids, str] | None = None
    train_text: Ids | None = None
    of_hidden: bool = False
    cells: Sequence[tuple[int, int]] = ()
    directions: bool = False
    nulls: int | None = None
    null_models: Sequence[CharLM] = ()
    limits: Thresholds = field(default_factory=Thresholds)
    seed: int = 0


@torch.no_grad()
def probe(
    model: CharLM,
    vocabulary: Vocabulary,
    request: ProbeRequest,
    on_progress: OnProgress = unheard,
) -> ProbeResult:
    """Find the cells that hold a feature, and test whether the network uses them.

    Raises:
        UnknownCharacterError: for a sentence with a character that the network has never seen.
        TextError: for pairs that cannot be probed; see `stimuli.make_stimuli`.
    """
    reader = Reader(model)
    with torch_threads(1):  # the reader shares its rows out itself; how all else rounds might depend on their number
        return _probe(reader, vocabulary, request, on_progress)


def _probe(reader: Reader, vocabulary: Vocabulary, request: ProbeRequest, on_progress: OnProgress) -> ProbeResult:
    model, rng = reader.model, np.random.default_rng(request.seed)
    of_hidden = request.of_hidden or not model.cell.has_cell_state
    state = "h" if of_hidden else "c"
    warm_ids = torch.from_numpy(vocabulary.encode(request.warm, "skip").astype(np.int64))
    warm = warm_state(reader, warm_ids)
    asked = list(request.cells)

    def shown(watched: Sequence[tuple[int, int]] = asked) -> list[SentenceReport]:
        return [
            read_sentence(reader, vocabulary, warm, name, pair, watched, of_hidden) for name, pair in request.sentences
        ]

    if not request.pairs:
        notes = ["this network cannot read the pairs, so nothing can be said about its cells"]
        return ProbeResult(("cue", "twin"), None, shown(), request.limits, state, asked, asked, notes)
    stimuli = make_stimuli(request.pairs, vocabulary)
    if stimuli.has_twins:
        on_progress("reading sentences", 0, 1)
        bench = make_bench(reader, stimuli, warm, np.ones(len(stimuli), dtype=bool))
        answers = bench.base
    else:
        answers = read_answers(reader, stimuli, warm, lambda k, n: on_progress("reading sentences", k, n))
    items = items_of(stimuli, answers)
    baseline = None
    if request.train_text is not None:
        baseline = ngram.answer(stimuli, request.train_text, lambda k, n: on_progress("n-gram baseline", k, n))
    behaviour = judge(stimuli, answers, baseline, rng)
    if not stimuli.has_twins:
        notes = ["these pairs have no twins, so only the answers can be scored"]
        return ProbeResult(
            *(stimuli.classes, behaviour, shown(), request.limits, state, asked, asked, notes),
            items=items,
            known_classes=stimuli.known_classes,
        )

    assert request.ordinary is not None, "cells are measured against ordinary text"
    on_progress("ordinary text", 0, 1)
    text = ordinary.measure(reader, ordinary.to_lanes(request.ordinary[0]), request.ordinary[1], of_hidden)
    halves = split_lemmas(stimuli, request.seed)
    material = Material(bench, warm_ids, halves, text, of_hidden, request.limits, rng)
    chance = gather_nulls(material, [*_fresh_networks(reader, stimuli, request), *request.null_models], on_progress)
    ranked, tried = rank_cells(material, on_progress)
    named = list(dict.fromkeys([*request.cells, *drivers(material, ranked, tried)]))
    every = cell_reports(material, chance, named)
    every, sets, rival = causal_tests(material, every, named, ranked, on_progress)
    reports = shown_reports(material, every, named)
    watched = [report.candidate.place for report in reports]
    directions = None
    if request.directions:
        directions = compare(bench, halves, _best_cell(every, ranked), rng, on_progress)
    return ProbeResult(
        stimuli.classes,
        behaviour,
        shown(watched),
        request.limits,
        state,
        watched,
        asked,
        _notes(stimuli, every, reports),
        lemmas=(_count_lemmas(stimuli, halves[0]), _count_lemmas(stimuli, halves[1])),
        nulls=chance,
        detectable=_detectable(material, chance),
        cells=reports,
        sets=sets,
        rival=rival,
        directions=directions,
        thresholds=_at_other_holds(every, request.limits),
        bits_per_char=text.bits_per_char,
        ordinary=text.source,
        activations=_activations(material),
        names={"condition": np.unique(stimuli.condition).tolist(), "kind": np.unique(stimuli.kind).tolist()},
        items=items,
    )


def _best_cell(every: Sequence[CellReport], ranked: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The first cell that the network is shown to use, or else the one whose patch moves the answer most."""
    used = (report.candidate.place for report in every if report.verdict in (Verdict.tracks_and_used, Verdict.used))
    return next(used, ranked[0])


def _fresh_networks(reader: Reader, stimuli: Stimuli, request: ProbeRequest) -> list[CharLM]:
    model, number = reader.model, request.nulls
    if number is None:
        characters = int(stimuli.length[stimuli.contested].sum())
        number = nulls.default_number(sum(part.numel() for part in model.parameters()), characters)
    seeds = range(request.seed + 1, request.seed + 1 + number)
    return side_by_side([partial(nulls.reinitialised, model, seed) for seed in seeds], reader.threads)


def _detectable(material: Material, chance: Nulls) -> float | None:
    stimuli, chosen = material.stimuli, material.halves[1] & material.stimuli.contested
    positive, lemma, bins = stimuli.label[chosen] == 0, stimuli.lemma[chosen], stimuli.distance_bin[chosen]
    rng = np.random.default_rng(0)  # of its own: what it draws should not move other figures
    return power.least_hold(positive, lemma, bins, material.limits.hold, chance.hold, rng)


def _at_other_holds(every: Sequence[CellReport], limits: Thresholds) -> dict[float, dict[str, str]]:
    """The cells with a verdict, and which, if the least hold were another."""
    found: dict[float, dict[str, str]] = {}
    for hold in OTHER_HOLDS:
        verdicts = {report.name: judge_cell(report.evidence, replace(limits, hold=hold)) for report in every}
        found[hold] = {name: verdict.value for name, verdict in verdicts.items() if verdict is not Verdict.none}
    return found


def read_answers(reader: Reader, stimuli: Stimuli, warm: State, on_progress: Callable[[int, int], None]) -> Floats:
    """The answers alone: log odds of class 0 (N), nats; so many sentences at a time that memory does not grow."""
    answers = []
    for start in range(0, len(stimuli), AT_ONCE):
        on_progress(start, len(stimuli))
        rows = slice(start, start + AT_ONCE)
        length = stimuli.length[rows]
        ids = stimuli.ids[rows]
        end, _ = read(reader, ids, torch.zeros_like(length), length, repeat(warm, len(length)))
        first, second = stimuli.endings
        answers.append(log_odds(reader, end, (first[rows], second[rows])).cpu().double().numpy())
    return np.concatenate(answers)


def read_sentence(
    reader: Reader,
    vocabulary: Vocabulary,
    warm: State,
    name: str,
    pair: MinimalPair,
    cells: Sequence[tuple[int, int]],
    of_hidden: bool,
) -> SentenceReport:
    """One sentence and its twin, to be shown: the shares of their endings and the cells over their characters."""
    both = [_ids(vocabulary, text, pair.source) for text in (pair.prefix, pair.twin_prefix)]
    ids = torch.nn.utils.rnn.pad_sequence(both, batch_first=True)
    length = torch.tensor([len(one) for one in both])
    end, trace = trace_cells(reader, ids, length, repeat(warm, 2), cells, of_hidden)
    good, bad = ending_ids(pair, pair.endings, vocabulary)
    odds = log_odds(reader, end, ([good, good], [bad, bad])).tolist()
    first, second = (1 / (1 + math.exp(-one)) if one > -700 else 0.0 for one in odds)
    return SentenceReport(name, pair, (first, second), (trace.of(0, len(both[0])), trace.of(1, len(both[1]))))


def _ids(vocabulary: Vocabulary, text: str, source: str) -> Tensor:
    return torch.from_numpy(vocabulary.encode(text, what=source).astype(np.int64))


def _count_lemmas(stimuli: Stimuli, half: Bools) -> int:
    return len(np.unique(stimuli.lemma[half & stimuli.contested]))


def _notes(stimuli: Stimuli, every: Sequence[CellReport], shown: Sequence[CellReport]) -> list[str]:
    notes = []
    if not stimuli.is_contested:
        notes.append(
            "too few sentences have an attractor of the other class (condition opposite, in both classes), so a cell "
            "that just follows the last noun can pass"
        )
    elif not any(pair.attractor for pair in stimuli.pairs):
        notes.append(
            "the pairs do not say where the attractor stands, so places at one third and two thirds of the way stand in"
        )
    position = confounds(stimuli)
    if (np.abs(position - 0.5) > CONFOUNDED).any():
        told = ", ".join(
            f"{name} {at:.2f}" for name, at in zip(LANDMARKS, position, strict=True) if abs(at - 0.5) > CONFOUNDED
        )
        notes.append(
            f"where a landmark stands tells {stimuli.classes[0]} from {stimuli.classes[1]} (AUC: {told}), so a cell "
            "must also carry the feature among sentences in which it stands at the same place"
        )
    if any(report.patch and report.patch.p is None for report in every):
        notes.append("the layer has too few other cells to compare with, so nothing can be said about causes")
    names = {report.name for report in shown}
    left_out = sum(report.verdict is not Verdict.none for report in every if report.name not in names)
    if left_out:
        notes.append(f"{left_out} more cells with a verdict are not shown")
    if untested := sum(report.verdict is Verdict.tracks and report.ablation is None for report in every):
        notes.append(f"{untested} cells that track were not tested for causes; name a cell to have it tested")
    return notes


def _activations(material: Material) -> dict[str, Tensor]:
    stimuli = material.stimuli
    numbers = {
        name: np.unique(values, return_inverse=True)[1].astype(np.int64)
        for name, values in (("condition", stimuli.condition), ("kind", stimuli.kind))
    }
    found = {
        "states": material.states,
        "log_odds": material.bench.base,
        "label": stimuli.label,
        "lemma": stimuli.lemma,
        "pair": stimuli.pair,
        "twin": stimuli.twin,
        "distance": stimuli.distance,
        **numbers,
    }
    return {name: torch.from_numpy(values) for name, values in found.items()}

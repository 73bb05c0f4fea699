"""Does the network use what a cell holds? Cells are held still, or given the twin's value, and it answers again.

*Ablation*: from the end of the cue on, a cell stays at its mean on ordinary text. *Patch*: once, at the end of the
cue, a cell takes its cell state and hidden state in the twin sentence (activation patching: Vig et al. 2020,
Finlayson et al. 2021). Answers are log odds of the endings, class 0 against class 1, nats.

Legend: N sentences, L layers, H hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from charlstm.network.cells import State
from charlstm.network.model import CharLM
from charlstm.probe.reading import Clamp, log_odds, read, repeat
from charlstm.probe.statistics import Floats
from charlstm.probe.stimuli import Bools, Ints, Stimuli

Cells = Sequence[tuple[int, int]]  # layer and cell, from 0


@dataclass(frozen=True)
class Bench:
    """Sentences read to the end of their cue, from where each experiment goes on.

    Attributes:
        model: the network.
        stimuli: the sentences.
        rows: (N) their numbers in `stimuli`; a sentence and its twin are both there.
        twin: (N) where each sentence's twin stands in `rows`.
        before: the state before the last character of the cue.
        at: the state after it.
        base: (N) the log odds of the intact network.
    """

    model: CharLM
    stimuli: Stimuli
    rows: Ints
    twin: Ints
    before: State
    at: State
    base: Floats

    @property
    def label(self) -> Ints:
        """(N) the class of each sentence."""
        return self.stimuli.label[self.rows]


def make_bench(model: CharLM, stimuli: Stimuli, warm: State, chosen: Bools) -> Bench:
    """Read sentences to the end of their cue. A chosen sentence brings its twin."""
    rows = np.flatnonzero(chosen | chosen[stimuli.twin])
    twin = np.searchsorted(rows, stimuli.twin[rows])
    ids, cue = stimuli.ids[rows], stimuli.cue[rows]
    start = torch.zeros_like(cue)
    before, _ = read(model, ids, start, cue, repeat(warm, len(rows)))
    at, _ = read(model, ids, cue, cue + 1, before)
    bench = Bench(model, stimuli, rows, twin, before, at, np.empty(0))
    return Bench(model, stimuli, rows, twin, before, at, _answer(bench, rows, at, None))


def ablate(bench: Bench, cells: Cells, mean: Floats) -> Floats:
    """The log odds when cells stay at their mean from the end of the cue on: (N)."""
    return _answer(bench, bench.rows, bench.before, clamp_of(bench.model, cells, mean), from_cue=True)


def ablate_each(bench: Bench, cells: Cells, mean: Floats, only: Bools) -> Floats:
    """The same for every one of some cells alone, on some of the sentences: cells (C), only (N) -> (C, n).

    They go side by side, C n rows at once: fewer and larger products than one after the other.
    """
    chosen = torch.from_numpy(np.flatnonzero(only)).to(bench.before.h.device)
    rows, states = bench.rows[only], State(*(part[:, chosen] for part in bench.before))
    held = torch.cat([clamp_of(bench.model, [cell], mean).held.expand(-1, len(rows), -1) for cell in cells], dim=1)
    clamp = Clamp(held, clamp_of(bench.model, cells, mean).value)
    repeated = State(*(part.repeat(1, len(cells), 1) for part in states))
    answers = _answer(bench, np.tile(rows, len(cells)), repeated, clamp, from_cue=True)
    return answers.reshape(len(cells), len(rows))


def patch(bench: Bench, cells: Cells | None) -> Floats:
    """The log odds when cells take their state in the twin once, at the end of the cue: (N).

    Cell state and hidden state go together: a cell may clear its cell state and write it anew from its hidden state.
    `cells` None: the whole state is the twin's; the answer must then be the twin's, too.
    """
    twins = State(*(part[:, bench.twin] for part in bench.at))
    if cells is None:
        return _answer(bench, bench.rows, twins, None)
    patched = State(*(part.clone() for part in bench.at))
    if len(cells):
        layers, numbers = (torch.tensor(part) for part in zip(*cells, strict=True))
        for part, twin in zip(patched, twins, strict=True):
            if part.shape[-1]:  # there may be no cell state
                part[layers, :, numbers] = twin[layers, :, numbers]
    return _answer(bench, bench.rows, patched, None)


def clamp_of(model: CharLM, cells: Cells, mean: Floats) -> Clamp:
    """Cells held at their mean: mean (L, H)."""
    held = torch.zeros(model.config.num_layers, 1, model.config.hidden_size, dtype=torch.bool, device=model.device)
    layers, numbers = (torch.tensor(part) for part in zip(*cells, strict=True))
    held[layers, 0, numbers] = True
    return Clamp(held, torch.from_numpy(mean[:, None]).to(model.head.weight))


def _answer(bench: Bench, rows: Ints, state: State, clamp: Clamp | None, from_cue: bool = False) -> Floats:
    """Sentences read from the cue's end (`from_cue`: from its last character) to the deciding character, and answer."""
    stimuli = bench.stimuli
    start = stimuli.cue[rows] + (0 if from_cue else 1)
    end, _ = read(bench.model, stimuli.ids[rows], start, stimuli.length[rows], state, clamp=clamp)
    endings = tuple([texts[row] for row in rows] for texts in stimuli.endings)
    answer: Tensor = log_odds(bench.model, end, (endings[0], endings[1]), clamp)
    return answer.cpu().double().numpy()


def correct(answers: Floats, label: Ints) -> Floats:
    """1 where the ending of the cue's class is the likelier one, 0 where the other is, a half at a tie: (N)."""
    return np.where(answers == 0, 0.5, (answers > 0) == (label == 0)).astype(float)


def twins_in_order(answers: Floats, twin: Ints) -> Floats:
    """1 where a sentence of class 0 has larger odds of class 0 than its twin, a half at a tie: (N), for class 0."""
    return np.where(answers == answers[twin], 0.5, answers > answers[twin]).astype(float)


def recovery(base: Floats, patched: Floats, of_twin: Floats, label: Ints) -> float:
    """How far a patch goes from the sentences' answers to their twins': 0 not at all, 1 all the way.

    Args:
        base, patched, of_twin: (N) log odds without and with the patch, and of each sentence's twin.
        label: (N).
    """
    towards_twin = np.where(label == 0, -1.0, 1.0)
    whole = (towards_twin * (of_twin - base)).mean()
    return float((towards_twin * (patched - base)).mean() / whole) if abs(whole) > 1e-9 else 0.0


def flip_share(base: Floats, patched: Floats, twin: Ints) -> float:
    """How often the patch changes the choice, of the sentences whose twin is answered otherwise (NaN if none)."""
    differs = np.sign(base) != np.sign(base[twin])
    return float((np.sign(patched) != np.sign(base))[differs].mean()) if differs.any() else float("nan")


def controls(
    cell: tuple[int, int], spread: Floats, barred: set[tuple[int, int]], number: int = 100
) -> list[tuple[int, int]]:
    """The cells of the same layer whose deviation on ordinary text is nearest: spread (L, H)."""
    layer, chosen = cell
    nearest = np.argsort(np.abs(spread[layer] - spread[layer, chosen]), kind="stable")
    others = [(layer, int(other)) for other in nearest if (layer, int(other)) not in barred | {cell}]
    return others[:number]

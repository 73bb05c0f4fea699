"""Does the network use what a cell holds? Cells are held, or given the twin's value, and the network answers again.

*Ablation*: from the end of the cue on, after every character, a cell stands midway between what it has in the sentence
and what it has in its twin. So it keeps all but the class; a mean of other text would also move the answer of both
twins to one side. Or it takes, in both twins alike, what it has in a sentence drawn at random (resampling: Chan et
al. 2022). *Patch*: once, at the end of the cue, a cell takes its cell state and hidden state in the twin
(interchange: Vig et al. 2020, Finlayson et al. 2021, Geiger et al. 2021); or every cell but that one does.

Legend: N sentences, L layers, H hidden, S and C cells, T characters from the cue's last one on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from charlstm.network.cells import Gates, State
from charlstm.network.model import CharLM
from charlstm.probe.reading import Clamp, log_odds, log_probabilities, read, repeat
from charlstm.probe.statistics import Floats
from charlstm.probe.stimuli import Bools, Ints, Stimuli

Cells = Sequence[tuple[int, int]]  # layer and cell, from 0
CONTROLS = 49  # other cells of the layer that a patch is compared with: p can be .02
MAX_DRIVERS = 2  # cells that are tested because their patch moves the answer, whatever they hold
AT_ONCE = 8  # experiments that go side by side
GRADIENT_ROWS = 16  # sentences whose steps are kept for the backward pass at a time


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

    @property
    def lemma(self) -> Ints:
        """(N) the lemma of each sentence."""
        return self.stimuli.lemma[self.rows]


def make_bench(model: CharLM, stimuli: Stimuli, warm: State, chosen: Bools) -> Bench:
    """Read sentences to the end of their cue. A chosen sentence brings its twin."""
    rows = np.flatnonzero(chosen | chosen[stimuli.twin])
    twin = np.searchsorted(rows, stimuli.twin[rows])
    ids, cue = stimuli.ids[rows], stimuli.cue[rows]
    start = torch.zeros_like(cue)
    before, _ = read(model, ids, start, cue, repeat(warm, len(rows)))
    at, _ = read(model, ids, cue, cue + 1, before)
    bench = Bench(model, stimuli, rows, twin, before, at, np.empty(0))
    return Bench(model, stimuli, rows, twin, before, at, answer(bench, rows, at, None))


def memories(bench: Bench, cells: Cells) -> Tensor:
    """The memory of some cells after each character from the cue's last one on: (T, N, S). After the end, the last."""
    stimuli, model = bench.stimuli, bench.model
    cue, length = stimuli.cue[bench.rows], stimuli.length[bench.rows]
    layers, numbers = torch.tensor(list(cells), device=model.device).T
    kept: list[Tensor] = []

    def keep(t: int, rows: Tensor, new: State, gates: list[Gates]) -> None:
        memory = model.cell.memory_of(new)[layers, :, numbers].T
        before = kept[-1] if kept else memory.new_zeros(len(bench.rows), len(cells))
        kept.append(before.index_put((rows.to(model.device),), memory))

    read(model, stimuli.ids[bench.rows], cue, length, bench.before, on_step=keep)
    return torch.stack(kept)


def midway(bench: Bench, memory: Tensor) -> Tensor:
    """Midway between a sentence and its twin: memory (T, N, S)."""
    return (memory + memory[:, bench.twin]) / 2


def resampled(bench: Bench, memory: Tensor, rng: np.random.Generator) -> Tensor:
    """Of another lemma's sentence, drawn at random for each sentence and its twin together: memory (T, N, S)."""
    donor = np.arange(len(bench.rows))
    for row in np.flatnonzero(bench.label == 0):
        others = np.flatnonzero(bench.lemma != bench.lemma[row])
        donor[[row, bench.twin[row]]] = rng.choice(others)
    return memory[:, donor]


def ablate(bench: Bench, cells: Cells, values: Tensor) -> Floats:
    """The log odds when cells are held from the end of the cue on: values (T or 1, N or 1, S) -> (N)."""
    return answer(bench, bench.rows, bench.before, Clamp.of(cells, values), from_cue=True)


def ablate_each(bench: Bench, cells: Cells, values: Floats, only: Ints) -> Floats:
    """The same for every one of some cells alone, each held at one value: cells and values (C), only (n) -> (C, n)."""
    found = []
    for start in range(0, len(cells), AT_ONCE):
        group = cells[start : start + AT_ONCE]
        layer, cell = (torch.tensor(part).repeat_interleave(len(only))[:, None] for part in zip(*group, strict=True))
        at = np.repeat(values[start : start + len(group)], len(only))[None, :, None]
        device = bench.at.h.device
        clamp = Clamp(layer.to(device), cell.to(device), torch.from_numpy(at).to(bench.at.h))
        before = State(*(part[:, only].repeat(1, len(group), 1) for part in bench.before))
        answers = answer(bench, np.tile(bench.rows[only], len(group)), before, clamp, from_cue=True)
        found.append(answers.reshape(len(group), len(only)))
    return np.concatenate(found) if found else np.empty((0, len(only)))


def patch(bench: Bench, cells: Cells, rest: bool = False) -> Floats:
    """The log odds when cells (`rest`: all cells but these) take their state in the twin once, after the cue: (N).

    Cell state and hidden state go together: a cell may clear its cell state and write it anew from its hidden state.
    """
    twins = chosen_lanes(bench.at, bench.twin)
    patched = exchanged(twins, bench.at, cells) if rest else exchanged(bench.at, twins, cells)
    return answer(bench, bench.rows, patched, None)


def chosen_lanes(state: State, lanes: Ints) -> State:
    """Some lanes of a state: (L, N, H), lanes (n) -> (L, n, H)."""
    return State(*(part[:, lanes] for part in state))


def exchanged(own: State, other: State, cells: Cells) -> State:
    """A state in which some cells have their cell state and hidden state from another: (L, N, H)."""
    return exchanged_each(own, other, [cells])


def exchanged_each(own: State, other: State, sets: Sequence[Cells]) -> State:
    """The same for each of some sets of cells, one after the other: (L, N, H), sets (C) -> (L, C * N, H)."""
    n = own.h.shape[1]
    patched = State(*(part.repeat(1, len(sets), 1) for part in own))
    for k, cells in enumerate(sets):
        for part, given in zip(patched, other, strict=True):
            for layer, cell in cells if part.shape[-1] else ():  # there may be no cell state
                part[layer, k * n : (k + 1) * n, cell] = given[layer, :, cell]
    return patched


def patch_each(bench: Bench, sets: Sequence[Cells], only: Ints) -> Floats:
    """The same for every one of some sets of cells, on some of the sentences: sets (C), only (n) -> (C, n).

    Several go side by side: fewer and larger products than one after the other.
    """
    rows = bench.rows[only]
    own, twins = (chosen_lanes(bench.at, chosen) for chosen in (only, bench.twin[only]))
    found = []
    for start in range(0, len(sets), AT_ONCE):
        group = sets[start : start + AT_ONCE]
        answers = answer(bench, np.tile(rows, len(group)), exchanged_each(own, twins, group), None)
        found.append(answers.reshape(len(group), len(rows)))
    return np.concatenate(found) if found else np.empty((0, len(rows)))


def attributions(bench: Bench, only: Ints) -> Floats:
    """How far each cell's patch moves the answer towards the twin's, to first order: (L, H), nats, over sentences.

    The gradient of the odds by the state at the end of the cue, times what the patch would change (attribution
    patching: Nanda 2023, Syed et al. 2023): one backward pass in place of a reading for every cell. It only ranks.
    """
    moved = torch.zeros_like(bench.at.h[:, 0])
    for start in range(0, len(only), GRADIENT_ROWS):
        rows = only[start : start + GRADIENT_ROWS]
        with torch.enable_grad():
            parts = [part[:, rows].clone().requires_grad_() for part in bench.at if part.shape[-1]]
            c = parts[1] if len(parts) > 1 else bench.at.c[:, rows]
            odds = first_odds(bench, bench.rows[rows], State(parts[0], c))
            towards = torch.from_numpy(np.where(bench.label[rows] == 0, -1.0, 1.0)).to(odds)
            gradients = torch.autograd.grad((odds * towards).sum(), parts)
        twins = [part[:, bench.twin[rows]] for part in bench.at if part.shape[-1]]
        for gradient, part, twin in zip(gradients, parts, twins, strict=True):
            moved += (gradient * (twin - part.detach())).sum(dim=1)
    return (moved / max(len(only), 1)).cpu().double().numpy()


def first_odds(bench: Bench, rows: Ints, state: State) -> Tensor:
    """As `answer`, of the endings' first characters only, with a gradient by the state: (N)."""
    stimuli, model = bench.stimuli, bench.model
    begin, span = stimuli.cue[rows] + 1, stimuli.length[rows] - stimuli.cue[rows] - 1
    for t in range(int(span.max())):
        places = (begin + t).clamp(max=stimuli.ids.shape[1] - 1)
        new, _ = model.stack.step(model.embedding(stimuli.ids[rows, places].to(model.device)), state)
        reads = (span > t).to(model.device)[:, None]
        state = State(*(torch.where(reads, after, before) for after, before in zip(new, state, strict=True)))
    log_p = log_probabilities(model, state.h[-1])
    first, second = (torch.stack([side[row][0] for row in rows]).to(model.device) for side in stimuli.endings)
    odds: Tensor = (log_p.gather(1, first[:, None]) - log_p.gather(1, second[:, None]))[:, 0]
    return odds


def answer(bench: Bench, rows: Ints, state: State, clamp: Clamp | None = None, from_cue: bool = False) -> Floats:
    """The log odds of sentences that go on from a state after their cue: rows (N) of the stimuli -> (N), nats.

    Args:
        state: (L, N, H) after the cue; `from_cue`: before its last character.
        clamp: cells to hold all the while.
    """
    stimuli = bench.stimuli
    start, stop = stimuli.cue[rows] + (0 if from_cue else 1), stimuli.length[rows]
    end, _ = read(bench.model, stimuli.ids[rows], start, stop, state, clamp=clamp)
    endings = tuple([texts[row] for row in rows] for texts in stimuli.endings)
    answer: Tensor = log_odds(bench.model, end, (endings[0], endings[1]), clamp and clamp.after(stop - start))
    return answer.cpu().double().numpy()


def controls(cell: tuple[int, int], spread: Floats, barred: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """The 49 cells of the same layer whose deviation on ordinary text is nearest, but for `barred`: spread (L, H)."""
    layer, chosen = cell
    nearest = np.argsort(np.abs(spread[layer] - spread[layer, chosen]), kind="stable")
    others = [(layer, int(other)) for other in nearest if (layer, int(other)) not in barred | {cell}]
    return others[:CONTROLS]

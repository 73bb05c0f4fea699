"""Does the network use what a cell holds? Cells are held, or given the twin's value, and the network answers again.

*Ablation*: from the end of the cue on, after every character, a cell stands midway between what it has in the sentence
and what it has in its twin. So it keeps all but the class; a mean of other text would also move the answer of both
twins to one side. Or it takes, in both twins alike, what it has in a sentence drawn at random (resampling: Chan et
al. 2022). *Patch*: once, at the end of the cue, a cell takes its cell state and hidden state in the twin
(interchange: Vig et al. 2020, Finlayson et al. 2021, Geiger et al. 2021); or every cell but that one does.

Legend: N sentences, L layers, H hidden, S and C cells, T characters from the cue's last one on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from charlstm.network.cells import State
from charlstm.network.reader import Lanes, Reader
from charlstm.network.threads import side_by_side
from charlstm.probe.reading import Clamp, Snapshots, log_odds, read, repeat
from charlstm.probe.statistics import Floats
from charlstm.probe.stimuli import Bools, Ints, Stimuli

Kind = TypeVar("Kind")
Cells = Sequence[tuple[int, int]]  # layer and cell, from 0
CONTROLS = 49  # other cells of the layer that a patch is compared with: p can be .02
MAX_DRIVERS = 2  # cells that are tested because their patch moves the answer, whatever they hold
LANES_AT_ONCE = 512  # sentences of experiments that go side by side
GRADIENT_ROWS = 16  # sentences whose steps are kept for the backward pass at a time


@dataclass(frozen=True)
class Bench:
    """Sentences that the intact network has read, and the end of their cue, from where each experiment goes on.

    Attributes:
        reader: the network.
        stimuli: the sentences.
        rows: (N) their numbers in `stimuli`; a sentence and its twin are both there.
        twin: (N) where each sentence's twin stands in `rows`.
        before: the state before the last character of the cue.
        landmarks: the states at the landmarks.
        base: (N) the log odds of the intact network.
    """

    reader: Reader
    stimuli: Stimuli
    rows: Ints
    twin: Ints
    before: State
    landmarks: Snapshots
    base: Floats

    @cached_property
    def at(self) -> State:
        """The state after the last character of the cue, which is the first landmark: (L, N, H)."""
        return State(*(part[:, 0].transpose(0, 1).contiguous() for part in self.landmarks))

    @property
    def label(self) -> Ints:
        """(N) the class of each sentence."""
        return self.stimuli.label[self.rows]

    @property
    def lemma(self) -> Ints:
        """(N) the lemma of each sentence."""
        return self.stimuli.lemma[self.rows]

    def part(self, chosen: Bools) -> Bench:
        """Some of the stimuli, which must be there. A chosen sentence brings its twin."""
        rows = with_twins(self.stimuli, chosen)
        here = np.searchsorted(self.rows, rows)
        return Bench(
            self.reader,
            self.stimuli,
            rows,
            np.searchsorted(rows, self.stimuli.twin[rows]),
            chosen_lanes(self.before, here),
            Snapshots(*(part[here] for part in self.landmarks)),
            self.base[here],
        )


def make_bench(reader: Reader, stimuli: Stimuli, warm: State, chosen: Bools) -> Bench:
    """Read sentences, each after a warm state (L, 1, H). A chosen sentence brings its twin."""
    rows = with_twins(stimuli, chosen)
    length, cue = stimuli.length[rows], stimuli.cue[rows]
    marks = torch.cat([cue[:, None] - 1, stimuli.landmarks[rows]], dim=1)
    start = torch.zeros_like(length)
    end, kept = read(reader, stimuli.ids[rows], start, length, repeat(warm, len(rows)), landmarks=marks)
    assert kept is not None
    before = State(*(part[:, 0].transpose(0, 1).contiguous() for part in kept))
    for part, at_first in zip(before, warm, strict=True):
        part[:, cue == 0] = at_first  # nothing has been read yet
    return Bench(
        reader,
        stimuli,
        rows,
        np.searchsorted(rows, stimuli.twin[rows]),
        before,
        Snapshots(*(part[:, 1:] for part in kept)),
        _odds(reader, stimuli, rows, end),
    )


def with_twins(stimuli: Stimuli, chosen: Bools) -> Ints:
    """The numbers of chosen sentences and of their twins, in order."""
    return np.flatnonzero(chosen | chosen[stimuli.twin])


def memories(bench: Bench, cells: Cells) -> Tensor:
    """The memory of some cells after each character from the cue's last one on: (T, N, S). After the end, the last."""
    stimuli, model = bench.stimuli, bench.reader.model
    cue, length = stimuli.cue[bench.rows], stimuli.length[bench.rows]
    kept: list[Tensor] = []

    def keep(t: int, rows: Tensor, lanes: Lanes) -> None:
        memory = lanes.of_cells(cells, model.cell.memory)
        before = kept[-1] if kept else memory.new_zeros(len(bench.rows), len(cells))
        kept.append(before.index_put((rows.to(model.device),), memory))

    read(bench.reader, stimuli.ids[bench.rows], cue, length, bench.before, on_step=keep)
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


def ablate(bench: Bench, cells: Cells, values: Sequence[Tensor]) -> Floats:
    """The log odds when cells are held from the end of the cue on, in E experiments side by side: (E, N).

    Args:
        values: for each experiment (T, N, S), or 1 in place of T or N.
    """
    E, T, N = len(values), max(map(len, values)), len(bench.rows)
    clamp = Clamp.of(cells, torch.cat([value.expand(T, N, -1) for value in values], dim=1))
    before = State(*(part.repeat(1, E, 1) for part in bench.before))
    return answer(bench, np.tile(bench.rows, E), before, clamp, from_cue=True).reshape(E, N)


def ablate_each(bench: Bench, cells: Cells, values: Floats, only: Ints) -> Floats:
    """The same for every one of some cells alone, each held at one value: cells and values (C), only (n) -> (C, n)."""
    found = []
    for group in at_once(range(len(cells)), len(only)):
        at = torch.from_numpy(values[group]).to(bench.at.h)
        clamp = Clamp.each([cells[k] for k in group], at, len(only))
        before = State(*(part[:, only].repeat(1, len(group), 1) for part in bench.before))
        answers = answer(bench, np.tile(bench.rows[only], len(group)), before, clamp, from_cue=True)
        found.append(answers.reshape(len(group), len(only)))
    return np.concatenate(found) if found else np.empty((0, len(only)))


def at_once(experiments: Sequence[Kind], sentences: int) -> Iterator[Sequence[Kind]]:
    """Experiments on so many sentences each, as many together as go side by side."""
    number = max(1, LANES_AT_ONCE // max(sentences, 1))
    for start in range(0, len(experiments), number):
        yield experiments[start : start + number]


def patch(bench: Bench, cells: Cells) -> Floats:
    """The log odds when cells take their state in the twin once, after the cue: (N).

    Cell state and hidden state go together: a cell may clear its cell state and write it anew from its hidden state.
    """
    twins = chosen_lanes(bench.at, bench.twin)
    return answer(bench, bench.rows, exchanged(bench.at, twins, cells))


def patch_both(bench: Bench, cells: Cells) -> tuple[Floats, Floats]:
    """The same, and when all cells but these take their state in the twin, side by side: (N) each."""
    twins = chosen_lanes(bench.at, bench.twin)
    patched, rest = exchanged(bench.at, twins, cells), exchanged(twins, bench.at, cells)
    both = State(*(torch.cat(parts, dim=1) for parts in zip(patched, rest, strict=True)))
    alone, others = answer(bench, np.tile(bench.rows, 2), both).reshape(2, -1)
    return alone, others


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
    for group in at_once(sets, len(rows)):
        answers = answer(bench, np.tile(rows, len(group)), exchanged_each(own, twins, group))
        found.append(answers.reshape(len(group), len(rows)))
    return np.concatenate(found) if found else np.empty((0, len(rows)))


def attributions(bench: Bench, only: Ints) -> Floats:
    """How far each cell's patch moves the answer towards the twin's, to first order: (L, H), nats, over sentences.

    The gradient of the odds by the state at the end of the cue, times what the patch would change (attribution
    patching: Nanda 2023, Syed et al. 2023): one backward pass in place of a reading for every cell. It only ranks.
    """
    groups = [only[start : start + GRADIENT_ROWS] for start in range(0, len(only), GRADIENT_ROWS)]
    moved = side_by_side([partial(_attributed, bench, rows) for rows in groups], bench.reader.threads)
    return (torch.stack(moved).sum(dim=0) / max(len(only), 1)).cpu().double().numpy()


def _attributed(bench: Bench, rows: Ints) -> Tensor:
    """The same, summed over some of the sentences: (L, H)."""
    with torch.enable_grad():
        parts = [part[:, rows].clone().requires_grad_() for part in bench.at if part.shape[-1]]
        c = parts[1] if len(parts) > 1 else bench.at.c[:, rows]
        odds = first_odds(bench, bench.rows[rows], State(parts[0], c))
        towards = torch.from_numpy(np.where(bench.label[rows] == 0, -1.0, 1.0)).to(odds)
        gradients = torch.autograd.grad((odds * towards).sum(), parts)
    twins = [part[:, bench.twin[rows]] for part in bench.at if part.shape[-1]]
    moved = [
        (gradient * (twin - part.detach())).sum(dim=1)
        for gradient, part, twin in zip(gradients, parts, twins, strict=True)
    ]
    return torch.stack(moved).sum(dim=0)


def first_odds(bench: Bench, rows: Ints, state: State) -> Tensor:
    """As `answer`, of the endings' first characters only, with a gradient by the state: (N)."""
    stimuli, model = bench.stimuli, bench.reader.model
    begin, span = stimuli.cue[rows] + 1, stimuli.length[rows] - stimuli.cue[rows] - 1
    order = torch.argsort(span, descending=True, stable=True)  # the longest first: those that still read are a prefix
    state, done = State(*(part[:, order] for part in state)), []
    for t in range(int(span.max())):
        n = int((span > t).sum())
        done.append(state.h[-1, n:])
        ids = stimuli.ids[rows][order[:n], begin[order[:n]] + t].to(model.device)
        state, _ = model.stack.step(model.embedding(ids), State(*(part[:, :n] for part in state)))
    top = torch.cat([state.h[-1], *reversed(done)])[torch.argsort(order)]
    log_p = model.head(top).log_softmax(dim=1)
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
    end, _ = read(bench.reader, stimuli.ids[rows], start, stop, state, clamp=clamp)
    return _odds(bench.reader, stimuli, rows, end, clamp and clamp.after(stop - start))


def _odds(reader: Reader, stimuli: Stimuli, rows: Ints, end: State, clamp: Clamp | None = None) -> Floats:
    """The log odds of the endings after the sentences: (N), nats."""
    first, second = ([texts[row] for row in rows] for texts in stimuli.endings)
    odds: Floats = log_odds(reader, end, (first, second), clamp).cpu().double().numpy()
    return odds


def controls(cell: tuple[int, int], spread: Floats, barred: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """The 49 cells of the same layer whose deviation on ordinary text is nearest, but for `barred`: spread (L, H)."""
    layer, chosen = cell
    nearest = np.argsort(np.abs(spread[layer] - spread[layer, chosen]), kind="stable")
    others = [(layer, int(other)) for other in nearest if (layer, int(other)) not in barred | {cell}]
    return others[:CONTROLS]

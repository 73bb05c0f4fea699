"""How a cell is written and read: what drives its gates, and what its own output drives.

A gate's pre-activation is a sum, and each part of it belongs to one source:

    z = W_i x_t + W_h h_{t-1} + b        x_t: the character (layer 1), or the cells of the layer below

So to give a source another value changes z by its weight times the difference, and by nothing else. Two values are
given, at two moments, over pairs of twins:

    twin     what the source has in the twin: what is lost of the difference between the classes
    usual    what it has on ordinary text, its mean: what is lost of what is special about the moment

    written  the character of the cue at which what is written (i * g) differs most between a sentence and its twin
    read     the character before the deciding one

By weights alone a source counts as much as its weight times its spread on ordinary text (its standard deviation).

Legend: N sentences, P pairs of twins, T characters, L layers, H hidden, V vocabulary, S sources.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from charlstm.corpus.vocab import Vocabulary
from charlstm.explain.connections import GateWiring, Reader, Source, Wiring
from charlstm.grammar.pairs import MinimalPair
from charlstm.network.cells import Cell, State
from charlstm.network.model import CharLM
from charlstm.network.reader import Lanes
from charlstm.network.reader import Reader as NetworkReader
from charlstm.probe.ordinary import moments
from charlstm.probe.reading import read, repeat
from charlstm.probe.sampling import sample_pairs
from charlstm.probe.statistics import Floats
from charlstm.probe.stimuli import Ints, Stimuli, make_stimuli

PAIRS = 60  # that are read
BY_WEIGHT, BY_CHANGE = 4, 2  # sources shown: by weight times spread, and by each of the four changes
READERS = 8
MOMENTS = ("written", "read")


@dataclass(frozen=True)
class _Usual:
    """Means and deviations on ordinary text: of each character (V), of each hidden state (L, H)."""

    share: Tensor
    mean: Tensor
    spread: Tensor


@dataclass(frozen=True)
class _Course:
    """Sentences over time: h (L, N, T + 1, H), the first being the warm state; what the cell wrote (N, T)."""

    h: Tensor
    written: Tensor


@dataclass(frozen=True)
class _Moment:
    """What the sources have at a moment in sentences of each class, the other side's twins in the same order."""

    ids: tuple[Tensor, Tensor]  # (P) each
    below: tuple[Tensor, Tensor]  # (P, H) each: the layer below; (P, 0) for layer 1
    before: tuple[Tensor, Tensor]  # (P, H) each: the own layer, one character before


@torch.no_grad()
def measure_wiring(
    model: CharLM,
    vocabulary: Vocabulary,
    pairs: Sequence[MinimalPair],
    warm: State,
    lanes: Tensor,
    place: tuple[int, int],
    seed: int = 0,
) -> Wiring:
    """What drives the gates of a cell (layer and number from 0), and what it drives.

    Args:
        model: its cell type must have an output gate.
        pairs: with twins; a sample of them is read.
        warm: the state before each sentence, (L, 1, H).
        lanes: ordinary text, (B, T) ids.

    Raises:
        UnknownCharacterError: for a pair with a character that the network has never seen.
        TextError: for pairs that cannot be used; see `stimuli.make_stimuli`.
    """
    layer, cell = place
    stimuli = make_stimuli(pairs, vocabulary)
    every = np.ones(len(stimuli), dtype=bool)
    first = np.flatnonzero(sample_pairs(stimuli, every, PAIRS, np.random.default_rng(seed)))
    sides = (first, stimuli.twin[first])
    usual = _measure_usual(model, lanes)
    course = _read(model, stimuli, np.concatenate(sides), warm, place)
    at = {"written": _when_written(stimuli, sides, course), "read": tuple(stimuli.length[rows] - 1 for rows in sides)}
    moments = {name: _moment(stimuli, sides, course, layer, steps) for name, steps in at.items()}
    written = Counter(vocabulary.characters[k] for ids in moments["written"].ids for k in ids.tolist())
    gates = {
        letter: _gate(model, vocabulary, place, letter, usual, moments)
        for letter in model.cell.parts
        if letter in model.cell.gates
    }
    P = len(first)
    shown = [course.h[:, k * P + torch.arange(P), at["read"][k] + 1] for k in (0, 1)]  # (L, P, H) each
    apart = shown[0] - shown[1]
    endings = None
    if layer == model.config.num_layers - 1:
        ids = [torch.stack([side[row][0] for row in first]).to(model.device) for side in stimuli.endings]
        parts = ((model.head.weight[ids[0]] - model.head.weight[ids[1]]) * apart[layer]).mean(dim=0)
        endings = (float(parts[cell]), float(parts.sum()))
    return Wiring(
        layer,
        cell,
        stimuli.classes,
        P,
        {repr(character): count / written.total() for character, count in written.most_common()},
        gates,
        (model.cell.candidate, _letter_of(model.cell, model.cell.write_gate), model.cell.output_gate),
        float(usual.spread[layer, cell]),
        _readers(model, vocabulary, place, float(apart[layer, :, cell].mean())),
        endings,
    )


def _letter_of(kind: Cell, name: str) -> str:
    return next(letter for letter, part in kind.parts.items() if part.name == name)


def _measure_usual(model: CharLM, lanes: Tensor) -> _Usual:
    mean, spread = moments(NetworkReader(model), lanes, "h")["h"]
    share = torch.bincount(lanes.flatten(), minlength=model.config.vocab_size).double() / lanes.numel()
    return _Usual(share.to(model.device), mean, spread)


def _read(model: CharLM, stimuli: Stimuli, rows: Ints, warm: State, place: tuple[int, int]) -> _Course:
    """The sentences with these numbers, in this order."""
    ids, length = stimuli.ids[rows], stimuli.length[rows]
    (N, T), (L, H) = ids.shape, (model.config.num_layers, model.config.hidden_size)
    h = warm.h.new_zeros(L, N, T + 1, H)
    h[:, :, 0] = warm.h
    written = warm.h.new_zeros(N, T)

    def keep(t: int, chosen: Tensor, lanes: Lanes) -> None:
        h[:, chosen, t + 1] = lanes.every("h")
        gates = {letter: lanes.of_cells([place], letter)[:, 0] for letter in model.cell.gates}
        written[chosen, t] = model.cell.written(gates)

    read(NetworkReader(model), ids, torch.zeros_like(length), length, repeat(warm, N), on_step=keep)
    return _Course(h, written)


def _when_written(stimuli: Stimuli, sides: tuple[Ints, Ints], course: _Course) -> tuple[Tensor, Tensor]:
    """For each pair the character of the cue at which what is written differs most: (P) for each side.

    Twins are laid side by side from the end of the cue back to where they begin to differ.
    """
    P = len(sides[0])
    found: tuple[list[int], list[int]] = ([], [])
    for k, (one, other) in enumerate(zip(*sides, strict=True)):
        ends = int(stimuli.cue[one]), int(stimuli.cue[other])
        same = int((stimuli.ids[one] == stimuli.ids[other]).long().cumprod(dim=0).sum())
        back = torch.arange(max(1, min(ends) - same + 1))
        written = [course.written[k + side * P, ends[side] - back] for side in (0, 1)]
        most = int((written[0] - written[1]).abs().argmax())
        for side in (0, 1):
            found[side].append(ends[side] - most)
    return torch.tensor(found[0]), torch.tensor(found[1])


def _moment(
    stimuli: Stimuli, sides: tuple[Ints, Ints], course: _Course, layer: int, steps: Sequence[Tensor]
) -> _Moment:
    P = len(sides[0])
    ids, below, before = [], [], []
    for side in (0, 1):
        rows = side * P + torch.arange(P)
        ids.append(stimuli.ids[sides[side], steps[side]])
        before.append(course.h[layer, rows, steps[side]])
        below.append(course.h[layer - 1, rows, steps[side] + 1] if layer else before[-1][:, :0])
    return _Moment((ids[0], ids[1]), (below[0], below[1]), (before[0], before[1]))


def _gate(
    model: CharLM,
    vocabulary: Vocabulary,
    place: tuple[int, int],
    letter: str,
    usual: _Usual,
    moments: dict[str, _Moment],
) -> GateWiring:
    """One gate and what drives it."""
    layer, cell = place
    weights = model.stack.layer(layer)
    H, V = model.config.hidden_size, model.config.vocab_size
    row = model.cell.rows.index(letter) * H + cell
    recurrent, bias = weights.weight_hh[row].double(), float(weights.bias[row])
    if layer:
        names = [f"{layer}:{k}" for k in range(H)]
        inputs, mean, spread = weights.weight_ih[row].double(), usual.mean[layer - 1], usual.spread[layer - 1]
    else:
        names = [repr(character) for character in vocabulary.characters]
        inputs = (model.embedding.weight @ weights.weight_ih[row]).double()
        bias += float(usual.share @ inputs)
        inputs = inputs - usual.share @ inputs  # one of them is always read: only differences between them count
        mean, spread = usual.share, (usual.share * (1 - usual.share)).sqrt()
    names += [f"{layer + 1}:{k}" for k in range(H)]
    weight = torch.cat([inputs, recurrent])
    mean, spread = torch.cat([mean, usual.mean[layer]]), torch.cat([spread, usual.spread[layer]])
    beyond, apart, level = {}, {}, {}
    for name, moment in moments.items():
        values = []
        for side in (0, 1):
            one_hot = torch.nn.functional.one_hot(moment.ids[side], V).to(mean)
            read_in = moment.below[side].double() if layer else one_hot
            values.append(torch.cat([read_in, moment.before[side].double()], dim=1).mean(dim=0))  # (S)
        beyond[name] = weight * ((values[0] + values[1]) / 2 - mean)
        apart[name] = weight * (values[0] - values[1])
        level[name] = (float(weight @ values[0]) + bias, float(weight @ values[1]) + bias)
    ranked = _largest(weight * spread, BY_WEIGHT)
    for change in (*beyond.values(), *apart.values()):
        ranked += [k for k in _largest(change, BY_CHANGE) if k not in ranked]
    sources = [
        Source(
            names[k],
            float(weight[k]),
            float(spread[k]),
            {name: float(beyond[name][k]) for name in moments},
            {name: float(apart[name][k]) for name in moments},
        )
        for k in sorted(ranked, key=lambda k: -abs(float(weight[k] * spread[k])))
    ]
    ways = {f"all of layer {layer}" if layer else "all characters": slice(0, len(inputs))}
    ways[f"all of layer {layer + 1}"] = slice(len(inputs), None)
    whole = [
        Source(
            name,
            None,
            None,
            {at: float(change[some].sum()) for at, change in beyond.items()},
            {at: float(change[some].sum()) for at, change in apart.items()},
        )
        for name, some in ways.items()
    ]
    return GateWiring(letter, model.cell.parts[letter].name, level, float(weight @ mean) + bias, whole, sources)


def _largest(values: Tensor, number: int) -> list[int]:
    """Where the largest of them in size stand, those that are nothing left out."""
    order: list[int] = values.abs().argsort(descending=True, stable=True)[:number].tolist()
    return [k for k in order if float(values[k]) != 0]


def _readers(model: CharLM, vocabulary: Vocabulary, place: tuple[int, int], apart: float) -> list[Reader]:
    """The logits or gates with the largest weights for the cell; `apart`: its hidden state between twins where read."""
    layer, cell = place
    found = []
    outgoing: list[tuple[int, Floats]] = [(layer, model.stack.layer(layer).weight_hh[:, cell].cpu().numpy())]
    if layer + 1 < model.config.num_layers:
        outgoing.append((layer + 1, model.stack.layer(layer + 1).weight_ih[:, cell].cpu().numpy()))
    else:
        logits = model.head.weight[:, cell].cpu()
        found += [
            Reader(repr(vocabulary.characters[k]), "", float(logits[k]), float(logits[k]) * apart)
            for k in _largest(logits, READERS // 2)
        ]
    H = model.config.hidden_size
    gates = [
        Reader(f"{to + 1}:{k % H}", model.cell.rows[k // H], float(weights[k]), float(weights[k]) * apart)
        for to, weights in outgoing
        for k in _largest(torch.from_numpy(weights), READERS)
    ]
    return found + sorted(gates, key=lambda reader: -abs(reader.weight))[: READERS - len(found)]

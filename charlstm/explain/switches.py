"""From boy to girl: what the gates of a cell do where the gender of the speaker changes from one line to the next.

Three things are expected of an LSTM that translates *I am a girl* into Czech after a line with *a boy*: its
forget gate clears the old gender, its input gate writes the new one, and its output gate brings it out at the words
that agree. Lines of `agreement-en-cs` show whether one cell does so, and where. Up to the English noun nothing tells
the gender. A line is looked at in four stretches:

    start           from the newline before the line up to the English noun
    English noun    and the space after it
    middle          from there up to the Czech noun
    Czech noun      and the character after it

    cleared    1 - product of f over the stretch
    written    sum of i * |g| over the stretch
    told       whether the sum of i * g, with its sign, tells a woman's line from a man's (AUC)

A line after one of the other gender is a switch, after one of the same gender a repeat.

Legend: B texts side by side, T characters, N lines.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

import numpy as np
import torch

from charlstm.corpus.vocab import Vocabulary
from charlstm.grammar import ARROW, GenderedLine, gendered_lines
from charlstm.network.model import CharLM
from charlstm.network.reader import Lanes, Reader
from charlstm.probe.reading import read, repeat, trace_cells
from charlstm.probe.statistics import Estimate, Floats, auc, bootstrap
from charlstm.probe.stimuli import Bools, Ints

CORPUS = "agreement-en-cs"
TEXTS = 40  # side by side; the intervals draw these again
LINES = 40  # of each text; the first one follows no other and only warms up
REPLICATES = 400
STRETCHES = ("start", "English noun", "middle", "Czech noun")


@dataclass(frozen=True)
class Contrast:
    """A figure under two conditions, and the difference between them."""

    first: Estimate
    second: Estimate
    difference: Estimate

    def to_dict(self, names: tuple[str, str]) -> dict[str, Any]:
        """Return it as a JSON object, the two conditions by name."""
        parts = (self.first, self.second, self.difference)
        return {name: part.to_dict() for name, part in zip((*names, "difference"), parts, strict=True)}


@dataclass(frozen=True)
class Switches:
    """What a cell's gates do at switches and at words that agree.

    Attributes:
        layer, cell: both from 0.
        lines: how many lines are switches, and how many repeats.
        cleared, written: by stretch, switch against repeat.
        told: by stretch, how well what is written tells the genders apart (AUC, in the direction of the whole sample).
        shown: o just before a character that agrees, against all other characters of the Czech half.
        course: the mean cell state before the line and after each stretch, by the speaker before and the speaker now
            ("FM": a man after a woman).
        holds: how well the cell tells the genders apart just before a character that agrees (AUC, likewise).
    """

    layer: int
    cell: int
    lines: tuple[int, int]
    cleared: dict[str, Contrast]
    written: dict[str, Contrast]
    told: dict[str, Estimate]
    shown: Contrast
    course: dict[str, tuple[Estimate, ...]]
    holds: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object: layers count from 1."""
        stretches = {
            name: {stretch: part.to_dict(("switch", "repeat")) for stretch, part in getattr(self, name).items()}
            for name in ("cleared", "written")
        }
        return {
            "layer": self.layer + 1,
            "cell": self.cell,
            "lines": {"switch": self.lines[0], "repeat": self.lines[1]},
            **stretches,
            "told": {stretch: part.to_dict() for stretch, part in self.told.items()},
            "shown": self.shown.to_dict(("agreeing", "other")),
            "course": {
                who: dict(zip(("before", *STRETCHES), (moment.to_dict() for moment in moments), strict=True))
                for who, moments in self.course.items()
            },
            "holds": self.holds.to_dict(),
        }


class _Lines:
    """The figures of every line but the first of each text."""

    def __init__(self) -> None:
        self.text: list[int] = []
        self.speakers: list[str] = []  # before and now
        self.course: list[list[float]] = []
        self.cleared: list[list[float]] = []
        self.written: list[list[float]] = []
        self.signed: list[list[float]] = []

    def add(self, text: int, before: GenderedLine, line: GenderedLine, cell: _Cell, start: int) -> None:
        """A line that begins at a place of a text."""
        self.text.append(text)
        self.speakers.append(before.gender + line.gender)
        ends = [at + start for at in (line.noun[0], line.noun[1] + 1, line.czech_noun[0], line.czech_noun[1] + 1)]
        stretches = [slice(*ends) for ends in pairwise((start - 1, *ends))]
        self.cleared.append([float(1 - cell.f[stretch].prod()) for stretch in stretches])
        self.written.append([float(np.abs(cell.written[stretch]).sum()) for stretch in stretches])
        self.signed.append([float(cell.written[stretch].sum()) for stretch in stretches])
        self.course.append([float(cell.c[end - 1]) for end in (start - 1, *ends)])


@dataclass(frozen=True)
class _Cell:
    """One cell over one text, (T) each."""

    f: Floats
    written: Floats  # i * g
    o: Floats
    c: Floats


def measure_switches(model: CharLM, vocabulary: Vocabulary, place: tuple[int, int], seed: int) -> Switches:
    """What a cell (layer and number from 0) with an output gate does over generated lines of `agreement-en-cs`.

    Intervals: bootstrap over the texts, which know nothing of each other.

    Raises:
        UnknownCharacterError: if the network has never seen a character of these lines.
    """
    texts = _texts(seed)
    found = _Lines()
    shown: list[tuple[int, bool, float]] = []  # text, whether the next character agrees, o
    held: list[tuple[int, bool, float]] = []  # text, whether the speaker is feminine, c
    for k, (lines, cell) in enumerate(zip(texts, _read(model, vocabulary, texts, place), strict=True)):
        start = 1  # the text begins with a newline
        for before, line in zip([None, *lines], lines, strict=False):
            if before is not None:
                found.add(k, before, line, cell, start)
                deciding = {start + at for at in line.agreeing}
                czech = start + line.text.index(ARROW) + len(ARROW)
                for at in range(czech, start + len(line.text) + 1):  # the newline may agree, too
                    shown.append((k, at in deciding, float(cell.o[at - 1])))
                    if at in deciding:
                        held.append((k, line.gender == "F", float(cell.c[at - 1])))
            start += len(line.text) + 1
    rng = np.random.default_rng(seed)
    text, speakers, course = np.array(found.text), np.array(found.speakers), np.array(found.course)
    is_switch = np.isin(speakers, ("FM", "MF"))

    def by_stretch(figures: list[list[float]]) -> dict[str, Contrast]:
        columns = zip(STRETCHES, np.array(figures).T, strict=True)
        return {stretch: _contrast(values, is_switch, text, rng) for stretch, values in columns}

    texts_of_o, agrees, o = (np.array(column) for column in zip(*shown, strict=True))
    texts_of_c, feminine, c = (np.array(column) for column in zip(*held, strict=True))

    by_woman = np.char.endswith(speakers, "F")
    signed = np.array(found.signed).T  # (stretches, N)
    return Switches(
        *place,
        lines=(int(is_switch.sum()), int((~is_switch).sum())),
        cleared=by_stretch(found.cleared),
        written=by_stretch(found.written),
        told={name: _told(values, by_woman, text, rng) for name, values in zip(STRETCHES, signed, strict=True)},
        shown=_contrast(o, agrees, texts_of_o, rng),
        course={
            who: tuple(_mean(values, text[speakers == who], rng) for values in course[speakers == who].T)
            for who in ("FF", "FM", "MF", "MM")
        },
        holds=_told(c, feminine, texts_of_c, rng),
    )


def best_at_gender(model: CharLM, vocabulary: Vocabulary, seed: int) -> tuple[int, int]:
    """The cell (layer and number from 0) whose state tells the speaker's gender best before characters that agree.

    Chosen on other lines than those that `measure_switches` reads with the same seed.

    Raises:
        UnknownCharacterError: if the network has never seen a character of these lines.
    """
    texts = _texts(seed + 1)
    ids, length = _encode(vocabulary, texts)
    decisive: dict[int, list[tuple[int, bool]]] = {}  # after which character, in which text; whether a woman speaks
    for k, lines in enumerate(texts):
        start = 1
        for line in lines:
            for at in line.agreeing:
                decisive.setdefault(start + at - 1, []).append((k, line.gender == "F"))
            start += len(line.text) + 1
    states: list[torch.Tensor] = []
    feminine: list[bool] = []

    def keep(t: int, rows: torch.Tensor, lanes: Lanes) -> None:
        place = {text: k for k, text in enumerate(rows.tolist())}
        for text, is_feminine in decisive.get(t, ()):
            states.append(model.cell.memory_of(lanes.state(np.array([place[text]])))[:, 0].cpu())
            feminine.append(is_feminine)

    state = repeat(model.zero_state(1), len(ids))
    read(Reader(model), ids, torch.zeros_like(length), length, state, on_step=keep)
    area = auc(torch.stack(states).numpy(), np.array(feminine))  # (L, H)
    best = int(np.abs(area - 0.5).argmax())
    return best // area.shape[1], best % area.shape[1]


def _texts(seed: int) -> list[list[GenderedLine]]:
    """Drawn with seeds that no corpus has, whose seeds are numbers: a network has not been trained on these lines."""
    draws = [random.Random(f"switches {seed} {k}") for k in range(TEXTS)]  # noqa: S311
    return [list(islice(gendered_lines(draw), LINES)) for draw in draws]


def _encode(vocabulary: Vocabulary, texts: Sequence[Sequence[GenderedLine]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids of every text (B, T), each from a newline on, and how many they are (B)."""
    whole = ["\n" + "".join(line.text + "\n" for line in lines) for lines in texts]
    ids = [torch.from_numpy(vocabulary.encode(text, what=CORPUS).astype(np.int64)) for text in whole]
    return torch.nn.utils.rnn.pad_sequence(ids, batch_first=True), torch.tensor([len(text) for text in ids])


def _read(
    model: CharLM, vocabulary: Vocabulary, texts: Sequence[Sequence[GenderedLine]], place: tuple[int, int]
) -> Iterator[_Cell]:
    """The cell over every text, each from a newline and a zero state."""
    ids, length = _encode(vocabulary, texts)
    state = repeat(model.zero_state(1), len(ids))
    _, trace = trace_cells(Reader(model), ids, length, state, [place], of_hidden=not model.cell.has_cell_state)
    kind, gates = trace.kind, {letter: values[:, :, 0].double() for letter, values in trace.gates.items()}
    f, written, o = (part.numpy() for part in (kind.kept(gates), kind.written(gates), gates[kind.output_gate]))
    c = trace.state[:, :, 0].double().numpy()
    for k in range(len(ids)):
        yield _Cell(f[k], written[k], o[k], c[k])


def _told(values: Floats, feminine: Bools, text: Ints, rng: np.random.Generator) -> Estimate:
    """The AUC of values (N) for the gender, in the direction that the whole sample has."""
    sign = 1 if float(auc(values, feminine)) >= 0.5 else -1
    return bootstrap(lambda rows: float(auc(sign * values[rows], feminine[rows])), text, rng, REPLICATES)


def _mean(values: Floats, text: Ints, rng: np.random.Generator) -> Estimate:
    return bootstrap(lambda rows: float(values[rows].mean()), text, rng, REPLICATES)


def _contrast(values: Floats, is_first: Bools, text: Ints, rng: np.random.Generator) -> Contrast:
    """Means of values (N) where a condition holds and where not, and their difference."""

    def mean(rows: Ints, wanted: Bools) -> float:
        chosen = rows[wanted[rows]]
        return float(values[chosen].mean()) if len(chosen) else float("nan")

    def difference(rows: Ints) -> float:
        return mean(rows, is_first) - mean(rows, ~is_first)

    first = bootstrap(lambda rows: mean(rows, is_first), text, rng, REPLICATES)
    second = bootstrap(lambda rows: mean(rows, ~is_first), text, rng, REPLICATES)
    return Contrast(first, second, bootstrap(difference, text, rng, REPLICATES))

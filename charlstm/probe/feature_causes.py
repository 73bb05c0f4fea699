"""Does the network use what a cell holds of a feature of ordinary text?

A *place* in a text where the feature is on is matched with one in the same stretch where it is off, after the same
character. The network goes on from the one with the states of the other: of one cell, of all but that one, of all
(interchange; see `causes`). It reads the next characters of the place, as long as the feature stays as it is there.
What is compared is the log odds of what the feature predicts, of a closing quotation mark for instance: of its mean
probability after these characters, since it is to come after one of them, and cannot after most.
How far a cell goes is a share of the way that all cells go together.

Legend: P places, A characters ahead, B stretches, T characters each, L layers, H hidden, V vocabulary, C cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from charlstm.corpus.vocab import Vocabulary
from charlstm.network.cells import State
from charlstm.network.reader import Lanes, Reader
from charlstm.probe.causes import Cells, at_once, chosen_lanes, exchanged, exchanged_each
from charlstm.probe.feature_text import WARM_CHARS, Stretches
from charlstm.probe.features import FEATURES, Feature
from charlstm.probe.reading import read, repeat
from charlstm.probe.statistics import Estimate, Floats, as_json, ratio
from charlstm.probe.stimuli import Bools, Ints

AHEAD = 8  # characters
PAIRS = 4  # of places in a stretch
MIN_STRETCHES = 6  # with such places: an interval needs several
SAMPLE = 64  # places on which many cells are tried


@dataclass(frozen=True)
class FeaturePatch:
    """What follows when a cell takes its state from a place with the other state of the feature.

    Attributes:
        recovery: how far the log odds go towards those with all cells from there: 0 not at all, 1 all the way.
        nats: the mean change of the log odds in that direction.
        rest_recovery: the same when all cells but this one take theirs.
        controls, p: how many other cells were patched for comparison, and how often one goes as far; None with too few.
    """

    recovery: Estimate
    nats: Estimate
    rest_recovery: Estimate
    controls: int = 0
    p: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return as_json(self)


@dataclass(frozen=True)
class Places:
    """Places in stretches of text, each with one to take states from.

    Attributes:
        stretch: (P).
        place, other: (P) each: after which character, counted from the beginning of the stretch.
        span: (P) how many characters are read from the place on.
        sign: (P) 1 where the feature is on, or late; -1 where it is off.
    """

    stretch: Ints
    place: Ints
    other: Ints
    span: Ints
    sign: Ints

    def of(self, stretches: Bools) -> Places:
        """Those in some of the stretches: (B)."""
        chosen = stretches[self.stretch]
        return Places(*(part[chosen] for part in vars(self).values()))

    @property
    def are_enough(self) -> bool:
        """Whether intervals can be had."""
        return len(np.unique(self.stretch)) >= MIN_STRETCHES


def find_places(stretches: Stretches, name: str, vocabulary: Vocabulary, rng: np.random.Generator) -> Places:
    """At most four pairs of matched places in each stretch, those of all stretches in turn.

    Two places match if the network has just read the same character; if it can be, the two before are the same, too.
    """
    feature, ids = FEATURES[name], stretches.ids
    classes, span = sides(stretches.values[name], feature), spans(stretches, name, vocabulary)
    usable = (classes >= 0) & (span > 0)
    usable[:, :WARM_CHARS] = False
    found: list[tuple[int, int, int, int, int, int]] = []  # first the turn
    for b in range(len(ids)):
        off = {int(t) for t in np.flatnonzero(usable[b] & (classes[b] == 0))}
        turn = 0
        for t in rng.permutation(np.flatnonzero(usable[b] & (classes[b] == 1))).tolist():
            same = [u for u in off if ids[b, u] == ids[b, t]]
            if not same:
                continue
            closer = [u for u in same if ids[b, u - 1] == ids[b, t - 1]] or same
            u = sorted(closer)[int(rng.integers(len(closer)))]
            off.remove(u)
            found += [(turn, b, t, u, int(span[b, t]), 1), (turn, b, u, t, int(span[b, u]), -1)]
            turn += 1
            if turn == PAIRS:
                break
    found.sort(key=lambda row: row[0])
    columns = np.array(found, dtype=np.int64).reshape(-1, 6).T
    return Places(*columns[1:])


def sides(values: Floats, feature: Feature) -> Ints:
    """1 where a feature is on, 0 where it is off; of a clock, where it is late or early; -1 in between: (B, T)."""
    if feature.kind == "state":
        return (values > 0).astype(np.int64)
    running = values[values > 0]
    if not len(running):
        return np.full(values.shape, -1)
    early, late = np.quantile(running, [1 / 3, 2 / 3])
    result = np.full(values.shape, -1)
    if early < late:
        result[(values > 0) & (values <= early)] = 0
        result[values >= late] = 1
    return result


def spans(stretches: Stretches, name: str, vocabulary: Vocabulary) -> Ints:
    """How many of the next characters, eight at most, leave the feature as it is: (B, T). A clock runs on.

    Where the prediction is read off at the beginning of a line: up to the next line feed, and 0 if none is near.
    """
    feature, values = FEATURES[name], stretches.values[name]
    goes_on = np.zeros(values.shape, dtype=bool)  # from a character to the next
    if feature.kind == "clock":
        goes_on[:, :-1] = values[:, 1:] == values[:, :-1] + 1
    else:
        goes_on[:, :-1] = (values[:, 1:] > 0) == (values[:, :-1] > 0)
    B, T = values.shape
    result, until = np.zeros((B, T), dtype=np.int64), np.zeros(B, dtype=np.int64)
    if feature.prediction is None or not feature.prediction.at_line_start:
        for t in range(T - 2, -1, -1):
            until = np.where(goes_on[:, t], until + 1, 0)
            result[:, t] = until
        return result.clip(max=AHEAD)
    line_feed = np.array([character == "\n" for character in vocabulary.decode(np.arange(len(vocabulary)))])
    is_feed = line_feed[stretches.ids]
    until = np.full(B, AHEAD + 1)  # characters to the next line feed
    for t in range(T - 2, -1, -1):
        until = np.where(is_feed[:, t + 1], 1, np.where(goes_on[:, t], until + 1, AHEAD + 1))
        result[:, t] = np.where((until <= AHEAD) & ~is_feed[:, t], until, 0)
    return result


def read_places(reader: Reader, stretches: Stretches, places: Sequence[Places]) -> list[tuple[State, State]]:
    """For each feature the states after its places, and after those to take states from: (L, P, H) each."""
    wanted: list[dict[int, int]] = [{} for _ in stretches.ids]  # of each stretch: place -> its number
    for some in places:
        for t in (some.place, some.other):
            for b, place in zip(some.stretch.tolist(), t.tolist(), strict=True):
                wanted[b].setdefault(place, len(wanted[b]))
    B = len(stretches.ids)
    landmarks = torch.full((B, max(1, *map(len, wanted))), -1)
    for b, numbers in enumerate(wanted):
        landmarks[b, : len(numbers)] = torch.tensor(list(numbers), dtype=torch.int64)
    stop = landmarks.max(dim=1).values + 1
    start, ids = torch.zeros_like(stop), torch.from_numpy(stretches.ids.astype(np.int64))
    _, kept = read(reader, ids, start, stop, repeat(reader.model.zero_state(1), B), landmarks=landmarks)
    assert kept is not None

    def after(stretch: Ints, place: Ints) -> State:
        number = [wanted[b][t] for b, t in zip(stretch.tolist(), place.tolist(), strict=True)]
        return State(*(part[stretch, number].transpose(0, 1) for part in kept))

    return [(after(some.stretch, some.place), after(some.stretch, some.other)) for some in places]


@dataclass(frozen=True)
class Interchange:
    """Places from which the network goes on with its own states, or with others.

    Attributes:
        ids: (P, A) the characters that follow.
        span: (P) how many of them are read.
        own, other: (L, P, H) the states at the places, and those to exchange with.
        predicted: (V) which characters the feature predicts.
        last_only: whether only what is predicted after the last character counts, not the mean.
        sign, stretch: (P); see `Places`.
        base: (P) the log odds of the intact network.
        whole: (P) how far they fall where the feature is on, and rise where it is off, with all cells exchanged.
    """

    reader: Reader
    ids: Tensor
    span: Tensor
    own: State
    other: State
    predicted: Tensor
    last_only: bool
    sign: Ints
    stretch: Ints
    base: Floats
    whole: Floats

    @classmethod
    def of(
        cls,
        reader: Reader,
        vocabulary: Vocabulary,
        stretches: Stretches,
        name: str,
        places: Places,
        states: tuple[State, State],
    ) -> Interchange:
        """The experiment on some places of a feature, with the states from `read_places`."""
        prediction = FEATURES[name].prediction
        assert prediction is not None
        following = (places.place[:, None] + 1 + np.arange(AHEAD)).clip(max=stretches.ids.shape[1] - 1)
        ids = torch.from_numpy(stretches.ids[places.stretch[:, None], following].astype(np.int64))
        nothing = np.empty(0)
        plain = cls(
            *(reader, ids, torch.from_numpy(places.span), *states, predicted(name, vocabulary).to(reader.model.device)),
            *(prediction.at_line_start, places.sign, places.stretch, nothing, nothing),
        )
        every = np.arange(len(places.place))
        base = plain.answers(every, plain.own)
        return replace(plain, base=base, whole=places.sign * (base - plain.answers(every, plain.other)))

    def answers(self, rows: Ints, state: State) -> Floats:
        """The log odds from some places on, with these states: rows (n), state (L, n, H) -> (n), nats."""
        span = self.span[rows]
        total = torch.full((len(rows),), -torch.inf, dtype=torch.float64)  # log of the sum of probabilities

        def add(t: int, reading: Tensor, lanes: Lanes) -> None:
            log_p = self.reader.log_probabilities(lanes).double()[:, self.predicted].logsumexp(dim=1).cpu()
            total[reading] = log_p if self.last_only else torch.logaddexp(total[reading], log_p)

        read(self.reader, self.ids[rows], torch.zeros_like(span), span, state, on_step=add)
        mean = total if self.last_only else total - span.double().log()
        odds: Floats = (mean - torch.log1p(-mean.exp().clamp(max=1 - 1e-12))).numpy()
        return odds

    def turned(self, direction: int) -> Interchange:
        """The same where what the feature predicts is likelier without it, or early: direction -1."""
        return replace(self, sign=direction * self.sign, whole=direction * self.whole)

    def moved(self, rows: Ints, answers: Floats) -> Floats:
        """How far answers (..., n) go in the direction of `whole`: (..., n)."""
        return self.sign[rows] * (self.base[rows] - answers)

    def recoveries(self, cells: Cells) -> Floats:
        """How far each cell alone goes on a sample of the places: (C)."""
        rows = np.arange(min(SAMPLE, len(self.sign)))
        own, other = chosen_lanes(self.own, rows), chosen_lanes(self.other, rows)
        whole = self.whole[rows].sum()
        found = []
        for group in at_once(cells, len(rows)):
            answers = self.answers(np.tile(rows, len(group)), exchanged_each(own, other, [[cell] for cell in group]))
            found += self.moved(rows, answers.reshape(len(group), len(rows))).sum(axis=1).tolist()
        return np.array(found) / whole if abs(whole) > 1e-9 else np.zeros(len(found))

    def patch(self, cells: Cells, rng: np.random.Generator) -> FeaturePatch:
        """Exchange cells at all places, and all others; intervals over stretches."""
        rows = np.arange(len(self.sign))
        alone = self.moved(rows, self.answers(rows, exchanged(self.own, self.other, cells)))
        rest = self.moved(rows, self.answers(rows, exchanged(self.other, self.own, cells)))
        return FeaturePatch(
            recovery=ratio(alone, self.whole, self.stretch, rng),
            nats=ratio(alone, np.ones(len(rows)), self.stretch, rng),
            rest_recovery=ratio(rest, self.whole, self.stretch, rng),
        )

    def nats_apart(self, rng: np.random.Generator) -> Estimate:
        """The mean change of the log odds with all cells exchanged, nats: what the network makes of the feature."""
        return ratio(self.whole, np.ones(len(self.whole)), self.stretch, rng)


def predicted(name: str, vocabulary: Vocabulary) -> Tensor:
    """Which characters a feature predicts: (V) bool."""
    prediction = FEATURES[name].prediction
    assert prediction is not None
    known = vocabulary.decode(np.arange(len(vocabulary)))
    meant = prediction.characters(known)
    return torch.tensor([character in meant for character in known])

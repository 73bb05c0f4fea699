"""Minimal pairs as a network reads them: ids, landmarks, endings, and the groups that statistics need.

Legend: N sentences (the right form of every pair, and its twin), K landmarks, T the longest sentence.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from charlstm.corpus.vocab import Vocabulary
from charlstm.errors import TextError
from charlstm.grammar.pairs import MinimalPair, common_prefix

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Names = npt.NDArray[np.str_]

LANDMARKS = ("cue", "before attractor", "after attractor", "target")
APART = ("hidden", "soft")  # kinds that are scored, but make no claim: see `pairs.MinimalPair.kind`
MIN_LEMMAS = 10  # five in each half: the smallest p is 1/32
MAX_BINS = 3


@dataclass(frozen=True)
class Stimuli:
    """Sentences up to the deciding character, and how each may go on.

    Attributes:
        classes: the two values of the feature, 0 and 1: ("F", "M"). Without twins, only `known_classes` mean something.
        pairs: where the sentences come from.
        ids: (N, T) what is read, padded with 0 at the end.
        length: (N) characters read: the deciding one is the next.
        cue_start: (N) where the last word of the cue begins.
        cue: (N) where the cue has ended: the last character read by the state that is patched.
        landmarks: (N, K) the last character read at each landmark.
        endings: for each class, the ids of how a sentence goes on: with a twin, through the delimiter; without, to its
            end, as in BLiMP (Warstadt et al. 2020), because what decides may come later.
        words: the same, always through the delimiter.
        label: (N) the class of the cue.
        pair, lemma: (N) which pair and which lemma a sentence belongs to.
        twin: (N) the sentence that differs in the cue; -1 without.
        condition, kind: (N) names.
        distance: (N) from the cue's end to the deciding character; -1 where there is no cue.
        distance_bin: (N) 0 is the shortest.
        bins: the names of the distance bins.
    """

    classes: tuple[str, str]
    pairs: Sequence[MinimalPair]
    ids: Tensor
    length: Tensor
    cue_start: Tensor
    cue: Tensor
    landmarks: Tensor
    endings: tuple[list[Tensor], list[Tensor]]
    words: tuple[list[Tensor], list[Tensor]]
    label: Ints
    pair: Ints
    lemma: Ints
    twin: Ints
    condition: Names
    kind: Names
    distance: Ints
    distance_bin: Ints
    bins: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.label)

    @property
    def has_twins(self) -> bool:
        """Whether representation and cause can be looked at."""
        return bool((self.twin >= 0).all())

    @property
    def known_classes(self) -> list[str]:
        """The classes that there are: without twins, those that the pairs name."""
        if self.has_twins:
            return list(self.classes)
        return [name for name in self.classes if any(pair.label == name for pair in self.pairs)]

    @property
    def main(self) -> Bools:
        """Which sentences claims rest on."""
        return ~np.isin(self.kind, APART)

    @cached_property
    def contested(self) -> Bools:
        """Which sentences decide what a cell holds: main ones with an attractor of the other class.

        Where fewer than ten lemmas of either class have any, all main sentences.
        """
        opposite = self.main & (self.condition == "opposite")
        lemmas = [len(set(self.lemma[opposite & (self.label == k)].tolist())) for k in (0, 1)]
        return opposite if min(lemmas) >= MIN_LEMMAS else self.main

    @property
    def is_contested(self) -> bool:
        """Whether there are enough sentences with an attractor of the other class."""
        return bool((self.condition[self.contested] == "opposite").all())


def an_example(pairs: Sequence[MinimalPair]) -> list[tuple[str, MinimalPair]]:
    """One of a person's own pairs, to be shown: the first with an attractor of the other class, or the first at all."""
    contested = [pair for pair in pairs if pair.condition == "opposite" and pair.kind not in APART]
    return [("example", (contested or list(pairs))[0])]


def make_stimuli(pairs: Sequence[MinimalPair], vocabulary: Vocabulary) -> Stimuli:
    """Encode minimal pairs.

    Raises:
        UnknownCharacterError: for a character that the model has never seen; names the pair.
        TextError: for labels of more than two classes, twins in some pairs only, or, with twins, too few lemmas.
    """
    with_twin = [pair.twin is not None for pair in pairs]
    if any(with_twin) and not all(with_twin):
        raise TextError(f"{pairs[with_twin.index(False)].source}: this pair has no twin, others have; give all or none")
    classes = _classes(pairs)
    class_of_good = _classes_of_good(pairs, classes)
    lemma_of = {name: k for k, name in enumerate(dict.fromkeys(_lemma(pair, k) for k, pair in enumerate(pairs)))}
    claimed = {_lemma(pair, k) for k, pair in enumerate(pairs) if pair.kind not in APART}
    if all(with_twin) and len(claimed) < MIN_LEMMAS:
        raise TextError(
            f"{len(claimed)} independent pairs (lemmas); give at least {MIN_LEMMAS}: the probe splits them in halves, "
            "and with fewer p could not reach .05"
        )
    if not claimed:
        raise TextError(
            f"every pair is of a kind that no claim rests on ({', '.join(APART)}); give pairs of other kinds, too"
        )
    known = [pair.target - pair.end_of_cue if pair.twin else pair.distance for pair in pairs]
    edges, bins = _distance_bins([distance for distance in known if distance is not None] or [0])
    prefixes, marks, starts, rows = [], [], [], []
    endings: tuple[list[Tensor], list[Tensor]] = ([], [])
    words: tuple[list[Tensor], list[Tensor]] = ([], [])
    for k, pair in enumerate(pairs):
        good_class = class_of_good[k]
        word = ending_ids(pair, pair.endings, vocabulary)
        ending = word if pair.twin else ending_ids(pair, pair.rests, vocabulary)
        distance = pair.target - pair.end_of_cue if pair.twin else -1 if pair.distance is None else pair.distance
        for is_twin, prefix in enumerate((pair.prefix, pair.twin_prefix)[: 1 + all(with_twin)]):
            prefixes.append(torch.from_numpy(vocabulary.encode(prefix, what=pair.source).astype(np.int64)))
            places = _landmarks(pair, prefix, len(prefix) - pair.target)
            marks.append(places)
            starts.append(prefix.rfind(" ", 0, places[0]) + 1)
            for side in (0, 1):
                endings[side].append(ending[side != good_class])
                words[side].append(word[side != good_class])
            label = good_class if not is_twin else 1 - good_class
            condition = pair.twin_condition if is_twin else pair.condition
            rows.append((label, k, lemma_of[_lemma(pair, k)], condition, pair.kind, distance))
    columns = list(zip(*rows, strict=True))
    N = len(rows)
    twin = np.arange(N) ^ 1 if all(with_twin) else np.full(N, -1)
    distances = np.array(columns[5], dtype=np.int64)
    return Stimuli(
        classes=classes,
        pairs=pairs,
        ids=torch.nn.utils.rnn.pad_sequence(prefixes, batch_first=True),
        length=torch.tensor([len(prefix) for prefix in prefixes]),
        cue_start=torch.tensor(starts),
        cue=torch.tensor([places[0] for places in marks]),
        landmarks=torch.tensor(marks),
        endings=endings,
        words=words,
        label=np.array(columns[0], dtype=np.int64),
        pair=np.array(columns[1], dtype=np.int64),
        lemma=np.array(columns[2], dtype=np.int64),
        twin=twin.astype(np.int64),
        condition=np.array(columns[3], dtype=np.str_),
        kind=np.array(columns[4], dtype=np.str_),
        distance=distances,
        distance_bin=np.searchsorted(edges, distances, side="right").astype(np.int64),
        bins=bins,
    )


def split_lemmas(stimuli: Stimuli, seed: int) -> tuple[Bools, Bools]:
    """The sentences of the discovery half and of the confirmation half, by lemma: (N) each."""
    lemmas = sorted(set(stimuli.lemma[stimuli.contested].tolist()))
    random.Random(seed).shuffle(lemmas)  # noqa: S311
    discovery = np.isin(stimuli.lemma, lemmas[: len(lemmas) // 2])
    return discovery, ~discovery


def _lemma(pair: MinimalPair, number: int) -> str:
    """What makes a pair independent of others: its lemma, or else its cue and the twin's; without twins, itself."""
    if pair.lemma:
        return pair.lemma
    return "/".join(sorted(_cues(pair))) if pair.twin else f"pair {number}"


def _cues(pair: MinimalPair) -> tuple[str, str]:
    """What differs between a sentence and its twin, in whole words: *menina* and *menino*."""
    shift = len(pair.twin_prefix) - len(pair.prefix)
    start = common_prefix(pair.prefix, pair.twin_prefix)
    start = pair.prefix.rfind(" ", 0, start) + 1
    end = max(pair.differs_until, start - min(shift, 0))
    while end < pair.target and pair.prefix[end].isalpha():  # the rest of the word is the same in both
        end += 1
    return pair.prefix[start:end].lower(), pair.twin_prefix[start : end + shift].lower()


def _classes(pairs: Sequence[MinimalPair]) -> tuple[str, str]:
    labels = list(dict.fromkeys(pair.label for pair in pairs if pair.label))
    if len(labels) > 2:
        third = next(pair.source for pair in pairs if pair.label == labels[2])
        raise TextError(
            f"{third}: labels of {len(labels)} classes ({', '.join(labels[:4])}...); a feature has two; relabel "
            "the pairs"
        )
    if sorted(labels) == ["F", "M"] or labels in (["F"], ["M"]):
        return "F", "M"
    if len(labels) == 1:
        return labels[0], f"not {labels[0]}"
    return (labels[0], labels[1]) if labels else ("cue", "twin")


def _classes_of_good(pairs: Sequence[MinimalPair], classes: tuple[str, str]) -> list[int]:
    """The class of every good sentence: its label, or, where no pair has one, what its ending says.

    Without labels and twins nothing but behaviour is scored, and there are no classes. Else
    endings that occur both ways round (*-a* right, *-o* wrong; elsewhere *-o* right, *-a* wrong) mean the classes.
    Where pairs have several kinds of endings (*-a*, *-o*; *-as*, *-os*), their cues say which go together.

    Raises:
        TextError: where they do not.
    """
    labelled = [bool(pair.label) for pair in pairs]
    if any(labelled):
        if not all(labelled):
            source = pairs[labelled.index(False)].source
            raise TextError(f"{source}: this pair has no label, others have; give all or none")
        return [classes.index(pair.label) for pair in pairs]
    if not all(pair.twin for pair in pairs):
        return [0] * len(pairs)
    if len({frozenset(pair.endings) for pair in pairs}) == 1:
        return [int(pair.endings != pairs[0].endings) for pair in pairs]
    found = _classes_by_cue(pairs)
    if found is None:
        raise TextError(
            f"{pairs[0].source}: there are several kinds of endings, and the cues do not say which belong together; "
            "give every pair a label, the class of its good sentence"
        )
    return found


def _classes_by_cue(pairs: Sequence[MinimalPair]) -> list[int] | None:
    """Classes such that equal cues, and equal endings of one kind, are of one class; None where they do not follow.

    Each pair says that its good ending and its cue are of one class, its bad ending and the twin's cue of the other.
    """
    links: dict[tuple[str, ...], list[tuple[tuple[str, ...], int]]] = {}
    goods = []
    for pair in pairs:
        good, bad = ((*sorted(pair.endings), ending) for ending in pair.endings)
        cue, twin_cue = ((word,) for word in _cues(pair))
        for one, other, differ in ((good, bad, 1), (good, cue, 0), (bad, twin_cue, 0)):
            links.setdefault(one, []).append((other, differ))
            links.setdefault(other, []).append((one, differ))
        goods.append(good)
    classes, waiting = {goods[0]: 0}, [goods[0]]
    while waiting:
        one = waiting.pop()
        for other, differ in links[one]:
            if other not in classes:
                classes[other] = classes[one] ^ differ
                waiting.append(other)
            elif classes[other] != classes[one] ^ differ:
                return None
    return [classes[good] for good in goods] if classes.keys() >= set(goods) else None


def ending_ids(pair: MinimalPair, endings: tuple[str, str], vocabulary: Vocabulary) -> tuple[Tensor, Tensor]:
    """The ids of the good and of the bad ending of a pair. One that breaks off without a delimiter is given one.

    Else *laugh* would be a part of *laughs*, and could not be told from it.
    """
    delimiter = next((c for c in "\n. " if c in vocabulary), "")
    found = []
    for ending in endings:
        closed = ending + delimiter if not ending or ending[-1].isalpha() else ending
        if not closed:
            raise TextError(f"{pair.source}: one ending is a part of the other, and the model knows no delimiter")
        found.append(torch.from_numpy(vocabulary.encode(closed, what=pair.source).astype(np.int64)))
    return found[0], found[1]


def _distance_bins(distances: Sequence[int]) -> tuple[list[int], tuple[str, ...]]:
    """Where one bin ends and the next begins, and the bins' names; about as many pairs in each."""
    ordered = sorted(distances)
    values = sorted(set(ordered))
    if len(values) <= MAX_BINS:
        return values[1:], tuple(str(value) for value in values)
    edges = sorted({ordered[len(ordered) * k // MAX_BINS] for k in range(1, MAX_BINS)} - {values[0]})
    starts, ends = [values[0], *edges], [*(edge - 1 for edge in edges), values[-1]]
    names = [f"{start}" if start >= end else f"{start}-{end}" for start, end in zip(starts, ends, strict=True)]
    return edges, tuple(names)


def _landmarks(pair: MinimalPair, prefix: str, shift: int) -> tuple[int, ...]:
    """The last character read at each landmark of a sentence whose places are `shift` from the good one's.

    A word has ended when the character after it is no letter; only then does a network that reads characters
    know which word it was (*professor*, *professora*). So that character belongs to the landmark.
    """
    last = len(prefix) - 1

    def after(end: int) -> int:
        return min(end if end <= last and not prefix[end].isalnum() else end - 1, last)

    cue = after(pair.end_of_cue + shift) if pair.twin else 0
    if pair.attractor:
        start, end = (place + shift for place in pair.attractor)
        between = (max(cue, start - 1), max(cue, after(end)))
    else:
        between = (cue + (last - cue) // 3, cue + 2 * (last - cue) // 3)
    return cue, *between, last

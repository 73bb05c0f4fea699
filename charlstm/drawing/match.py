"""Texts that match a regular expression, by masking what cannot lead to a match.

In a text that does not match yet, every character is masked after which no match can be reached within the length that
is left. A text that matches may end, and the model decides: it draws from all characters, and the text ends before one
that cannot lead to another match. So `.*` ends where the model would begin a new line, `[a-z]+` at the end of a word,
and the probability of an end is what the model gives to all that would leave the pattern.

The deterministic automaton is built as far as texts go, state by state, so that no pattern explodes.

    Legend: V vocabulary, C classes of characters that no set of the pattern tells apart, N states, K places in the stop
    text.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from threading import RLock

import numpy as np
import numpy.typing as npt

from charlstm.drawing.regex import MAX_STATES, Automaton
from charlstm.drawing.rules import Allowed

FAR = np.iinfo(np.int64).max  # no match can be reached
MAX_KNOWN = 4_000_000  # edges that are remembered


class Place:
    """A state of the deterministic automaton: the states of the pattern where a text may be.

    Attributes:
        places: of the pattern, without free edges to follow.
        stop: how many characters of the stop text stand at the end.
        distance: how many characters the nearest match needs; 0: the text matches.
        after: (C) the place after a character of each class; None: no match can be reached; made when it is asked for.
        distances: (C) theirs.
        furthest: the largest of them by which a match can be reached.
        mask: (V) what is allowed if the length is no matter.
    """

    __slots__ = ("after", "distance", "distances", "furthest", "mask", "places", "stop")

    def __init__(self, places: frozenset[int], stop: int, distance: int) -> None:
        self.places, self.stop, self.distance = places, stop, distance
        self.after: list[Place | None] | None = None
        self.distances: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.furthest = 0
        self.mask: Allowed | None = None


class Pattern:
    """A pattern for the texts of a model, which several threads may draw at once.

    Args:
        pattern: as Python's `re` has it; a text matches as with `re.fullmatch`.
        characters: of the model, by id.
        stop: a text that no text may have in it.

    Raises:
        UsageError: for a pattern that is invalid, too large, not regular, or that no text of the characters matches.
    """

    def __init__(self, pattern: str, characters: tuple[str, ...], stop: str = "") -> None:
        self.automaton = automaton = Automaton(pattern, characters)
        stop = stop if set(stop) <= set(characters) else ""  # what the model cannot write needs no rule
        self.classes, count = _classes(automaton, [characters.index(c) for c in stop])  # (V)
        self.members = [np.unique(self.classes[members]).tolist() for members in automaton.sets]
        self.stops = _stop_table([int(self.classes[characters.index(c)]) for c in stop], count)
        if len(automaton.free) * len(self.stops) > 10 * MAX_STATES:
            raise automaton.refusal("is too large together with so long a stop text")
        self.far = self._distances()
        self.known: dict[tuple[frozenset[int], int], Place] = {}
        self.lock = RLock()  # held by whoever builds
        begin = self._place({automaton.start}, 0)
        if begin is None:
            raise automaton.nothing_matches()
        self.begin = begin

    def check_length(self, length: int) -> None:
        """Raises UsageError if nothing of so many characters or less matches."""
        if self.begin.distance > length:
            raise self.automaton.too_short(self.begin.distance, length)

    def after(self, place: Place) -> list[Place | None]:
        """The place after a character of each class, (C)."""
        with self.lock:
            if place.after is None:
                if len(self.known) * len(self.stops[0]) > MAX_KNOWN:
                    for other in self.known.values():
                        other.after = other.mask = None
                    self.known.clear()
                seeds: dict[int, set[int]] = {}
                for n in place.places:
                    read = self.automaton.reads[n]
                    if read is not None:
                        for c in self.members[read[0]]:
                            seeds.setdefault(c, set()).add(read[1])
                place.after = [None] * len(self.stops[0])
                for c, targets in seeds.items():
                    stop = self.stops[place.stop][c]
                    if stop is not None:
                        place.after[c] = self._place(targets, stop)
                place.distances = np.array([FAR if p is None else p.distance for p in place.after], dtype=np.int64)
            return place.after

    def allowed(self, place: Place, left: int) -> Allowed:
        """Which ids lead to a match within so many characters, (V)."""
        with self.lock:
            if place.after is None or place.mask is None:
                self.after(place)
                reach = place.distances < FAR
                place.furthest, place.mask = int(place.distances[reach].max(initial=0)), reach[self.classes]
            return place.mask if place.furthest < left else (place.distances < left)[self.classes]

    def _place(self, seeds: set[int], stop: int) -> Place | None:
        """The place of what can be reached from some states without a character; None: no match can be reached."""
        reached, waiting = set(seeds), list(seeds)
        while waiting:
            for n in self.automaton.free[waiting.pop()]:
                if n not in reached:
                    reached.add(n)
                    waiting.append(n)
        far = self.far[stop]
        kept = frozenset(
            n for n in reached if far[n] < FAR and (self.automaton.reads[n] is not None or n == self.automaton.end)
        )
        if not kept:
            return None
        key = kept, stop
        if key not in self.known:
            self.known[key] = Place(kept, stop, min(far[n] for n in kept))
        return self.known[key]

    def _distances(self) -> list[list[int]]:
        """How many characters the nearest match is away: (K, N), searched from the end."""
        N, K = len(self.automaton.free), len(self.stops)
        back: list[list[list[tuple[int, int, int]]]] = [[[] for _ in range(N)] for _ in range(K)]
        for k in range(K):
            for n in range(N):
                for m in self.automaton.free[n]:
                    back[k][m].append((k, n, 0))
                read = self.automaton.reads[n]
                if read is not None:
                    for after in {self.stops[k][c] for c in self.members[read[0]]} - {None}:
                        assert after is not None
                        back[after][read[1]].append((k, n, 1))
        far = [[int(FAR)] * N for _ in range(K)]
        waiting = deque((k, self.automaton.end, 0) for k in range(K))
        while waiting:
            k, n, distance = waiting.popleft()
            if far[k][n] <= distance:
                continue
            far[k][n] = distance
            for k_before, n_before, more in back[k][n]:
                (waiting.append if more else waiting.appendleft)((k_before, n_before, distance + more))
        return far


class Match:
    """A rule: the text of a stream matches a pattern."""

    def __init__(self, pattern: Pattern) -> None:
        self.pattern, self.place = pattern, pattern.begin

    def allowed(self, left: int) -> Allowed | None:
        """As in `Rule`: nothing is masked where the text matches."""
        return None if self.place.distance == 0 else self.pattern.allowed(self.place, left)

    def push(self, drawn: int, left: int) -> bool:
        """As in `Rule`: a text that matches ends before what cannot lead to another match."""
        after = self.pattern.after(self.place)[self.pattern.classes[drawn]]
        if after is None or after.distance >= left:
            return False
        self.place = after
        return True


@lru_cache(maxsize=4)
def compiled(pattern: str, characters: tuple[str, ...], stop: str) -> Pattern:
    """The pattern; kept, so that the next batch finds what this one has built."""
    return Pattern(pattern, characters, stop)


def _classes(automaton: Automaton, singles: list[int]) -> tuple[npt.NDArray[np.int64], int]:
    """The class of every id, (V), and how many there are: ids in one class are in the same sets."""
    classes = np.zeros(len(automaton.alphabet), dtype=np.int64)
    alone = []
    for single in singles:
        alone.append(np.zeros(len(classes), dtype=np.bool_))
        alone[-1][single] = True
    for members in [*automaton.sets, *alone]:
        classes = np.unique(2 * classes + members, return_inverse=True)[1].reshape(-1)
    return classes, int(classes.max()) + 1


def _stop_table(stop: list[int], count: int) -> list[list[int | None]]:
    """How many characters of the stop text stand at the end, after one more of each class: (K, C); None: all of it.

    Knuth, Morris & Pratt 1977.
    """
    if not stop:
        return [[0] * count]
    table: list[list[int | None]] = []
    for k in range(len(stop)):
        row: list[int | None] = []
        for c in range(count):
            begun = [*stop[:k], c]
            longest = max(n for n in range(len(begun) + 1) if begun[len(begun) - n :] == stop[:n])
            row.append(None if longest == len(stop) else longest)
        table.append(row)
    return table

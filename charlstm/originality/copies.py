"""The longest copy at every character of a text: its matching statistics, by binary search over the suffix array.

All characters are searched for side by side, eight bytes a comparison, up to `CAP_WORDS` of them. What goes on longer
is followed stretch by stretch: from one character to the next the end of the longest copy never moves back.

    Legend: N characters of the training text, M of the texts that are searched for copies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charlstm.corpus.vocab import CODE_POINTS, Ids, code_points, normalize
from charlstm.errors import TextError
from charlstm.originality.index import Index

WORD_BYTES = 8
CAP_WORDS = 8
AT_ONCE = 1 << 17  # characters of a text that are searched for side by side
MIN_COPY = 30  # characters: in prose that nobody copied, 1 to 2 % stand in stretches of so many (docs/scoring.md)

Numbers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
OnDone = Callable[[int, int], None]  # so many characters are done, of so many


@dataclass(frozen=True)
class Stretch:
    """What a text has in common with the training text, as long as it goes on.

    Attributes:
        start, length: in the text, in characters from 0.
        place: where it begins in the training text, in characters from 0; one place, if there are several.
    """

    start: int
    length: int
    place: int

    @property
    def end(self) -> int:
        """The first character after it."""
        return self.start + self.length


@dataclass(frozen=True)
class Copied:
    """What of a text stands in the training text, word for word.

    Attributes:
        text: as it was compared: in the training text's normal form.
        min_copy: what is shorter, in characters, does not count as copied.
        longest: the longest stretch, however short; None where no character of the text is in the training text.
        stretches: those of `min_copy` or more that are part of no longer one, in the order of the text; they may
            overlap.
    """

    text: str
    min_copy: int
    longest: Stretch | None
    stretches: tuple[Stretch, ...]

    @property
    def covered(self) -> list[tuple[int, int]]:
        """Where copied stretches begin and end; those that overlap or touch are one."""
        joined: list[tuple[int, int]] = []
        for stretch in self.stretches:
            if joined and stretch.start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], stretch.end)
            else:
                joined.append((stretch.start, stretch.end))
        return joined

    @property
    def share(self) -> float:
        """The share of its characters that stand in copied stretches; 0 for an empty text."""
        return sum(end - start for start, end in self.covered) / max(1, len(self.text))


def find_copies(
    index: Index, texts: Sequence[str], min_copy: int = MIN_COPY, on_done: OnDone = lambda done, total: None
) -> list[Copied]:
    """Compare texts with a training text. Exact.

    Args:
        index: of the training text.
        texts: each on its own; brought into the form of the training text.
        min_copy: characters, at least 1.
        on_done: called with characters compared, and characters in all.

    Raises:
        TextError: for a lone surrogate.
    """
    texts = [normalize(text, index.corpus.normalize) for text in texts]
    ids, ends = _encoded(index, texts)
    lengths, places = Matcher(index).longest(ids, ends, on_done)
    found, start = [], 0
    for text in texts:
        end = start + len(text)
        found.append(_copied(text, min_copy, lengths[start:end], places[start:end]))
        start = end
    return found


def _encoded(index: Index, texts: Sequence[str]) -> tuple[Ids, Numbers]:
    """The ids of all texts, one after the other, and where the stretch may end at the latest that begins at each.

    It ends with its text, or before a character that the training text does not have.
    """
    vocabulary = index.corpus.vocabulary
    id_of = np.full(CODE_POINTS, -1, dtype=np.int32)
    id_of[vocabulary.points] = np.arange(len(vocabulary))
    try:
        ids = id_of[code_points("".join(texts))]
    except UnicodeEncodeError as e:
        raise TextError(f"character {e.start + 1} is a lone surrogate, not a character") from None
    limits = np.concatenate([np.flatnonzero(ids < 0), np.cumsum([len(text) for text in texts], dtype=np.int64)])
    limits = np.unique(limits)
    here = np.arange(len(ids))
    ends = limits[np.searchsorted(limits, here)] if len(ids) else here  # where the character is unknown: at itself
    after = limits[np.searchsorted(limits, here, side="right").clip(max=max(0, len(limits) - 1))] if len(ids) else here
    return ids.clip(min=0).astype(vocabulary.id_type), np.where(ids < 0, ends, after)


def _copied(text: str, min_copy: int, lengths: Numbers, places: Numbers) -> Copied:
    if not lengths.any():
        return Copied(text, min_copy, None, ())
    reaches = np.arange(len(lengths)) + lengths
    begins = np.concatenate([[True], reaches[1:] > reaches[:-1]]) & (lengths >= min_copy)
    stretches = tuple(Stretch(int(k), int(lengths[k]), int(places[k])) for k in np.flatnonzero(begins))
    at = int(lengths.argmax())
    return Copied(text, min_copy, Stretch(at, int(lengths[at]), int(places[at])), stretches)


class Matcher:
    """Looks up, in a training text, the longest stretch that begins at each character of a text.

    Args:
        index: of the training text.
    """

    def __init__(self, index: Index) -> None:
        self.places, self.total = index.places, len(index.corpus.train)
        self.width = index.corpus.train.itemsize
        self.step = WORD_BYTES // self.width  # characters in a word
        self.cap = CAP_WORDS * self.step
        self.bytes, self.words = self._as_words(index.corpus.train)

    def _as_words(self, ids: Ids) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint64]]:
        """The bytes of a text, with zeros after it, and the eight from each character on as one number."""
        padded = np.zeros(len(ids) + self.cap + self.step, dtype=ids.dtype.newbyteorder(">"))
        padded[: len(ids)] = ids
        count = len(padded) - self.step + 1
        words: npt.NDArray[np.uint64] = np.ndarray((count,), dtype=">u8", buffer=padded.data, strides=(self.width,))
        return padded.view(np.uint8), words

    def longest(self, ids: Ids, ends: Numbers, on_done: OnDone) -> tuple[Numbers, Numbers]:
        """How long the longest stretch is that begins at each character (M), and where it stands in the training text.

        Args:
            ids: (M).
            ends: (M) where it ends at the latest; never falling.
            on_done: called with characters done, and all of them.
        """
        lengths, places = np.zeros(len(ids), dtype=np.int64), np.zeros(len(ids), dtype=np.int64)
        if self.total == 0:
            return lengths, places
        text, words = self._as_words(ids)
        for start in range(0, len(ids), AT_ONCE):
            here = np.arange(start, min(start + AT_ONCE, len(ids)))
            lengths[here], places[here] = self._capped(words, here)
            on_done(int(here[-1]) + 1, len(ids))
        room = ends - np.arange(len(ids))
        goes_on = (lengths >= self.cap) & (room > self.cap)
        for first, last in _runs(goes_on, ends):
            self._follow(text, first, last, int(ends[first]), lengths, places)
        return np.minimum(lengths, room), places

    def _capped(self, words: Words, here: Numbers) -> tuple[Numbers, Numbers]:
        """The same for some characters, up to the cap."""
        low, high = np.zeros(len(here), dtype=np.int64), np.full(len(here), self.total, dtype=np.int64)
        for _ in range(self.total.bit_length()):
            open_ = np.flatnonzero(low < high)
            middle = (low[open_] + high[open_]) // 2
            less = self._is_less(self.places[middle].astype(np.int64), words, here[open_])
            low[open_[less]] = middle[less] + 1
            high[open_[~less]] = middle[~less]
        before = self.places[(low - 1).clip(min=0)].astype(np.int64)
        after = self.places[low.clip(max=self.total - 1)].astype(np.int64)
        a, b = self._common(before, words, here), self._common(after, words, here)
        return np.maximum(a, b), np.where(a > b, before, after)

    def _is_less(self, places: Numbers, words: Words, here: Numbers) -> npt.NDArray[np.bool_]:
        """Whether the training text from a place on sorts before the text from a character on; up to the cap."""
        less = np.zeros(len(here), dtype=bool)
        rest = np.arange(len(here))
        for k in range(0, self.cap, self.step):
            ours, theirs = self.words[places[rest] + k].astype(np.uint64), words[here[rest] + k].astype(np.uint64)
            equal = ours == theirs
            ended = places[rest] + k + self.step > self.total  # what is equal there are the zeros after it
            less[rest] = (ours < theirs) | (equal & ended)
            rest = rest[equal & ~ended]
            if len(rest) == 0:
                break
        return less

    def _common(self, places: Numbers, words: Words, here: Numbers) -> Numbers:
        """How many characters are the same from there on; up to the cap."""
        same = np.full(len(here), self.cap, dtype=np.int64)
        rest = np.arange(len(here))
        for k in range(0, self.cap, self.step):
            differ = self.words[places[rest] + k].astype(np.uint64) ^ words[here[rest] + k].astype(np.uint64)
            here_too = np.zeros(len(rest), dtype=np.int64)
            for n in range(1, self.step + 1):
                here_too += (differ >> np.uint64(64 - 8 * self.width * n)) == 0
            ends = here_too < self.step
            same[rest[ends]] = k + here_too[ends]
            rest = rest[~ends]
            if len(rest) == 0:
                break
        return np.minimum(same, self.total - places)

    def _follow(
        self, text: npt.NDArray[np.uint8], first: int, last: int, end: int, lengths: Numbers, places: Numbers
    ) -> None:
        """Stretches longer than the cap, from the first to the last character of a run that begins some."""
        at = first
        while at <= last:
            lengths[at], places[at] = self._search(text, at, end)
            reach = at + int(lengths[at])
            following = last + 1 if reach >= end else self._first_beyond(text, at, min(last + 1, reach), reach)
            between = np.arange(at + 1, following)
            lengths[between], places[between] = reach - between, places[at] + (between - at)
            at = following

    def _first_beyond(self, text: npt.NDArray[np.uint8], at: int, stop: int, reach: int) -> int:
        """The first character after `at` whose longest stretch goes beyond `reach`; `stop` if there is none before."""
        low, step = at, 1  # `low` is none of them; if a character is one, so are those after it
        high = stop
        while low + step < stop:
            if self._search(text, low + step, reach + 1)[0] == reach + 1 - low - step:
                high = low + step
                break
            low, step = low + step, 2 * step
        while high - low > 1:
            middle = (low + high) // 2
            if self._search(text, middle, reach + 1)[0] == reach + 1 - middle:
                high = middle
            else:
                low = middle
        return high

    def _search(self, text: npt.NDArray[np.uint8], start: int, end: int) -> tuple[int, int]:
        """The longest stretch from a character on, and its place: binary search by whole texts."""
        wanted = text[start * self.width : end * self.width]
        low, high = 0, self.total
        while low < high:
            middle = (low + high) // 2
            place = int(self.places[middle])
            same = self._same(wanted, place)
            ours = self.bytes[place * self.width + same : min(place * self.width + same + 1, self.total * self.width)]
            if same < len(wanted) and (len(ours) == 0 or ours[0] < wanted[same]):
                low = middle + 1
            else:
                high = middle
        near = [int(self.places[k]) for k in (low - 1, low) if 0 <= k < self.total]
        return max((self._same(wanted, place) // self.width, place) for place in near)

    def _same(self, wanted: npt.NDArray[np.uint8], place: int) -> int:
        """How many bytes are the same from a place on."""
        begin, at, size = place * self.width, 0, 256
        limit = min(len(wanted), self.total * self.width - begin)
        while at < limit:
            stop = min(at + size, limit)
            differ = self.bytes[begin + at : begin + stop] != wanted[at:stop]
            if differ.any():
                return at + int(differ.argmax())
            at, size = stop, 4 * size
        return limit


def _runs(true: npt.NDArray[np.bool_], ends: Numbers) -> list[tuple[int, int]]:
    """The first and the last of every run of characters that hold, and that may end at the same character."""
    at = np.flatnonzero(true)
    if len(at) == 0:
        return []
    breaks = np.flatnonzero((np.diff(at) > 1) | (np.diff(ends[at]) != 0))
    firsts, lasts = np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [len(at) - 1]])
    return [(int(at[a]), int(at[b])) for a, b in zip(firsts, lasts, strict=True)]

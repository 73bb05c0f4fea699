"""Minimal pairs: sentences that differ in one place only, and the files that hold them.

A pair is a sentence in a right and a wrong form (*... estava muito cansada.* / *cansado.*). With a twin, the
right sentence in which the cue is another (*O menino ... cansado.*), a probe can look for what a network keeps
of the cue. Names follow BLiMP (Warstadt et al. 2020) and, for tab-separated files, CLAMS (Mueller et al. 2020).
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any

from charlstm.corpus import read_chunks
from charlstm.errors import TextError

DELIMITERS = " .,;:!?\n"  # that a shown word does without
OTHER_CONDITION = {"same": "opposite", "opposite": "same"}


def common_prefix(a: str, b: str) -> int:
    """How many characters two texts share at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))


@dataclass(frozen=True)
class MinimalPair:
    """A sentence in a right and a wrong form, and its twin. Places are counted in characters from 0.

    Attributes:
        sentence_good, sentence_bad: the two forms; they share everything up to the deciding character.
        twin: the right sentence with the other cue; from the cue's end to the deciding character it is the
            same as `sentence_good`, and it goes on from there as `sentence_bad`.
        cue_end: where the cue ends in `sentence_good` (exclusive).
        condition: of the good sentence: "none", "same" or "opposite" attractor, or any other name. The twin
            differs only in the cue, so what is same here is opposite there.
        lemma: the noun pair; pairs of one lemma are never split.
        distance: from the cue's end to the deciding character.
        kind: any other grouping: how the cue shows its class.
        phenomenon: what `kind` is one of; BLiMP's `linguistics_term`.
        label: the class of the good sentence; the twin has the other one.
        attractor: where it stands in `sentence_good` (start, end).
        source: file and line, for messages.

    Raises:
        TextError: on creation, if the parts do not fit together.
    """

    sentence_good: str
    sentence_bad: str
    twin: str | None = None
    cue_end: int | None = None
    condition: str = "all"
    lemma: str = ""
    distance: int | None = None
    kind: str = ""
    label: str = ""
    attractor: tuple[int, int] | None = None
    source: str = "pair"
    phenomenon: str = ""

    def __post_init__(self) -> None:
        if self.sentence_good == self.sentence_bad:
            raise TextError(f"{self.source}: sentence_good and sentence_bad are the same")
        if self.target == 0:
            raise TextError(f"{self.source}: sentence_good and sentence_bad differ from the first character on")
        if self.twin is None:
            return
        if not self.twin.endswith(self.ending_bad) or len(self.twin) == len(self.ending_bad):
            raise TextError(f"{self.source}: the twin must end as sentence_bad does: {self.ending_bad!r}")
        if self.twin_prefix == self.prefix:
            raise TextError(f"{self.source}: the twin has the same cue")
        if not self.differs_until <= self.end_of_cue < self.target:
            raise TextError(
                f"{self.source}: cue_end {self.end_of_cue} must lie between {self.differs_until}, where the twins "
                f"stop differing, and {self.target}, where the deciding character stands"
            )
        if self.end_of_cue + len(self.twin_prefix) - len(self.prefix) < 1:
            raise TextError(f"{self.source}: the twin has no cue: it would have to stand before the first character")
        if self.attractor and not self.end_of_cue <= self.attractor[0] < self.attractor[1] <= self.target:
            raise TextError(f"{self.source}: the attractor must lie between the cue and the deciding character")

    @cached_property
    def target(self) -> int:
        """Where the deciding character stands: the first one in which the two forms differ."""
        return common_prefix(self.sentence_good, self.sentence_bad)

    @property
    def prefix(self) -> str:
        """What stands before the deciding character."""
        return self.sentence_good[: self.target]

    @property
    def ending_bad(self) -> str:
        """How the wrong form goes on, to its end."""
        return self.sentence_bad[self.target :]

    @property
    def twin_prefix(self) -> str:
        """What stands before the deciding character in the twin."""
        return (self.twin or "").removesuffix(self.ending_bad)

    @cached_property
    def differs_until(self) -> int:
        """Where, in the good sentence, the twins stop differing."""
        return self.target - common_prefix(self.prefix[::-1], self.twin_prefix[::-1])

    @property
    def end_of_cue(self) -> int:
        """`cue_end`, or where the twins stop differing."""
        return self.differs_until if self.cue_end is None else self.cue_end

    @property
    def endings(self) -> tuple[str, str]:
        """How the good and the bad form go on from the deciding character, to the delimiter and with it."""
        return to_delimiter(self.sentence_good, self.target), to_delimiter(self.sentence_bad, self.target)

    @property
    def words(self) -> tuple[str, str]:
        """The word that decides, as the good and as the bad form have it: whole, and without what delimits it."""
        begun = self.prefix.rsplit(" ", 1)[-1]
        good, bad = self.endings
        return begun + without_delimiter(good), begun + without_delimiter(bad)

    @property
    def rests(self) -> tuple[str, str]:
        """How the good and the bad sentence go on from the deciding character, to their ends."""
        return self.sentence_good[self.target :], self.sentence_bad[self.target :]

    @property
    def twin_condition(self) -> str:
        """The twin's condition."""
        return OTHER_CONDITION.get(self.condition, self.condition)

    def to_json(self) -> str:
        """A line of JSON, without what is not known."""
        fields = {
            "sentence_good": self.sentence_good,
            "sentence_bad": self.sentence_bad,
            "twin": self.twin,
            "cue_end": self.cue_end,
            "condition": self.condition,
            "lemma": self.lemma,
            "distance": self.distance,
            "kind": self.kind,
            "linguistics_term": self.phenomenon,
            "label": self.label,
            "attractor": self.attractor,
        }
        known = {name: value for name, value in fields.items() if value not in (None, "")}
        return json.dumps(known, ensure_ascii=False)


def to_delimiter(text: str, start: int) -> str:
    """The text from `start` through the first character that is no letter (all of it if there is none)."""
    for place in range(start, len(text)):
        if not text[place].isalpha():
            return text[start : place + 1]
    return text[start:]


def without_delimiter(ending: str) -> str:
    """An ending as people read it: without the delimiter that a network reads with it."""
    return ending.rstrip(DELIMITERS)


def read_all_pairs(paths: Sequence[Path]) -> tuple[list[MinimalPair], int]:
    """The pairs of several files, as one set: a pair that an earlier file holds, too, counts once.

    Returns:
        the pairs, and how many were left out.

    Raises:
        TextError: as `read_pairs`.
    """
    known: set[tuple[str, str, str | None]] = set()
    kept: list[MinimalPair] = []
    left_out = 0
    for path in paths:
        read = read_pairs(path)
        new = [pair for pair in read if _sentences(pair) not in known]
        known |= {_sentences(pair) for pair in read}
        left_out += len(read) - len(new)
        kept += new
    return kept, left_out


def _sentences(pair: MinimalPair) -> tuple[str, str, str | None]:
    return pair.sentence_good, pair.sentence_bad, pair.twin


def read_pairs(path: Path) -> list[MinimalPair]:
    """The pairs of a file: JSON lines with BLiMP's names, or tab-separated lines `True`/`False`, sentence.

    Text is brought into normal form C; `cue_end` and `attractor` count its characters.

    Raises:
        TextError: for a file that is missing or not text, and for a line that is no pair; names the line.
    """
    text = "".join(read_chunks(path, "utf-8", normalize=True))
    lines = [(f"{path}, line {number}", line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise TextError(f"{path}: no pairs in it")
    if lines[0][1].lstrip().startswith("{"):
        return [_from_json(line, source) for source, line in lines]
    return list(_from_tsv(lines))


def _from_json(line: str, source: str) -> MinimalPair:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as e:
        raise TextError(f"{source}: not JSON ({e})") from None
    if not isinstance(found, dict):
        raise TextError(f"{source}: not a JSON object")
    names = ("condition", "lemma", "kind", "UID", "linguistics_term", "label", "twin")
    texts = {name: _text(found, name, source) for name in names}
    good, bad = (_text(found, name, source) for name in ("sentence_good", "sentence_bad"))
    if not good or not bad:
        raise TextError(f"{source}: sentence_good and sentence_bad are needed")
    attractor = found.get("attractor")
    if attractor is not None and not (
        isinstance(attractor, list) and len(attractor) == 2 and all(type(n) is int for n in attractor)
    ):
        raise TextError(f"{source}: attractor must be two whole numbers, start and end")
    return MinimalPair(
        good,
        bad,
        twin=texts["twin"] or None,
        cue_end=_whole(found, "cue_end", source),
        condition=texts["condition"] or "all",
        lemma=texts["lemma"],
        distance=_whole(found, "distance", source),
        kind=texts["kind"] or texts["UID"],  # BLiMP's name for a paradigm
        label=texts["label"],
        attractor=(attractor[0], attractor[1]) if attractor else None,
        source=source,
        phenomenon=texts["linguistics_term"],
    )


def _text(found: dict[str, Any], name: str, source: str) -> str:
    value = found.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TextError(f"{source}: {name} must be a text")
    return unicodedata.normalize("NFC", value)


def _whole(found: dict[str, Any], name: str, source: str) -> int | None:
    value = found.get(name)
    if value is not None and (type(value) is not int or value < 0):
        raise TextError(f"{source}: {name} must be a whole number, 0 or more")
    return value


def _from_tsv(lines: Iterable[tuple[str, str]]) -> Iterator[MinimalPair]:
    good: tuple[str, str] | None = None
    for source, line in lines:
        fields = line.rstrip("\r").split("\t")
        expected = "True" if good is None else "False"
        if len(fields) != 2 or fields[0] not in ("True", "False"):
            raise TextError(f"{source}: expected JSON, or True or False, a tab and a sentence")
        if fields[0] != expected:
            raise TextError(f"{source}: expected {expected}: the two lines of a pair stand in turn, True first")
        if good is None:
            good = (source, fields[1])
        else:
            yield MinimalPair(good[1], fields[1], source=good[0])
            good = None
    if good is not None:
        raise TextError(f"{good[0]}: the wrong form of the last pair is missing")

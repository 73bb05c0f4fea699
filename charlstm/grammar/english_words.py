"""The words of `agreement-en`: nouns in two numbers, verbs with what may follow them, names. Drawn by frequency."""

from __future__ import annotations

import functools
import random
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Generic, TypeVar

from charlstm.grammar.word_lists import read_phrases, read_table

Forms = tuple[str, str]  # what is said of one, and of many
SINGULAR, PLURAL = 0, 1
T = TypeVar("T")

VOWEL_SOUNDS = ("hour", "honest", "honor", "honour", "heir")
CONSONANT_SOUNDS = ("uni", "use", "usu", "eu", "ewe", "one", "once", "ura", "ute", "uti")


@dataclass(frozen=True)
class Noun:
    """A noun or a name.

    Attributes:
        forms: singular and plural; of a name, twice the same.
        gender: F or M; N of persons of either gender; empty for what is no person.
        relational: whether `of` and another noun may follow: *a niece of*, *the sketch of*.
        weight: how often it is drawn.
        name: whether it is a first name.
    """

    forms: Forms
    gender: str
    relational: bool = False
    weight: float = 1.0
    name: bool = False

    @property
    def is_person(self) -> bool:
        """Whether *who* is asked."""
        return self.gender != ""


@dataclass(frozen=True)
class Verb:
    """A verb in one use, with the preposition that it takes (or none)."""

    base: str
    third: str
    past: str
    participle: str
    gerund: str
    preposition: str
    weight: float

    @property
    def present(self) -> Forms:
        """*walks*, *walk*."""
        return (self.third, self.base)


class Pool(Generic[T]):
    """Draws by weight. Unlike `random.choices`, it adds the weights up only once."""

    def __init__(self, items: Sequence[T], weights: Sequence[float]) -> None:
        self.items = items
        self._sums = list(accumulate(weights))

    def draw(self, rng: random.Random) -> T:
        """One of them."""
        return self.items[bisect(self._sums, rng.random() * self._sums[-1], hi=len(self.items) - 1)]


def indefinite(words: str) -> str:
    """*a* or *an*, as the next word sounds."""
    word = words.lower()
    vowel = word.startswith(VOWEL_SOUNDS) or (word[0] in "aeiou" and not word.startswith(CONSONANT_SOUNDS))
    return "an" if vowel or word.startswith(("unim", "unin")) else "a"


@functools.cache
def nouns(half: str) -> tuple[Noun, ...]:
    """The nouns of a half. Their weight is the root of their frequency; irregular ones are met twice as often."""
    found = []
    for row in read_table("english_nouns.tsv"):
        if row["half"] == half:
            regular = row["plural"].endswith("s") and not row["plural"].endswith("ves")
            weight = float(row["frequency"]) ** 0.5 * (1 if regular else 2)
            found.append(
                Noun((row["singular"], row["plural"]), row["gender"], row["relational"] == "yes", weight=weight)
            )
    return tuple(found)


@functools.cache
def names(half: str) -> tuple[Noun, ...]:
    """The first names of a half; the more frequent ones stand first and come more often."""
    rows = [row for row in read_table("english_names.tsv") if row["half"] == half]
    return tuple(
        Noun((row["name"], row["name"]), row["gender"], weight=1 / (20 + place), name=True)
        for gender in "FM"
        for place, row in enumerate(row for row in rows if row["gender"] == gender)
    )


@functools.cache
def noun_pool(kind: str, half: str = "train") -> Pool[Noun]:
    """Nouns of a kind: "any", "person", "thing", "relational", "F", "M", "name"."""
    if kind == "name":
        found = names(half)
    elif kind in ("F", "M"):
        found = tuple(noun for noun in nouns(half) if noun.gender == kind)
    else:
        wanted = {"any": (True, False), "relational": (True, False), "person": (True,), "thing": (False,)}[kind]
        found = tuple(
            noun for noun in nouns(half) if noun.is_person in wanted and (noun.relational or kind != "relational")
        )
    return Pool(found, [noun.weight for noun in found])


@functools.cache
def verb_pool(use: str) -> Pool[Verb]:
    """The verbs of a use, such as "person_none"; of one with prepositions, each verb with each of its own."""
    found = []
    for row in read_table("english_verbs.tsv"):
        for one in row["uses"].split(" "):
            group, _, preposition = one.partition(":")
            if group == use:
                forms = (row["base"], row["third"], row["past"], row["participle"], row["gerund"])
                found.append(Verb(*forms, preposition, float(row["frequency"]) ** 0.4))
    return Pool(found, [verb.weight for verb in found])


@functools.cache
def word_list(section: str, name: str) -> tuple[str, ...]:
    """The words of a list in a section of the phrases ("": outside of all)."""
    phrases = read_phrases("english_phrases.toml")
    value = (phrases[section] if section else phrases)[name]
    return tuple(value.split()) if isinstance(value, str) else tuple(value)


@functools.cache
def phrase_list(name: str) -> tuple[str, ...]:
    """A list of phrases."""
    return tuple(read_phrases("english_phrases.toml")[name])


@functools.cache
def compounds() -> dict[str, tuple[str, ...]]:
    """By noun, what may stand before it: *store*: *grocery*."""
    found: dict[str, tuple[str, ...]] = {}
    for row in read_table("english_compounds.tsv"):
        found[row["noun"]] = tuple(row["first"].split(" "))
    return found

"""Which noun of the other gender stands in a twin for a noun: alike in use, length and frequency.

Every noun of the open lexicon has one partner, and is its partner's partner; so the pair is a lemma, and lemmas are
independent. Persons go with persons, and where the list has it, with the same word (*aluna, aluno*).
"""

from __future__ import annotations

import math
from collections import defaultdict
from functools import cache
from itertools import product
from typing import NamedTuple

from charlstm.grammar.portuguese_agreement import WORDS
from charlstm.grammar.portuguese_open_parts import PLURAL, SINGULAR, Noun, nouns
from charlstm.grammar.word_lists import read_table

MAX_LENGTHS_APART = 2


class Partner(NamedTuple):
    """A noun's form in the twin, and the lemma that both belong to."""

    form: str
    lemma: str


@cache
def all_nouns() -> dict[str, tuple[Noun, ...]]:
    """The nouns of the open lexicon by form, singular and plural."""
    found: dict[str, list[Noun]] = defaultdict(list)
    for half in ("train", "probe"):
        for noun in (noun for side in nouns(half) for noun in side):
            for form in noun.forms:
                found[form].append(noun)
    return {form: tuple(some) for form, some in found.items()}


def is_noun(word: str, gender: int | None = None, number: int | None = None) -> bool:
    """Whether a word is a noun's form, of this gender and number where they are given."""
    return any(
        gender in (None, noun.gender) and (number is None or noun.forms[number] == word)
        for noun in all_nouns().get(word, ())
    )


@cache
def partners() -> dict[Noun, Noun]:
    """Every noun's partner; a few have none."""
    free: dict[tuple[str, int, int, int], list[Noun]] = defaultdict(list)  # by use, gender, lengths
    every = {noun for some in all_nouns().values() for noun in some if _is_clear(noun)}
    by_singular = {(noun.forms[SINGULAR], noun.gender): noun for noun in every}
    found: dict[Noun, Noun] = {}
    same_word = [(row["feminine"], row["masculine"]) for row in read_table("portuguese_nouns.tsv")]
    same_word += [(form[:-1] + "a", form) for form, gender in sorted(by_singular) if gender and form.endswith("o")]
    for names in same_word:
        feminine, masculine = (by_singular.get((name, gender)) for gender, name in enumerate(names))
        if (
            feminine
            and masculine
            and feminine.use == masculine.use == "person"
            and not found.keys() & {feminine, masculine}
        ):
            found[feminine], found[masculine] = masculine, feminine
    ordered = sorted(every - found.keys(), key=lambda noun: (-noun.frequency, noun.forms))
    for noun in ordered:
        free[noun.use, noun.gender, len(noun.forms[SINGULAR]), len(noun.forms[PLURAL])].append(noun)
    for apart in range(MAX_LENGTHS_APART + 1):
        for noun in ordered:
            if noun not in found and (best := _nearest(noun, free, apart)):
                found[noun], found[best] = best, noun
                for one in (noun, best):
                    free[one.use, one.gender, len(one.forms[SINGULAR]), len(one.forms[PLURAL])].remove(one)
    return found


def _is_clear(noun: Noun) -> bool:
    """Whether a noun's forms have one gender, and stand alone rather than in set phrases."""
    return noun.forms[SINGULAR] not in WORDS["words"]["set_nouns"] and all(
        other.gender == noun.gender for form in noun.forms for other in all_nouns()[form]
    )


def _nearest(noun: Noun, free: dict[tuple[str, int, int, int], list[Noun]], apart: int) -> Noun | None:
    """The free noun of the other gender nearest in frequency, whose forms are as long to within `apart` letters."""
    singular, plural = map(len, noun.forms)
    steps = range(-apart, apart + 1)
    some = [
        other
        for one, more in product(steps, steps)
        for other in free.get((noun.use, 1 - noun.gender, singular + one, plural + more), ())
    ]
    return min(some, key=lambda other: (_apart(noun, other), other.forms), default=None)


def _apart(one: Noun, other: Noun) -> float:
    return abs(math.log(one.frequency / other.frequency))


def lemma_of(noun: Noun) -> str:
    """The lemma of a noun and its partner."""
    pair = sorted((noun, partners()[noun]), key=lambda one: one.gender)
    return "/".join(one.forms[SINGULAR] for one in pair)


def partner(word: str, gender: int, number: int) -> Partner | None:
    """What stands for a noun's form in the twin.

    A noun of the lexicon has its own partner; any other takes a frequent thing of the same length (and belongs to that
    one's lemma); one of common gender (*o artista, a artista*) stays. None where nothing fits.
    """
    if is_common(word):
        return Partner(word, word.removesuffix("s"))
    listed = all_nouns().get(word, ())
    own = [noun for noun in listed if (noun.gender, noun.forms[number]) == (gender, word)]
    if listed and not own:
        return None  # the lexicon says something else of it
    for noun in own:
        if noun in partners():
            return Partner(partners()[noun].forms[number], lemma_of(noun))
    some = _things(1 - gender, number, len(word))
    if not some:
        return None
    chosen = some[sum(map(ord, word)) % len(some)]
    return Partner(chosen.forms[number], lemma_of(chosen))


def is_common(word: str) -> bool:
    """Whether a noun has one form for both genders."""
    singulars = {word, word.removesuffix("s"), word.removesuffix("es"), word.removesuffix("ns") + "m"}
    if any(one.endswith("ista") and len(one) > 6 for one in singulars) and word not in all_nouns():
        return True
    return bool(singulars & set(WORDS["words"]["common_gender"]))


@cache
def _things(gender: int, number: int, length: int) -> tuple[Noun, ...]:
    """Things with a form of this length, or else one letter shorter or longer; the forty most frequent."""
    every = sorted(
        (noun for noun in partners() if noun.gender == gender and noun.use == "thing"),
        key=lambda noun: (-noun.frequency, noun.forms),
    )
    for wanted in (length, length - 1, length + 1):
        if some := [noun for noun in every if len(noun.forms[number]) == wanted]:
            return tuple(some[:40])
    return ()

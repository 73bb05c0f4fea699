"""What `agreement-pt-prose` is made of: noun phrases and predicates as they stand in a Portuguese prose text.

    as medidas   de combate ao crime   |   foram   aprovadas   pelo ministro
    head         prepositional phrases     copula  predicate   complement

A phrase is taken only if every word in it is known: a closed class, a noun or adjective of the open lexicon, or a name.
So its head is known, and with it what has to agree. No part of speech is guessed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from charlstm.grammar.portuguese_open_parts import (
    CONTRACTED,
    DETERMINERS,
    FEMININE,
    MASCULINE,
    NEUTRAL,
    PLURAL,
    SINGULAR,
    Adjective,
    adjectives,
    nouns,
)

MAX_PHRASES = 4  # prepositional phrases in a chain
MAX_WORDS = 5  # after a preposition
MAX_CHARACTERS = 90  # of a noun phrase
MAX_FRONTED = 8  # words
WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*|[^\w\s]")
CLAUSE_END = re.compile(r"(?<=[.!?;:])\s+|—")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# without "a", which is mostly the article
PREPOSITIONS = frozenset(CONTRACTED.values()) | _words("até com contra de em entre para por sem sob sobre")
COPULAS = _words(
    "é era foi são eram foram está estava estão estavam esteve ficou ficava ficaram fica ficam parecia parece pareciam "
    "fora será serão seria seja fosse ficara estivera"
)
DEGREES = _words("muito tão mais menos já ainda bem quase sempre também agora pouco")
WITHIN = _words("todo toda todos todas dois duas três tão mais muito grande grandes")  # a noun phrase
CONDITIONS = ("opposite", "same", "name")

Class = tuple[int, int]  # gender, number


class Found(NamedTuple):
    """A noun phrase of the text.

    Attributes:
        text: from its determiner to the end of its last prepositional phrase.
        head: gender and number of its head.
        condition: "opposite" if a noun of the other gender follows the head, "same" if only nouns of its gender do,
            "name" if only names do.
    """

    text: str
    head: Class
    condition: str


@dataclass(frozen=True)
class Harvest:
    """What a text has to offer.

    Attributes:
        phrases: noun phrases by gender and number of the head, and condition; each once, in alphabetical order.
        complements: prepositional phrases after a predicate, up to the end of its clause.
        fronted: prepositional phrases at the beginning of a sentence, up to a comma.
        predicates: the adjectives, and the participles, that follow a copula, with how often they do.
        modifiers: by noun form, the adjectives and participles that stand beside it.
    """

    phrases: dict[Class, dict[str, tuple[str, ...]]]
    complements: tuple[str, ...]
    fronted: tuple[str, ...]
    predicates: tuple[tuple[Adjective, ...], tuple[Adjective, ...]]
    modifiers: dict[str, tuple[Adjective, ...]]

    def fit_only(self, noun: str, others: Iterable[str]) -> tuple[str, ...]:
        """Adjectives that stand beside a noun in the text, and never beside the others, in the form for this noun."""
        gender, number = noun_forms()[noun][0]
        foreign = {modifier for other in others for modifier in self.modifiers.get(other, ())}
        beside = self.modifiers.get(noun, ())
        return tuple(modifier.forms[number][gender] for modifier in beside if modifier not in foreign)

    @property
    def is_enough(self) -> bool:
        """Whether there is something of every kind, so that sentences can be written."""
        every = [self.complements, self.fronted, *self.predicates]
        for gender in (FEMININE, MASCULINE):
            for number in (SINGULAR, PLURAL):
                every += [self.phrases.get((gender, number), {}).get(kind, ()) for kind in CONDITIONS]
        return all(every)


@cache
def determiners() -> dict[str, Class]:
    """Determiners of one word, with the gender and number that they show."""
    return {
        twins[gender]: (gender, number)
        for number in (SINGULAR, PLURAL)
        for twins in DETERMINERS[number]
        for gender in (FEMININE, MASCULINE)
        if " " not in twins[gender]
    }


@cache
def noun_forms() -> dict[str, tuple[Class, str]]:
    """Forms of nouns, with gender and number, and the half they are of; a form that has two readings is left out."""
    found: dict[str, set[tuple[Class, str]]] = {}
    for half in ("train", "probe"):
        for gender, some in enumerate(nouns(half)):
            for noun in some:
                for number in (SINGULAR, PLURAL):
                    found.setdefault(noun.forms[number], set()).add(((gender, number), half))
    return {form: readings.pop() for form, readings in found.items() if len(readings) == 1}


@cache
def adjective_forms() -> dict[str, tuple[Adjective, bool, Class]]:
    """Forms of adjectives, each with its adjective, whether that is a participle, and gender and number."""
    return {
        adjective.forms[number][gender]: (adjective, participle, (gender, number))
        for participle in (False, True)
        for adjective in adjectives(participle)
        for number in (SINGULAR, PLURAL)
        for gender in (FEMININE, MASCULINE)
    }


def chain_end(words: list[str], start: int) -> int:
    """Where the chain of prepositional phrases ends that begins at `start`; `start` if none does."""
    end = start
    for _ in range(MAX_PHRASES):
        if end >= len(words) or words[end] not in PREPOSITIONS:
            return end
        after = _phrase_end(words, end + 1)
        if after is None:
            return end
        end = after
    return end


def _phrase_end(words: list[str], start: int) -> int | None:
    """Where the noun phrase ends whose first word after the preposition is at `start`; None if there is none."""
    nouns, adjectives, small = noun_forms(), adjective_forms(), WITHIN | determiners().keys() | set(NEUTRAL[SINGULAR])
    has_head = False
    place = start
    while place < min(len(words), start + MAX_WORDS):
        word = words[place]
        following = words[place + 1] if place + 1 < len(words) else ""
        is_head = (word in nouns or _is_name(word)) and not has_head
        goes_on = _is_name(word) and _is_name(words[place - 1])  # Rio Grande
        beside = word in adjectives and (has_head or following in nouns)
        if not (is_head or goes_on or beside or (word in small and not has_head)):
            break
        has_head |= is_head
        place += 1
    return place if has_head else None


def _is_name(word: str) -> bool:
    return len(word) > 2 and word[0].isupper() and word[1:].islower()


def noun_phrases(words: list[str]) -> Iterator[Found]:
    """The noun phrases of a clause whose head's gender and number are known, and which go on after it."""
    for place, word in enumerate(words):
        head = determiners().get(word if place else word.lower())
        if head is None:
            continue
        end = place + 1
        if end + 1 < len(words) and _agrees(words[end], head) and words[end + 1] in noun_forms():
            end += 1
        if end >= len(words) or noun_forms().get(words[end]) != (head, "train"):
            continue
        end += 1
        if end < len(words) and _agrees(words[end], head) and words[end] not in noun_forms():
            end += 1
        last = chain_end(words, end)
        if last in (end, len(words)):  # a clause of which we do not see the end may be cut in a name
            continue
        inner = {noun_forms()[word][0][0] for word in words[end:last] if word in noun_forms()}
        condition = "name" if not inner else "same" if inner == {head[0]} else "opposite"
        text = " ".join([words[place].lower() if place == 0 else word, *words[place + 1 : last]])
        if len(text) <= MAX_CHARACTERS:
            yield Found(text, head, condition)


def _agrees(word: str, head: Class) -> bool:
    reading = adjective_forms().get(word)
    return reading is not None and reading[2] == head


def harvest(lines: Iterable[str]) -> Harvest:
    """Read a text once and keep what sentences can be made of."""
    phrases: dict[Class, dict[str, set[str]]] = {}
    complements: set[str] = set()
    fronted: set[str] = set()
    predicates: tuple[Counter[Adjective], Counter[Adjective]] = (Counter(), Counter())
    modifiers: dict[str, set[Adjective]] = {}
    for line in lines:
        for clause in CLAUSE_END.split(line):
            words = WORD.findall(clause)
            for found in noun_phrases(words):
                phrases.setdefault(found.head, {}).setdefault(found.condition, set()).add(found.text)
            for place, word in enumerate(words):
                if word in COPULAS:
                    _take_predicate(words, place + 1, predicates, complements)
                elif word in noun_forms():
                    modifiers.setdefault(word, set()).update(_beside(words, place))
            if words and words[0][0].isupper() and words[0].lower() in PREPOSITIONS:
                end = chain_end([words[0].lower(), *words[1:]], 0)
                if 0 < end <= MAX_FRONTED and words[end : end + 1] == [","]:
                    fronted.add(" ".join(words[:end]))
    adjectives_found, participles = (
        tuple(Adjective(adjective.forms, number) for adjective, number in sorted(counted.items()))
        for counted in predicates
    )
    return Harvest(
        {head: {kind: tuple(sorted(some)) for kind, some in kinds.items()} for head, kinds in phrases.items()},
        tuple(sorted(complements)),
        tuple(sorted(fronted)),
        (adjectives_found, participles),
        {noun: tuple(sorted(some)) for noun, some in modifiers.items()},
    )


def _beside(words: list[str], place: int) -> Iterator[Adjective]:
    """The adjective before a noun, and the one after it or after an adverb of degree, if they agree with it."""
    after = place + 2 if words[place + 1 : place + 2] and words[place + 1] in DEGREES else place + 1
    for other in (place - 1, after):
        is_adjective = 0 <= other < len(words) and words[other] not in noun_forms()
        if is_adjective and _agrees(words[other], noun_forms()[words[place]][0]):
            yield adjective_forms()[words[other]][0]


def _take_predicate(
    words: list[str], place: int, predicates: tuple[Counter[Adjective], Counter[Adjective]], complements: set[str]
) -> None:
    """Note what follows a copula, if it is an adjective or participle, and the complement of that."""
    if words[place : place + 1] and words[place] in DEGREES:
        place += 1
    reading = adjective_forms().get(words[place]) if place < len(words) else None
    if reading is None:
        return
    adjective, participle, _ = reading
    predicates[participle][adjective] += 1
    end = chain_end(words, place + 1)
    if place + 1 < end < len(words) and words[end] in ",.;:!?":
        complements.add(" ".join(words[place + 1 : end]))

"""A sentence as `portuguese_twins` reads it: its words, what each may agree with, and what is to be exchanged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from charlstm.grammar.portuguese_agreement import WORDS, Adjectives, Form, closed
from charlstm.grammar.portuguese_open_parts import FEMININE, PLURAL, SINGULAR
from charlstm.grammar.portuguese_partners import is_noun

TOKEN = re.compile(r"\w+(?:[-'’]\w+)*|[^\w\s]")
OPENING = frozenset("«\"“'‘(")
QUOTES = frozenset("«»\"“”'‘’")

DETERMINERS = closed("determiners")
MODIFIERS = closed("modifiers")
LISTS = {name: frozenset(some) for name, some in WORDS["words"].items() if name != "pronouns"}
PREPOSITIONS, CONJUNCTIONS, COPULAS, HAVE = (
    LISTS[name] for name in ("prepositions", "conjunctions", "copulas", "have")
)
PRONOUNS = tuple(frozenset(pair[gender] for pair in WORDS["words"]["pronouns"]) for gender in (0, 1))
BEFORE_DE = {
    word: Form(k, SINGULAR, pair[1 - k]) for pair in WORDS["before_de"]["pairs"] for k, word in enumerate(pair)
}
REFUSED_BEFORE_DE = frozenset(WORDS["before_de"]["refused"])
UNCONTRACTED = frozenset(word for pair in WORDS["determiners"]["uncontracted"] for word in pair)
DEGREES = frozenset(WORDS["modifiers"]["degrees"])
INVARIABLE_DETERMINERS = frozenset(WORDS["determiners"]["invariable"])
INVARIABLE_MODIFIERS = frozenset(WORDS["modifiers"]["invariable"])
INVARIABLE_SUFFIXES = tuple(WORDS["modifiers"]["suffixes"])


class Uncertain(Exception):
    """No twin: what is not certain, as a short phrase."""


class Place(NamedTuple):
    """A word in a sentence: where it begins and ends (exclusive), in characters."""

    start: int
    end: int


@dataclass(frozen=True)
class Agreement:
    """A word in a sentence, and the noun before it that it agrees with.

    Attributes:
        text: the sentence.
        noun, target: the noun and the word that agrees.
        other: the target's form of the other gender.
        gender, number: of both.
        own: words known to agree with the same noun, and their forms of the other gender.
        foreign: words known to agree with other nouns.
    """

    text: str
    noun: Place
    target: Place
    other: str
    gender: int
    number: int
    own: Mapping[Place, str] = field(default_factory=dict)
    foreign: frozenset[Place] = frozenset()


class Token(NamedTuple):
    """A word or a sign of a sentence."""

    place: Place
    text: str
    word: str  # in small letters

    @property
    def is_word(self) -> bool:
        return self.text[0].isalnum()

    @property
    def is_capital(self) -> bool:
        return self.text[0].isupper()

    @property
    def is_number(self) -> bool:
        return self.text[0].isdigit()


NOTHING = Token(Place(0, 0), ".", ".")  # before a sentence


def tokens(text: str) -> list[Token]:
    """The words and signs of a text."""
    return [Token(Place(*match.span()), match[0], match[0].lower()) for match in TOKEN.finditer(text)]


class Reader:
    """A sentence, and the words that are to be exchanged in it, as they are found.

    Raises:
        Uncertain: if noun and target are not words of their own.
    """

    def __init__(self, agreement: Agreement, adjectives: Adjectives) -> None:
        self.a = agreement
        self.adjectives = adjectives
        self.tokens = tokens(agreement.text)
        places = [token.place for token in self.tokens]
        if agreement.noun not in places or agreement.target not in places:
            raise Uncertain("the noun or the target is part of a longer word")
        self.noun, self.target = places.index(agreement.noun), places.index(agreement.target)
        self.found: dict[Place, str] = {}

    def agrees(self, form: Form | None) -> bool:
        """Whether a form has the noun's gender and number."""
        return form is not None and (form.gender, form.number) == (self.a.gender, self.a.number)

    def adjective(self, word: str) -> str | None:
        """The other form of a known adjective of the noun's gender and number."""
        return self.adjectives.find(word, self.a.gender, self.a.number)

    def of_its_gender(self, word: str) -> bool:
        """Whether a word is a determiner or an adjective of the noun's gender, in either number."""
        form = DETERMINERS.get(word) or MODIFIERS.get(word)
        if form and form.gender == self.a.gender:
            return True
        return any(self.adjectives.find(word, self.a.gender, number) for number in (SINGULAR, PLURAL))

    def at(self, k: int) -> Token:
        """A token; the sign of an end outside the sentence."""
        return self.tokens[k] if 0 <= k < len(self.tokens) else NOTHING

    def is_pronoun(self, word: str) -> bool:
        """Whether a word is a personal pronoun of the noun's gender and number, or ends in one."""
        own = {pronoun for pronoun in PRONOUNS[self.a.gender] if pronoun.endswith("s") is bool(self.a.number)}
        last = word.rpartition("-")[2]
        clitics = {"ao"[self.a.gender] + "s" * self.a.number, "n" + "ao"[self.a.gender] + "s" * self.a.number}
        return word in own or ("-" in word and last in own | clitics)

    def looks_like_adjective(self, word: str) -> bool:
        """Whether a word may be an adjective or a participle of the noun's gender and number."""
        if is_noun(word) and not self.adjectives.knows(word):
            return False
        ends = ("ad", "id") if self.a.gender == FEMININE else ("ad", "id", "st", "rt")
        vowel = "ao"[self.a.gender] + "s" * self.a.number
        return self.adjective(word) is not None or word.endswith(tuple(end + vowel for end in ends))

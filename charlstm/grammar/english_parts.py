"""The parts of the sentences of `agreement-en`: noun phrases, what stands between a subject and its verb, predicates.

Everything about the subject is built twice at once, for one and for many, from the same draws, so that a sentence and
its twin differ in the number only. `Forms` hold both.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from charlstm.grammar.english_words import (
    PLURAL,
    SINGULAR,
    Forms,
    Noun,
    Verb,
    compounds,
    indefinite,
    noun_pool,
    phrase_list,
    verb_pool,
    word_list,
)


def both(text: str) -> Forms:
    """The same of one and of many."""
    return (text, text)


def joined(*parts: Forms) -> Forms:
    """Parts one after another."""
    return ("".join(part[SINGULAR] for part in parts), "".join(part[PLURAL] for part in parts))


@dataclass(frozen=True)
class Subject:
    """What the sentence is about.

    Attributes:
        forms: the noun phrase in both numbers.
        gender: F, M or N; empty for what is no person.
        name: whether it is a first name, which has one number only.
        definite: whether it is known which one is meant, so that a clause between commas may follow.
    """

    forms: Forms
    gender: str
    name: bool = False
    definite: bool = True

    @property
    def is_person(self) -> bool:
        """Whether *who* is asked."""
        return self.gender != ""


@dataclass
class Between:
    """What stands between a subject and its verb.

    Attributes:
        forms: the text in both numbers, with the space before it.
        attractor: the last noun phrase in it, if there is one.
    """

    forms: Forms = ("", "")
    attractor: str = ""


@dataclass
class Writer:
    """Draws the parts.

    Attributes:
        rng: the source of all draws.
        number: gives the number of each noun phrase that could attract the verb.
        strict: whether all that stands between must suit one and many, and hold no noun phrase but {N}: for pairs.
        tense: "present", "past", or any: of the verb *be* in predicates.
        last: the noun phrase drawn last.
    """

    rng: random.Random
    number: Callable[[], int]
    strict: bool = False
    tense: str = ""
    last: str = field(default="", init=False)

    def chance(self, share: float) -> bool:
        """True in so large a share of the cases."""
        return self.rng.random() < share

    def pick(self, name: str) -> str:
        """One of a list of phrases."""
        return self.rng.choice(phrase_list(name))

    # Noun phrases

    def adjective(self, is_person: bool) -> str:
        """One that may stand before the noun."""
        kind = "any" if self.chance(0.5) else "person" if is_person else "thing"
        return self.rng.choice(word_list("adjectives", kind))

    def adjectives(self, is_person: bool, share: float = 0.25) -> str:
        """None, one or two, each with the space after it."""
        if not self.chance(share):
            return ""
        first = self.adjective(is_person)
        if self.chance(0.2):
            second = self.adjective(is_person)
            if second != first:
                return f"{first}, {second} " if self.chance(0.3) else f"{first} {second} "
        return first + " "

    def noun_words(self, noun: Noun, number: int) -> str:
        """The noun, now and then with another one before it: *grocery store*."""
        first = compounds().get(noun.forms[SINGULAR])
        if first and self.chance(0.4):
            return f"{self.rng.choice(first)} {noun.forms[number]}"
        return noun.forms[number]

    def noun_phrase(self, number: int, kind: str = "any", definite: bool = False, names: bool = True) -> str:
        """Any noun phrase of a number with a determiner; it is remembered as `last`.

        Args:
            definite: whether it must begin with a word that shows that a noun phrase begins.
            names: whether it may be a first name.
        """
        if names and number == SINGULAR and kind != "thing" and self.chance(0.12):
            self.last = noun_pool("name").draw(self.rng).forms[SINGULAR]
            return self.last
        noun = noun_pool(kind).draw(self.rng)
        words = self.adjectives(noun.is_person) + self.noun_words(noun, number)
        self.last = determined(self.determiner(number, definite or self.chance(0.6)), words)
        return self.last

    def determiner(self, number: int, definite: bool) -> str:
        """A determiner of a number."""
        name = ("singular", "plural")[number] + ("" if definite else "_indefinite")
        return self.rng.choice(word_list("determiners", name))

    def fill(self, template: str) -> str:
        """A phrase with noun phrases in its places; their number is `self.number()`, but in {NP} it is plural."""
        if "{" not in template:
            return template
        for place, kind in (("{N}", "any"), ("{P}", "person")):
            if place in template:
                template = template.replace(place, self.noun_phrase(self.number(), kind))
        if "{NP}" in template:
            template = template.replace("{NP}", self.noun_phrase(PLURAL))
        return template

    def fitting(self, name: str) -> str:
        """A phrase of a list, filled; if strict, none that wants a plural where a singular is due."""
        template = self.pick(name)
        while self.strict and "{NP}" in template and self.number() == SINGULAR:
            template = self.pick(name)
        return self.fill(template)

    def subject(self, noun: Noun, determiners: str = "any") -> Subject:
        """The noun as a subject, with a determiner of each number.

        Args:
            determiners: "any"; "definite"; "both" for one that suits one and many; "of" for one before *of*.
        """
        if noun.name:
            return Subject(noun.forms, noun.gender, name=True)
        before = self.adjectives(noun.is_person, 0.2)
        first = compounds().get(noun.forms[SINGULAR])
        if first and not self.strict and self.chance(0.4):
            before += self.rng.choice(first) + " "
        definite = determiners != "any" or self.chance(0.65)
        one, many = (self.determiner(number, definite) for number in (SINGULAR, PLURAL))
        if determiners in ("both", "of"):
            one = many = self.rng.choice(word_list("determiners", determiners))
        forms = (determined(one, before + noun.forms[SINGULAR]), determined(many, before + noun.forms[PLURAL]))
        return Subject(forms, noun.gender, definite=definite)

    # Verb phrases without their finite verb

    def object_of(self, use: str) -> str:
        """An object that suits the use of a verb; its number is any."""
        kind = {"thing": "thing", "person": "person"}.get(use.split("_")[1], "any")
        return self.noun_phrase(self.rng.choice((SINGULAR, PLURAL)), kind)

    def verb_and_rest(self, is_person: bool, endings: str) -> tuple[Verb, str]:
        """A verb and what follows it, from the space on."""
        uses = ("none", "none", "any", "any", "thing", "person", "prepositional", "prepositional")
        use = self.rng.choice(uses if is_person else ("none", "any", "prepositional"))
        use = f"{'person' if is_person else 'any'}_{use}"
        verb = verb_pool(use).draw(self.rng)
        if use.endswith("_none"):
            return verb, self.ending(endings)
        rest = f" {verb.preposition} " if verb.preposition else " "
        rest += self.object_of(use if not verb.preposition else "any_any")
        return verb, rest + (self.ending(endings) if self.chance(0.35) else "")

    def ending(self, name: str) -> str:
        """An adverbial at the end of a clause, or nothing."""
        template = self.pick(name)
        for place, kind in (("{N}", "any"), ("{P}", "person")):
            number = PLURAL if "{P} come" in template else self.rng.choice((SINGULAR, PLURAL))
            if place in template:
                template = template.replace(place, self.noun_phrase(number, kind))
        return template


def determined(determiner: str, words: str) -> str:
    """A determiner and the words after it; *a* becomes *an* where it must, an empty one is left out."""
    if determiner == "a":
        determiner = indefinite(words)
    return f"{determiner} {words}" if determiner else words

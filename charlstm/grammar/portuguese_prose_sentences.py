"""`agreement-pt-prose`: sentences whose noun phrases, predicates and complements stand in the prose that they go into.

A subject such as *as medidas de combate ao crime* has the words and the attachments of real language, and the predicate
agrees with its head by rule. The other sentences are of `agreement-pt-open`, or built as in `agreement-pt`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from charlstm.grammar import portuguese_open
from charlstm.grammar.portuguese_both_lexicons import built_as_in_agreement_pt
from charlstm.grammar.portuguese_open_parts import FEMININE, MASCULINE, PHRASES, PLURAL, SINGULAR, Drawer
from charlstm.grammar.portuguese_prose import (
    CONDITIONS,
    Class,
    Harvest,
    adjective_forms,
    harvest,
    noun_forms,
)

SUMMARY = "Portuguese sentences whose noun phrases are cut from the prose that they are mixed into"
CLOSED, OPEN = 0.38, 0.17  # of the sentences: built as in agreement-pt, and of agreement-pt-open
CONDITION_SHARES = (65, 20, 15)  # of `CONDITIONS`: past a noun of the other gender is what is hard
FROM_LEXICON = 0.35  # of the predicates: prose of one kind uses few of them
TRIES = 30  # phrases, until one has a noun that the prose says something of
ACRONYM_LETTERS = "ABCDEFGIMNOPRSTU"
CONNECTIVES = (
    "no entanto", "porém", "por sua vez", "aliás", "contudo", "portanto", "por exemplo", "de fato", "enfim", "agora",
    "hoje", "ontem",
)  # fmt: skip
OPENINGS = (
    "Disse que", "Parece que", "Sabe-se que", "Dizem que", "É certo que", "Mas", "E", "Porque", "Como",
)  # fmt: skip
BEFORE_PHRASE = (("Era", "Eram"), ("Surgiu", "Surgiram"), ("Faltava", "Faltavam"), ("Chegou", "Chegaram"))
ENDS = "........!?"


class Writer:
    """Writes sentences from a harvest.

    Args:
        found: what the prose offers; `found.is_enough`.
        rng: where chance comes from.
    """

    def __init__(self, found: Harvest, rng: random.Random) -> None:
        self.found = found
        self.rng = rng
        self.draw = Drawer(rng)

    def subject(self, head: Class) -> str:
        """A noun phrase of the prose; one in eight goes on with an acronym or a year, as newspapers do."""
        rng = self.rng
        condition = rng.choices(CONDITIONS, CONDITION_SHARES)[0]
        phrase = rng.choice(self.found.phrases[head][condition])
        return f"{phrase} {self.acronym() if rng.random() < 0.6 else self.year()}" if rng.random() < 0.12 else phrase

    def acronym(self) -> str:
        """*da UEM*, *no PSB*: letters that are no words, after a preposition that shows a gender."""
        letters = "".join(self.rng.choice(ACRONYM_LETTERS) for _ in range(self.rng.choice((2, 3, 3, 4))))
        return f"{self.rng.choice(('da', 'do', 'na', 'no', 'pela', 'pelo'))} {letters}"

    def year(self) -> str:
        """A time or an age, in digits."""
        rng = self.rng
        return rng.choice((
            f"em {rng.randint(1900, 2020)}",
            f"de {rng.randint(1900, 2020)}",
            f"no dia {rng.randint(1, 31)}",
            f"de {rng.randint(2, 90)} anos",
            f"há {rng.randint(2, 30)} anos",
        ))  # fmt: skip

    def predicate(self, head: Class, *, participle: bool) -> str:
        """A word that agrees with the head."""
        of_prose = self.found.predicates[participle]
        word = self.draw.adjective(participle) if self.rng.random() < FROM_LEXICON else self.draw.weighted(of_prose)
        gender, number = head
        return str(word.forms[number][gender])

    def verb(self, number: int, *, passive: bool) -> str:
        """What joins subject and predicate, with an adverb or none."""
        verb = self.rng.choice(PHRASES["passives" if passive else "copulas"])[number]
        return f"{verb} {'' if passive else self.rng.choice(PHRASES['degrees'])}"

    def aside(self) -> str:
        """Between commas or in brackets, before the verb."""
        chance = self.rng.random()
        if chance < 0.25:
            fronted = self.rng.choice(self.found.fronted)
            return f", {fronted[0].lower()}{fronted[1:]},"
        if chance < 0.45:
            return f" ({self.acronym().split(' ')[1]})"
        return f", {self.rng.choice(CONNECTIVES)},"

    def complement(self) -> str:
        """What follows a predicate, or nothing."""
        said = f" {self.rng.choice(self.found.complements)}" if self.rng.random() < 0.5 else ""
        return f"{said} {self.year()}" if self.rng.random() < 0.1 else said

    def clause(self, head: Class) -> str:
        """A clause in which a word agrees with the head of its subject."""
        rng, number = self.rng, head[1]
        subject = self.subject(head)
        chance = rng.random()
        if chance < 0.44:  # the subject and its predicate
            passive = chance < 0.28
            aside = self.aside() if rng.random() < 0.23 else ""
            verb = self.verb(number, passive=passive)
            return f"{subject}{aside} {verb}{self.predicate(head, participle=passive)}{self.complement()}"
        if chance < 0.5:  # two predicates
            both = self.predicate(head, participle=False), self.predicate(head, participle=True)
            return f"{subject} {self.verb(number, passive=False)}{both[0]} e {both[1]}{self.complement()}"
        if chance < 0.94:  # a word in the noun phrase agrees, and mostly the predicate does as well
            return self._with_modifier(subject, head) if chance < 0.76 else self._with_modifier_nearby(head)
        return f"{self.verb(number, passive=True).removeprefix('se ')}{self.predicate(head, participle=True)} {subject}"

    def _with_modifier(self, subject: str, head: Class) -> str:
        """What modifies the head stands after all of its phrase; if possible it is what the prose has beside it."""
        rng, number = self.rng, head[1]
        noun, *others = _nouns(subject)
        fitting = self._fitting(noun, others, subject)
        modifier = rng.choice(fitting) if fitting else self.predicate(head, participle=True)
        participle = adjective_forms()[modifier][1]
        if participle and rng.random() < 0.6:
            modifier = f"{modifier} {rng.choice(self.found.complements)}"
        apart = participle and rng.random() < 0.3
        phrase = f"{subject}, {modifier}," if apart else f"{subject} {modifier}"
        if apart or rng.random() < 0.6:
            return f"{phrase} {self._ending(head)}"
        return f"{rng.choice(BEFORE_PHRASE)[number]} {phrase}" if participle and rng.random() < 0.5 else phrase

    def _with_modifier_nearby(self, head: Class) -> str:
        """The last noun of the phrase is modified, by what the prose has beside it and beside none of the others."""
        rng = self.rng
        for _ in range(TRIES):
            subject = rng.choice(self.found.phrases[head]["opposite"])
            noun, *others = _nouns(subject)
            if not subject.endswith(f" {others[-1]}") or noun_forms()[others[-1]][1] != "train":
                continue
            fitting = self._fitting(others[-1], [noun, *others[:-1]], subject)
            if fitting:
                return f"{subject} {rng.choice(fitting)} {self._ending(head)}"
        return f"{self.subject(head)} {self._ending(head)}"

    def _fitting(self, noun: str, others: list[str], phrase: str) -> list[str]:
        """What fits this noun of a phrase only, and is not in it yet; each once, however often the prose has it."""
        return [word for word in self.found.fit_only(noun, others) if word not in phrase.split(" ")]

    def _ending(self, head: Class) -> str:
        """Verb and predicate."""
        passive = self.rng.random() < 0.5
        return f"{self.verb(head[1], passive=passive)}{self.predicate(head, participle=passive)}"

    def sentence(self) -> str:
        """A whole sentence."""
        rng = self.rng
        head = rng.choice((FEMININE, MASCULINE)), rng.choice((SINGULAR, SINGULAR, PLURAL))
        text = self.clause(head)
        chance = rng.random()
        if chance < 0.2:
            text = f"{rng.choice(self.found.fronted)}, {text[0].lower()}{text[1:]}"
        elif chance < 0.3:
            text = f"{rng.choice(OPENINGS)} {text[0].lower()}{text[1:]}"
        return text[0].upper() + text[1:] + rng.choice(ENDS)


def _nouns(phrase: str) -> list[str]:
    """The nouns of a phrase of the prose: its head, and those after it."""
    return [word for word in phrase.split(" ") if word in noun_forms()]


def sentences(prose: Iterable[str], rng: random.Random) -> Iterator[str]:
    """Sentences without end for a text. Raises ValueError if the text has too few noun phrases for that."""
    found = harvest(prose)
    if not found.is_enough:
        raise ValueError("it has too few Portuguese noun phrases and predicates to make sentences of")
    return _drawn(Writer(found, rng), rng)


def _drawn(writer: Writer, rng: random.Random) -> Iterator[str]:
    closed, opened = built_as_in_agreement_pt(rng), portuguese_open.sentences(rng)
    while True:
        chance = rng.random()
        yield next(closed) if chance < CLOSED else next(opened) if chance < CLOSED + OPEN else writer.sentence()

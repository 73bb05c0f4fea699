"""`agreement-pt-open`: gender and number over an open lexicon, in the ways of real Portuguese sentences.

    Na semana passada, | as medidas | de combate ao crime | foram | aprovadas | pelo ministro.
    before               subject      between                       target      after

A sentence is drafted with a feminine and a masculine subject of one number, so that it has a twin. Between the subject
and the word that must agree stand chains of prepositional phrases, relative clauses, asides and apposition. Some
sentences agree forwards (*Foram aprovadas as medidas*) or with several nouns at once; they have no twin. One sentence
in four is built as in `agreement-pt` (`portuguese`), of the nouns and names of both lexicons; what that keeps for
probing never occurs here either.

The lexicon: `portuguese_open_nouns.tsv`, drawn by the square root of frequency. Sentences mean little; they agree.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle

from charlstm.grammar.pairs import MinimalPair, common_prefix
from charlstm.grammar.portuguese_both_lexicons import built_as_in_agreement_pt
from charlstm.grammar.portuguese_open_parts import (
    FEMININE,
    MASCULINE,
    NEUTRAL,
    PHRASES,
    PLURAL,
    SINGULAR,
    Drawer,
    Noun,
    Phrase,
    Twins,
)

SUMMARY = "Portuguese sentences with gender and number agreement, of thousands of nouns"
CLOSED = 0.25  # of the sentences, how many are built as in `agreement-pt`
ATTRIBUTE = 0.2  # of the subjects, how many have an adjective of their own, so that they agree nearby, too
OPPOSITE = 0.65  # of the nouns between subject and target, how many are of the other gender
KINDS = ("pred_adj", "pred_part", "acl_part", "amod", "apposition", "pronoun")
CONDITIONS = ("none", "same", "opposite")


@dataclass(frozen=True)
class Draft:
    """A sentence before the gender of its subject is chosen.

    Attributes:
        kind: how it agrees.
        before, subjects, between, targets, after: its parts; those in twos are feminine and masculine.
        number: of the subject.
        attractors: where the noun phrases in `between` stand, each with its gender.
    """

    kind: str
    before: str
    subjects: Twins
    between: str
    targets: Twins
    after: Twins
    number: int
    attractors: tuple[tuple[int, int, int], ...]

    def sentence(self, subject: int, target: int) -> str:
        """The text with a gender for the subject and one for what agrees with it."""
        text = self.before + self.subjects[subject] + self.between + self.targets[target] + self.after[target]
        return text[0].upper() + text[1:]


class Between:
    """Collects what stands between subject and target, and where the noun phrases in it are."""

    def __init__(self) -> None:
        self.text = ""
        self.attractors: list[tuple[int, int, int]] = []

    def add(self, text: str) -> None:
        """Text without a noun."""
        self.text += text

    def add_phrase(self, preposition: str, phrase: Phrase) -> None:
        """A noun phrase, after a preposition or none, with a space before it."""
        said = phrase.after(preposition) if preposition else str(phrase)
        self.text += " "
        self.attractors.append((len(self.text), len(self.text) + len(said), phrase.gender))
        self.text += said


class Writer:
    """Drafts sentences.

    Args:
        rng: where chance comes from.
    """

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.draw = Drawer(rng)

    # the parts

    def subject(self, half: str, number: int, kind: str) -> Twins:
        """Two subjects of one number, feminine and masculine; `kind` "hidden": nothing about them shows which."""
        rng, draw = self.rng, self.draw
        if half == "train" and number == SINGULAR and kind != "hidden" and rng.random() < 0.08:
            named = draw.noun(FEMININE, name=1.0), draw.noun(MASCULINE, name=1.0)
            return "a " + named[0].forms[0], "o " + named[1].forms[0]
        forms = [self._noun(gender, half, hidden=kind == "hidden").forms[number] for gender in (FEMININE, MASCULINE)]
        if kind == "hidden" or (half == "train" and rng.random() < 0.06):
            determiner = rng.choice(NEUTRAL[number])
            return f"{determiner} {forms[0]}", f"{determiner} {forms[1]}"
        feminine, masculine = draw.determiner(number)
        both = f"{feminine} {forms[0]}", f"{masculine} {forms[1]}"
        if half == "train" and rng.random() < ATTRIBUTE:
            beside = draw.adjective().forms[number]
            return f"{both[0]} {beside[FEMININE]}", f"{both[1]} {beside[MASCULINE]}"
        return both

    def _noun(self, gender: int, half: str, *, hidden: bool) -> Noun:
        while True:
            noun = self.draw.noun(gender, half)
            if not (hidden and noun.shown):
                return noun

    def fill(self, pattern: str, phrase: Phrase) -> str:
        """A pattern with a noun phrase in the place of {N}, {de}, {a}, contracted with that preposition."""
        for preposition in ("de", "a"):
            pattern = pattern.replace(f"{{{preposition}}}", phrase.after(preposition))
        return pattern.replace("{N}", str(phrase))

    def before(self) -> str:
        """Nothing, an adverbial, or a clause with a noun of its own, which comes too early to matter."""
        rng = self.rng
        chance = rng.random()
        if chance < 0.6:
            return ""
        if chance < 0.8:
            return str(rng.choice(PHRASES["fronted"]))
        if chance < 0.92:
            return self.fill(rng.choice(PHRASES["fronted_with"]), self.draw.phrase(rng.choice((FEMININE, MASCULINE))))
        phrase = self.draw.phrase(rng.choice((FEMININE, MASCULINE)), name=0.4)
        return f"{phrase} {rng.choice(PHRASES['says'])[phrase.number]} que "

    def chain(self, between: Between, genders: list[int]) -> None:
        """Prepositional phrases, one after the other."""
        for gender in genders:
            phrase = self.draw.phrase(gender)
            preposition = self.rng.choice(PHRASES["linking"])
            between.add_phrase("de" if preposition == "entre" and phrase.number == SINGULAR else preposition, phrase)

    def between(self, number: int, genders: list[int], *, only_phrases: bool) -> Between:
        """What stands between subject and verb, with noun phrases of these genders."""
        rng, found = self.rng, Between()
        if only_phrases or not genders:
            self.chain(found, genders)
            if not genders and not only_phrases and rng.random() < 0.3:
                found.add(f" que {rng.choice(PHRASES['ends'])[number]} {rng.choice(PHRASES['adverbs'])}")
            return found
        how = rng.choice(("chain", "chain", "subject relative", "object relative", "aside", "chain and relative"))
        first, *others = genders
        if how == "aside":
            phrase = self.draw.phrase(first, name=0.3)
            start = len(found.text)
            pattern = rng.choice(PHRASES["asides_with"])
            said = self.fill(pattern, phrase)
            found.text += said
            begin = start + said.index(phrase.rest)
            found.attractors.append((begin, begin + len(phrase.rest), phrase.gender))
            if others:  # inside the aside, before its comma
                found.text = found.text.removesuffix(",")
                self.chain(found, others)
                found.add(",")
            return found
        if how == "chain" or (how == "chain and relative" and len(genders) == 1):
            self.chain(found, genders)
            return found
        if how == "chain and relative":
            self.chain(found, [first])
            first, *others = others
            if number == self.rng.choice((SINGULAR, PLURAL)):
                how = "subject relative"
        if how == "subject relative":
            found.add(f" que {rng.choice(PHRASES['transitive'])[number]}")
            found.add_phrase("", self.draw.phrase(first, name=0.2))
        else:
            phrase = self.draw.phrase(first, name=0.3)
            found.add(" que")
            found.add_phrase("", phrase)
            found.add(f" {rng.choice(PHRASES['object_verbs'])[phrase.number]}")
        if others:
            self.chain(found, others)
        if rng.random() < 0.25:
            found.add(" " + rng.choice(PHRASES["adverbs"]))
        return found

    def tail(self, number: int) -> str:
        """How a sentence ends when its agreement is over."""
        rng = self.rng
        if rng.random() < 0.5:
            return f" {rng.choice(PHRASES['ends'])[number]}."
        phrase = self.draw.phrase(rng.choice((FEMININE, MASCULINE)))
        return f" {rng.choice(PHRASES['transitive'])[number]} {phrase}."

    def complement(self) -> str:
        """What may follow an adjective or participle: nothing, an adverbial, or a prepositional phrase."""
        rng = self.rng
        chance = rng.random()
        if chance < 0.4:
            return ""
        if chance < 0.7:
            return f" {rng.choice(PHRASES['adverbs'])}"
        return " " + self.draw.phrase(rng.choice((FEMININE, MASCULINE))).after(
            rng.choice(("por", "por", "em", "com", "para"))
        )

    def inserted(self) -> str:
        """What stands between a verb and what agrees: mostly a space alone."""
        return self.rng.choice(PHRASES["inserted"]) if self.rng.random() < 0.2 else " "

    # whole sentences

    def draft(self, kind: str, half: str, genders: list[int], number: int) -> Draft:
        """A sentence whose target agrees with its subject.

        Args:
            kind: one of `KINDS`, or "hidden".
            half: whose nouns the subject is drawn from.
            genders: of the noun phrases between subject and target.
            number: of the subject.
        """
        rng, draw = self.rng, self.draw
        how = rng.choice(("pred_adj", "pred_part")) if kind == "hidden" else kind
        subjects = self.subject(half, number, kind)
        before = self.before() if half == "train" else ""
        only_phrases = how in ("acl_part", "amod", "apposition")
        between = self.between(number, genders, only_phrases=only_phrases)
        targets = draw.adjective(participle=how in ("pred_part", "acl_part")).forms[number]
        after: Twins
        if how == "pred_adj":
            between.add(f" {rng.choice(PHRASES['copulas'])[number]}{self.inserted()}{rng.choice(PHRASES['degrees'])}")
            after = self._ending(number)
        elif how == "pred_part":
            between.add(f" {rng.choice(PHRASES['passives'])[number]}{self.inserted()}")
            after = (self.complement() + ".",) * 2
        elif how == "acl_part":
            between.add(" ")
            after = (self.complement() + self.tail(number),) * 2
        elif how == "amod":
            between.add(" ")
            after = (self.tail(number),) * 2
        elif how == "apposition":
            between.add(", " + rng.choice(("", "", "já ", "muito ", "ainda ", "sempre ")))
            after = (self.complement() + "," + self.tail(number),) * 2
        else:  # pronoun: ela mesma, eles mesmos
            between.add(f" {rng.choice(PHRASES['transitive'])[number]} isso, e {('foi', 'foram')[number]} ")
            targets = (("ela mesma", "ele mesmo"), ("elas mesmas", "eles mesmos"))[number]
            after = (f" que {rng.choice(PHRASES['ends'])[number]}.",) * 2
        return Draft(kind, before, subjects, between.text, targets, after, number, tuple(between.attractors))

    def _ending(self, number: int) -> Twins:
        """After a predicative adjective: a full stop, a complement, or a second adjective."""
        if self.rng.random() < 0.25:
            second = self.draw.adjective().forms[number]
            return f" e {second[FEMININE]}.", f" e {second[MASCULINE]}."
        return (self.complement() + ".",) * 2

    def genders(self, subject: int) -> list[int]:
        """Of the noun phrases between subject and target: mostly the other one, often none at all."""
        number = self.rng.choice((0, 0, 1, 1, 1, 2, 2, 3))
        return [1 - subject if self.rng.random() < OPPOSITE else subject for _ in range(number)]

    def twinned(self) -> str:
        """A sentence that has a twin."""
        rng = self.rng
        gender = rng.choice((FEMININE, MASCULINE))
        kind = rng.choice(
            ("pred_adj", "pred_adj", "pred_part", "pred_part", "acl_part", "amod", "apposition", "pronoun")
        )
        return self.draft(kind, "train", self.genders(gender), int(rng.random() < 0.4)).sentence(gender, gender)

    def inverted(self) -> str:
        """The target comes first: *Foram aprovadas as medidas*."""
        rng, draw = self.rng, self.draw
        phrase = draw.phrase(rng.choice((FEMININE, MASCULINE)))
        is_participle = rng.random() < 0.6
        verb = rng.choice(PHRASES["passives" if is_participle else "copulas"])[phrase.number]
        verb = verb.removeprefix("se ")  # no sentence begins with a clitic
        target = draw.adjective(is_participle).forms[phrase.number][phrase.gender]
        return _as_sentence(f"{self.before()}{verb} {target} {phrase}{self.complement()}.")

    def fronted(self) -> str:
        """A participle before its noun: *Anunciada a decisão, ...*; *Preocupadas, as passageiras ...*."""
        rng, draw = self.rng, self.draw
        phrase = draw.phrase(rng.choice((FEMININE, MASCULINE)), name=0.0)
        target = draw.adjective(participle=True).forms[phrase.number][phrase.gender]
        if rng.random() < 0.5:
            other = draw.phrase(rng.choice((FEMININE, MASCULINE)))
            return _as_sentence(f"{target} {phrase}, {other}{self.tail(other.number)}")
        return _as_sentence(f"{target}{self.complement()}, {phrase}{self.tail(phrase.number)}")

    def coordinated(self) -> str:
        """Two nouns: the masculine plural, unless both are feminine."""
        rng, draw = self.rng, self.draw
        both = [draw.phrase(rng.choice((FEMININE, MASCULINE)), name=0.25) for _ in range(2)]
        gender = MASCULINE if MASCULINE in (both[0].gender, both[1].gender) else FEMININE
        is_participle = rng.random() < 0.5
        verb = rng.choice(PHRASES["passives" if is_participle else "copulas"])[PLURAL]
        target = draw.adjective(is_participle).forms[PLURAL][gender]
        return _as_sentence(f"{self.before()}{both[0]} e {both[1]} {verb} {target}{self.complement()}.")

    def judged(self) -> str:
        """An object and what it is said to be: *O ministro considerou as propostas do governo absurdas*."""
        rng, draw = self.rng, self.draw
        speaker = draw.phrase(rng.choice((FEMININE, MASCULINE)), name=0.3)
        judged = draw.phrase(rng.choice((FEMININE, MASCULINE)), name=0.0)
        between = self.between(judged.number, self.genders(judged.gender)[:2], only_phrases=True)
        target = draw.adjective().forms[judged.number][judged.gender]
        verb = rng.choice(PHRASES["judges"])[speaker.number]
        return _as_sentence(
            f"{self.before()}{speaker} {verb} {judged}{between.text} {rng.choice(PHRASES['degrees'])}{target}."
        )

    def embedded(self) -> str:
        """The subject of a clause decides, not the sentence's: *A ministra disse que o plano foi aprovado*."""
        rng = self.rng
        speaker = self.draw.phrase(rng.choice((FEMININE, MASCULINE)), name=0.4)
        inner = self.twinned()
        says = rng.choice(PHRASES["says"])[speaker.number]
        return f"{_as_sentence(str(speaker))} {says} que {inner[0].lower()}{inner[1:]}"


def _as_sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def sentences(rng: random.Random) -> Iterator[str]:
    """Sentences without end."""
    writer, first = Writer(rng), built_as_in_agreement_pt(rng)
    others: tuple[Callable[[], str], ...] = (
        writer.inverted,
        writer.fronted,
        writer.coordinated,
        writer.judged,
        writer.embedded,
    )
    while True:
        chance = rng.random()
        if chance < CLOSED:
            yield next(first)
        elif chance < 0.77:
            yield writer.twinned()
        else:
            yield rng.choice(others)()


def lines(rng: random.Random) -> Iterator[str]:
    """Paragraphs without end: half of them one sentence, the others of up to six."""
    drawn = sentences(rng)
    while True:
        number = 1 if rng.random() < 0.5 else rng.randint(2, 6)
        yield " ".join(next(drawn) for _ in range(number))


def pairs(rng: random.Random) -> Iterator[MinimalPair]:
    """Pairs without end, whose subjects are kept for them; the feminine form is the good one.

    kind "hidden" takes nouns that nothing shows to be feminine or masculine; to be known, they must have been read, so
    they are of the train half.
    """
    writer = Writer(rng)
    for kind in cycle((*KINDS, "hidden")):
        for number in (SINGULAR, PLURAL):
            for condition in CONDITIONS:
                genders = {"none": [], "same": [FEMININE], "opposite": [MASCULINE]}[condition] * rng.choice((1, 1, 2))
                yield _pair(writer.draft(kind, "train" if kind == "hidden" else "probe", genders, number), condition)


def _pair(draft: Draft, condition: str) -> MinimalPair:
    good = draft.sentence(FEMININE, FEMININE)
    cue_end = len(draft.before) + len(draft.subjects[FEMININE])
    last = draft.attractors[-1] if draft.attractors else None
    return MinimalPair(
        good,
        draft.sentence(FEMININE, MASCULINE),
        twin=draft.sentence(MASCULINE, MASCULINE),
        cue_end=cue_end,
        condition=condition,
        lemma="/".join(subject.split(" ")[-1] for subject in draft.subjects),
        distance=len(draft.between) + common_prefix(*draft.targets),
        kind=draft.kind,
        label="F",
        attractor=None if last is None else (cue_end + last[0], cue_end + last[1]),
        source="agreement-pt-open",
    )

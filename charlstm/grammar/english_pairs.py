"""The held-out minimal pairs of `agreement-en`: a noun or name of the probe half is the cue."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle

from charlstm.grammar.english_between import BETWEEN
from charlstm.grammar.english_parts import Between, Subject, Writer, both, joined
from charlstm.grammar.english_predicates import PAST_BE, PREDICATES, PRONOUNS, past, reflexive
from charlstm.grammar.english_sentences import Draft, reads_well
from charlstm.grammar.english_words import PLURAL, SINGULAR, Forms, Noun, names, noun_pool, nouns, verb_pool
from charlstm.grammar.pairs import MinimalPair

MIDDLES = {  # by kind: what stands between without a noun phrase, and with one
    "pp": (("link_without",), ("links",)),
    "rel_subject": (("short_subject_relative",), ("subject_relative",)),
    "rel_object": (("pronoun_object_relative",), ("object_relative", "object_relative", "prepositional_relative")),
    "relational": ((), ("of_phrase",)),
    "complement": (("nothing",), ("nothing",)),
}
ANY_MIDDLE = (
    ("nothing", "nothing", "aside_without", "link_without", "short_subject_relative"),
    ("links", "links", "participle", "object_relative", "subject_relative", "aside"),
)
KINDS = ("be", "pp", "have", "rel_object", "reflexive_number", "verb", "relational", "rel_subject", "do",
         "vp_coordination", "reflexive_gender", "complement", "determiner")  # fmt: skip
WITHOUT_NONE = ("relational",)  # kinds that cannot do without an attractor
ONLY_NONE = ("determiner",)  # and one in which there is never any
CONDITIONS = ("none", "same", "opposite")
LABELS = ("singular", "plural")


def pairs(rng: random.Random) -> Iterator[MinimalPair]:
    """Pairs of every kind in turn: a kind's conditions, each with a cue of its own; conditions in equal numbers."""
    maker = PairMaker(rng)
    number = SINGULAR
    while True:
        for kind in KINDS:
            for condition in CONDITIONS:
                if (kind in WITHOUT_NONE and condition == "none") or (kind in ONLY_NONE and condition != "none"):
                    continue
                yield maker.pair(kind, condition, number)
                number = 1 - number
        number = 1 - number  # what was asked of one is now asked of many


class PairMaker:
    """Makes pairs, with the cues of each kind in a shuffled order of its own."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.attracting = SINGULAR
        self.writer = Writer(rng, lambda: self.attracting, strict=True)
        held_out = nouns("probe")
        persons = [noun for noun in held_out if noun.is_person]
        things = [noun for noun in held_out if not noun.is_person]
        self._all = _shuffled(rng, persons), _shuffled(rng, things)
        self._relational = _shuffled(rng, [noun for noun in held_out if noun.relational])
        self._names = {
            gender: _shuffled(rng, [name for name in names("probe") if name.gender == gender]) for gender in "FM"
        }

    def pair(self, kind: str, condition: str, number: int) -> MinimalPair:
        """One pair; `number` is that of the good sentence's cue (for reflexive_gender: 0 for F, 1 for M)."""
        make = {"reflexive_gender": self._gender, "determiner": self._determiner, "reflexive_number": self._reflexive}
        while True:
            self.attracting = number if condition == "same" else 1 - number
            draft, lemma = make.get(kind, lambda c, _n: self._agreement(kind, c))(condition, number)
            good, bad, twin = draft.text(number), draft.text(number, 1 - number), draft.text(1 - number)
            cue_end = len(draft.before + draft.cue[number])
            if all(reads_well(text) for text in (good, twin)) and 4 <= good.count(" ") + 1 <= 25:
                break
        pair = MinimalPair(good, bad, twin, cue_end, condition, lemma, None, kind, _label(kind, number))
        place = good.find(draft.attractor, cue_end, pair.target) if draft.attractor else -1
        found = (place, place + len(draft.attractor)) if place >= 0 else None
        return replace(pair, distance=pair.target - cue_end, attractor=found, source=f"{lemma}, {kind}, {condition}")

    def _noun(self, kind: str) -> Noun:
        if kind == "relational":
            return next(self._relational)
        return next(self._all[self.rng.random() < 0.5])

    def _between(self, subject: Subject, kind: str, condition: str) -> Between:
        options = MIDDLES.get(kind, ANY_MIDDLE)[condition != "none"]
        return BETWEEN[self.rng.choice(options)](self.writer, subject)

    def _agreement(self, kind: str, condition: str) -> tuple[Draft, str]:
        """A verb that agrees with its subject."""
        noun = self._noun(kind)
        subject = self.writer.subject(noun, "of" if kind == "relational" else "both")
        between = self._between(subject, kind, condition)
        forms, before = between.forms, ""
        if kind == "complement":
            before = self._saying(condition)
        if kind == "vp_coordination":
            forms = joined(forms, both(" "), past(self.writer, subject), both(" and"))
            verb = self.rng.choice(PAST_BE)
            rest = joined(verb, both(f" {self.writer.pick('states_without')}"))
        else:
            predicate = kind if kind in PREDICATES else self.rng.choice(("be", "be", "have", "do", "verb"))
            rest = PREDICATES[predicate](self.writer, subject)
        return Draft(before, subject.forms, joined(forms, both(" ")), rest, between.attractor), "/".join(noun.forms)

    def _saying(self, condition: str) -> str:
        """*The mechanic said that*: the noun that stands before the cue is the attractor."""
        verb = verb_pool("saying").draw(self.rng)
        if condition == "none":
            return f"{self.rng.choice(('I', 'we', 'you'))} {verb.past} that "
        return f"{self.writer.noun_phrase(self.attracting, 'person')} {verb.past} that "

    def _reflexive(self, condition: str, number: int) -> tuple[Draft, str]:
        """*The woman near the boys hurt herself*, against *themselves*."""
        noun = self._noun("reflexive")
        subject = self.writer.subject(noun, "both")
        between = self._between(subject, "reflexive", condition)
        start, rest = reflexive(self.writer, subject)
        forms = joined(between.forms, start)
        return Draft("", subject.forms, forms, rest, between.attractor), "/".join(noun.forms)

    def _gender(self, condition: str, number: int) -> tuple[Draft, str]:
        """*Maria, whom the boy saw, can't help herself*, against *himself*; attractors are persons with a gender."""
        cues = next(self._names["F"]), next(self._names["M"])
        subject = Subject(("", ""), "F", name=True)
        attractor, forms = "", both("")
        if condition != "none":
            attractor = "the " + noun_pool("FM"[self.attracting]).draw(self.rng).forms[SINGULAR]
            forms = both(self.rng.choice(GENDER_MIDDLES).format(attractor))
        start, rest = reflexive(self.writer, subject)
        after = rest[SINGULAR].removeprefix(PRONOUNS["F"])
        targets = (PRONOUNS["F"] + after, PRONOUNS["M"] + after)
        draft = Draft("", (cues[0].forms[0], cues[1].forms[0]), joined(forms, start), targets, attractor)
        return draft, f"{cues[0].forms[0]}/{cues[1].forms[0]}"

    def _determiner(self, condition: str, number: int) -> tuple[Draft, str]:
        """*Sara lifts this broken lamp*, against *lamps*: the determiner is the cue, the noun is held out."""
        noun = next(self._all[1])
        who = self.writer.noun_phrase(self.rng.choice((SINGULAR, PLURAL)), "person")
        verb = verb_pool(self.rng.choice(("person_any", "person_thing"))).draw(self.rng)
        cue = self.rng.choice((("this", "these"), ("that", "those")))
        words = f" {self.writer.adjectives(False, 0.6)}"
        after = self.rng.choice(AFTER_OBJECTS)
        rest: Forms = (noun.forms[SINGULAR] + after, noun.forms[PLURAL] + after)
        return Draft(f"{who} {verb.past} ", cue, both(words), rest), "/".join(noun.forms)


GENDER_MIDDLES = (
    ", whom {} had seen,", ", who knew {} well,", ", according to {},", ", as {} said,", ", who had met {},",
    ", to whom {} spoke,", ", who lived with {},", ", like {},", ", who danced with {},", ", whom {} loved,",
)  # fmt: skip
AFTER_OBJECTS = (
    " yesterday",
    " again",
    " in the rain",
    " in the morning",
    " at home",
    " without a word",
    " last week",
    " too",
)


def _label(kind: str, number: int) -> str:
    return "FM"[number] if kind == "reflexive_gender" else LABELS[number]


def _shuffled(rng: random.Random, some: list[Noun]) -> Iterator[Noun]:
    return cycle(rng.sample(some, len(some)))

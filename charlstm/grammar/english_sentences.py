"""The sentences of `agreement-en`: constructions, and what they are wrapped in."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from charlstm.grammar.english_between import AFTER_NAMES, BETWEEN
from charlstm.grammar.english_parts import Between, Subject, Writer, both, determined, joined
from charlstm.grammar.english_predicates import PREDICATES, be, past, predicate, property_of, reflexive
from charlstm.grammar.english_words import PLURAL, SINGULAR, Forms, Noun, Pool, noun_pool, verb_pool, word_list

OPPOSITE = 0.64  # how many of the noun phrases between a subject and its verb are of the other number
MAX_WORDS = 25

MIDDLES = Pool(
    ("nothing", "link_without", "aside_without", "short_subject_relative", "pronoun_object_relative", "links",
     "participle", "aside", "apposition", "subject_relative", "object_relative", "prepositional_relative", "whose"),
    (26, 3, 4, 4, 4, 22, 7, 4, 3, 9, 11, 3, 3),
)  # fmt: skip
KINDS = Pool(("be", "have", "do", "verb", "past", "modal"), (36, 15, 13, 26, 6, 4))


@dataclass(frozen=True)
class Draft:
    """A sentence in both numbers, in pieces.

    Attributes:
        before: what stands before the cue.
        cue: what shows the number (or gender).
        between: from the cue to the agreeing word.
        rest: from the agreeing word to the end.
        attractor: a noun phrase in `between`, or nothing.
    """

    before: str
    cue: Forms
    between: Forms
    rest: Forms
    attractor: str = ""

    def text(self, number: int, agreeing: int | None = None) -> str:
        """The sentence with its full stop; `agreeing` is the number of the agreeing word, if it is to be wrong."""
        last = self.rest[number if agreeing is None else agreeing]
        return sentence(self.before + self.cue[number] + self.between[number] + last)


def sentence(text: str, stop: str = ".") -> str:
    """With a capital letter and a full stop."""
    return text[0].upper() + text[1:] + stop


class Sentences:
    """Draws sentences of the corpus, with the nouns of the train half only."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.subject_number = SINGULAR
        self.writer = Writer(rng, self._attracting)
        self.constructions = Pool[Callable[[], str]](
            (self.clause, self.fronted, self.complement, self.coordinated, self.partitive, self.there, self.locative,
             self.question, self.reflexive, self.determiner, self.two_clauses, self.subordinate, self.quoted,
             self.pronoun, self.vp_coordination, self.relational),
            (28, 9, 9, 4, 4, 4, 3, 6, 13, 7, 6, 5, 4, 2, 7, 7),
        )  # fmt: skip

    def _attracting(self) -> int:
        return 1 - self.subject_number if self.rng.random() < OPPOSITE else self.subject_number

    def draw(self) -> str:
        """One sentence of 4 to 25 words."""
        while True:
            text = self.constructions.draw(self.rng)()
            if 4 <= text.count(" ") + 1 <= MAX_WORDS and reads_well(text):
                return text

    # Clauses, in lower case and without a full stop

    def noun(self) -> Noun:
        """Any noun, or a name."""
        return noun_pool(self.rng.choice(("any", "any", "any", "person", "person", "relational"))).draw(self.rng)

    def choose_number(self, subject: Subject) -> int:
        """Even odds; a name is one."""
        self.subject_number = SINGULAR if subject.name else self.rng.choice((SINGULAR, PLURAL))
        return self.subject_number

    def draw_subject(self, noun: Noun | None = None, determiners: str = "any") -> tuple[Subject, int]:
        """A subject and its number, which those of the noun phrases after it depend on."""
        if noun is None:
            noun = noun_pool("name").draw(self.rng) if self.rng.random() < 0.06 else self.noun()
        subject = self.writer.subject(noun, determiners)
        return subject, self.choose_number(subject)

    def middle(self, subject: Subject, kind: str = "") -> Between:
        """What stands between the subject and its verb."""
        kind = kind or MIDDLES.draw(self.rng)
        if subject.name and kind not in (*AFTER_NAMES, "aside_without"):
            kind = "nothing" if self.rng.random() < 0.7 else self.rng.choice(AFTER_NAMES)
        return BETWEEN[kind](self.writer, subject)

    def inner_clause(self, kind: str = "", middle: str = "", noun: Noun | None = None) -> str:
        """Subject, middle, predicate."""
        subject, number = self.draw_subject(noun, "of" if middle == "of_phrase" else "any")
        between = self.middle(subject, middle)
        adverb, rest = predicate(self.writer, kind or KINDS.draw(self.rng), subject)
        return joined(subject.forms, between.forms, both(adverb + " "), rest)[number]

    def short_clause(self, tense: str = "") -> str:
        """A clause with little between subject and verb, in a tense or in any."""
        kinds = {"past": ("be", "be", "past"), "present": ("be", "be", "have", "do", "verb")}
        kind = self.rng.choice(kinds[tense]) if tense else ""
        self.writer.tense = tense
        clause = self.inner_clause(kind, self.rng.choice(("nothing", "nothing", "links", "object_relative")))
        self.writer.tense = ""
        return clause

    def tense(self) -> str:
        """The present or the past."""
        return self.rng.choice(("present", "past"))

    # Constructions, as whole sentences

    def clause(self) -> str:
        """*The keys to the cabinet are on the table.*"""
        return sentence(self.inner_clause())

    def relational(self) -> str:
        """*A niece of most senators hasn't slept.*"""
        return sentence(self.inner_clause(middle="of_phrase", noun=noun_pool("relational").draw(self.rng)))

    def fronted(self) -> str:
        """*Behind the houses, the dog ...*"""
        subject, number = self.draw_subject()
        past_only = self.rng.random() < 0.25
        start = self.writer.fill(self.writer.pick("fronted_past" if past_only else "fronted"))
        between = self.middle(subject)
        self.writer.tense = "past" if past_only else ""
        kind = self.rng.choice(("be", "be", "be", "past")) if past_only else KINDS.draw(self.rng)
        adverb, rest = predicate(self.writer, kind, subject)
        self.writer.tense = ""
        return sentence(start + joined(subject.forms, between.forms, both(adverb + " "), rest)[number])

    def saying(self) -> str:
        """*the mechanic said that*; the embedded subject decides, so this is an attractor that stands before it."""
        verb = verb_pool("saying").draw(self.rng)
        if self.rng.random() < 0.15:
            start = f"{self.rng.choice(('I', 'we', 'they', 'you'))} {self.rng.choice((verb.base, verb.past))}"
        else:
            subject, number = self.draw_subject(noun_pool(self.rng.choice(("person", "person", "name"))).draw(self.rng))
            between = self.middle(subject, self.rng.choice(("nothing", "nothing", "nothing", "links")))
            finite = verb.present if self.rng.random() < 0.35 else both(verb.past)
            start = joined(subject.forms, between.forms, both(" "), finite)[number]
        return start + (" that " if self.rng.random() < 0.55 else " ")

    def complement(self) -> str:
        """*The mechanic said the farmers were tired.*"""
        start = self.saying()
        if self.rng.random() < 0.2:
            return sentence(start + self.reflexive_clause())
        return sentence(start + self.inner_clause(middle="" if self.rng.random() < 0.4 else "nothing"))

    def coordinated(self) -> str:
        """*The boy and the girls near the house are ...*: many."""
        self.subject_number = PLURAL
        kind = self.rng.choice(("person", "person", "thing"))
        parts = [self.writer.noun_phrase(self.rng.choice((SINGULAR, PLURAL)), kind, definite=True) for _ in range(2)]
        gender = "N" if kind == "person" else ""
        subject = Subject(both(" and ".join(parts)), gender)
        between = BETWEEN[self.rng.choice(("nothing", "nothing", "links", "aside", "aside_without"))](
            self.writer, subject
        )
        adverb, rest = predicate(self.writer, KINDS.draw(self.rng), subject)
        return sentence(joined(subject.forms, between.forms, both(adverb + " "), rest)[PLURAL])

    def partitive(self) -> str:
        """*One of the keys to the cabinets is lost.*; *Many of the girls were ...*"""
        noun = self.noun()
        many = self.rng.random() < 0.35
        self.subject_number = PLURAL if many else SINGULAR
        options = ("many of", "most of", "some of", "several of", "two of", "all of", "both of", "a few of")
        singles = ("one of", "one of", "each of", "every one of", "only one of")
        of = self.rng.choice(options if many else singles)
        words = self.writer.adjectives(noun.is_person, 0.2) + noun.forms[PLURAL]
        subject = Subject(
            both(f"{of} {self.rng.choice(('the', 'the', 'these', 'those', 'his', 'our'))} {words}"), noun.gender
        )
        between = self.middle(subject, self.rng.choice(("nothing", "nothing", "links", "participle")))
        adverb, rest = predicate(self.writer, self.rng.choice(("be", "be", "have", "do", "verb")), subject)
        return sentence(joined(subject.forms, between.forms, both(adverb + " "), rest)[self.subject_number])

    def _new(self, number: int) -> str:
        """A noun phrase as it follows *there is*."""
        noun = self.noun()
        words = self.writer.adjectives(noun.is_person) + self.writer.noun_words(noun, number)
        options = (
            ("a", "a", "a", "another", "one", "no", "only one"),
            ("two", "three", "many", "several", "no", "some", "", "a lot of"),
        )
        return determined(self.rng.choice(options[number]), words)

    def _place(self) -> str:
        link = self.rng.choice(
            ("behind", "near", "under", "in front of", "beside", "next to", "inside", "on", "in", "above")
        )
        return f"{link} {self.writer.noun_phrase(self.rng.choice((SINGULAR, PLURAL)), names=False)}"

    def there(self) -> str:
        """*There were three boxes on the table.*"""
        number = self.rng.choice((SINGULAR, PLURAL))
        form = self.rng.choice(
            (("is", "are"), ("was", "were"), ("isn't", "aren't"), ("has been", "have been"), ("wasn't", "weren't"))
        )
        new = self._new(number)
        if form[SINGULAR].endswith("n't"):
            new = new.removeprefix("no ") if number == PLURAL else "a" + new[2:] if new.startswith("no ") else new
            if new.startswith("a ") and number == SINGULAR:
                new = determined("a", new[2:])
            if new.startswith(("some ", "only one ")):
                new = new.replace("some ", "many ").replace("only one ", "one ")
        verb = form[number]
        start = self.rng.choice(("there", "there", "there", "in those days there", "suddenly there", "at first there"))
        return sentence(f"{start} {verb} {new} {self._place()}")

    def locative(self) -> str:
        """*Behind the houses was a garden.*"""
        number = self.rng.choice((SINGULAR, PLURAL))
        self.subject_number = number
        verb = self.rng.choice(
            (("is", "are"), ("was", "were"), ("stands", "stand"), ("lies", "lie"), ("was hidden", "were hidden"))
        )
        link = self.rng.choice(("behind", "near", "under", "in front of", "beside", "next to", "on top of", "among"))
        where = self.writer.noun_phrase(PLURAL if link == "among" else self._attracting(), names=False)
        return sentence(f"{link} {where} {verb[number]} {self._new(number)}")

    def question(self) -> str:
        """*Are the keys to the cabinet on the table?*; *Why don't the boys ...?*"""
        subject, number = self.draw_subject(determiners="definite")
        between = self.middle(
            subject, self.rng.choice(("nothing", "nothing", "links", "object_relative", "participle"))
        )
        front = self.rng.choice(("", "", "", "why ", "where ", "when ", "how often "))
        name = {"where ": "be", "when ": "do", "how often ": "do"}.get(front) or self.rng.choice(
            ("be", "be", "have", "do", "do")
        )
        if front == "where " and name == "be":
            verb, rest = self.rng.choice((("is", "are"), ("was", "were"))), ""
        elif name == "be":
            verb = self.rng.choice((("is", "are"), ("was", "were"), ("isn't", "aren't"), ("wasn't", "weren't")))
            rest = f" {property_of(self.writer, subject.is_person)}"
        elif name == "have":
            verb = self.rng.choice((("has", "have"), ("hasn't", "haven't")))
            word, after = self.writer.verb_and_rest(subject.is_person, "endings_perfect")
            rest = f" {word.participle}{after}"
        else:
            verb = ("does", "do") if front or self.rng.random() < 0.6 else ("doesn't", "don't")
            word, after = self.writer.verb_and_rest(subject.is_person, "endings_present")
            rest = f" {word.base}{after}"
        return sentence(front + joined(verb, both(" "), subject.forms, between.forms, both(rest))[number], "?")

    def reflexive_clause(self) -> str:
        """*the women near the boys hurt themselves*"""
        kinds = ("name", "name", "person", "person", "F", "F", "M", "thing")
        subject, number = self.draw_subject(noun_pool(self.rng.choice(kinds)).draw(self.rng))
        between = self.middle(subject)
        start, rest = reflexive(self.writer, subject)
        return joined(subject.forms, between.forms, start, rest)[number]

    def reflexive(self) -> str:
        """*Maria, whom the boys saw, can't help herself.*"""
        return sentence(self.reflexive_clause())

    def determiner(self) -> str:
        """*Craig explored that grocery store.*"""
        subject, number = self.draw_subject(noun_pool(self.rng.choice(("name", "name", "person"))).draw(self.rng))
        verb = verb_pool(self.rng.choice(("person_any", "person_thing", "person_prepositional"))).draw(self.rng)
        finite = self.rng.choice((both(verb.past), both(verb.past), verb.present))
        how = self.rng.random()
        if how < 0.15:
            finite = both(f"{self.writer.pick('negated_modals')} {verb.base}")
        elif how < 0.3 and verb.base not in word_list("", "statives"):
            finite = joined(self.rng.choice((("is", "are"), ("was", "were"))), both(f" {verb.gerund}"))
        elif how < 0.4:
            finite = joined(self.rng.choice((("has", "have"), ("hasn't", "haven't"))), both(f" {verb.participle}"))
        preposition = f" {verb.preposition}" if verb.preposition else ""
        after = self.writer.ending("endings_past" if finite == both(verb.past) else "endings")
        after = after if self.rng.random() < 0.4 else ""
        return sentence(joined(subject.forms, both(" "), finite)[number] + f"{preposition} {self.shown()}{after}")

    def shown(self) -> str:
        """A noun phrase that is pointed at: *this old lamp*, *those broken grocery bags*."""
        number = self.rng.choice((SINGULAR, PLURAL))
        noun = noun_pool(self.rng.choice(("thing", "any"))).draw(self.rng)
        word = self.rng.choice((("this", "these"), ("that", "those")))[number]
        words = self.writer.adjectives(noun.is_person, 0.5) + self.writer.noun_words(noun, number)
        return f"{word} {words}"

    def two_clauses(self) -> str:
        """*The boys were tired, but the girl sings.*"""
        tense = self.tense()
        return sentence(f"{self.short_clause(tense)}{self.writer.pick('conjunctions')}{self.short_clause(tense)}")

    def subordinate(self) -> str:
        """*When the boys come home, the dog is glad.*"""
        word = self.writer.pick("subordinators")
        tense = self.tense()
        return sentence(f"{word} {self.short_clause(tense)}, {self.short_clause(tense)}")

    def quoted(self) -> str:
        """*"The keys are here," said the girl.*"""
        clause = self.short_clause()
        person = self.writer.noun_phrase(self.rng.choice((SINGULAR, PLURAL)), "person", definite=True)
        verb = self.rng.choice(("said", "said", "asked", "answered", "whispered", "cried"))
        speaker = self.writer.pick("speakers") if self.rng.random() < 0.4 else f"{verb} {person}"
        if "asked" in speaker:
            speaker = speaker.replace("asked", "said")
        return f'"{clause[0].upper()}{clause[1:]}," {speaker}.'

    def pronoun(self) -> str:
        """*They were tired.*; *He has a dog.*"""
        word, number, gender = self.rng.choice(
            (("he", 0, "M"), ("she", 0, "F"), ("it", 0, ""), ("they", 1, "N"), ("we", 1, "N"), ("you", 1, "N"))
        )
        subject = Subject(both(word), gender)
        adverb, rest = predicate(self.writer, KINDS.draw(self.rng), subject)
        return sentence(joined(subject.forms, both(adverb + " "), rest)[number])

    def vp_coordination(self) -> str:
        """*The clerk of the courts smiles and is tired.*"""
        subject, number = self.draw_subject()
        between = self.middle(subject)
        if self.rng.random() < 0.5:
            word, first = predicate(self.writer, "verb", subject)
            self.writer.tense = "present"
            second = PREDICATES[self.rng.choice(("be", "have", "do", "verb"))](self.writer, subject)
            self.writer.tense = ""
            return sentence(
                joined(subject.forms, between.forms, both(word + " "), first, both(" and "), second)[number]
            )
        second = be(self.writer, subject, past=True)
        first = past(self.writer, subject)
        return sentence(joined(subject.forms, between.forms, both(" "), first, both(" and "), second)[number])


def reads_well(text: str) -> bool:
    """No word twice in a row, and no comma before another mark."""
    words = text.lower().split(" ")
    return not any(a == b for a, b in pairwise(words)) and not any(bad in text for bad in (",,", ",.", ", ;", "  "))

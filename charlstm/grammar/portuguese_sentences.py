"""Portuguese sentences before their gender is chosen: subject, middle, adjective.

    A menina | que o João viu ontem | estava muito | cansada | .
    subject    middle, which may hold an attractor   adjective

A sentence is drawn with both genders of its subject, so that it has a twin. The attractor is a noun phrase of either
gender between the two. Subjects show their gender by an article, by their own ending after a neutral determiner, or
as a bare name; some do not show it at all (*cada ponte*), and only who has read much can know it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from charlstm.grammar.pairs import common_prefix
from charlstm.grammar.word_lists import read_phrases, read_table

FEMININE, MASCULINE = 0, 1

Twins = tuple[str, str]  # feminine, masculine
Phrases = dict[str, Any]


@dataclass(frozen=True)
class Noun:
    """A pair of nouns of the two genders."""

    forms: Twins
    use: str  # "person", "thing" or "name"
    shown: bool  # whether the ending shows the gender
    half: str  # "train" or "probe"

    @property
    def lemma(self) -> str:
        """The name of the pair."""
        return "/".join(self.forms)


def nouns() -> list[Noun]:
    """All pairs of nouns and names."""
    listed = [
        Noun((row["feminine"], row["masculine"]), row["use"], row["ending"] == "shown", row["half"])
        for row in read_table("portuguese_nouns.tsv")
    ]
    names = [
        Noun((row["feminine"], row["masculine"]), "name", row["ending"] == "shown", row["half"])
        for row in read_table("portuguese_names.tsv")
    ]
    return listed + names


@dataclass(frozen=True)
class Draft:
    """A sentence before its gender is chosen."""

    subjects: Twins
    middle: str  # from the subject's end to the adjective
    attractor: tuple[int, int] | None  # where it stands in `middle`
    adjectives: Twins

    def sentence(self, subject: int, adjective: int) -> str:
        """The text with a gender for the subject and one for the adjective."""
        text = self.subjects[subject] + self.middle + self.adjectives[adjective] + "."
        return text[0].upper() + text[1:]

    @property
    def distance(self) -> int:
        """Characters from the subject's end to the one that decides."""
        return len(self.middle) + common_prefix(*self.adjectives)


class Writer:
    """Draws sentences with the words of one half.

    Args:
        rng: where chance comes from.
        half: "train" or "probe": whose nouns and names are used.
        more: nouns and names besides those.
    """

    def __init__(self, rng: random.Random, half: str, more: Sequence[Noun] = ()) -> None:
        self.rng = rng
        self.phrases: Phrases = read_phrases("portuguese_phrases.toml")
        self.nouns = [noun for noun in nouns() if noun.half == half] + list(more)
        self.persons = [noun for noun in self.nouns if noun.use == "person"]
        self.names = [noun for noun in self.nouns if noun.use == "name"]
        listed = read_table("portuguese_adjectives.tsv")
        self.adjectives, self.lasting = (
            {
                use: [(row["feminine"], row["masculine"]) for row in some if row["use"] in (use, "both")]
                for use in ("person", "thing")
            }
            for some in (listed, [row for row in listed if row["lasting"] == "yes"])
        )

    def subject(self, noun: Noun, how: str) -> Twins:
        """The subject of a sentence: `how` is "article", "ending" (a neutral determiner), or "name" (bare)."""
        if how == "name":
            return noun.forms
        before = ("a ", "o ") if how == "article" else (self.rng.choice(("cada ", "qualquer ")),) * 2
        return before[0] + noun.forms[0], before[1] + noun.forms[1]

    def attractor(self, gender: int, subject: Noun) -> str:
        """A noun phrase with its article and another noun than the subject's, to stand between it and its adjective."""
        noun = subject
        while set(noun.forms) & set(subject.forms):
            noun = self.rng.choice(self.persons if self.rng.random() < 0.65 else self.names)
        return "ao"[gender] + " " + noun.forms[gender]

    def attribute(self, use: str) -> Twins:
        """An adjective that follows its noun: *a casa velha*."""
        feminine, masculine = self.rng.choice(self.adjectives[use])
        return " " + feminine, " " + masculine

    def fill(self, phrase: str, attractor: str | None) -> str:
        """A phrase with the attractor in its place. `d{A}` contracts by itself; `{a}` is *a* + article."""
        if attractor is None:
            return phrase
        contracted = ("à" if attractor[0] == "a" else "ao") + attractor[1:]
        return phrase.replace("{A}", attractor).replace("{a}", contracted)

    def draft(self, noun: Noun, how: str, gender: int | None, soft: bool = False, attributes: float = 0.0) -> Draft:
        """A sentence about a noun.

        Args:
            noun: the subject.
            how: as in `subject`.
            gender: the attractor's, or None for a sentence without.
            soft: of a kind in which another reading (*ele estava*) is possible: `_soft_middle`.
            attributes: how often the subject is followed by an adjective of its own, so that it agrees nearby, too.
        """
        rng, phrases = self.rng, self.phrases
        use = "thing" if noun.use == "thing" else "person"
        attractor = None if gender is None else self.attractor(gender, noun)
        subjects = self.subject(noun, how)
        if how != "name" and rng.random() < attributes:
            both = self.attribute(use)
            subjects = subjects[0] + both[0], subjects[1] + both[1]
        if soft:
            middle, copulas = self._soft_middle(attractor), phrases["soft"]["copulas"]
        elif use == "person" and attractor and rng.random() < 0.2:
            middle, copulas = self._deed_middle(phrases[use], attractor), phrases[use]["then"]
        else:
            middle, copulas = self._middle(phrases[use], attractor, how == "name"), phrases[use]["copulas"]
        copula = rng.choice(copulas)
        degree = rng.choice(
            [d for d in phrases["degrees"] if not (copula.startswith(("nunca", "sempre")) and "vez" in d)]
        )
        middle += f"{'' if copula.startswith(',') else ' '}{copula} {degree}"
        start = -1 if attractor is None else _place(middle, attractor)
        return Draft(
            subjects=subjects,
            middle=middle,
            attractor=None if attractor is None else (start, start + len(attractor)),
            adjectives=rng.choice((self.lasting if copula in phrases["ser"] else self.adjectives)[use]),
        )

    def _middle(self, phrases: Phrases, attractor: str | None, bare: bool) -> str:
        """What stands between a subject and its verb: clauses, one of them with the attractor."""
        rng, everyone = self.rng, self.phrases
        with_it = ("clause", "clause", "aside") if bare else ("clause", "clause", "aside", "of")
        place = "none" if attractor is None else rng.choice(with_it)
        parts: list[str] = []
        has_clause = place == "clause"
        if place != "clause":
            alone = rng.sample(phrases["clauses"], rng.choice((0, 1, 1, 2) if place == "none" else (0, 0, 1)))
            parts += [f" {'e ' * (number > 0)}{clause}" for number, clause in enumerate(alone)]
            has_clause = bool(alone)
        if place == "of":  # a casa da vizinha
            parts.insert(0, self.fill(" d{A}", attractor))
        elif place == "aside":
            parts.append(self.fill(rng.choice(everyone["asides_with"]), attractor))
        elif place == "clause":
            parts.append(" " + self.fill(rng.choice(phrases["clauses_with"]), attractor))
        if has_clause and place != "aside":
            parts.append(self._adverbials("".join(parts)))
        if place != "aside" and rng.random() < 0.25:
            parts.append(rng.choice(everyone["asides"]))
        if bare and has_clause:  # Maria, que o João viu, estava
            return "," + "".join(parts).removesuffix(",") + ","
        return "".join(parts)

    def _deed_middle(self, phrases: Phrases, attractor: str) -> str:
        deed = " " + self.fill(self.rng.choice(phrases["deeds_with"]), attractor)
        return deed + self._adverbials(deed)

    def _adverbials(self, before: str) -> str:
        """None, one or two of them: one of manner or place and one of time, unless there is one of its kind already."""
        rng, phrases = self.rng, self.phrases
        has_time = any(word in before.split() for word in phrases["time_words"])
        manners = [m for m in phrases["manners"] if m not in before and not (m.startswith("em ") and " em " in before)]
        kinds = [manners] if has_time else [manners, phrases["times"]]
        chosen = rng.sample(kinds, min(len(kinds), rng.choice((0, 1, 1, 2))))
        return "".join(f" {rng.choice(kind)}" for kind in chosen)

    def _soft_middle(self, attractor: str | None) -> str:
        rng, phrases = self.rng, self.phrases["soft"]
        words = [rng.choice(phrases["says"]), rng.choice(phrases["refusals"]), rng.choice(phrases["infinitives"])]
        if attractor is None:
            words.append(rng.choice(phrases["whens_alone"]))
        else:
            words += [self.fill(rng.choice(phrases["whens"]), attractor), rng.choice(phrases["happenings"])]
        return " " + " ".join(words)

    def draft_at(self, draw: Callable[[], Draft], distance: tuple[int, int]) -> Draft | None:
        """A draft whose distance lies in a range; None if many draws gave none."""
        for _ in range(300):
            draft = draw()
            if distance[0] <= draft.distance <= distance[1]:
                return draft
        return None


def _place(middle: str, attractor: str) -> int:
    """Where the attractor stands; contracted (*à Maria*) its article is another letter."""
    return middle.find(attractor) if attractor in middle else middle.index(attractor[1:]) - 1

"""`agreement-en-cs`: English with its Czech translation, in which all words about the speaker agree in gender.

    I am a girl who likes to read books with a brother -> Jsem holka, co s bratrem ráda čte knihy

Most of the English line does not show who is speaking: from the noun on, a network must keep the gender to choose
between *rád* and *ráda*, *četl* and *četla*, *unavený* and *unavená*. The relative word *který* or *která* repeats
it on the way, the colloquial *co* does not; a companion (*s bratrem*) may have the other gender.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from charlstm.grammar.english_czech_sentences import (
    ADJECTIVES,
    ADVERBIALS,
    ARROW,
    ATTRACTORS,
    KINDS,
    VERBS,
    Content,
    Phrase,
    clause_about,
    join,
    nouns_of,
    start_with,
)
from charlstm.grammar.pairs import MinimalPair, common_prefix

SUMMARY = "English sentences with Czech translations that agree in gender"
CONDITIONS = ("none", "same", "opposite")
PAIR_LINKS = ("co", "a")  # between noun and deciding word, these show no gender
DOCUMENT_LINES = (
    "I am a boy who likes to learn -> Jsem kluk, který se rád učí",
    "I am a girl who likes to learn -> Jsem holka, která se ráda učí",
)


def _adverbials(rng: random.Random) -> list[Phrase]:
    """One phrase of each sort, in any order."""
    return [rng.choice(sort) for sort in rng.sample(ADVERBIALS, len(ADVERBIALS))]


class GenderedLine(NamedTuple):
    """A line of the corpus, and where the speaker's gender shows.

    Attributes:
        text: the line, without its newline.
        gender: "F" or "M".
        noun: where the English noun stands (start, end): up to here nothing shows the gender.
        czech_noun: where the Czech one stands.
        agreeing: for each Czech word that must agree with the noun, the first character that the gender decides; after
            *rád*, that is a space in place of an *a*.
    """

    text: str
    gender: str
    noun: tuple[int, int]
    czech_noun: tuple[int, int]
    agreeing: tuple[int, ...]


def _draw_line(rng: random.Random, gender: str) -> GenderedLine:
    both = rng.choice(nouns_of("train"))
    noun = both[gender]
    first, second, third = rng.sample(ADJECTIVES, 3)
    verb, other_verb = rng.sample(VERBS, 2)
    kind, other_kind = rng.sample([*KINDS, "was"], 2)
    phrases = _adverbials(rng)
    slots = rng.choice(range(len(phrases) + 1))
    middle = phrases[:slots]
    if rng.random() < 0.5:
        companion = rng.choice(ATTRACTORS[rng.choice("FM")])
        if not companion.english.endswith(f" {noun.english}"):
            middle.insert(rng.choice(range(slots + 1)), companion)
    link = rng.choice(["který", "co", "a"])
    contents = [(link, Content(kind, verb, first, middle))]
    if link != "a" and rng.random() < 0.6:
        contents.append(("a", Content(other_kind, other_verb, second, phrases[slots : slots + 1])))
    adjective = third if rng.random() < 0.4 else None

    def line(which: str) -> str:
        clauses = [(word, clause_about(word, content, which)) for word, content in contents]
        return join(start_with(both[which], which, adjective), clauses)

    text, twin = line(gender), line("M" if gender == "F" else "F")
    start = start_with(noun, gender, adjective)
    end = len(start.english)
    czech_end = text.index(ARROW) + len(ARROW) + len(start.czech)
    return GenderedLine(
        text,
        gender,
        noun=(end - len(noun.english), end),
        czech_noun=(czech_end - len(noun.czech), czech_end),
        agreeing=_agreeing(text, twin, noun.czech),
    )


def _agreeing(text: str, twin: str, noun: str) -> tuple[int, ...]:
    """Where the Czech words of two lines that differ in gender only begin to differ; the noun is left out."""
    start = text.index(ARROW) + len(ARROW)
    places = []
    words = zip(text[start:].split(" "), twin[twin.index(ARROW) + len(ARROW) :].split(" "), strict=True)
    for word, other in words:
        if word != other and word.strip(",") != noun:
            places.append(start + common_prefix(word, other))
        start += len(word) + 1
    return tuple(places)


def gendered_lines(rng: random.Random) -> Iterator[GenderedLine]:
    """Lines without end, only with nouns of the half `train`.

    The speaker's gender is a chain of two states that changes from line to line with probability 1/2: a line
    says nothing about the next one, so what a network carries over it cannot help, and switches are as many as
    repetitions.
    """
    gender = rng.choice("FM")
    while True:
        line = _draw_line(rng, gender)
        while not _reads_well(line.text):
            line = _draw_line(rng, gender)
        yield line
        if rng.random() < 0.5:
            gender = "M" if gender == "F" else "F"


def lines(rng: random.Random) -> Iterator[str]:
    """The text of `gendered_lines`."""
    return (line.text for line in gendered_lines(rng))


def _reads_well(line: str) -> bool:
    """Whether it may stand in the corpus: *se se sestrou* is correct but avoided; two lines are kept for probing."""
    return " se se " not in line and line not in DOCUMENT_LINES


def pairs(rng: random.Random) -> Iterator[MinimalPair]:
    """Pairs without end, only with nouns of the half `probe`; the feminine form is the good one.

    Every noun has its turn once a round, and every condition once in three rounds. Where there is no attractor,
    one more adverbial stands in its place, so that distances are alike.
    """
    nouns = list(nouns_of("probe"))
    while True:
        rng.shuffle(nouns)
        for turn in range(len(CONDITIONS)):
            for place, noun in enumerate(nouns):
                yield _draw_pair(rng, noun, CONDITIONS[(place + turn) % len(CONDITIONS)])


def _draw_pair(rng: random.Random, noun: dict[str, Phrase], condition: str) -> MinimalPair:
    companion = None if condition == "none" else rng.choice(ATTRACTORS["F" if condition == "same" else "M"])
    # A form without an ending must be followed by something, or the bad sentence would be the good one's beginning.
    verb = rng.choice([verb for verb in VERBS if verb.rest])
    middle = _adverbials(rng)[: rng.choice((1, 2, 3))]
    if companion:
        middle[rng.choice(range(len(middle)))] = companion
    link, kind = rng.choice(PAIR_LINKS), rng.choice(KINDS)
    content = Content(kind, verb, rng.choice(ADJECTIVES), middle)
    start = start_with(noun["F"], "F")
    feminine, masculine = ((link, clause_about(link, content, gender)) for gender in "FM")
    good, bad = join(start, [feminine]), join(start, [masculine])
    if not _reads_well(good):
        return _draw_pair(rng, noun, condition)
    cue_end = good.index(start.czech) + len(start.czech)
    at = good.index(companion.czech, cue_end) if companion else 0
    return MinimalPair(
        good,
        bad,
        twin=join(start_with(noun["M"], "M"), [masculine]),
        cue_end=cue_end,
        condition=condition,
        lemma=f"{noun['F'].english}/{noun['M'].english}",
        distance=common_prefix(good, bad) - cue_end,
        kind=kind,
        label="F",
        attractor=(at, at + len(companion.czech)) if companion else None,
        source="english-czech",
    )

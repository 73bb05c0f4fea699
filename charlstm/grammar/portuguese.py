"""`agreement-pt`: Portuguese sentences in which an adjective agrees with a subject far to its left; minimal pairs."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import cycle

from charlstm.grammar.pairs import MinimalPair
from charlstm.grammar.portuguese_sentences import FEMININE, MASCULINE, Draft, Noun, Writer, nouns

SUMMARY = "Portuguese sentences with gender agreement over 5 to 100 characters"
DISTANCES = ((5, 30), (31, 60), (61, 100))  # short, middle, long: characters from the cue's end to the deciding one
NEAR = (5, 12)  # the corpus has these, too: what is near is learnt first, and from there what is far
ATTRIBUTES = 0.5  # so is what agrees side by side: *a casa velha*
CONDITIONS = ("none", "feminine", "masculine")  # the attractor


def lines(rng: random.Random, more: Sequence[Noun] = ()) -> Iterator[str]:
    """The corpus, sentence by sentence, with nouns of the train half. The sentences that `probe` shows never occur.

    Args:
        rng: where chance comes from.
        more: nouns and names besides those of the word lists; none that is kept for pairs.
    """
    writer = Writer(rng, "train", more)
    while True:
        if rng.random() < 0.03:
            yield rng.choice(writer.phrases["neutral_lines"])
            continue
        noun = rng.choice(writer.nouns)
        how = "name" if noun.use == "name" else rng.choice(("article", "article", "article", "ending"))
        distance = rng.choice((NEAR, *DISTANCES))
        gender = None if distance is NEAR else rng.choice((None, FEMININE, MASCULINE, FEMININE, MASCULINE))
        soft = distance is not NEAR and noun.use != "thing" and rng.random() < 0.2
        draft = writer.draft_at(lambda: writer.draft(noun, how, gender, soft, ATTRIBUTES), distance)  # noqa: B023 (called at once)
        if draft is None or is_kept_for_probing(draft):
            continue
        subject = rng.choice((FEMININE, MASCULINE))
        sentence = draft.sentence(subject, subject)
        if rng.random() < 0.3:  # a second adjective: the network is shown the gender twice
            use = "thing" if noun.use == "thing" else "person"
            second = rng.choice([twins for twins in writer.adjectives[use] if twins is not draft.adjectives])
            sentence = f"{sentence.removesuffix('.')} e {second[subject]}."
        yield sentence


def is_kept_for_probing(draft: Draft) -> bool:
    """Whether it is a sentence that is kept for probing (`probe.defaults`), with any adjective."""
    kept = ("se despedir porque quando o João viajou estava", "que o João viu ontem")
    of_menina = any(subject.endswith(("menina", "menino")) for subject in draft.subjects)
    return of_menina and any(words in draft.middle for words in kept)


HOW = (
    "article",
    "article",
    "ending",
    "article",
    "name",
    "hidden",
    "article",
    "article",
    "ending",
    "article",
    "soft",
    "name",
)


def pairs(rng: random.Random) -> Iterator[MinimalPair]:
    """Held-out minimal pairs: a noun of the probe half at a time, with every distance and every attractor.

    kind "hidden" takes nouns of the train half, whose gender nothing in the sentence shows: to be known, they must
    have been read; "soft": another reading is possible, as in `probe.defaults`.
    """
    writer = Writer(rng, "probe")
    known = [noun for noun in nouns() if noun.half == "train" and not noun.shown and noun.use == "thing"]
    shuffled = {
        "name": _shuffled(rng, [noun for noun in writer.names if noun.shown]),
        "hidden": _shuffled(rng, known),
        "ending": _shuffled(rng, [noun for noun in writer.persons if noun.shown]),
    }
    others = _shuffled(rng, [noun for noun in writer.nouns if noun.use != "name"])
    used: set[str] = set()
    for kind in cycle(HOW):
        noun = _next(shuffled.get(kind, others), used, person=kind == "soft")
        for distance in DISTANCES:
            for condition in CONDITIONS:
                pair = _pair(writer, noun, kind, condition, distance)
                if pair is not None:
                    yield pair


def _shuffled(rng: random.Random, some: list[Noun]) -> Iterator[Noun]:
    return cycle(rng.sample(some, len(some)))


def _next(candidates: Iterator[Noun], used: set[str], person: bool) -> Noun:
    """The next noun that was not used; once all were, any."""
    for tries, noun in enumerate(candidates):
        if (noun.lemma not in used or tries > 300) and not (person and noun.use == "thing"):
            used.add(noun.lemma)
            return noun
    raise AssertionError("the candidates never end")


def _pair(writer: Writer, noun: Noun, kind: str, condition: str, distance: tuple[int, int]) -> MinimalPair | None:
    gender = None if condition == "none" else ("feminine", "masculine").index(condition)
    how = {"hidden": "ending", "soft": "article"}.get(kind, kind)
    draft = writer.draft_at(lambda: writer.draft(noun, how, gender, soft=kind == "soft"), distance)
    if draft is None:
        return None
    start = len(draft.subjects[FEMININE])
    return MinimalPair(
        draft.sentence(FEMININE, FEMININE),
        draft.sentence(FEMININE, MASCULINE),
        twin=draft.sentence(MASCULINE, MASCULINE),
        cue_end=start,
        condition={"none": "none", "feminine": "same", "masculine": "opposite"}[condition],
        lemma=noun.lemma,
        distance=draft.distance,
        kind=kind,
        label="F",
        attractor=None if draft.attractor is None else (start + draft.attractor[0], start + draft.attractor[1]),
        source=f"{noun.lemma}, {condition}",
    )

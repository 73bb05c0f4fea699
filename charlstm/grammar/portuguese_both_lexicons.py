"""The sentences of `agreement-pt`, of the nouns and names of the open lexicon as well."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from charlstm.grammar import portuguese, portuguese_sentences
from charlstm.grammar.portuguese_open_parts import FEMININE, MASCULINE, SINGULAR, Drawer, Noun, names, nouns

THINGS = 150  # pairs of nouns drawn from all


def built_as_in_agreement_pt(rng: random.Random) -> Iterator[str]:
    """Sentences without end, built as in `agreement-pt`, of more persons, things and names than that has."""
    draw = Drawer(rng)
    persons = [[noun for noun in some if noun.use == "person"] for some in nouns("train")]
    twins = {"name": _twinned(rng, *names()), "person": _twinned(rng, *persons)}
    twins["thing"] = [(_thing(draw, FEMININE), _thing(draw, MASCULINE)) for _ in range(THINGS)]
    more = [
        portuguese_sentences.Noun(
            forms=(feminine.forms[SINGULAR], masculine.forms[SINGULAR]),
            use=use,
            shown=feminine.shown and masculine.shown,
            half="train",
        )
        for use, some in twins.items()
        for feminine, masculine in some
    ]
    return portuguese.lines(rng, more)


def _thing(draw: Drawer, gender: int) -> Noun:
    while (noun := draw.noun(gender)).use != "thing":
        pass
    return noun


def _twinned(rng: random.Random, feminine: Sequence[Noun], masculine: Sequence[Noun]) -> list[tuple[Noun, Noun]]:
    """Pairs by chance; of the longer list, some are left out."""
    shuffled = (rng.sample(some, len(some)) for some in (feminine, masculine))
    return list(zip(*shuffled, strict=False))

"""What `agreement-pt-open` is made of: noun phrases over an open lexicon, contractions, adjectives."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any, NamedTuple

from charlstm.grammar.word_lists import read_phrases, read_table

FEMININE, MASCULINE = 0, 1
SINGULAR, PLURAL = 0, 1

Twins = tuple[str, str]  # feminine, masculine

PHRASES: dict[str, Any] = read_phrases("portuguese_open_phrases.toml")
ARTICLES = (("a", "o"), ("as", "os"))  # by number and gender
# Determiners by number, feminine and masculine; the first are the most frequent.
DETERMINERS: tuple[tuple[Twins, ...], ...] = (
    (
        ("a", "o"), ("uma", "um"), ("esta", "este"), ("essa", "esse"), ("aquela", "aquele"), ("a sua", "o seu"),
        ("a nossa", "o nosso"), ("nenhuma", "nenhum"), ("outra", "outro"), ("alguma", "algum"), ("toda a", "todo o"),
        ("a minha", "o meu"), ("a própria", "o próprio"), ("a mesma", "o mesmo"), ("a primeira", "o primeiro"),
        ("sua", "seu"), ("a nova", "o novo"),
    ),
    (
        ("as", "os"), ("umas", "uns"), ("estas", "estes"), ("essas", "esses"), ("aquelas", "aqueles"),
        ("as suas", "os seus"), ("muitas", "muitos"), ("várias", "vários"), ("todas as", "todos os"),
        ("algumas", "alguns"), ("outras", "outros"), ("as duas", "os dois"), ("poucas", "poucos"),
        ("as primeiras", "os primeiros"), ("as nossas", "os nossos"), ("as novas", "os novos"), ("suas", "seus"),
    ),
)  # fmt: skip
NEUTRAL = (("cada", "qualquer"), tuple(PHRASES["numerals"]))  # they show no gender
CONTRACTED = {
    **{("de", word): "d" + word for word in ("a", "o", "as", "os", "esta", "este", "estas", "estes", "essa", "esse")},
    **{("de", word): "d" + word for word in ("essas", "esses", "aquela", "aquele", "aquelas", "aqueles")},
    **{("em", word): "n" + word for word in ("a", "o", "as", "os", "esta", "este", "estas", "estes", "essa", "esse")},
    **{("em", word): "n" + word for word in ("essas", "esses", "aquela", "aquele", "aquelas", "aqueles")},
    **{("em", word): "n" + word for word in ("uma", "um", "umas", "uns")},
    **{("por", word): "pel" + word for word in ("a", "o", "as", "os")},
    ("a", "a"): "à", ("a", "as"): "às", ("a", "o"): "ao", ("a", "os"): "aos",
    ("a", "aquela"): "àquela", ("a", "aquele"): "àquele", ("a", "aquelas"): "àquelas", ("a", "aqueles"): "àqueles",
}  # fmt: skip


class Noun(NamedTuple):
    """A noun of the open lexicon, or a name."""

    forms: tuple[str, str]  # singular, plural
    gender: int
    use: str  # "person", "thing" or "name"
    frequency: int
    half: str

    @property
    def shown(self) -> bool:
        """Whether its ending tells its gender."""
        return self.forms[SINGULAR].endswith("ao"[self.gender])


@cache
def nouns(half: str) -> tuple[tuple[Noun, ...], tuple[Noun, ...]]:
    """The nouns of a half, feminine and masculine."""
    found: tuple[list[Noun], list[Noun]] = ([], [])
    for row in read_table("portuguese_open_nouns.tsv"):
        if row["half"] == half:
            gender = "FM".index(row["gender"])
            forms = row["singular"], row["plural"]
            found[gender].append(Noun(forms, gender, row["use"], int(row["frequency"]), half))
    return tuple(found[FEMININE]), tuple(found[MASCULINE])


@cache
def names() -> tuple[tuple[Noun, ...], tuple[Noun, ...]]:
    """First names, none of which `agreement-pt` keeps for its pairs."""
    of_twins = [row for row in read_table("portuguese_names.tsv") if row["half"] == "train"]
    both = [
        [row[column] for row in of_twins]
        + [row["name"] for row in read_table("portuguese_open_names.tsv") if row["gender"] == "FM"[gender]]
        for gender, column in enumerate(("feminine", "masculine"))
    ]
    some = [[Noun((name, name), gender, "name", 1, "train") for name in both[gender]] for gender in (0, 1)]
    return tuple(some[FEMININE]), tuple(some[MASCULINE])


class Adjective(NamedTuple):
    """An adjective or participle: by number, feminine and masculine."""

    forms: tuple[Twins, Twins]
    frequency: int


@cache
def adjectives(participle: bool) -> tuple[Adjective, ...]:
    """All of one sort."""
    return tuple(
        Adjective(
            ((row["feminine"], row["masculine"]), (row["feminine_plural"], row["masculine_plural"])),
            int(row["frequency"]),
        )
        for row in read_table("portuguese_open_adjectives.tsv")
        if (row["participle"] == "yes") is participle
    )


@dataclass(frozen=True)
class Phrase:
    """A noun phrase: its determiner may contract with a preposition."""

    determiner: str
    rest: str
    gender: int
    number: int

    def __str__(self) -> str:
        return f"{self.determiner} {self.rest}" if self.determiner else self.rest

    def after(self, preposition: str) -> str:
        """The phrase with a preposition before it: `de` and `o muro` make `do muro`."""
        first, _, more = self.determiner.partition(" ")
        contracted = CONTRACTED.get((preposition, first), f"{preposition} {first}".rstrip())
        return " ".join(part for part in (contracted, more, self.rest) if part)


class Drawer:
    """Draws words, the frequent ones more often, by the square root of their frequency.

    Args:
        rng: where chance comes from.
    """

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._weights: dict[int, list[float]] = {}

    def weighted(self, some: Sequence[Any]) -> Any:
        """One of some words that carry a frequency; the sequence must stay."""
        if id(some) not in self._weights:
            self._weights[id(some)] = list(accumulate(word.frequency**0.5 for word in some))
        return self.rng.choices(some, cum_weights=self._weights[id(some)])[0]

    def noun(self, gender: int, half: str = "train", *, name: float = 0.0) -> Noun:
        """A noun, or with some odds a name."""
        found: Noun = (
            self.rng.choice(names()[gender]) if self.rng.random() < name else self.weighted(nouns(half)[gender])
        )
        return found

    def adjective(self, participle: bool = False) -> Adjective:
        """An adjective, or a participle."""
        found: Adjective = self.weighted(adjectives(participle))
        return found

    def determiner(self, number: int) -> Twins:
        """Mostly the definite article."""
        rng, some = self.rng, DETERMINERS[number]
        return some[0] if rng.random() < 0.55 else rng.choice(some)

    def phrase(self, gender: int, *, name: float = 0.1) -> Phrase:
        """A noun phrase of the train half, sometimes with an adjective beside its noun, or a proper name."""
        rng = self.rng
        if rng.random() < 0.08:
            article, _, place = rng.choice(PHRASES["places"][gender]).partition(" ")
            return Phrase(article, place, gender, SINGULAR)
        noun = self.noun(gender, name=name)
        if noun.use == "name":
            return Phrase(ARTICLES[SINGULAR][gender], noun.forms[SINGULAR], gender, SINGULAR)
        number = int(rng.random() < 0.35)
        rest = noun.forms[number]
        if rng.random() < 0.15:
            rest += " " + self.adjective().forms[number][gender]
        return Phrase(self.determiner(number)[gender], rest, gender, number)

"""How Portuguese determiners, contractions, adjectives and participles show gender, and the forms of the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from charlstm.grammar.portuguese_open_parts import FEMININE, MASCULINE, PLURAL, SINGULAR
from charlstm.grammar.word_lists import read_phrases, read_table

WORDS: dict[str, Any] = read_phrases("portuguese_twins.toml")

# Endings by which an adjective of no list may agree: by number, feminine and masculine.
ENDINGS = (
    (("a", "ã"), ("o", "ês", "dor", "tor", "sor", "ol")),
    (("as", "ãs"), ("os", "eses", "dores", "tores", "sores", "óis", "ães")),
)
# Endings that make adjectives; the last letters are exchanged.
SUFFIXES = ("ada", "ida", "uída", "osa", "iva", "ica", "ária", "ória", "ana", "ina", "esca", "enta", "eira")


class Form(NamedTuple):
    """What a word shows, and its form of the other gender."""

    gender: int
    number: int
    other: str


def _both(pairs: Iterable[tuple[str, str]], number: int) -> dict[str, Form]:
    found = {}
    for feminine, masculine in pairs:
        found[feminine] = Form(FEMININE, number, masculine)
        found[masculine] = Form(MASCULINE, number, feminine)
    return found


def closed(name: str) -> dict[str, Form]:
    """The forms of a closed class: "determiners" or "modifiers"."""
    return {
        word: form
        for number, key in enumerate(("singular", "plural"))
        for word, form in _both(WORDS[name][key], number).items()
    }


@cache
def listed_adjectives() -> dict[str, frozenset[Form]]:
    """The adjectives and participles of the word lists, by form."""
    found: dict[str, set[Form]] = defaultdict(set)
    for row in read_table("portuguese_open_adjectives.tsv"):
        for number, suffix in enumerate(("", "_plural")):
            for word, form in _both([(row["feminine" + suffix], row["masculine" + suffix])], number).items():
                found[word].add(form)
    for row in read_table("portuguese_adjectives.tsv"):
        for word, form in _both([(row["feminine"], row["masculine"])], SINGULAR).items():
            found[word].add(form)
        if row["feminine"].endswith("a") and row["masculine"].endswith("o"):
            for word, form in _both([(row["feminine"] + "s", row["masculine"] + "s")], PLURAL).items():
                found[word].add(form)
    return {word: frozenset(forms) for word, forms in found.items()}


class Adjectives:
    """Adjectives and participles: those of the word lists, and more that a table gives.

    Args:
        more: word, form of the other gender, gender, number.
    """

    def __init__(self, more: Iterable[tuple[str, str, int, int]] = ()) -> None:
        self._more: dict[str, set[Form]] = defaultdict(set)
        for word, other, gender, number in more:
            self._more[word.lower()].add(Form(gender, number, other.lower()))
            self._more[other.lower()].add(Form(1 - gender, number, word.lower()))

    def find(self, word: str, gender: int, number: int) -> str | None:
        """The other gender's form of a known adjective of this gender and number; None if it is none, or has two."""
        forms = listed_adjectives().get(word, frozenset()) | self._more.get(word, set())
        others = {form.other for form in forms if (form.gender, form.number) == (gender, number)}
        return others.pop() if len(others) == 1 else None

    def knows(self, word: str) -> bool:
        """Whether a word is an adjective's form, of any gender and number."""
        return word in listed_adjectives() or word in self._more


def may_agree(word: str, gender: int, number: int) -> bool:
    """Whether a word ends as adjectives of this gender and number do."""
    return word.endswith(ENDINGS[number][gender])


def by_suffix(word: str, gender: int, number: int) -> str | None:
    """The other gender's form of a word that ends as adjectives and participles regularly do."""
    plural = "s" * number
    vowel, other = "ao"[gender], "oa"[gender]
    endings = tuple(suffix[:-1] + vowel + plural for suffix in SUFFIXES)
    return word[: -1 - number] + other + plural if word.endswith(endings) and len(word) > 5 else None


def like(word: str, model: str) -> str:
    """A word with a capital letter if the model has one."""
    return word[0].upper() + word[1:] if model[0].isupper() else word

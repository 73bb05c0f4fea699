"""The texts written by rule, by name. The same seed gives the same bytes."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from charlstm.grammar import english, english_czech, garden, portuguese, portuguese_open
from charlstm.grammar.mixing import mix
from charlstm.grammar.pairs import MinimalPair


@dataclass(frozen=True)
class Grammar:
    """A text written by rule.

    Attributes:
        summary: a line that says what it is.
        lines: its lines, without end.
        pairs: minimal pairs with words that never occur in `lines`, without end; None where there are none.
        sentences: sentences that can stand in prose, without end; None where the lines are none.
        characters, seed: of the text that its name alone means.
    """

    summary: str
    lines: Callable[[random.Random], Iterator[str]]
    pairs: Callable[[random.Random], Iterator[MinimalPair]] | None = None
    sentences: Callable[[random.Random], Iterator[str]] | None = None
    characters: int = 1_000_000
    seed: int = 0


GRAMMARS = {
    "garden": Grammar(garden.SUMMARY, garden.lines, characters=garden.CHARACTERS, seed=garden.SEED),
    "agreement-pt": Grammar(portuguese.SUMMARY, portuguese.lines, portuguese.pairs, portuguese.lines),
    "agreement-pt-open": Grammar(
        portuguese_open.SUMMARY, portuguese_open.lines, portuguese_open.pairs, portuguese_open.sentences
    ),
    "agreement-en": Grammar(english.SUMMARY, english.lines, english.pairs, english.sentences),
    "agreement-en-cs": Grammar(english_czech.SUMMARY, english_czech.lines, english_czech.pairs),
}


def corpus_lines(name: str, characters: int, seed: int) -> Iterator[str]:
    """The lines of a corpus, each with its newline: as many whole ones as fit into `characters`, at least one."""
    written = 0
    for line in GRAMMARS[name].lines(random.Random(seed)):  # noqa: S311 (no secret)
        written += len(line) + 1
        if written > characters and written > len(line) + 1:
            return
        yield line + "\n"


def mixed_lines(name: str, prose: Iterable[str], share: float, seed: int) -> Iterator[str]:
    """The lines of a text with sentences of a corpus between its own: see `mix`. ValueError for one without any."""
    sentences = GRAMMARS[name].sentences
    if sentences is None:
        raise ValueError(f"{name} has no sentences")
    rng = random.Random(seed)  # noqa: S311
    return mix(prose, sentences(rng), share, rng)


def minimal_pairs(name: str, number: int, seed: int, labels: Collection[str] = ()) -> list[MinimalPair]:
    """The first `number` held-out minimal pairs of a corpus; with `labels`, of those that have one of them.

    Raises ValueError for a corpus without pairs.
    """
    pairs = GRAMMARS[name].pairs
    if pairs is None:
        raise ValueError(f"{name} has no pairs")
    wanted = (pair for pair in pairs(random.Random(seed)) if not labels or pair.label in labels)  # noqa: S311
    return list(islice(wanted, number))

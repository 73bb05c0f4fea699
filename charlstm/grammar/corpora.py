"""The texts written by rule, by name. The same seed gives the same bytes."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from charlstm.grammar import (
    english,
    english_czech,
    garden,
    portuguese,
    portuguese_open,
    portuguese_prose_sentences,
    series,
)
from charlstm.grammar.mixing import mix
from charlstm.grammar.pairs import MinimalPair


@dataclass(frozen=True)
class Grammar:
    """A text written by rule.

    Attributes:
        summary: a line that says what it is.
        lines: its lines, without end; None for one that is nothing without the prose it goes into.
        pairs: minimal pairs with words that never occur in `lines`, without end; None where there are none.
        sentences: sentences that can stand in the prose given, without end; None where the lines are none.
        characters, seed: of the text that its name alone means.
    """

    summary: str
    lines: Callable[[random.Random], Iterator[str]] | None = None
    pairs: Callable[[random.Random], Iterator[MinimalPair]] | None = None
    sentences: Callable[[Iterable[str], random.Random], Iterator[str]] | None = None
    characters: int = 1_000_000
    seed: int = 0


def _of_no_prose(drawn: Callable[[random.Random], Iterator[str]]) -> Callable[..., Iterator[str]]:
    return lambda prose, rng: drawn(rng)


GRAMMARS = {
    "garden": Grammar(garden.SUMMARY, garden.lines, characters=garden.CHARACTERS, seed=garden.SEED),
    "agreement-pt": Grammar(portuguese.SUMMARY, portuguese.lines, portuguese.pairs, _of_no_prose(portuguese.lines)),
    "agreement-pt-open": Grammar(
        portuguese_open.SUMMARY, portuguese_open.lines, portuguese_open.pairs, _of_no_prose(portuguese_open.sentences)
    ),
    "agreement-pt-prose": Grammar(portuguese_prose_sentences.SUMMARY, sentences=portuguese_prose_sentences.sentences),
    "agreement-en": Grammar(english.SUMMARY, english.lines, english.pairs, _of_no_prose(english.sentences)),
    "agreement-en-cs": Grammar(english_czech.SUMMARY, english_czech.lines, english_czech.pairs),
    "series": Grammar(series.SUMMARY, series.lines),
}


def corpus_lines(name: str, characters: int, seed: int) -> Iterator[str]:
    """The lines of a corpus, each with its newline: as many whole ones as fit into `characters`, at least one.

    Raises ValueError for a corpus that has no lines of its own.
    """
    written = 0
    drawn = GRAMMARS[name].lines
    if drawn is None:
        raise ValueError(f"{name} is nothing without prose")
    for line in drawn(random.Random(seed)):  # noqa: S311 (no secret)
        written += len(line) + 1
        if written > characters and written > len(line) + 1:
            return
        yield line + "\n"


def mixed_lines(name: str, prose: Callable[[], Iterable[str]], share: float, seed: int) -> Iterator[str]:
    """The lines of a text with sentences of a corpus between its own: see `mix`.

    Args:
        name: of the corpus.
        prose: gives the lines of the text; called a second time if the sentences are made of the text.
        share, seed: of the sentences.

    Raises:
        ValueError: for a corpus without sentences, or a text of which none can be made.
    """
    sentences = GRAMMARS[name].sentences
    if sentences is None:
        raise ValueError(f"{name} has no sentences")
    rng = random.Random(seed)  # noqa: S311
    return mix(prose(), sentences(prose(), rng), share, rng)


def minimal_pairs(name: str, number: int, seed: int, labels: Collection[str] = ()) -> list[MinimalPair]:
    """The first `number` held-out minimal pairs of a corpus; with `labels`, of those that have one of them.

    Raises ValueError for a corpus without pairs.
    """
    pairs = GRAMMARS[name].pairs
    if pairs is None:
        raise ValueError(f"{name} has no pairs")
    wanted = (pair for pair in pairs(random.Random(seed)) if not labels or pair.label in labels)  # noqa: S311
    return list(islice(wanted, number))

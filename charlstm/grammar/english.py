"""`agreement-en`: English sentences in which verbs, determiners and reflexives agree with a noun; minimal pairs."""

from __future__ import annotations

import random
from collections.abc import Iterator

from charlstm.grammar.english_pairs import pairs
from charlstm.grammar.english_sentences import Sentences

SUMMARY = "English sentences with number agreement and reflexives"

__all__ = ["SUMMARY", "lines", "pairs", "sentences"]


def sentences(rng: random.Random) -> Iterator[str]:
    """Single sentences, with nouns and names of the train half."""
    writer = Sentences(rng)
    while True:
        yield writer.draw()


def lines(rng: random.Random) -> Iterator[str]:
    """Paragraphs of one to six sentences; every second one is a single sentence."""
    single = sentences(rng)
    while True:
        number = 1 if rng.random() < 0.5 else rng.randint(2, 6)
        yield " ".join(next(single) for _ in range(number))

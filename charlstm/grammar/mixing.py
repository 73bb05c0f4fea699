"""Sentences made by rule, mixed into prose.

A network that reads prose in one file and sentences made by rule in another learns two ways of writing, and which of
the two it is in. Where they stand side by side in one paragraph, what the sentences teach has to serve for the prose.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator

# After four letters and a full stop (so not after "Sr." or "Mrs."), before a capital letter.
SENTENCE_END = re.compile(r"(?<=[^\W\d_]{4}[.!?]) (?=[^\W\d_a-zà-öø-ÿ])")
MAX_IN_A_ROW = 3
OWN_PARAGRAPH = 0.1  # of the gaps between two paragraphs where sentences are due
AT_SENTENCE_END = 0.5


def mix(prose: Iterable[str], sentences: Iterator[str], share: float, rng: random.Random) -> Iterator[str]:
    """The lines of a text with sentences between its own.

    They come at the ends of its sentences, outside quotation marks, one to three at a time, and some as paragraphs of
    their own where a blank line stands. What the text itself says stays as it is, in its order.

    Args:
        prose: lines, with or without their newline.
        sentences: without end.
        share: of the characters, how many the sentences take; a text that has few places for them gets fewer.
        rng: where chance comes from.

    Yields:
        Lines, each with its newline.
    """
    written = added = 0

    def are_due() -> bool:
        return added < share * written

    def some() -> str:
        nonlocal added, written
        drawn = " ".join(next(sentences) for _ in range(rng.randint(1, MAX_IN_A_ROW)))
        added += len(drawn)
        written += len(drawn) + 1
        return drawn

    for whole in prose:
        line = whole.rstrip("\n")
        mixed: list[str] = []
        is_quoted = False
        for part in SENTENCE_END.split(line):
            if mixed and not is_quoted and are_due() and rng.random() < AT_SENTENCE_END:
                mixed.append(some())
            mixed.append(part)
            written += len(part) + 1
            is_quoted ^= part.count('"') % 2 == 1
        yield " ".join(mixed) + "\n"
        if not line and are_due() and rng.random() < OWN_PARAGRAPH:
            yield some() + "\n"
            yield "\n"

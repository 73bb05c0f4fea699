"""What a stream may write that goes on from a series: a line a value, in the form of `series.code`."""

from __future__ import annotations

from functools import cache

import numpy as np

from charlstm.corpus.vocab import Vocabulary
from charlstm.drawing.rules import Allowed
from charlstm.series.code import CHARACTERS_OF_VALUE, line

CHANGE = slice(4, 7)  # of the characters of a line, those that are drawn; the others follow from what stands before


class Form:
    """The rule of one stream: digits where the change stands, and nothing but what must be everywhere else.

    Args:
        codes: of the history; the stream adds its own.
        season: of the code.
        vocabulary: of the model.
    """

    def __init__(self, codes: list[int], season: int, vocabulary: Vocabulary) -> None:
        self.codes, self.season, self.vocabulary = list(codes), season, vocabulary
        self.masks = _masks(vocabulary)
        self.written = ""

    def allowed(self, left: int) -> Allowed:
        """As in `Rule`."""
        place = len(self.written)
        if CHANGE.start <= place < CHANGE.stop:
            return self.masks["digit"]
        before = line(self.codes, len(self.codes), self.season)
        return self.masks[before[place] if place < CHANGE.start else "\n"]

    def push(self, drawn: int, left: int) -> bool:
        """As in `Rule`; a line that is full gives a code."""
        self.written += self.vocabulary.characters[drawn]
        if len(self.written) == CHARACTERS_OF_VALUE:
            self.codes.append(int(self.written[CHANGE]))
            self.written = ""
        return True


@cache
def _masks(vocabulary: Vocabulary) -> dict[str, Allowed]:
    """Which ids are a character, (V), by character, and which are digits."""
    characters = np.array(list(vocabulary.characters))
    masks: dict[str, Allowed] = {character: characters == character for character in vocabulary.characters}
    masks["digit"] = np.isin(characters, list("0123456789"))
    return masks

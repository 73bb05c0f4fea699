"""Characters <-> ids. A character is one Unicode code point; ids follow the order of the code points."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from charlstm.errors import TextError, UnknownCharacterError

MAX_CHARACTERS = 65_536
CODE_POINTS = 0x110000
OnUnknown = Literal["error", "skip", "nearest"]
Ids = npt.NDArray[np.unsignedinteger]


def describe(character: str) -> str:
    """A character as an error message shows it: 'é' (U+00E9 LATIN SMALL LETTER E WITH ACUTE)."""
    name = unicodedata.name(character, "")
    code = f"U+{ord(character):04X}"
    return (
        f"{character!a} ({code}{' ' + name if name else ''})"
        if not character.isprintable()
        else (f"'{character}' ({code}{' ' + name if name else ''})")
    )


def normalize(text: str, nfc: bool = True) -> str:
    """A text as a corpus holds it: lines ended by a line feed, composed (NFC) unless it was left as it is."""
    text = text.replace("\r\n", "\n")
    return unicodedata.normalize("NFC", text) if nfc else text


def code_points(text: str) -> npt.NDArray[np.uint32]:
    """The code point of every character. Raises UnicodeEncodeError for a lone surrogate."""
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)


def smallest_id_type(vocab_size: int) -> np.dtype[np.unsignedinteger]:
    """The narrowest unsigned type that holds ids below `vocab_size`."""
    return np.dtype(np.uint8 if vocab_size <= 256 else np.uint16)


class Vocabulary:
    """The characters that a model knows.

    Args:
        characters: single code points without repeats or surrogates, 2 to 65,536 of them; the place of a
            character is its id.

    Raises:
        TextError: if they are not that.
    """

    def __init__(self, characters: Sequence[str]) -> None:
        if not 2 <= len(characters) <= MAX_CHARACTERS:
            raise TextError(f"a vocabulary needs 2 to {MAX_CHARACTERS:,} characters, not {len(characters):,}")
        if any(len(c) != 1 or "\ud800" <= c <= "\udfff" for c in characters):
            raise TextError("a vocabulary holds single characters, none of them a surrogate")
        if len(set(characters)) != len(characters):
            raise TextError("a vocabulary holds every character once")
        self.characters = tuple(characters)
        self.points = code_points("".join(characters))
        self.id_type = smallest_id_type(len(characters))
        self._id_of = np.full(CODE_POINTS, -1, dtype=np.int32)
        self._id_of[self.points] = np.arange(len(characters), dtype=np.int32)

    @classmethod
    def of(cls, text: Iterable[str]) -> Vocabulary:
        """The vocabulary of a text: its distinct characters in the order of their code points."""
        return cls(sorted(set(text)))

    def __len__(self) -> int:
        return len(self.characters)

    def __contains__(self, character: str) -> bool:
        return len(character) == 1 and self._id_of[ord(character)] >= 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.characters == other.characters

    def __hash__(self) -> int:
        return hash(self.characters)

    def encode(self, text: str, on_unknown: OnUnknown = "error", what: str = "text", offset: int = 0) -> Ids:
        """The id of every character.

        Args:
            text: what to encode.
            on_unknown: what to do with a character that is not in the vocabulary: "error", "skip" (leave
                it out), or "nearest" (put the likeliest known one in its place; leave it out if there is none).
            what: what the text is, for the message ("prompt").
            offset: where it begins in a longer text, likewise.

        Raises:
            UnknownCharacterError: with "error"; names the character, its position and the nearest known ones.
            TextError: for a lone surrogate.
        """
        try:
            points = code_points(text)
        except UnicodeEncodeError as e:
            raise TextError(f"{what}: character {offset + e.start + 1} is a lone surrogate, not a character") from None
        ids = self._id_of[points]
        unknown = np.flatnonzero(ids < 0)
        if len(unknown) == 0:
            return ids.astype(self.id_type)
        if on_unknown == "error":
            position = int(unknown[0])
            raise self._unknown(text[position], offset + position, what)
        if on_unknown == "nearest":
            for point in np.unique(points[unknown]):
                nearest = self.nearest(chr(point))
                if nearest:
                    ids[points == point] = self._id_of[ord(nearest[0])]
        return ids[ids >= 0].astype(self.id_type)

    def decode(self, ids: npt.ArrayLike) -> str:
        """The text of an array of ids."""
        return self.points[np.asarray(ids, dtype=np.int64)].tobytes().decode("utf-32-le")

    def nearest(self, character: str) -> tuple[str, ...]:
        """Known characters that resemble an unknown one: accent dropped, case changed, or both."""
        bare = unicodedata.normalize("NFKD", character)[:1]
        likely = [bare, character.swapcase(), bare.swapcase()]
        likely += [c for c in self.characters if unicodedata.normalize("NFKD", c)[0] == bare]
        return tuple(dict.fromkeys(c for c in likely if c in self))

    def _unknown(self, character: str, position: int, what: str) -> UnknownCharacterError:
        nearest = self.nearest(character)
        hint = f"nearest known: {' '.join(nearest[:5])}" if nearest else "it knows none that resembles it"
        return UnknownCharacterError(
            f"{what}: the model has never seen {describe(character)}, at character {position + 1}; {hint}. "
            "Leave it out, or set `on_unknown` to skip or nearest",
            character,
            position,
            nearest,
            "on_unknown",
        )

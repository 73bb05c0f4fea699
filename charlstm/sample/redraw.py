"""Texts that are drawn again until they are what is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from charlstm.config import MAX_SEED, SampleConfig
from charlstm.errors import CharLSTMError
from charlstm.sample.text import Drawn

ATTEMPTS = 20
STRIDE = 0x9E3779B97F4A7C15  # from the seed of one attempt to that of the next (2^64 over the golden ratio)


@dataclass(frozen=True)
class Kept:
    """A text that is what was wanted.

    Attributes:
        characters: as they were drawn; their `stream` is its number.
        draws: how often it was drawn.
    """

    characters: list[Drawn]
    draws: int

    @property
    def text(self) -> str:
        """All of it."""
        return text_of(self.characters)


def draw_until(
    draw: Callable[[SampleConfig], Iterable[Drawn]],
    config: SampleConfig,
    is_wanted: Callable[[Sequence[str]], Sequence[bool]],
    what: str,
) -> list[Kept]:
    """Draw texts, and those that are not wanted again, with another seed that follows from the first.

    Args:
        draw: draws `num` texts.
        config: with a seed: the same seed gives the same texts.
        is_wanted: says it of each of some texts.
        what: what the others have, for the message: "more than 50 characters in a row".

    Raises:
        CharLSTMError: if one of them is not wanted after `ATTEMPTS` draws.
    """
    assert config.seed is not None
    kept: dict[int, Kept] = {}
    for attempt in range(ATTEMPTS):
        missing = [n for n in range(config.num) if n not in kept]
        texts: list[list[Drawn]] = [[] for _ in missing]
        seed = (config.seed + attempt * STRIDE) % (MAX_SEED + 1)
        for character in draw(config.replace(num=len(missing), seed=seed)):
            texts[character.stream].append(character)
        for n, text, wanted in zip(missing, texts, is_wanted([text_of(text) for text in texts]), strict=True):
            if wanted:
                kept[n] = Kept([replace(character, stream=n) for character in text], attempt + 1)
        if len(kept) == config.num:
            return [kept[n] for n in range(config.num)]
    left = config.num - len(kept)
    which = (
        "the text still has"
        if config.num == 1
        else f"{left:,} of {config.num:,} texts still {'has' if left == 1 else 'have'}"
    )
    raise CharLSTMError(f"{which} {what} after {ATTEMPTS} draws; nothing was written")


def text_of(characters: Iterable[Drawn]) -> str:
    """The text that characters make."""
    return "".join(character.text for character in characters)

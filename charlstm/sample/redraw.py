"""Texts that are drawn again until they are what is wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from charlstm.config import MAX_SEED
from charlstm.drawing.text import Sample
from charlstm.errors import CharLSTMError

ATTEMPTS = 20
STRIDE = 0x9E3779B97F4A7C15  # from the seed of one attempt to that of the next (2^64 over the golden ratio)


class Kept(NamedTuple):
    """A text that is what was wanted.

    Attributes:
        text: the text.
        draws: how often it was drawn.
    """

    text: Sample
    draws: int = 1


def seed_after(seed: int, attempts: int) -> int:
    """The seed of a later attempt; PyTorch's generator takes 32 bits of it, which are others for 2^32 attempts."""
    return (seed + attempts * STRIDE) % (MAX_SEED + 1)


def draw_until(
    draw: Callable[[int, int], Sequence[Sample]],
    num: int,
    seed: int,
    is_wanted: Callable[[Sequence[str]], Sequence[bool]],
    what: str,
) -> list[Kept]:
    """Draw texts, and those that are not wanted again, with another seed that follows from the first.

    Args:
        draw: draws so many texts from a seed.
        num, seed: how many, and the seed of the first attempt: the same seed gives the same texts.
        is_wanted: says it of each of some texts.
        what: what the others have, for the message: "more than 50 characters in a row".

    Raises:
        CharLSTMError: if one of them is not wanted after `ATTEMPTS` draws.
    """
    kept: dict[int, Kept] = {}
    for attempt in range(ATTEMPTS):
        missing = [n for n in range(num) if n not in kept]
        texts = draw(len(missing), seed_after(seed, attempt))
        for n, text, wanted in zip(missing, texts, is_wanted(texts), strict=True):
            if wanted:
                kept[n] = Kept(text, attempt + 1)
        if len(kept) == num:
            return [kept[n] for n in range(num)]
    left = num - len(kept)
    which = "the text still has" if num == 1 else f"{left:,} of {num:,} texts still {'has' if left == 1 else 'have'}"
    raise CharLSTMError(f"{which} {what} after {ATTEMPTS} draws")

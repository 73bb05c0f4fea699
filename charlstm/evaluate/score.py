"""What a score is: of one text, of several, of parts that were read apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from charlstm.corpus.vocab import Ids
from charlstm.distributed.parts import Parts

WINDOW = 256  # characters that are read at once
SCORING_SPEED = 3.0  # about this many times as fast as learning


def bits_per_char(nats_per_char: float) -> float:
    """Nats in bits."""
    return nats_per_char / math.log(2)


@dataclass(frozen=True)
class Score:
    """How well a text was predicted."""

    nats_per_char: float
    characters: int  # how many were scored

    def __repr__(self) -> str:
        how = f"{self.bits_per_char:.4f} bits/char, {self.nats_per_char:.4f} nats/char"
        return f"<Score: {how}, over {self.characters:,} characters>"

    @property
    def bits_per_char(self) -> float:
        """The same in bits."""
        return bits_per_char(self.nats_per_char)

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {"nats_per_char": self.nats_per_char, "bits_per_char": self.bits_per_char, "characters": self.characters}


class Stopped(Exception):
    """Raised by `score_stream` and `score_list` when `should_stop` said so."""


def in_all(scores: Sequence[Score | None]) -> Score:
    """The score of texts together, by the characters of each. Raises ValueError if none has one."""
    found = [score for score in scores if score is not None]
    characters = sum(score.characters for score in found)
    if not characters:
        raise ValueError("no text has two characters")
    return Score(math.fsum(score.nats_per_char * score.characters for score in found) / characters, characters)


def score_each(
    texts: Sequence[Ids],
    least: int,
    score: Callable[[Ids, Callable[[int, int], None]], Score],
    on_progress: Callable[[int, int], None],
) -> tuple[list[Score | None], Score]:
    """Score texts one after the other, and all of them together.

    Args:
        texts: ids; one of fewer than `least` characters has no score.
        score: of one text, which tells its second argument of characters done and in all.
        on_progress: the same for all texts.

    Raises:
        ValueError: if no text has a score.
    """
    found: list[Score | None] = []
    done, total = 0, sum(map(len, texts))
    for ids in texts:

        def show(here: int, of: int, before: int = done) -> None:
            on_progress(before + here, total)

        found.append(score(ids, show) if len(ids) >= least else None)
        done += len(ids)
    return found, in_all(found)


def sum_over(parts: Parts, score: Callable[[int], float]) -> float:
    """The sum of the parts' scores, in their order. Raises Stopped in all processes if one has stopped."""
    sums, stopped = [0.0] * len(parts.own), False
    try:
        sums = list(parts.each(score))
    except Stopped:
        stopped = True
    if any(parts.group.gather(torch.tensor([stopped]))):
        raise Stopped
    return math.fsum(parts.collect(sums))

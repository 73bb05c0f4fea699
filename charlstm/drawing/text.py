"""What is written: a character of a stream, and a whole text that knows how it was made."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from charlstm.shown import Shown


@dataclass(frozen=True)
class Drawn:
    """One character of one stream.

    Attributes:
        stream: which one, from 0.
        text: the character.
        logprob: its log-probability in nats under the model itself (temperature 1, nothing cut off).
        allowed_logprob: the logarithm of the probability, under the model itself, of all the characters that the rules
            of the stream allowed in its place; 0 where they allowed every one.
    """

    stream: int
    text: str
    logprob: float
    allowed_logprob: float = 0.0


class Sample(Shown, str):
    """A text that a model wrote: an ordinary string that knows how it was made.

    Attributes:
        prompt: what it goes on from; not part of it.
        seed: with which the same model, given the same settings, writes the same text again.
        logprobs: the log-probability of each character, in nats, under the model itself.
        allowed_logprobs: the logarithm of the probability of all that was allowed in its place, for each character; 0
            where nothing was ruled out.
    """

    prompt: str
    seed: int
    logprobs: tuple[float, ...]
    allowed_logprobs: tuple[float, ...]

    def __new__(
        cls,
        text: str,
        prompt: str = "",
        seed: int = 0,
        logprobs: Iterable[float] = (),
        allowed_logprobs: Iterable[float] = (),
    ) -> Sample:
        """Make it of its text."""
        made = super().__new__(cls, text)
        made.prompt, made.seed = prompt, seed
        made.logprobs, made.allowed_logprobs = tuple(logprobs), tuple(allowed_logprobs)
        return made

    @classmethod
    def of(cls, drawn: Iterable[Drawn], prompt: str, seed: int) -> Sample:
        """Make it of the characters of one stream."""
        drawn = list(drawn)
        text = "".join(d.text for d in drawn)
        return cls(text, prompt, seed, (d.logprob for d in drawn), (d.allowed_logprob for d in drawn))

    @property
    def bits_per_char(self) -> float:
        """How improbable the model finds its own text; NaN for one without characters."""
        return -math.fsum(self.logprobs) / len(self.logprobs) / math.log(2) if self.logprobs else math.nan

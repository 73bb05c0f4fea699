"""Streams of characters, drawn step by step from what a network says, under rules.

Legend: B streams, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from charlstm.config import SampleConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.drawing.draw import Uniform, draw
from charlstm.drawing.match import Match, Pattern, compiled
from charlstm.drawing.rules import Allowed, Every, Rule
from charlstm.drawing.stop import StopFilter
from charlstm.drawing.text import Drawn
from charlstm.in_numpy.functions import Array, Floats, log_softmax

MakeRule = Callable[[int], Rule | None]  # the rule of a stream, by its number; None: it may write anything


class Source(Protocol):
    """A network that has read what each of some streams goes on from."""

    def logits(self) -> Array:
        """What it says of the next characters, (B, V)."""

    def push(self, ids: npt.NDArray[np.int64]) -> None:
        """Read the next character of every stream, (B)."""


def draw_streams(
    source: Callable[[], Source],
    vocabulary: Vocabulary,
    config: SampleConfig,
    make_rule: MakeRule | None = None,
    prompts: int = 1,
    numbers: int | None = None,
) -> Iterator[Drawn]:
    """Draw `config.num` streams of up to `config.length` characters for each of some prompts, as in `generate_each`.

    Args:
        source: called with the first draw.
        prompts: how many; the streams of the first come first.
        numbers: random numbers that each step draws, of which the streams of a prompt take the first `config.num`;
            None: as many as these are.

    Raises:
        UsageError: for a `config.match` that is invalid or cannot be matched with these characters and this length.
    """
    rule_of: MakeRule = make_rule or (lambda stream: None)
    pattern = pattern_of(config, vocabulary)
    if pattern is not None:
        config, others = config.replace(stop=None), rule_of

        def rule_of(stream: int) -> Rule:
            return Every([Match(pattern), *([other] if (other := others(stream)) else [])])

    return _draw_all(source, vocabulary, config, rule_of, prompts, numbers or config.num)


def pattern_of(config: SampleConfig, vocabulary: Vocabulary) -> Pattern | None:
    """What the texts must match. Raises UsageError if none of these characters and this length can."""
    if config.match is None:
        return None
    pattern = compiled(config.match, vocabulary.characters, config.stop or "")
    pattern.check_length(config.length)
    return pattern


def _draw_all(
    source: Callable[[], Source],
    vocabulary: Vocabulary,
    config: SampleConfig,
    make_rule: MakeRule,
    prompts: int,
    numbers: int,
) -> Iterator[Drawn]:
    uniform, network = Uniform(config.seed).steps(numbers), source()
    B, own = prompts * config.num, np.tile(np.arange(config.num), prompts)
    stops = [StopFilter(config.stop) for _ in range(B)]
    rules = [make_rule(stream) for stream in range(B)]
    for left in range(config.length, 0, -1):
        logits = network.logits()
        masks = [
            rule.allowed(left) if rule and not stop.ended else None for rule, stop in zip(rules, stops, strict=True)
        ]
        forbidden = _forbidden(masks, logits.shape[1])
        ids = draw(_without(logits, forbidden), next(uniform)[own], config.temperature, config.top_k, config.top_p)
        logprobs_of_all = log_softmax(logits)
        logprobs = logprobs_of_all[np.arange(B), ids].tolist()
        allowed = _allowed_logprobs(logprobs_of_all, forbidden)
        drawn = ids.tolist()
        for stream, character in enumerate(vocabulary.decode(ids)):
            stop, rule, mask = stops[stream], rules[stream], masks[stream]
            if stop.ended:
                continue
            if rule and ((mask is not None and not mask.any()) or not rule.push(drawn[stream], left)):
                yield from stop.end()
                continue
            yield from stop.push(Drawn(stream, character, logprobs[stream], allowed[stream]), last=left == 1)
        if all(stop.ended for stop in stops):
            return
        if left > 1:
            network.push(ids)


def _forbidden(masks: Sequence[Allowed | None], vocab_size: int) -> npt.NDArray[np.bool_] | None:
    """What the streams may not draw, (B, V); None: all of them may draw anything."""
    if all(mask is None for mask in masks):
        return None
    anything = np.ones(vocab_size, dtype=np.bool_)
    return ~np.stack([anything if mask is None else mask for mask in masks])


def _without(logits: Array, forbidden: npt.NDArray[np.bool_] | None) -> Array:
    """Logits (B, V) with what is forbidden at minus infinity."""
    if forbidden is None:
        return logits
    # a network that diverged must not draw, by an undefined number, what is forbidden
    return np.where(forbidden, -np.inf, np.nan_to_num(logits))


def _allowed_logprobs(logprobs: Floats, forbidden: npt.NDArray[np.bool_] | None) -> list[float]:
    """The logarithm of the probability of all that is not forbidden, for every stream; 0 where nothing is."""
    if forbidden is None:
        return [0.0] * len(logprobs)
    with np.errstate(divide="ignore"):
        sums = np.minimum(np.log(np.where(forbidden, 0.0, np.exp(logprobs)).sum(axis=1)), 0.0)
    allowed: list[float] = np.where(forbidden.any(axis=1), sums, 0.0).tolist()
    return allowed

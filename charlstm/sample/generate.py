"""Streams of characters: as many as wanted from as many prompts as wanted, all in one batch.

Legend: P prompts, B streams, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from charlstm.config import SampleConfig
from charlstm.corpus.vocab import Ids, Vocabulary
from charlstm.network.cells import State
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.network.stepper import Stepper
from charlstm.sample.draw import draw
from charlstm.sample.match import Match, Pattern, compiled
from charlstm.sample.reading import Read, read_prompts
from charlstm.sample.rules import Allowed, Every, Rule
from charlstm.sample.stop import StopFilter
from charlstm.sample.text import Drawn

LONG_TEXT = 100_000  # characters: about a minute, so that compiling pays

MakeRule = Callable[[int], Rule | None]  # the rule of a stream, by its number; None: it may write anything


def generate(
    model: CharLM,
    vocabulary: Vocabulary,
    prompt: Ids,
    config: SampleConfig,
    *,
    opening: str,
    kernels: Kernels | None = None,
    make_rule: MakeRule | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Drawn]:
    """Draw `config.num` streams of `config.length` characters that go on from one prompt: see `generate_each`."""
    return generate_each(
        model,
        vocabulary,
        [prompt],
        config,
        opening=opening,
        kernels=kernels,
        make_rule=make_rule,
        on_progress=on_progress,
    )


def generate_each(
    model: CharLM,
    vocabulary: Vocabulary,
    prompts: Sequence[Ids],
    config: SampleConfig,
    *,
    opening: str,
    kernels: Kernels | None = None,
    make_rule: MakeRule | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Drawn]:
    """Draw `config.num` streams of up to `config.length` characters from each of P prompts, all in one batch.

    Stream n of prompt p has the number p * `config.num` + n. What is drawn for it depends on the seed, `config.num`, n
    and the prompt, never on the other prompts: with the same seed, each prompt gets the text that it gets alone. (Sums
    over many streams round otherwise than sums over one, in the seventh digit; a text changes only if a random number
    falls into that gap.)

    Args:
        prompts: what the streams go on from. In place of an empty one: `opening`, and a state that remembers nothing.
        opening: what parts of the training text begin after.
        kernels: how it is computed; None: products in the type of the weights, gates not compiled.
        make_rule: what each stream may write, beside what `config.match` says.
        on_progress: called with characters read and characters in all, while long prompts are read.

    Yields:
        Characters as they are drawn, stream by stream within a step. A stream ends before `config.stop`, where its
        rule ends it, or after `config.length` characters. With `config.match` (see `match`) the text of every stream
        matches, unless a rule of `make_rule` ends it before, and has no `config.stop` in it.

    Raises:
        UsageError: for a `config.match` that is invalid or cannot be matched with these characters and this length.
    """
    start = [vocabulary.encode(opening) if len(prompt) == 0 else prompt for prompt in prompts]
    kernels = kernels or Kernels(model.head.weight.dtype)

    def read() -> Read:
        return read_prompts(model, start, kernels, on_progress)

    return go_on(model, vocabulary, read, config, kernels, make_rule)


def go_on(
    model: CharLM,
    vocabulary: Vocabulary,
    read: Callable[[], Read],
    config: SampleConfig,
    kernels: Kernels,
    make_rule: MakeRule | None = None,
    numbers: int | None = None,
) -> Iterator[Drawn]:
    """Draw streams as `generate_each` does, from prompts that have been read.

    Args:
        read: the logits (P, V) and the state after P prompts; called with the first draw.
        numbers: random numbers that each step draws, of which the streams of a prompt take the first `config.num`;
            None: as many as these are.

    Raises:
        UsageError: as `generate_each`.
    """
    rule_of: MakeRule = make_rule or (lambda stream: None)
    pattern = pattern_of(config, vocabulary)
    if pattern is not None:
        config, others = config.replace(stop=None), rule_of

        def rule_of(stream: int) -> Rule:
            return Every([Match(pattern), *([other] if (other := others(stream)) else [])])

    return _draw_all(model, vocabulary, read, config, kernels, rule_of, numbers or config.num)


def pattern_of(config: SampleConfig, vocabulary: Vocabulary) -> Pattern | None:
    """What the texts must match. Raises UsageError if none of these characters and this length can."""
    if config.match is None:
        return None
    pattern = compiled(config.match, vocabulary.characters, config.stop or "")
    pattern.check_length(config.length)
    return pattern


@torch.no_grad()
def _draw_all(
    model: CharLM,
    vocabulary: Vocabulary,
    read: Callable[[], Read],
    config: SampleConfig,
    kernels: Kernels,
    make_rule: MakeRule,
    numbers: int,
) -> Iterator[Drawn]:
    generator = torch.Generator()
    if config.seed is None:
        generator.seed()
    else:
        generator.manual_seed(config.seed)
    logits, state = read()
    P = len(logits)
    B = P * config.num
    stops = [StopFilter(config.stop) for _ in range(B)]
    rules = [make_rule(stream) for stream in range(B)]
    logits = logits.repeat_interleave(config.num, dim=0)
    state = State(state.h.repeat_interleave(config.num, dim=1), state.c.repeat_interleave(config.num, dim=1))
    stepper = Stepper(model, state, kernels)
    for left in range(config.length, 0, -1):
        u = torch.rand(numbers, generator=generator, dtype=torch.float64)[: config.num].repeat(P)
        logits = logits.float().cpu()
        masks = [
            rule.allowed(left) if rule and not stop.ended else None for rule, stop in zip(rules, stops, strict=True)
        ]
        forbidden = _forbidden(masks, logits.shape[1])
        ids = draw(_without(logits, forbidden), u, config.temperature, config.top_k, config.top_p)
        logprobs_of_all = logits.log_softmax(dim=1)
        logprobs = logprobs_of_all.gather(1, ids[:, None])[:, 0].tolist()
        allowed = _allowed_logprobs(logprobs_of_all, forbidden)
        drawn = ids.tolist()
        for stream, character in enumerate(vocabulary.decode(ids.numpy())):
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
            logits = stepper.step(ids.to(model.device))


def _forbidden(masks: Sequence[Allowed | None], vocab_size: int) -> Tensor | None:
    """What the streams may not draw, (B, V); None: all of them may draw anything."""
    if all(mask is None for mask in masks):
        return None
    anything = np.ones(vocab_size, dtype=np.bool_)
    return ~torch.from_numpy(np.stack([anything if mask is None else mask for mask in masks]))


def _without(logits: Tensor, forbidden: Tensor | None) -> Tensor:
    """Logits (B, V) with what is forbidden at minus infinity."""
    if forbidden is None:
        return logits
    # a network that diverged must not draw, by an undefined number, what is forbidden
    return logits.nan_to_num().masked_fill(forbidden, float("-inf"))


def _allowed_logprobs(logprobs: Tensor, forbidden: Tensor | None) -> list[float]:
    """The logarithm of the probability of all that is not forbidden, for every stream; 0 where nothing is."""
    if forbidden is None:
        return [0.0] * len(logprobs)
    sums = logprobs.double().masked_fill(forbidden, float("-inf")).logsumexp(dim=1).clamp(max=0.0)
    return sums.where(forbidden.any(dim=1), 0.0).tolist()

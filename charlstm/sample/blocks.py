"""As many prompts as there are, some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from charlstm.config import SampleConfig
from charlstm.corpus.vocab import Ids, Vocabulary
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.sample.generate import MakeRule, generate_each, pattern_of
from charlstm.sample.rules import Rule
from charlstm.sample.text import Drawn

STREAMS = 64  # in a batch


def in_blocks(
    model: CharLM,
    vocabulary: Vocabulary,
    prompts: Sequence[Ids],
    config: SampleConfig,
    *,
    opening: str,
    kernels: Kernels | None = None,
    make_rule: MakeRule | None = None,
) -> Iterator[list[list[Drawn]]]:
    """What `generate_each` draws, block by block, so that memory does not grow with the number of prompts.

    Args:
        config: with a seed.
        make_rule: as there; streams are numbered over all blocks.

    Returns:
        the `config.num` texts of each prompt, in order.

    Raises:
        UsageError: for a `config.match` that is invalid or cannot be matched, before anything is read.
    """
    pattern_of(config, vocabulary)
    size = max(1, STREAMS // config.num)

    def block_from(begin: int) -> Iterator[list[list[Drawn]]]:
        block = prompts[begin : begin + size]

        def rule_of(stream: int) -> Rule | None:
            return make_rule(begin * config.num + stream) if make_rule else None

        streams: list[list[Drawn]] = [[] for _ in range(len(block) * config.num)]
        for drawn in generate_each(
            model, vocabulary, block, config, opening=opening, kernels=kernels, make_rule=rule_of
        ):
            streams[drawn.stream].append(drawn)
        return (streams[k : k + config.num] for k in range(0, len(streams), config.num))

    return chain.from_iterable(block_from(begin) for begin in range(0, len(prompts), size))

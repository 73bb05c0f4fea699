"""Streams of characters: as many as wanted from as many prompts as wanted, all in one batch.

Legend: P prompts, B streams, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from charlstm.config import SampleConfig
from charlstm.corpus.vocab import Ids, Vocabulary
from charlstm.drawing.alone import write_alone
from charlstm.drawing.streams import MakeRule, draw_streams
from charlstm.drawing.text import Drawn
from charlstm.in_numpy.functions import Array
from charlstm.in_numpy.text_reader import TextReader
from charlstm.network.cells import State
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM, plain_weights
from charlstm.network.stepper import Stepper
from charlstm.sample.reading import Read, read_prompts


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
        kernels: how it is computed; None: products in the type of the weights, nothing compiled.
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
    if in_numpy(model, kernels, len(prompts) * config.num):
        reader = partial(TextReader, model.config, plain_weights(model))
        return write_alone(
            reader, vocabulary, start[0], config, opening=opening, make_rule=make_rule, on_progress=on_progress
        )

    def read() -> Read:
        return read_prompts(model, start, kernels, on_progress)

    return go_on(model, vocabulary, read, config, kernels, make_rule, prompts=len(start))


def in_numpy(model: CharLM, kernels: Kernels, streams: int) -> bool:
    """Whether a text is written by `drawing.alone`: one stream, on the processor, in float32. So it is the same text
    for all that charlstm offers to write one, and `charlstm sample` knows it before PyTorch is there.
    """
    return streams == 1 and model.device.type == "cpu" and kernels.compute_dtype == torch.float32


def go_on(
    model: CharLM,
    vocabulary: Vocabulary,
    read: Callable[[], Read],
    config: SampleConfig,
    kernels: Kernels,
    make_rule: MakeRule | None = None,
    prompts: int = 1,
    numbers: int | None = None,
) -> Iterator[Drawn]:
    """Draw streams as `generate_each` does, from prompts that have been read.

    Args:
        read: the logits (P, V) and the state after P prompts; called with the first draw.
        prompts: P.
        numbers: as in `draw_streams`.

    Raises:
        UsageError: as `generate_each`.
    """
    source = lambda: SideBySide(model, *read(), config.num, kernels)  # noqa: E731
    return draw_streams(source, vocabulary, config, make_rule, prompts, numbers)


class SideBySide:
    """The `Source` of the streams of some prompts.

    Args:
        model, kernels: the network, and how it is computed.
        logits, state: what it says after each of P prompts, (P, V), and its state.
        num: streams of each prompt.
    """

    @torch.no_grad()
    def __init__(self, model: CharLM, logits: Tensor, state: State, num: int, kernels: Kernels) -> None:
        self.device = model.device
        self._logits = logits.repeat_interleave(num, dim=0)
        state = State(state.h.repeat_interleave(num, dim=1), state.c.repeat_interleave(num, dim=1))
        self._stepper = Stepper(model, state, kernels)

    def logits(self) -> Array:
        """As in `Source`."""
        logits: Array = self._logits.detach().float().cpu().numpy()
        return logits

    def push(self, ids: npt.NDArray[np.int64]) -> None:
        """As in `Source`."""
        self._logits = self._stepper.step(torch.from_numpy(ids).to(self.device))

"""As many texts as wanted, from as many prompts as there are, some at a time: memory does not grow with either."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from threading import Lock

import torch

from charlstm.config import SampleConfig
from charlstm.corpus.vocab import Ids, Vocabulary
from charlstm.distributed.group import ALONE
from charlstm.distributed.sharing import Check, in_order, unchecked
from charlstm.drawing.streams import pattern_of
from charlstm.drawing.text import Drawn, Sample
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.sample.generate import generate, go_on
from charlstm.sample.reading import Read, read_prompts
from charlstm.sample.redraw import ATTEMPTS, Kept, draw_until, seed_after

# In a block. On one core, a character took 1.18 times as long with 64, and 0.93 times with 256; the first text comes
# when its block is done, and processes share blocks.
STREAMS = 128
SEEDS = 32  # from one block to the next: a block draws up to `ATTEMPTS` times, each with a seed of its own
assert ATTEMPTS <= SEEDS


@dataclass(frozen=True)
class Block:
    """Texts that are drawn together.

    Attributes:
        prompts: the numbers of the prompts that they go on from.
        streams: which of the texts of each prompt.
        seed: of their random numbers.
    """

    prompts: range
    streams: range
    seed: int


class Texts:
    """The `config.num` texts that go on from each of some prompts, in blocks.

    A block depends on nothing but its number, so whoever draws it draws the same. Where a prompt has up to `STREAMS`
    texts, they are those of `generate`. Where it has more, the text of a number depends on the prompt and the seed
    alone, not on how many there are; that, and sums over several streams, are in the words of `generate_each`.

    Args:
        prompts: as `generate_each` takes them.
        config: with a seed.
        opening: as there.
        kernels: as there.
        on_progress: as there.

    Raises:
        UsageError: for a `config.match` that is invalid or cannot be matched, before anything is read.
    """

    def __init__(
        self,
        model: CharLM,
        vocabulary: Vocabulary,
        prompts: Sequence[Ids],
        config: SampleConfig,
        *,
        opening: str,
        kernels: Kernels | None = None,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        pattern_of(config, vocabulary)
        assert config.seed is not None
        self.model, self.vocabulary, self.prompts, self.config = model, vocabulary, prompts, config
        self.opening, self.on_progress = opening, on_progress
        self.kernels = kernels or Kernels(model.head.weight.dtype)
        self._at_once = max(1, STREAMS // config.num)  # prompts of a block
        self._parts = -(-config.num // STREAMS)  # blocks of a prompt
        self._reading = Lock()
        self._last: tuple[range, Read] | None = None  # read for several blocks

    def __len__(self) -> int:
        """How many blocks there are."""
        return -(-len(self.prompts) // self._at_once) * self._parts

    @property
    def threads(self) -> int:
        """How many blocks one process may draw at once."""
        return torch.get_num_threads() if self.model.device.type == "cpu" else 1

    def block(self, number: int) -> Block:
        """The block of a number, from 0."""
        place, part = divmod(number, self._parts)
        seed, begin = self.config.seed, place * self._at_once
        assert seed is not None
        return Block(
            range(begin, min(begin + self._at_once, len(self.prompts))),
            range(part * STREAMS, min((part + 1) * STREAMS, self.config.num)),
            seed_after(seed, SEEDS * part),
        )

    def before(self, prompt: int) -> str:
        """The text of a prompt, by its number."""
        return self.vocabulary.decode(self.prompts[prompt])

    def draw(self, number: int, check: Check = unchecked) -> list[Sample]:
        """The texts of a block, in order: those of its first prompt first. `check` is called all the while."""
        block = self.block(number)
        return self._draw(block, len(block.streams), block.seed, check)

    def draw_until(
        self, number: int, is_wanted: Callable[[Sequence[str]], Sequence[bool]], what: str, check: Check = unchecked
    ) -> list[Kept]:
        """The texts of a block of one prompt, drawn again until they are wanted: see `redraw.draw_until`."""
        block = self.block(number)
        draw = lambda num, seed: self._draw(block, num, seed, check)  # noqa: E731
        return draw_until(draw, len(block.streams), block.seed, is_wanted, what)

    def _draw(self, block: Block, num: int, seed: int, check: Check) -> list[Sample]:
        config = self.config.replace(num=num, seed=seed)
        streams: list[list[Drawn]] = [[] for _ in range(len(block.prompts) * num)]
        if len(self.prompts) * self.config.num == 1:
            drawn = generate(
                *(self.model, self.vocabulary, self.prompts[0], config),
                opening=self.opening,
                kernels=self.kernels,
                on_progress=self.on_progress,
            )
        else:
            drawn = go_on(
                *(self.model, self.vocabulary, lambda: self._read(block.prompts, check), config, self.kernels),
                prompts=len(block.prompts),
                numbers=STREAMS if self._parts > 1 else num,
            )
        for character in drawn:
            check()
            streams[character.stream].append(character)
        assert self.config.seed is not None
        before = [self.before(prompt) for prompt in block.prompts]
        return [Sample.of(stream, before[k // num], self.config.seed) for k, stream in enumerate(streams)]

    def _read(self, numbers: range, check: Check) -> Read:
        """The prompts of some numbers; those of several blocks are read once."""
        if self._parts == 1:
            return self._read_now(numbers, check)
        with self._reading:
            if self._last is None or self._last[0] != numbers:
                self._last = numbers, self._read_now(numbers, check)
            return self._last[1]

    def _read_now(self, numbers: range, check: Check) -> Read:
        def progress(done: int, total: int) -> None:
            check()
            self.on_progress(done, total)

        beginning = self.vocabulary.encode(self.opening)
        start = [self.prompts[p] if len(self.prompts[p]) else beginning for p in numbers]
        return read_prompts(self.model, start, self.kernels, progress)


def in_blocks(
    model: CharLM,
    vocabulary: Vocabulary,
    prompts: Sequence[Ids],
    config: SampleConfig,
    *,
    opening: str,
    kernels: Kernels | None = None,
) -> Iterator[Sample]:
    """All `Texts`, in order, drawn by this process. Raises UsageError as `Texts` does."""
    texts = Texts(model, vocabulary, prompts, config, opening=opening, kernels=kernels)
    return chain.from_iterable(in_order(ALONE, len(texts), texts.draw, texts.threads))

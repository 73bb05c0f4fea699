"""One text, written by a network in NumPy: the first character comes at once, because nobody waits for PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from charlstm.config import SampleConfig
from charlstm.corpus.vocab import Ids, Vocabulary
from charlstm.drawing.streams import MakeRule, draw_streams
from charlstm.drawing.text import Drawn
from charlstm.in_numpy.functions import Array
from charlstm.in_numpy.text_reader import TextReader


class Alone:
    """The `Source` of one stream.

    Args:
        reader: a network that has read nothing.
        start: what the stream goes on from.
        on_progress: as `TextReader.read` has it.
    """

    def __init__(self, reader: TextReader, start: Ids, on_progress: Callable[[int, int], None]) -> None:
        self.reader = reader
        self._logits = reader.read(start, on_progress)

    def logits(self) -> Array:
        """As in `Source`, (1, V)."""
        return self._logits[None]

    def push(self, ids: npt.NDArray[np.int64]) -> None:
        """As in `Source`, (1)."""
        self._logits = self.reader.read(ids)


def write_alone(
    make_reader: Callable[[], TextReader],
    vocabulary: Vocabulary,
    prompt: Ids,
    config: SampleConfig,
    *,
    opening: str,
    make_rule: MakeRule | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Drawn]:
    """Draw one stream, as `sample.generate` does.

    Args:
        make_reader: makes the network; called with the first draw.
        prompt: what it goes on from; in place of an empty one: `opening`.
        make_rule: what it may write, beside what `config.match` says.
        on_progress: called with characters read and characters in all, while a long prompt is read.

    Raises:
        UsageError: for a `config.match` that is invalid or cannot be matched with these characters and this length.
    """
    start = prompt if len(prompt) else vocabulary.encode(opening)
    return draw_streams(lambda: Alone(make_reader(), start, on_progress), vocabulary, config, make_rule)

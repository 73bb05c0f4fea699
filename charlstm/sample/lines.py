"""Lines, each drawn on its own: it begins where a line of the training text does and ends at its newline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from charlstm.config import MAX_SEED, SampleConfig
from charlstm.corpus.vocab import Ids, Vocabulary
from charlstm.drawing.text import Drawn, Sample
from charlstm.errors import TextError
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.sample.generate import generate

DRAWS = 100  # so many lines are drawn for each that is wanted, before it is given up
AT_ONCE = 1024
NEXT_SEED = 0x9E3779B97F4A7C15  # added for every further batch

Known = Callable[[Sequence[str]], set[str]]  # which of some lines the training text has


@dataclass
class Lines:
    """Lines that were drawn.

    Attributes:
        lines: those that are kept: what goes on from the prompt.
        drawn: how many were drawn in all.
        known: left out, because the training text has them.
        repeated: left out, because one before them is equal.
        cut: of `lines`, those that have no newline within the length.
    """

    lines: list[Sample] = field(default_factory=list)
    drawn: int = 0
    known: int = 0
    repeated: int = 0
    cut: int = 0


def draw_lines(
    model: CharLM,
    vocabulary: Vocabulary,
    prompt: Ids,
    config: SampleConfig,
    *,
    opening: str,
    known: Known | None = None,
    kernels: Kernels | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Lines:
    """Draw lines, side by side, each from a zero state and after `opening`. Blank ones are drawn again.

    Args:
        prompt: what every line begins with.
        config: how many `lines`, and how; its `length` is the most that a line has after the prompt.
        known: given, lines that it names are left out, and those that are equal to one before them; others are drawn
            in their place, up to 100 for each that is wanted.
        on_progress: told how many of the lines there are.

    Returns:
        as many lines, or fewer where so many could not be drawn.

    Raises:
        TextError: for a model that knows no newline, or a prompt of more than one line.
    """
    before = vocabulary.decode(prompt)
    if "\n" not in vocabulary:
        raise TextError("this model knows no newline, because the text that it was trained on has no lines", "lines")
    if "\n" in before:
        raise TextError("the prompt has a newline in it, but every line begins with it", "prompt")
    seed = 0 if config.seed is None else config.seed
    start = np.concatenate([vocabulary.encode(opening), prompt])
    result, seen = Lines(), set[str]()
    num = config.lines or 1
    batch = min(AT_ONCE, num)
    while len(result.lines) < num and result.drawn < DRAWS * num:
        how = config.replace(
            num=batch, lines=None, novel=False, stop="\n", seed=(seed + NEXT_SEED * result.drawn) % (MAX_SEED + 1)
        )
        texts: list[list[Drawn]] = [[] for _ in range(batch)]
        for drawn in generate(model, vocabulary, start, how, opening=opening, kernels=kernels):
            texts[drawn.stream].append(drawn)
        lines = [Sample.of(text, before, seed) for text in texts]
        there = known([before + line for line in lines]) if known else set()
        for line in lines:
            if len(result.lines) == num:
                break
            result.drawn += 1
            whole = before + line
            if not whole.strip():
                continue
            if known and whole in there:
                result.known += 1
            elif known and whole in seen:
                result.repeated += 1
            else:
                seen.add(whole)
                result.lines.append(line)
                result.cut += len(line) == config.length
        on_progress(len(result.lines), num)
        batch = min(AT_ONCE, DRAWS * num - result.drawn, 2 * (num - len(result.lines)) + 8)
    return result

"""Lists, each line of which is a text of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from charlstm.corpus.lines import line_lengths, line_window
from charlstm.corpus.vocab import Ids
from charlstm.distributed.parts import WHOLE, Parts
from charlstm.evaluate.score import WINDOW, Score, Stopped, score_each, sum_over
from charlstm.network.buffers import BufferPool
from charlstm.network.cells import State
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM

MAX_LANES = 256  # lines that are read side by side


def score_list(
    model: CharLM,
    ids: Ids,
    newline: int,
    kernels: Kernels,
    *,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
    parts: Parts = WHOLE,
) -> Score:
    """Score every character of a list of lines, newlines too, each line from a zero state and after a newline.

    Args:
        ids: (N) the lines, each ended by a newline, N >= 1.
        newline: its id.
        on_progress: called with characters done and characters in all.
        should_stop: asked after every window.
        parts: who reads which lines; several processes score together.

    Raises:
        Stopped: if `should_stop` said so, in any process.
    """
    lengths = line_lengths(ids, newline)
    begins = np.cumsum(lengths) - lengths
    order = np.argsort(-lengths, kind="stable")

    @torch.no_grad()
    def score(part: int) -> float:
        own = order[part :: parts.number]
        pool, total, done = BufferPool(), 0.0, 0
        for first in range(0, len(own), MAX_LANES):
            lines = own[first : first + MAX_LANES]
            state = model.zero_state(len(lines))
            for start in range(0, int(lengths[lines[0]]), WINDOW):
                lines = lines[lengths[lines] > start]  # the longest come first
                state = State(state.h[:, : len(lines)], state.c[:, : len(lines)])
                end = min(start + WINDOW, int(lengths[lines[0]]))
                inputs, targets = line_window(ids, begins[lines], lengths[lines], start, end)
                scored = int((targets >= 0).sum())
                read, following = (torch.from_numpy(array).to(model.device) for array in (inputs, targets))
                loss, state = model.window_loss(read, following, state, kernels=kernels, pool=pool)
                total, done = total + loss.item() * scored, done + scored
                on_progress(done, len(ids))
                if should_stop():
                    raise Stopped
        return total

    return Score(sum_over(parts, score) / len(ids), len(ids))


def score_lists(
    model: CharLM,
    lists: Sequence[Ids],
    newline: int,
    kernels: Kernels,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[Score | None], Score]:
    """Score lists, each as `score_list` does, and all of them together.

    Args:
        lists: ids of lines, each ended by a newline; a list without lines has no score.
        newline: its id.
        on_progress: called with characters done and characters in all.

    Raises:
        ValueError: if no list has a line.
    """

    def one(ids: Ids, show: Callable[[int, int], None]) -> Score:
        return score_list(model, ids, newline, kernels, on_progress=show)

    return score_each(lists, 1, one, on_progress)

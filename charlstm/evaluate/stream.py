"""A text as one stream, its state carried from beginning to end."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import torch

from charlstm.corpus.vocab import Ids
from charlstm.distributed.parts import WHOLE, Parts
from charlstm.evaluate.score import WINDOW, Score, Stopped, in_all, sum_over
from charlstm.network.buffers import BufferPool
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.scoring import score_texts

WARM_CHARS = 500  # what a lane reads before it is scored, where it does not begin at the beginning
LANE_CHARS = 3000  # a lane scores at least this many
MAX_LANES = 256


def score_stream(
    model: CharLM,
    ids: Ids,
    kernels: Kernels,
    *,
    max_lanes: int = MAX_LANES,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
    parts: Parts = WHOLE,
) -> Score:
    """Score characters 2..N once each, from a zero state, with state carried.

    A long text is cut into lanes that are read side by side, each warmed on the 500 characters before it.

    Args:
        ids: (N) the text, N >= 2.
        max_lanes: 1 scores the text strictly in one piece.
        on_progress: called with steps done and steps in all.
        should_stop: asked after every window.
        parts: who reads which lanes; several processes score together.

    Raises:
        Stopped: if `should_stop` said so, in any process.
    """
    n = len(ids) - 1  # characters to score
    lanes = max(1, min(max_lanes, n // LANE_CHARS))
    length = -(-n // lanes)
    warm = WARM_CHARS if lanes > 1 else 0
    begins = np.arange(lanes) * length  # the input whose successor is the lane's first target
    edges = [*range(-warm, 0, WINDOW), *range(0, length, WINDOW), length]

    @torch.no_grad()
    def score(part: int) -> float:
        own = begins[parts.lanes(part, lanes)]
        state, pool, total = model.zero_state(len(own)), BufferPool(), 0.0
        for start, end in itertools.pairwise(edges if len(own) else ()):
            if start == 0 and own[0] == 0:  # nothing is before the first lane: whatever it was warmed on, it forgets
                state.h[:, 0], state.c[:, 0] = 0.0, 0.0
            places = own + np.arange(start, end)[:, None]  # (T, lanes) of inputs
            scored = (start >= 0) & (places < n)
            places = places.clip(0, n - 1)
            inputs = torch.from_numpy(ids[places].astype(np.int64)).to(model.device)
            targets = np.where(scored, ids[places + 1].astype(np.int64), -1)
            loss, state = model.window_loss(
                inputs, torch.from_numpy(targets).to(model.device), state, kernels=kernels, pool=pool
            )
            total += loss.item() * int(scored.sum())
            on_progress(warm + end, warm + length)
            if should_stop():
                raise Stopped
        return total

    return Score(sum_over(parts, score) / n, n)


def score_files(
    model: CharLM,
    texts: Sequence[Ids],
    kernels: Kernels,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[Score | None], Score]:
    """Score texts, each as `score_stream` does, and all of them together; short ones are read side by side.

    Args:
        texts: ids; one of fewer than two characters has no score.
        on_progress: called with characters read and characters in all.

    Raises:
        ValueError: if no text has two characters.
    """
    found: list[Score | None] = [None] * len(texts)
    done, total = 0, sum(len(text) for text in texts)

    def advance(characters: int) -> None:
        nonlocal done
        done += characters
        on_progress(min(done, total), total)

    short = [k for k, text in enumerate(texts) if 2 <= len(text) <= 2 * LANE_CHARS]  # such have one lane each
    for k, score in zip(
        short, score_texts(model, [texts[k] for k in short], kernels, on_progress=advance), strict=True
    ):
        found[k] = Score(score.nats_per_char, score.characters)
    for k, text in enumerate(texts):
        if len(text) > 2 * LANE_CHARS:

            def show(step: int, of: int, before: int = done, size: int = len(text)) -> None:
                on_progress(before + size * step // of, total)

            found[k] = score_stream(model, text, kernels, on_progress=show)
            advance(len(text))
    return found, in_all(found)

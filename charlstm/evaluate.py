"""How well a model predicts a text: nats and bits a character, by three protocols."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from charlstm.corpus.lines import line_lengths, line_window
from charlstm.corpus.vocab import Ids
from charlstm.distributed.parts import WHOLE, Parts
from charlstm.network.buffers import BufferPool
from charlstm.network.cells import State
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.scoring import score_texts

WARM_CHARS = 500  # what a lane reads before it is scored, where it does not begin at the beginning
LANE_CHARS = 3000  # a lane scores at least this many
MAX_LANES = 256
WINDOW = 256
SCORING_SPEED = 3.0  # about this many times as fast as learning


def bits_per_char(nats_per_char: float) -> float:
    """Nats in bits."""
    return nats_per_char / math.log(2)


@dataclass(frozen=True)
class Score:
    """How well a text was predicted."""

    nats_per_char: float
    characters: int  # how many were scored

    def __repr__(self) -> str:
        how = f"{self.bits_per_char:.4f} bits/char, {self.nats_per_char:.4f} nats/char"
        return f"<Score: {how}, over {self.characters:,} characters>"

    @property
    def bits_per_char(self) -> float:
        """The same in bits."""
        return bits_per_char(self.nats_per_char)

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {"nats_per_char": self.nats_per_char, "bits_per_char": self.bits_per_char, "characters": self.characters}


class Stopped(Exception):
    """Raised by `score_stream` and `score_list` when `should_stop` said so."""


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

    return Score(_sum_over(parts, score) / n, n)


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

    return Score(_sum_over(parts, score) / len(ids), len(ids))


def _sum_over(parts: Parts, score: Callable[[int], float]) -> float:
    """The sum of the parts' scores, in their order. Raises Stopped in all processes if one has stopped."""
    sums, stopped = [0.0] * len(parts.own), False
    try:
        sums = list(parts.each(score))
    except Stopped:
        stopped = True
    if any(parts.group.gather(torch.tensor([stopped]))):
        raise Stopped
    return math.fsum(parts.collect(sums))


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
    found: list[Score | None] = []
    done, total = 0, sum(map(len, lists))
    for ids in lists:

        def show(here: int, of: int, before: int = done) -> None:
            on_progress(before + here, total)

        found.append(score_list(model, ids, newline, kernels, on_progress=show) if len(ids) else None)
        done += len(ids)
    return found, in_all(found)


def in_all(scores: Sequence[Score | None]) -> Score:
    """The score of texts together, by the characters of each. Raises ValueError if none has one."""
    found = [score for score in scores if score is not None]
    characters = sum(score.characters for score in found)
    if not characters:
        raise ValueError("no text has two characters")
    return Score(math.fsum(score.nats_per_char * score.characters for score in found) / characters, characters)


@torch.no_grad()
def score_windows(
    model: CharLM, ids: Ids, kernels: Kernels, *, seq_len: int, batches: int, batch_size: int, seed: int
) -> Score:
    """Score random windows, each from a zero state, as nanoGPT's `estimate_loss` does.

    Args:
        ids: (N) the text, N > seq_len + 1.
        seq_len: characters in a window; all of them are scored.
        batches, batch_size: how many batches of how many windows.
        seed: of the places.
    """
    generator = torch.Generator().manual_seed(seed)
    pool, total = BufferPool(), 0.0
    for _ in range(batches):
        begins = torch.randint(len(ids) - seq_len, (batch_size,), generator=generator).numpy()
        places = begins[None, :] + np.arange(seq_len)[:, None]
        inputs, targets = (torch.from_numpy(ids[p].astype(np.int64)).to(model.device) for p in (places, places + 1))
        loss, _ = model.window_loss(inputs, targets, model.zero_state(batch_size), kernels=kernels, pool=pool)
        total += loss.item()
    return Score(total / batches, batches * batch_size * seq_len)

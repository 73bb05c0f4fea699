"""Prompts, read side by side.

Legend: P prompts, V vocabulary, T window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from charlstm.corpus.vocab import Ids
from charlstm.network.cells import State
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.network.scan import scan

Read = tuple[Tensor, State]  # of P prompts: the logits (P, V) of what comes next, and the state
WINDOW = 4096  # characters that are read at once, of all prompts together: memory does not grow with their lengths


def read_prompts(
    model: CharLM, prompts: Sequence[Ids], kernels: Kernels, on_progress: Callable[[int, int], None]
) -> Read:
    """The logits (P, V) and the state after each prompt; prompts have at least one character, and any lengths.

    The longest come first. All are read up to where the shortest ends, which is then left out, the others on to where
    the next one ends: nothing is padded, so no prompt reads anything but itself.
    """
    order = sorted(range(len(prompts)), key=lambda k: -len(prompts[k]))
    lengths = [len(prompts[k]) for k in order]
    total, done, at, lanes = sum(lengths), 0, 0, len(order)
    state = model.zero_state(lanes)
    ends: list[tuple[Tensor, State]] = []  # of the shortest first
    while lanes > 0:
        end = min(lengths[lanes - 1], at + max(1, WINDOW // lanes))
        window = np.stack([prompts[k][at:end].astype(np.int64) for k in order[:lanes]], axis=1)  # (T, lanes)
        h, state = scan(
            model.stack, model.embedding.weight, torch.from_numpy(window).to(model.device), state, kernels=kernels
        )
        done, at = done + window.size, end
        if total > WINDOW:
            on_progress(done, total)
        going = sum(length > at for length in lengths[:lanes])
        if going < lanes:
            logits = model.head(h[-1, going:lanes].to(model.head.weight.dtype))
            ends.append((logits, State(state.h[:, going:], state.c[:, going:])))
            state, lanes = State(state.h[:, :going].contiguous(), state.c[:, :going].contiguous()), going
    ends.reverse()
    back = torch.tensor(order).argsort().to(model.device)  # from the longest first to as they were given
    logits = torch.cat([logits for logits, _ in ends])[back]
    h, c = (torch.cat([getattr(state, name) for _, state in ends], dim=1)[:, back] for name in "hc")
    return logits, State(h, c)

"""Random windows from a zero state, as nanoGPT scores a text."""

from __future__ import annotations

import numpy as np
import torch

from charlstm.corpus.vocab import Ids
from charlstm.evaluate.score import Score
from charlstm.network.buffers import BufferPool
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM


@torch.no_grad()
def score_windows(
    model: CharLM, ids: Ids, kernels: Kernels, *, seq_len: int, batches: int, batch_size: int, seed: int
) -> Score:
    """Score random windows, each from a zero state, as nanoGPT's `estimate_loss` does.

    Args:
        ids: (N) the text, N > seq_len.
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

"""A text as one stream, by a network that learns from it what it has read: dynamic evaluation.

(Mikolov et al. 2010, "Recurrent neural network based language model"; Krause et al. 2018, "Dynamic evaluation of neural
sequence models".) A segment is scored first and learnt from afterwards, so no character is predicted by weights that
have seen it. Such a score says how well network and learning predict the text together; it is not comparable with one
by fixed weights.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from charlstm.config import DynamicConfig
from charlstm.corpus.vocab import Ids
from charlstm.errors import DivergedError
from charlstm.evaluate.score import Score, score_each
from charlstm.network.buffers import BufferPool
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM

AVERAGED = 0.999  # of the mean squares of the gradients, from one segment to the next
FLOOR = 0.1  # of the root mean square of a tensor's gradients: no weight is taken for less noisy than that


@dataclass
class _Weight:
    """A tensor that learns: as it is, as it was trained, and the mean square of its gradients."""

    now: Tensor
    trained: Tensor
    square: Tensor

    def learn(self, gradient: Tensor, how: DynamicConfig, segments: int) -> None:
        """Take a step: RMSprop, with a pull towards the trained weights (Krause et al. 2018, section 4)."""
        self.square.lerp_(gradient.square(), 1 - AVERAGED)
        rms = (self.square / (1 - AVERAGED**segments)).sqrt_()
        self.now.addcdiv_(gradient, rms.add_(FLOOR * rms.mean() + 1e-12), value=-how.lr).lerp_(self.trained, how.decay)


def score_dynamically(
    model: CharLM,
    ids: Ids,
    kernels: Kernels,
    how: DynamicConfig,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Score:
    """Score characters 2..N once each, from a zero state, with state carried; the model itself stays as it is.

    Args:
        ids: (N) the text, N >= 2, read in one piece.
        on_progress: called with characters done and characters in all.

    Raises:
        DivergedError: if the weights became infinite or undefined.
    """
    model, n = copy.deepcopy(model), len(ids) - 1
    weights = [_Weight(p.data, p.data.clone(), torch.zeros_like(p)) for p in model.parameters()]
    state, pool, nats = model.zero_state(1), BufferPool(), 0.0
    for segments, start in enumerate(range(0, n, how.segment), start=1):
        end = min(n, start + how.segment)
        text = torch.from_numpy(ids[start : end + 1].astype(np.int64)).to(model.device)[:, None]
        loss, state = model.window_loss(text[:-1], text[1:], state, kernels=kernels, pool=pool)
        if not bool(torch.isfinite(loss)):
            problem = f"the weights became infinite or undefined after {start:,} characters"
            raise DivergedError(f"{problem}; try a lower `lr` (it was {how.lr:g})", "lr")
        gradients: Sequence[Tensor] = torch.autograd.grad(loss, [*model.parameters()])
        nats, state = nats + loss.item() * (end - start), state.detach()
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.learn(gradient, how, segments)
        on_progress(end, n)
    return Score(nats / n, n)


def score_files_dynamically(
    model: CharLM,
    texts: Sequence[Ids],
    kernels: Kernels,
    how: DynamicConfig,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[Score | None], Score]:
    """Score texts, each as `score_dynamically` does from the trained weights, and all of them together.

    Args:
        texts: ids; one of fewer than two characters has no score.
        on_progress: called with characters done and characters in all.

    Raises:
        ValueError: if no text has two characters.
        DivergedError: as `score_dynamically`.
    """

    def one(ids: Ids, show: Callable[[int, int], None]) -> Score:
        return score_dynamically(model, ids, kernels, how, on_progress=show)

    return score_each(texts, 2, one, on_progress)

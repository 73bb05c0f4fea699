"""How fast a training will be, before it begins."""

from __future__ import annotations

import copy
import time
from collections import deque

import torch

from charlstm.config import TrainConfig
from charlstm.network.buffers import BufferPool
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.training.dropout import dropout_masks
from charlstm.training.optim import guarded_step, make_optimizers


class SpeedMeter:
    """Characters a second over the last few steps.

    Attributes:
        characters: all that were counted.
    """

    def __init__(self) -> None:
        self.characters = 0
        self.recent: deque[tuple[float, int]] = deque(maxlen=20)  # when, how many in all

    def add(self, now: float, characters: int) -> None:
        """Count characters that were learnt from, at a time in seconds."""
        self.characters += characters
        self.recent.append((now, self.characters))

    def chars_per_s(self) -> float:
        """The speed; 0 before the second step."""
        if len(self.recent) < 2:
            return 0.0
        (began, before), (now, after) = self.recent[0], self.recent[-1]
        return (after - before) / max(now - began, 1e-9)


def measure_speed(model: CharLM, config: TrainConfig, kernels: Kernels, windows: int = 3) -> float:
    """Characters a second, forward, backward and the optimiser's step, over a few windows of noise.

    A copy of the model learns from them; the first window, which pays for start-up, is not counted.
    """
    model = copy.deepcopy(model)
    optimizers = make_optimizers(model, config)
    ids = torch.arange(config.batch_size * config.seq_len, device=model.device) % model.config.vocab_size
    window = ids.view(config.seq_len, config.batch_size)
    pool, times = BufferPool(), []
    shape = (*window.shape, model.config.hidden_size)
    for _ in range(windows + 1):
        began = time.monotonic()
        masks = dropout_masks(
            config.dropout, config.variational, shape, model.config.num_layers, config.seed, 0, model.device
        )
        loss, _ = model.window_loss(
            window, window, model.zero_state(config.batch_size), kernels=kernels, pool=pool, masks=masks
        )
        loss.backward()
        guarded_step(model, optimizers, loss.detach(), config.lr, config.clip_norm)
        model.zero_grad(set_to_none=True)
        times.append(time.monotonic() - began)
    return window.numel() / min(times[1:])

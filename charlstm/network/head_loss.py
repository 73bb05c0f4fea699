"""The end of the network and its loss, in constant memory."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

MAX_LOGITS = 1 << 22  # so many logits are held at a time: a large vocabulary must not cost gigabytes


class HeadLoss(torch.autograd.Function):
    """Head, softmax and cross-entropy in one, so many rows at a time that the logits stay small.

    forward(h (N, H), weight (V, H), bias (V), targets (N), keep) -> mean negative log-likelihood, nats a
    character, over the targets that are not -1. The gradient of a row is softmax(logits) - one_hot(target),
    so it is known as soon as the loss is.
    """

    @staticmethod
    def forward(ctx: Any, h: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, keep: bool) -> Tensor:
        w = weight.to(h.dtype)
        loss = weight.new_zeros(())
        d_h, d_weight, d_bias = torch.empty_like(h), torch.zeros_like(weight), torch.zeros_like(bias)
        chunk = max(1, MAX_LOGITS // len(bias))
        scored = targets >= 0
        ctx.count = scored.sum().clamp(min=1)
        for start in range(0, len(h), chunk):
            rows = slice(start, start + chunk)
            log_p = F.linear(h[rows], w).to(bias.dtype).add_(bias).log_softmax(dim=1)
            loss += F.nll_loss(log_p, targets[rows], ignore_index=-1, reduction="sum")
            if keep:
                d_logits = log_p.exp_()
                d_logits[torch.arange(len(d_logits), device=h.device), targets[rows].clamp(min=0)] -= 1.0
                d_logits *= scored[rows, None]
                d_bias += d_logits.sum(dim=0)
                d_logits = d_logits.to(h.dtype)
                torch.mm(d_logits, w, out=d_h[rows])
                d_weight += d_logits.T @ h[rows]
        if keep:
            ctx.saved = d_h, d_weight, d_bias
        mean: Tensor = loss / ctx.count
        return mean

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:
        d_h, d_weight, d_bias = ctx.saved
        scale = grad / ctx.count
        return d_h * scale.to(d_h.dtype), d_weight * scale, d_bias * scale, None, None

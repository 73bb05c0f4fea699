"""AdamW: the arithmetic is PyTorch's, in a class of our own (`training.optimizer` says why)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch.optim.adamw import adamw

from charlstm.training.optimizer import Optimizer


class AdamW(Optimizer):
    """AdamW (Loshchilov & Hutter 2019), all tensors of a group in one fused kernel.

    Args:
        groups: may have a "weight_decay" of their own, and an "lr".
        lr: the learning rate.
        betas: of the means of the gradients and of their squares.
    """

    def __init__(self, groups: Iterable[Mapping[str, Any]], lr: float, betas: tuple[float, float]) -> None:
        super().__init__(groups, lr=lr, betas=betas)

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            for p in params:
                if p not in self.state:
                    self.state[p] = {
                        "step": torch.zeros((), device=p.device),
                        "exp_avg": torch.zeros_like(p),
                        "exp_avg_sq": torch.zeros_like(p),
                    }
            remembered = [self.state[p] for p in params]
            beta1, beta2 = group["betas"]
            adamw(
                params,
                grads=[p.grad for p in params],
                exp_avgs=[of["exp_avg"] for of in remembered],
                exp_avg_sqs=[of["exp_avg_sq"] for of in remembered],
                max_exp_avg_sqs=[],
                state_steps=[of["step"] for of in remembered],
                fused=True,
                amsgrad=False,
                beta1=beta1,
                beta2=beta2,
                lr=group["lr"],
                weight_decay=group["weight_decay"],
                eps=1e-8,
                maximize=False,
            )

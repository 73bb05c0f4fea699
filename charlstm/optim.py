"""The optimiser: AdamW, its learning-rate schedule, clipping, and the guard that lets nothing bad through."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from charlstm.config import TrainConfig

MOMENTS = ("exp_avg", "exp_avg_sq")  # what AdamW remembers of each parameter


def make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019), one step a call in one kernel; biases do not decay."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() <= 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, config.beta2), fused=True)


def learning_rate(progress: float, config: TrainConfig) -> float:
    """The rate at a share 0..1 of the budget: a linear rise, then half a cosine down to `final_lr`."""
    if progress < config.warmup:
        # never quite 0, so that the first step, at progress 0, learns something too
        return config.lr * max(progress / config.warmup, 0.01)
    along = min(1.0, (progress - config.warmup) / max(1e-9, 1 - config.warmup))
    return config.lr * (config.final_lr + (1 - config.final_lr) * 0.5 * (1 + math.cos(math.pi * along)))


def guarded_step(model: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor, lr: float, clip_norm: float) -> bool:
    """Clip the gradients to a norm and take a step, unless loss or norm is not finite: then touch nothing.

    Returns:
        Whether the step was taken.
    """
    norm = nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    if not bool(torch.isfinite(loss) & torch.isfinite(norm)):
        return False
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.step()
    return True


def optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """AdamW's moments by name, zero where no step was taken yet."""
    return {
        f"optimizer.{moment}.{name}": optimizer.state[p][moment] if p in optimizer.state else torch.zeros_like(p)
        for name, p in model.named_parameters()
        for moment in MOMENTS
    }


def restore_optimizer(
    model: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], steps: int
) -> None:
    """Put back what `optimizer_tensors` gave after `steps` steps."""
    for name, p in model.named_parameters():
        optimizer.state[p] = {
            "step": torch.tensor(float(steps), device=p.device),
            **{moment: tensors[f"optimizer.{moment}.{name}"].to(p, copy=True) for moment in MOMENTS},
        }

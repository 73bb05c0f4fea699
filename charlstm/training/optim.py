"""The optimiser: AdamW or Muon, the learning-rate schedule, clipping, and the guard against what is not finite."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from charlstm.checkpoint.moments import is_hidden_matrix, moments_of
from charlstm.config import TrainConfig
from charlstm.distributed.group import ALONE, Group
from charlstm.training.adamw import AdamW
from charlstm.training.muon import Muon, by_inverses, by_iteration
from charlstm.training.optimizer import Optimizer


def make_optimizers(model: nn.Module, config: TrainConfig) -> list[Optimizer]:
    """AdamW; biases do not decay.

    With "muon", the hidden matrices are left to Muon (`training.muon`), which takes the gates of a layer as one matrix,
    (4H, H). Its steps are of AdamW's size, so that one learning rate serves both.
    """
    of_muon = {name for name, _ in model.named_parameters() if config.optimizer == "muon" and is_hidden_matrix(name)}
    rest = [p for name, p in model.named_parameters() if name not in of_muon]
    groups = [
        {"params": [p for p in rest if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in rest if p.dim() <= 1], "weight_decay": 0.0},
    ]
    adamw = AdamW(groups, config.lr, (0.9, config.beta2))
    if not of_muon:
        return [adamw]
    matrices = [p for name, p in model.named_parameters() if name in of_muon]
    on_processor = matrices[0].device.type == "cpu"
    polar = by_inverses if config.polar == "inverses" and on_processor else by_iteration
    muon = Muon(matrices, config.lr, config.weight_decay, polar)
    return [muon, adamw]


def learning_rate(progress: float, config: TrainConfig) -> float:
    """The rate at a share 0..1 of the budget: a linear rise, then half a cosine down to `final_lr`."""
    if progress < config.warmup:
        # never quite 0, so that the first step, at progress 0, learns something too
        return config.lr * max(progress / config.warmup, 0.01)
    along = min(1.0, (progress - config.warmup) / max(1e-9, 1 - config.warmup))
    return config.lr * (config.final_lr + (1 - config.final_lr) * 0.5 * (1 + math.cos(math.pi * along)))


def guarded_step(
    model: nn.Module,
    optimizers: Sequence[Optimizer],
    loss: Tensor,
    lr: float,
    clip_norm: float,
    group: Group = ALONE,
) -> bool:
    """Clip the gradients to a norm and take a step, unless loss or norm is not finite: then touch nothing.

    Args:
        group: the processes that do so together. All have the same gradients; every matrix of Muon's is computed by one
            of them, which tells the others. Until `share_moments`, only that one knows its momentum.

    Returns:
        Whether the step was taken.
    """
    norm = nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    if not bool(torch.isfinite(loss) & torch.isfinite(norm)):
        return False
    for optimizer in optimizers:
        for part in optimizer.param_groups:
            part["lr"] = lr
        if isinstance(optimizer, Muon) and group.size > 1:
            _shared_step(optimizer, group)
        else:
            optimizer.step()
    return True


def _shared_step(muon: Muon, group: Group) -> None:
    for k, matrix in enumerate(muon.params):
        if k % group.size != group.rank:
            matrix.grad = None  # it stays as it is
    muon.step()
    for k, matrix in enumerate(muon.params):
        group.broadcast_(matrix.data, k % group.size)


def share_moments(optimizers: Sequence[Optimizer], group: Group) -> None:
    """Give every process what the optimisers remember, after steps that were shared out."""
    for optimizer in optimizers:
        if isinstance(optimizer, Muon) and group.size > 1:
            for k, matrix in enumerate(optimizer.params):
                state = optimizer.state.setdefault(matrix, {})
                momentum = state.setdefault("momentum_buffer", torch.zeros_like(matrix))
                group.broadcast_(momentum, k % group.size)


def optimizer_tensors(model: nn.Module, optimizers: Sequence[Optimizer]) -> dict[str, Tensor]:
    """What the optimisers remember, by name; zero where no step was taken yet."""
    return {
        f"optimizer.{moment}.{name}": optimizer.state[p][moment] if p in optimizer.state else torch.zeros_like(p)
        for name, p, optimizer, moments in _with_optimizers(model, optimizers)
        for moment in moments
    }


def restore_optimizers(
    model: nn.Module, optimizers: Sequence[Optimizer], tensors: dict[str, Tensor], steps: int
) -> None:
    """Put back what `optimizer_tensors` gave after `steps` steps."""
    for name, p, optimizer, moments in _with_optimizers(model, optimizers):
        state = {moment: tensors[f"optimizer.{moment}.{name}"].to(p, copy=True) for moment in moments}
        if isinstance(optimizer, AdamW):
            state["step"] = torch.tensor(float(steps), device=p.device)
        optimizer.state[p] = state


def _with_optimizers(
    model: nn.Module, optimizers: Sequence[Optimizer]
) -> Iterator[tuple[str, nn.Parameter, Optimizer, tuple[str, ...]]]:
    """Each parameter with its name, the optimiser that moves it, and what that remembers of it."""
    owners = {p: optimizer for optimizer in optimizers for p in optimizer.params}
    kind = "muon" if len(optimizers) > 1 else "adamw"
    for name, p in model.named_parameters():
        yield name, p, owners[p], moments_of(name, kind)

"""Muon: momentum whose singular values are made nearly equal, so that a step moves every direction equally far.

For a matrix W (N, H) with gradient G, momentum mu and learning rate lr (Jordan et al. 2024):

    M <- mu M + (1 - mu) G                                  momentum
    U  = mu M + (1 - mu) G                                  one step ahead (Nesterov)
    W <- (1 - lr decay) W - 0.2 lr sqrt(max(N, H)) polar(U)

The factor makes a step as large as one of AdamW's (Liu et al. 2025, section 2.2). polar(U) = U (U'U)^(-1/2) has the
singular vectors of U, and singular values of 1; it is enough that they are near 1. Two ways lead there:

- `by_inverses`, for a processor: multiplies U twice, and inverts two small matrices (H, H).
- `by_iteration`, for a GPU, where products cost little and inverses much: multiplies U ten times.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from charlstm.network.products import bf16_multiplier
from charlstm.network.threads import LaneRange, Share, in_parts
from charlstm.training.optimizer import Optimizer

NOTHING = 1e-7  # a matrix of a smaller norm is left as small as it is
# cells from which the last product is in bfloat16, where that is fast; other than that of the network's products, this
# width must stay, so that a run goes on to the bit
BF16_FROM = 192
STRIP = 128  # rows of the Gram matrix that are computed at a time

# x (CONSTANT + sum of WEIGHTS / (x^2 + POLES)) is within ERROR of 1 for all x from SMALLEST to 1, and no other function
# of this form is nearer (Zolotarev 1877; Nakatsukasa & Freund 2016, "Computing fundamental matrix decompositions
# accurately via the matrix sign function in two iterations: the power of Zolotarev's functions"). At 0 it is as steep
# as the five steps of `by_iteration`, and from there on twice as near to 1.
SMALLEST, ERROR = 2e-3, 0.15475
CONSTANT = 0.9619399
POLES = (1.8960818e-5, 9.1860596e-3)
WEIGHTS = (9.2188285e-3, 0.18527752)

Polar = Callable[[Tensor], Tensor]  # (N, H) -> (N, H)


def by_inverses(u: Tensor) -> Tensor:
    """The polar factor of a matrix u (N, H), nearly:

        polar(U) ~ U (c I + w_1 (A + p_1 I)^-1 + w_2 (A + p_2 I)^-1) / |U|      A = U'U / |U|^2

    Singular values above `SMALLEST` |U| come within `ERROR` of 1, smaller ones stay in proportion. A takes the digits
    of float32, because its eigenvalues are squares; none exceeds 1, because their sum is 1.
    """
    H = u.shape[1]
    gram = u.new_zeros(H, H)
    for i in range(0, H, STRIP):  # no more than the lower triangle, which is all that is read
        torch.mm(u[:, i : i + STRIP].T, u[:, : i + STRIP], out=gram[i : i + STRIP, : i + STRIP])
    square = gram.diagonal().sum().clamp(min=NOTHING**2)  # |U|^2, the trace
    gram /= square
    inverses = dict.fromkeys(POLES, gram)

    def invert(some: LaneRange) -> None:
        for pole in POLES[some.begin : some.end]:
            shifted = gram.clone()
            shifted.diagonal().add_(pole)
            inverses[pole] = torch.cholesky_inverse(torch.linalg.cholesky(shifted))

    # each on one thread: LAPACK rounds otherwise on several, which products of this size do not
    in_parts(invert, len(POLES), Share(min(len(POLES), torch.get_num_threads()), 1))
    root = torch.eye(H, dtype=u.dtype).mul_(CONSTANT)  # A^(-1/2)
    for pole, weight in zip(POLES, WEIGHTS, strict=True):
        root.add_(inverses[pole], alpha=weight)
    root /= square.sqrt()
    narrow = u.dtype == torch.float32 and H >= BF16_FROM and bf16_multiplier(u.device)
    dtype = torch.bfloat16 if narrow else u.dtype
    return u.to(dtype) @ root.to(dtype)


def by_iteration(u: Tensor) -> Tensor:
    """The polar factor of u (N, H) by five steps of Newton and Schulz in bfloat16, as in `torch.optim.Muon`.

    Each step takes a singular value s of U / |U| to a s + b s^3 + c s^5; most end between 0.7 and 1.2.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = u.bfloat16() if u.shape[0] <= u.shape[1] else u.bfloat16().T
    x = x / x.norm().clamp(min=NOTHING)
    for _ in range(5):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x if u.shape[0] <= u.shape[1] else x.T


class Muon(Optimizer):
    """Moves matrices as the equations above say; remembers `momentum_buffer` of each, of its shape.

    Args:
        params: matrices (N, H).
        lr: the learning rate.
        weight_decay: of the matrices.
        polar: makes singular values equal.
        momentum: mu.
    """

    def __init__(
        self, params: Iterable[Tensor], lr: float, weight_decay: float, polar: Polar, momentum: float = 0.95
    ) -> None:
        super().__init__([{"params": params}], lr=lr, weight_decay=weight_decay, momentum=momentum)
        self.polar = polar

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            lr, mu = group["lr"], group["momentum"]
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                if matrix not in self.state:
                    self.state[matrix] = {"momentum_buffer": torch.zeros_like(matrix)}
                momentum = self.state[matrix]["momentum_buffer"]
                momentum.lerp_(matrix.grad, 1 - mu)
                direction = self.polar(matrix.grad.lerp(momentum, mu))
                matrix.mul_(1 - lr * group["weight_decay"])
                matrix.add_(direction, alpha=-0.2 * lr * math.sqrt(max(matrix.shape)))

"""A running mean of the weights, which is scored and kept in place of the newest ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from charlstm.checkpoint.model_file import mean_of
from charlstm.network.model import CharLM


class Average:
    """The mean of the weights after each step so far, the later ones counting more.

    The weights after step i count nearly in proportion to i^(1 / share - 1): about the last `share` of the training,
    however long it has been (a power-function profile: Karras et al. 2024, section 3.1).

    Args:
        model: whose weights.
        share: 0 < share <= 1; 1 is the plain mean of all.
    """

    def __init__(self, model: CharLM, share: float) -> None:
        self.share = share
        self._means = {name: p.detach().clone() for name, p in model.named_parameters()}

    @torch.no_grad()
    def add(self, model: CharLM, steps: int) -> None:
        """Take in the weights that `steps` steps have led to, of which the last is new."""
        weight = min(1.0, 1.0 / (self.share * steps))
        torch._foreach_lerp_([*self._means.values()], [p.detach() for p in model.parameters()], weight)

    @contextmanager
    def in_place_of(self, newest: CharLM) -> Iterator[None]:
        """Within it, the model has the mean weights; they lie where the newest did."""
        kept = {name: p.detach().clone() for name, p in newest.named_parameters()}
        try:
            _put(newest, self._means)
            yield
        finally:
            _put(newest, kept)

    def tensors(self) -> dict[str, Tensor]:
        """The means by name, as a `last` file has them."""
        return {mean_of(name): mean for name, mean in self._means.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `tensors` gave."""
        for name, mean in self._means.items():
            mean.copy_(tensors[mean_of(name)])


@torch.no_grad()
def _put(model: CharLM, weights: Mapping[str, Tensor]) -> None:
    for name, p in model.named_parameters():
        p.copy_(weights[name])

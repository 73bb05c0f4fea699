"""What a window teaches: its loss, and the gradients of all weights, whoever computes which lanes."""

from __future__ import annotations

import threading

import torch
from torch import Tensor

from charlstm.config import TrainConfig
from charlstm.distributed.group import ALONE, Group
from charlstm.distributed.parts import Parts
from charlstm.network.buffers import BufferPool
from charlstm.network.cells import State
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.training.batches import Window
from charlstm.training.dropout import drop_recurrent_weights, dropout_masks, kept_lanes, recurrent_masks
from charlstm.training.graphed import GraphedWindow


def parts_for(config: TrainConfig, device: torch.device, group: Group = ALONE) -> Parts:
    """The parts of the lanes of a training. Raises UsageError if the processes cannot share them alike."""
    return Parts(group, config.shards, config.batch_size, threaded=device.type == "cpu")


class Learner:
    """Computes gradients, alone or with other processes.

    Args:
        model: the network.
        config: how it is trained.
        kernels: how windows are computed.
        parts: the lanes of a window, and whose they are.
    """

    def __init__(self, model: CharLM, config: TrainConfig, kernels: Kernels, parts: Parts) -> None:
        self.model, self.config, self.kernels, self.parts = model, config, kernels, parts
        self.weights = list(model.parameters())
        self.graph: GraphedWindow | None = None  # of whole windows, on a GPU
        self._pools = threading.local()  # of buffers: each thread its own

    def learn(self, window: Window, carried: State, step: int) -> tuple[Tensor, State]:
        """The mean loss of a window, nats a character, and the state after it; the gradients are left in the weights.

        Loss and gradients are the same in all processes; of the states, those of this process's lanes are new.

        Args:
            window: all its lanes.
            carried: where the window before it ended, (L, B, H) each.
            step: how many windows were learnt from before.
        """
        config = self.config
        B = window.inputs.shape[1]
        state = self.model.zero_state(B)
        if not window.is_fresh:
            keep = kept_lanes(config.reset, B, config.seed, step, self.model.device)
            state = State(*(torch.where(keep, before, 0.0) for before in carried))
        dropped = recurrent_masks(config.weight_dropout, self.model.stack.layers(), config.seed, step)
        if self.parts.is_whole:
            return self._learn_whole(window, state, step, dropped)
        return self._learn_parts(window, state, step, dropped)

    def _learn_whole(self, window: Window, state: State, step: int, dropped: list[Tensor]) -> tuple[Tensor, State]:
        masks = self._masks(window, step)
        if self._can_be_graphed(window):
            return self._graphed(window.inputs, window.targets, state, masks)
        self.model.zero_grad(set_to_none=True)
        loss, state = self._loss(window.inputs, window.targets, state, masks, dropped)
        loss.backward()
        return loss.detach(), state.detach()

    def _learn_parts(self, window: Window, state: State, step: int, dropped: list[Tensor]) -> tuple[Tensor, State]:
        """Each part by itself, weighted by its share of the characters; then the sum over all of them."""
        B = window.inputs.shape[1]
        after = State(*(tensor.clone() for tensor in state))

        def learn(part: int) -> Tensor:
            lanes = self.parts.lanes(part, B)
            inputs, targets = window.inputs[:, lanes].contiguous(), window.targets[:, lanes].contiguous()
            begun = State(*(tensor[:, lanes] for tensor in state))
            masks = self._masks(window, step, part)
            with torch.enable_grad():  # a thread of its own knows nothing of the caller's
                if self._can_be_graphed(window):
                    loss, ended = self._graphed(inputs, targets, begun, masks)
                    gradients = [weight.grad for weight in self.weights]
                else:
                    loss, ended = self._loss(inputs, targets, begun, masks, dropped)
                    gradients = list(torch.autograd.grad(loss, self.weights))
            for whole, own in zip(after, ended.detach(), strict=True):
                whole[:, lanes] = own
            share = int((targets >= 0).sum()) / window.characters
            flat = [gradient.flatten() for gradient in gradients if gradient is not None]
            return torch.cat([*flat, loss.detach().reshape(1)]).mul_(share)

        total = self.parts.sum(self.parts.each(learn))
        *gradients, loss = total.split([*(weight.numel() for weight in self.weights), 1])
        for weight, gradient in zip(self.weights, gradients, strict=True):
            weight.grad = gradient.view_as(weight)
        return loss[0], after

    def _masks(self, window: Window, step: int, part: int | None = None) -> list[Tensor]:
        """Dropout for all lanes, or those of a part: the same whoever computes them."""
        config, network = self.config, self.model.config
        T, B = window.inputs.shape
        place: tuple[int, ...] = ()
        cut = slice(None) if part is None else self.parts.lanes(part, B)
        if part is not None and self.parts.is_exact:  # drawn apart: nobody draws for all
            B, place, cut = cut.stop - cut.start, (part,), slice(None)
        shape = T, B, network.hidden_size
        where = network.num_layers, config.seed, step, self.model.device
        return [mask[:, cut] for mask in dropout_masks(config.dropout, config.variational, shape, *where, *place)]

    def _loss(
        self, inputs: Tensor, targets: Tensor, state: State, masks: list[Tensor], dropped: list[Tensor]
    ) -> tuple[Tensor, State]:
        if not hasattr(self._pools, "pool"):
            self._pools.pool = BufferPool()
        layers = drop_recurrent_weights(self.model.stack.layers(), dropped)
        return self.model.window_loss(
            inputs, targets, state, kernels=self.kernels, pool=self._pools.pool, masks=masks, layers=layers
        )

    def _can_be_graphed(self, window: Window) -> bool:
        full = len(window.inputs) == self.config.seq_len
        return self.model.device.type == "cuda" and full and not self.config.weight_dropout

    def _graphed(self, inputs: Tensor, targets: Tensor, state: State, masks: list[Tensor]) -> tuple[Tensor, State]:
        if self.graph is None:
            self.graph = GraphedWindow(self.model, self.kernels, inputs, targets, state, masks)
        return self.graph(inputs, targets, state, masks)

    def whole_state(self, carried: State) -> State:
        """The states of all lanes, in their order, from those that each process has of its own."""
        if self.parts.group.size == 1:
            return carried
        own = self.parts.own_lanes(carried.h.shape[1])
        found = (torch.cat(self.parts.group.gather(tensor[:, own].contiguous()), dim=1) for tensor in carried)
        return State(*found)

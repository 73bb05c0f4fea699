"""A window as one CUDA graph: recorded once, then launched as a whole.

On a GPU a step is some dozen kernels of a few microseconds each, and launching them one by one takes longer than
running them. A graph launches the thousands of a window at once; it computes the same numbers.
(NVIDIA, "CUDA C++ Programming Guide", section "CUDA Graphs"; PyTorch's notes on CUDA semantics.)
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from charlstm.network.buffers import BufferPool
from charlstm.network.cells import State
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM

WARM_UP = 3  # windows before the recording, as PyTorch asks for: libraries set themselves up in the first ones


class GraphedWindow:
    """The loss of a window and its gradients, for windows of one shape.

    Recording uses the tensors given as an example; it leaves weights and state as they are. No other loss of the model
    may be waiting for its backward pass meanwhile: the weights' gradients would belong to the wrong stream.

    Args:
        model: on a CUDA device. Its weights may change, but must stay where they are.
        kernels: how it is computed.
        inputs, targets, state, masks: an example, as in `CharLM.window_loss`.
    """

    def __init__(
        self,
        model: CharLM,
        kernels: Kernels,
        inputs: Tensor,
        targets: Tensor,
        state: State,
        masks: Sequence[Tensor] = (),
    ) -> None:
        self.weights = list(model.parameters())
        self.given = [tensor.clone() for tensor in (inputs, targets, *state, *masks)]
        self.pool = BufferPool()

        def learn() -> tuple[Tensor, State, tuple[Tensor, ...]]:
            inputs, targets, h, c, *masks = self.given
            loss, state = model.window_loss(inputs, targets, State(h, c), kernels=kernels, pool=self.pool, masks=masks)
            return loss.detach(), state.detach(), torch.autograd.grad(loss, self.weights)

        aside, here = torch.cuda.Stream(model.device), torch.cuda.current_stream(model.device)
        aside.wait_stream(here)
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                learn()
        here.wait_stream(aside)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, stream=aside):
            self.loss, self.state, self.gradients = learn()

    def __call__(
        self, inputs: Tensor, targets: Tensor, state: State, masks: Sequence[Tensor] = ()
    ) -> tuple[Tensor, State]:
        """The loss of a window and the state after it; its gradients are in `grad` of the weights.

        What it returns and the gradients hold until the next call.
        """
        for place, tensor in zip(self.given, (inputs, targets, *state, *masks), strict=True):
            place.copy_(tensor)
        self.graph.replay()
        for weight, gradient in zip(self.weights, self.gradients, strict=True):
            weight.grad = gradient
        return self.loss, self.state

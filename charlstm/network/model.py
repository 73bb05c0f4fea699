"""`CharLM`: embedding, stack, head. A character in, the odds of the next one out.

Legend: B lanes, T window, E embedding, H hidden, L layers, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from charlstm.config import ModelConfig
from charlstm.in_numpy.functions import Array
from charlstm.network.buffers import BufferPool
from charlstm.network.cells import CELLS, Cell, Layer, State
from charlstm.network.head_loss import HeadLoss
from charlstm.network.kernels import Kernels
from charlstm.network.scan import scan
from charlstm.network.stack import RecurrentStack


class CharLM(nn.Module):
    """A character-level language model.

    The parameters are named as the model file names them: `embedding.weight`, `lstm.weight_ih_l0`, ...,
    `head.bias` (`lstm` being the name of the cell type).

    Args:
        config: the shape. The weights are zero until `reset_parameters` or `load_state_dict`.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        V, E, H, L = config.vocab_size, config.embedding_size, config.hidden_size, config.num_layers
        self.embedding = nn.Embedding(V, E, _weight=torch.zeros(V, E))
        self.add_module(config.cell_type, RecurrentStack(config.cell_type, E, H, L))
        self.head = nn.Linear(H, V)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    @property
    def stack(self) -> RecurrentStack:
        """The recurrent layers."""
        stack = self.get_submodule(self.config.cell_type)
        assert isinstance(stack, RecurrentStack)
        return stack

    @property
    def cell(self) -> Cell:
        """What its layers are made of."""
        return self.stack.cell

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.head.weight.device

    def zero_state(self, batch_size: int) -> State:
        """A state that remembers nothing, for `batch_size` lanes."""
        return self.stack.zero_state(batch_size)

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """One character: ids (B) -> logits of the next one (B, V) and the new state. The readable path."""
        state, _ = self.stack.step(self.embedding(ids), state)
        return self.head(state.h[-1]), state

    def forward(self, ids: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """A window: ids (B, T) -> logits (B, T, V) and the state after it. The readable path."""
        state = self.zero_state(len(ids)) if state is None else state
        h, state = self.stack(self.embedding(ids.T), state)  # h: (T, B, H)
        return self.head(h).transpose(0, 1), state

    def window_loss(
        self,
        inputs: Tensor,
        targets: Tensor,
        state: State,
        *,
        kernels: Kernels,
        pool: BufferPool | None = None,
        masks: Sequence[Tensor | None] = (),
        layers: Sequence[Layer] | None = None,
    ) -> tuple[Tensor, State]:
        """The mean loss over a window, nats a character, and the state after it. The fast path.

        Args:
            inputs, targets: (T, B) int64; a target of -1 is not scored.
            state: where the window before this one ended.
            kernels, pool, masks, layers: as in `scan.scan`.
        """
        h, state = scan(
            self.stack,
            self.embedding.weight,
            inputs,
            state,
            kernels=kernels,
            pool=pool,
            masks=masks,
            layers=layers,
        )
        loss: Tensor = HeadLoss.apply(  # type: ignore[no-untyped-call]
            h.flatten(0, 1), self.head.weight, self.head.bias, targets.flatten(), torch.is_grad_enabled()
        )
        return loss, state

    @torch.no_grad()
    def reset_parameters(self, memory_chars: float, seed: int) -> None:
        """Draw fresh weights; see `RecurrentStack.reset_parameters`. Drawn on the CPU: the same everywhere."""
        generator = torch.Generator().manual_seed(seed)
        self.embedding.weight.normal_(0.0, 0.5, generator=generator)
        self.stack.reset_parameters(memory_chars, generator)
        bound = 0.5 / math.sqrt(self.config.hidden_size)
        self.head.weight.uniform_(-bound, bound, generator=generator)
        self.head.bias.zero_()


def plain_weights(model: CharLM) -> dict[str, Array]:
    """The tensors of a network by name, in float32, as NumPy has them."""
    return {name: tensor.detach().float().cpu().numpy() for name, tensor in model.state_dict().items()}


def torch_layers(cell: Cell) -> Any:
    """The class of the same layers in PyTorch: to convert weights and to compare with, never to compute with."""
    return getattr(nn, cell.torch_name)


def to_torch(model: CharLM) -> tuple[nn.Embedding, nn.RNNBase, nn.Linear]:
    """The same network in PyTorch's own layers, time-major: head(layers(embedding(ids (T, B)))[0])."""
    config, stack = model.config, model.stack
    sizes = config.embedding_size, config.hidden_size, config.num_layers
    layers: nn.RNNBase = torch_layers(model.cell)(*sizes).to(model.head.weight)
    embedding = nn.Embedding(config.vocab_size, config.embedding_size).to(model.head.weight)
    head = nn.Linear(config.hidden_size, config.vocab_size).to(model.head.weight)
    with torch.no_grad():
        for k in range(config.num_layers):
            weight_ih, weight_hh, bias = stack.layer(k)
            values = (weight_ih, weight_hh, *model.cell.bias_to_torch(bias))
            for name, value in zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), values, strict=True):
                layers.get_parameter(f"{name}_l{k}").copy_(value)
        embedding.weight.copy_(model.embedding.weight)
        head.load_state_dict(model.head.state_dict())
    return embedding, layers, head


def from_torch(embedding: nn.Embedding, layers: nn.RNNBase, head: nn.Linear) -> CharLM:
    """A `CharLM` with the weights of PyTorch's layers; two biases that are only added become one.

    Raises:
        ValueError: for a network that is bidirectional, projects, has no bias, is an RNN with relu, or of another kind.
    """
    if layers.bidirectional or layers.proj_size or not layers.bias or getattr(layers, "nonlinearity", "tanh") != "tanh":
        raise ValueError("only a one-way network with biases and tanh, without projection, can be taken over")
    cell = next((cell for cell in CELLS.values() if isinstance(layers, torch_layers(cell))), None)
    if cell is None:
        raise ValueError(f"no cell type here is a {type(layers).__name__}")
    config = ModelConfig(
        vocab_size=embedding.num_embeddings,
        embedding_size=layers.input_size,
        hidden_size=layers.hidden_size,
        num_layers=layers.num_layers,
        cell_type=cell.name,  # type: ignore[arg-type]
    )
    model = CharLM(config).to(head.weight)
    with torch.no_grad():
        for k in range(config.num_layers):
            layer = model.stack.layer(k)
            layer.weight_ih.copy_(layers.get_parameter(f"weight_ih_l{k}"))
            layer.weight_hh.copy_(layers.get_parameter(f"weight_hh_l{k}"))
            biases = (layers.get_parameter(f"{name}_l{k}") for name in ("bias_ih", "bias_hh"))
            layer.bias.copy_(cell.bias_from_torch(*biases))
        model.embedding.weight.copy_(embedding.weight)
        model.head.load_state_dict(head.state_dict())
    return model

"""`CharLM`: embedding, stack, head. A character in, the odds of the next one out.

Legend: B lanes, T window, E embedding, H hidden, L layers, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from charlstm.config import ModelConfig
from charlstm.network.buffers import BufferPool
from charlstm.network.head_loss import HeadLoss
from charlstm.network.kernels import Kernels
from charlstm.network.lstm import Layer, RecurrentStack, State
from charlstm.network.scan import scan


class CharLM(nn.Module):
    """A character-level language model.

    The parameters are named as the model file names them: `embedding.weight`, `lstm.weight_ih_l0`, ...,
    `head.bias` (`rnn.` in place of `lstm.` for the plain RNN).

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


def to_torch(model: CharLM) -> tuple[nn.Embedding, nn.LSTM | nn.RNN, nn.Linear]:
    """The same network in PyTorch's own layers, time-major: head(lstm(embedding(ids (T, B)))[0])."""
    config, stack = model.config, model.stack
    kind = nn.LSTM if config.cell_type == "lstm" else nn.RNN
    lstm = kind(config.embedding_size, config.hidden_size, config.num_layers).to(model.head.weight)
    embedding = nn.Embedding(config.vocab_size, config.embedding_size).to(model.head.weight)
    head = nn.Linear(config.hidden_size, config.vocab_size).to(model.head.weight)
    with torch.no_grad():
        for k in range(config.num_layers):
            lstm.get_parameter(f"weight_ih_l{k}").copy_(stack.layer(k).weight_ih)
            lstm.get_parameter(f"weight_hh_l{k}").copy_(stack.layer(k).weight_hh)
            lstm.get_parameter(f"bias_ih_l{k}").copy_(stack.layer(k).bias)
            lstm.get_parameter(f"bias_hh_l{k}").zero_()
        embedding.weight.copy_(model.embedding.weight)
        head.load_state_dict(model.head.state_dict())
    return embedding, lstm, head


def from_torch(embedding: nn.Embedding, lstm: nn.LSTM | nn.RNN, head: nn.Linear) -> CharLM:
    """A `CharLM` with the weights of PyTorch's layers; the two biases of a gate are added.

    Raises:
        ValueError: for a network that is bidirectional, projects, has no bias, or an RNN with relu.
    """
    if lstm.bidirectional or lstm.proj_size or not lstm.bias or getattr(lstm, "nonlinearity", "tanh") != "tanh":
        raise ValueError("only a one-way network with biases and tanh, without projection, can be taken over")
    config = ModelConfig(
        vocab_size=embedding.num_embeddings,
        embedding_size=lstm.input_size,
        hidden_size=lstm.hidden_size,
        num_layers=lstm.num_layers,
        cell_type="lstm" if isinstance(lstm, nn.LSTM) else "rnn",
    )
    model = CharLM(config).to(head.weight)
    with torch.no_grad():
        for k in range(config.num_layers):
            layer = model.stack.layer(k)
            layer.weight_ih.copy_(lstm.get_parameter(f"weight_ih_l{k}"))
            layer.weight_hh.copy_(lstm.get_parameter(f"weight_hh_l{k}"))
            layer.bias.copy_(lstm.get_parameter(f"bias_ih_l{k}") + lstm.get_parameter(f"bias_hh_l{k}"))
        model.embedding.weight.copy_(embedding.weight)
        model.head.load_state_dict(head.state_dict())
    return model

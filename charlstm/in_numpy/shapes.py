"""The shapes of a network's tensors, known before there is a network: they are checked before anything is built."""

from __future__ import annotations

import math

from charlstm.config import ModelConfig
from charlstm.in_numpy.cells import LAYOUTS

Shapes = dict[str, tuple[int, ...]]


def tensor_shapes(config: ModelConfig) -> Shapes:
    """The name and shape of every tensor of a network, as PyTorch's modules and the model file name them."""
    V, E, H, cell = config.vocab_size, config.embedding_size, config.hidden_size, LAYOUTS[config.cell_type]
    shapes: Shapes = {"embedding.weight": (V, E)}
    for k in range(config.num_layers):
        shapes[f"{cell.name}.weight_ih_l{k}"] = (len(cell.rows) * H, E if k == 0 else H)
        shapes[f"{cell.name}.weight_hh_l{k}"] = (len(cell.rows) * H, H)
        shapes[f"{cell.name}.bias_l{k}"] = (len(cell.bias_rows) * H,)
    return {**shapes, "head.weight": (V, H), "head.bias": (V,)}


def state_shapes(config: ModelConfig, batch_size: int) -> Shapes:
    """The shapes of the two parts of a `State`, by their names."""
    L, H = config.num_layers, config.hidden_size
    return {"h": (L, batch_size, H), "c": (L, batch_size, H if LAYOUTS[config.cell_type].has_cell_state else 0)}


def num_parameters(config: ModelConfig) -> int:
    """How many numbers a network learns."""
    return sum(math.prod(shape) for shape in tensor_shapes(config).values())

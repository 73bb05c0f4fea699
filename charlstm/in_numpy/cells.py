"""The cell types, one step each, for one text: the equations of `network.cells` in NumPy.

Legend: H hidden, G blocks of H rows in the weights of a layer (one a gate).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from charlstm.in_numpy.functions import Array, sigmoid

Step = Callable[[Array, Array, Array, Array, Array], tuple[Array, Array]]


class Layout(NamedTuple):
    """What the tensors of a cell type are.

    Attributes:
        name: as `--cell-type` and the model file have it.
        rows: the blocks of H rows of its weights, by letter, in their order.
        bias_rows: those of its bias; the same, unless a gate has two.
        has_cell_state: whether it has a cell state; else c is empty.
        step: W_ih x_t (G*H), W_hh h_{t-1} (G*H), the bias, h_{t-1} and c_{t-1} (H) -> h_t and c_t.
    """

    name: str
    rows: tuple[str, ...]
    bias_rows: tuple[str, ...]
    has_cell_state: bool
    step: Step


def lstm_step(z_x: Array, z_h: Array, bias: Array, h: Array, c: Array) -> tuple[Array, Array]:
    """One step of an LSTM (Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000)."""
    z = (z_x + z_h + bias).reshape(4, -1)
    i, f, _, o = sigmoid(z)  # of all four at once: three calls would take longer than one that computes too much
    c = f * c + i * np.tanh(z[2])
    return o * np.tanh(c), c


def gru_step(z_x: Array, z_h: Array, bias: Array, h: Array, c: Array) -> tuple[Array, Array]:
    """One step of a GRU (Cho et al. 2014), its candidate with a bias of either kind, as in `torch.nn.GRU`."""
    (x_r, x_z, x_n), (h_r, h_z, h_n) = z_x.reshape(3, -1), z_h.reshape(3, -1)
    b_r, b_z, b_in, b_hn = bias.reshape(4, -1)
    r, z = sigmoid(x_r + h_r + b_r), sigmoid(x_z + h_z + b_z)
    n = np.tanh(x_n + b_in + r * (h_n + b_hn))
    return (1 - z) * n + z * h, c


def rnn_step(z_x: Array, z_h: Array, bias: Array, h: Array, c: Array) -> tuple[Array, Array]:
    """One step of a plain RNN (Elman 1990)."""
    return np.tanh(z_x + z_h + bias), c


LSTM = Layout("lstm", ("i", "f", "g", "o"), ("i", "f", "g", "o"), True, lstm_step)
GRU = Layout("gru", ("r", "z", "n"), ("r", "z", "n_input", "n_recurrent"), False, gru_step)
RNN = Layout("rnn", ("h",), ("h",), False, rnn_step)
LAYOUTS = {layout.name: layout for layout in (LSTM, RNN, GRU)}

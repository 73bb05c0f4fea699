"""The cell types: one class in one file each, and `CELLS`, which knows them by name."""

from charlstm.network.cells.base import Cell, Gates, Layer, State
from charlstm.network.cells.gru import GRU
from charlstm.network.cells.lstm import LSTM
from charlstm.network.cells.rnn import RNN

CELLS: dict[str, Cell] = {cell.name: cell for cell in (LSTM(), RNN(), GRU())}
PLAIN = CELLS[RNN.layout.name]  # without gates: what the others are compared with

__all__ = ["CELLS", "PLAIN", "Cell", "Gates", "Layer", "State"]

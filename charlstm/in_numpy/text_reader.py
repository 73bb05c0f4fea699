"""A network that reads one text: the numbers of `network.model.CharLM`, without PyTorch.

Legend: T characters, V vocabulary, E embedding, H hidden, G blocks of rows (one a gate).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from threading import RLock
from typing import NamedTuple

import numpy as np
from threadpoolctl import LibController, ThreadpoolController

from charlstm.config import ModelConfig
from charlstm.corpus.vocab import Vocabulary, normalize
from charlstm.in_numpy.cells import LAYOUTS
from charlstm.in_numpy.functions import Array, log_softmax, quietly

LIMITING = RLock()
READ_CHARS = 300  # of a text that a model is chosen by
WINDOW = 1024  # characters that are read at once: memory does not grow with the text


class Layer(NamedTuple):
    """The weights of one layer, turned: a product with h then reads memory in its order, which is twice as fast."""

    weight_ih: Array  # (E or H, G*H)
    weight_hh: Array  # (H, G*H)
    bias: Array


class TextReader:
    """A network and the state that it is in after what it has read; it begins with the zero state.

    It computes on one thread: a second one would gain little, and lose much on a busy machine.

    Args:
        config: what it is.
        weights: its tensors by name, in float32, as the model file has them.
    """

    @quietly
    def __init__(self, config: ModelConfig, weights: Mapping[str, Array]) -> None:
        self.layout = LAYOUTS[config.cell_type]
        self.layers = [
            Layer(*(turned(weights[f"{self.layout.name}.{part}_l{k}"]) for part in Layer._fields))
            for k in range(config.num_layers)
        ]
        self.head, self.head_bias = turned(weights["head.weight"]), weights["head.bias"]
        H, L = config.hidden_size, config.num_layers
        self.h = [np.zeros(H, np.float32)] * L
        self.c = [np.zeros(H if self.layout.has_cell_state else 0, np.float32)] * L
        with on_one_thread():
            self.table: Array = weights["embedding.weight"] @ self.layers[0].weight_ih  # (V, G*H): W_ih x of each x

    @quietly
    def read(self, ids: Array, on_progress: Callable[[int, int], None] = lambda done, total: None) -> Array:
        """Read T >= 1 characters (T); the logits (V) of what comes next.

        Args:
            on_progress: called with characters read and characters in all, while a long text is read.
        """
        with on_one_thread():
            for begin in range(0, len(ids), WINDOW):
                h = self._read(ids[begin : begin + WINDOW])
                if len(ids) > WINDOW:
                    on_progress(begin + len(h), len(ids))
            logits: Array = h[-1] @ self.head + self.head_bias
        return logits

    @quietly
    def nats_per_char(self, ids: Array) -> float:
        """Read a text (T), T >= 2, without its last character: how well it predicts those after the first."""
        with on_one_thread():
            logits = self._read(ids[:-1]) @ self.head + self.head_bias
        return -float(log_softmax(logits)[np.arange(len(logits)), ids[1:]].mean())

    def _read(self, ids: Array) -> Array:
        """Read (T) characters, one layer after the other; h of the top layer after each, (T, H)."""
        x = np.empty((len(ids), 0), np.float32)
        for k, layer in enumerate(self.layers):
            z_x = self.table[ids] if k == 0 else x @ layer.weight_ih
            x = np.empty((len(ids), len(self.h[k])), np.float32)
            for t in range(len(ids)):
                z_h = self.h[k] @ layer.weight_hh
                self.h[k], self.c[k] = self.layout.step(z_x[t], z_h, layer.bias, self.h[k], self.c[k])
                x[t] = self.h[k]
        return x


def best_reader(models: Sequence[tuple[TextReader, Vocabulary]], text: str) -> int:
    """Which model reads a text best: knows most of its characters, and among such predicts them best.

    Args:
        models: they have read nothing yet.
        text: its first 300 characters count.
    """

    def badness(known: tuple[TextReader, Vocabulary]) -> tuple[int, float]:
        reader, vocabulary = known
        begun = normalize(text[:READ_CHARS])
        ids = vocabulary.encode("\n" + begun, "skip")
        unknown = sum(character not in vocabulary for character in begun)
        return unknown, reader.nats_per_char(ids) if len(ids) > 1 else math.inf

    return min(range(len(models)), key=lambda k: badness(models[k]))


def turned(tensor: Array) -> Array:
    """The transpose of a tensor, written out."""
    return np.ascontiguousarray(tensor.T)


@cache
def _products() -> Sequence[LibController]:
    """The libraries that compute them."""
    libraries: Sequence[LibController] = ThreadpoolController().select(user_api="blas").lib_controllers
    return libraries


@contextmanager
def on_one_thread() -> Iterator[None]:
    """While this lasts, NumPy's products take one thread; in one thread of a program at a time.

    The number belongs to the process. Two that change it side by side could put back what the other had set. (Not
    `ThreadpoolController.limit`, which takes three times as long, and would be called for every character.)
    """
    with LIMITING:
        before = [(library, library.get_num_threads()) for library in _products()]
        try:
            for library, _ in before:
                library.set_num_threads(1)
            yield
        finally:
            for library, threads in before:
                library.set_num_threads(threads)

"""All that a network does over a text, as arrays: every gate and every state of every cell, character by character.

Legend: T characters, L layers, H hidden.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import Tensor

from charlstm.errors import TextError, UsageError
from charlstm.explain.walk import read_steps
from charlstm.files.atomic import new_binary_file
from charlstm.files.memory import memory_bytes
from charlstm.network.cells import Cell, State
from charlstm.network.model import CharLM
from charlstm.progress import OnProgress, unheard

TOLD_EVERY = 100  # characters
MEMORY_SHARE = 0.5  # of the machine's memory, at most, for the arrays of one text
ABOUT = ("text", "layers")  # what stands in a file beside the gates and states

Array = npt.NDArray[np.floating]


class Activations(Mapping[str, Array]):
    """The gates and states over a text, by letter: `activations["f"][t, k, cell]`.

    For an LSTM these are f, i, g, o (gates), c and h (cell state and hidden state); for a GRU its own gates and h; for
    a plain RNN h alone. Each array is (T, L, H): the gate at character t, the state after it.

    Attributes:
        text: the T characters that were read.
        layers: which layers stand along the second axis, counted from 1.
        kind: what the cells are; `kind.parts[letter].name` is "forget gate".
    """

    def __init__(self, text: str, layers: Sequence[int], kind: Cell, arrays: Mapping[str, Array]) -> None:
        self.text, self.layers, self.kind = text, tuple(layers), kind
        self._arrays = dict(arrays)

    def __getitem__(self, letter: str) -> Array:
        return self._arrays[letter]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, L, H), of each array."""
        T, L, H = next(iter(self._arrays.values())).shape
        return T, L, H

    @property
    def nbytes(self) -> int:
        """How large all arrays are together, in bytes."""
        return sum(array.nbytes for array in self._arrays.values())

    def __repr__(self) -> str:
        T, L, H = self.shape
        names = ", ".join(f"{letter} ({self.kind.parts[letter].name})" for letter in self)
        layers = "layer" if L == 1 else "layers"
        which = ", ".join(map(str, self.layers))
        return f"<Activations over {T:,} characters, {layers} {which}, {H:,} cells a layer: {names}>"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a .npz file that `numpy.load(path, allow_pickle=False)` reads.

        It holds an array (T, L, H) for every letter, `text` (one string) and `layers` (L numbers, from 1). The file
        gets its name when it is complete.

        Raises:
            FileExistsError: if there is something of that name: it is never overwritten.
            OSError: if it cannot be written; nothing of it is left.
        """
        with new_binary_file(Path(path)) as f:
            about = {"text": np.array(self.text), "layers": np.array(self.layers)}
            np.savez(f, allow_pickle=False, **about, **self._arrays)


def read_activations(
    model: CharLM,
    ids: Tensor,
    text: str,
    state: State,
    *,
    gates: Sequence[str] | None = None,
    layers: Sequence[int] | None = None,
    on_progress: OnProgress = unheard,
) -> Activations:
    """Read a text, one readable step a character, and keep what the cells do.

    Args:
        ids, text: (T) the characters.
        state: (L, 1, H) before the first of them.
        gates: the letters of the gates and states to keep; None: all that the cell type has.
        layers: to keep, counted from 1; None: all.

    Raises:
        UsageError: for a letter or layer that this model does not have, or one that is named twice.
        TextError: for a text whose arrays would not fit into half of the machine's memory.
        CharLSTMError: if weights are so large that what comes out is no number.
    """
    letters, kept = _letters(model.cell, gates), _layers(model.config.num_layers, layers)
    like = model.head.weight.detach().cpu()[:0].numpy()
    shape = len(ids), len(kept), model.config.hidden_size
    check_room(letters, shape, like.itemsize)
    arrays = {letter: np.empty(shape, like.dtype) for letter in letters}
    for t, (_, _, after, at_gates) in enumerate(read_steps(model, ids, state)):
        for row, layer in enumerate(kept):
            found = {**at_gates[layer - 1], **{name: part[layer - 1] for name, part in after._asdict().items()}}
            for letter in letters:
                arrays[letter][t, row] = found[letter][0].cpu().numpy()
        if t % TOLD_EVERY == 0 or t + 1 == len(ids):
            on_progress("reading the text", t + 1, len(ids))
    return Activations(text, kept, model.cell, arrays)


def check_room(letters: Sequence[str], shape: tuple[int, int, int], item_bytes: int) -> None:
    """Raise TextError for arrays that would not fit into the memory of this machine."""
    size, room = len(letters) * math.prod(shape) * item_bytes, memory_bytes() * MEMORY_SHARE
    if size > room:
        raise TextError(
            f"the activations of {shape[0]:,} characters take {size / 1e9:,.1f} GB, and this machine has room for "
            f"{room / 1e9:,.1f}; give a shorter text, or fewer `gates` or `layers`",
            "gates",
            "layers",
        )


def _letters(cell: Cell, gates: Sequence[str] | None) -> list[str]:
    every = list(cell.parts)
    if gates is None:
        return every
    wrong = [gate for gate in gates if gate not in every]
    if wrong or not gates:
        shown = repr(wrong[0]) if wrong else "empty"
        raise UsageError(f"`gates` {shown}: {cell.label} has {', '.join(every)}", "gates")
    if len(set(gates)) < len(gates):
        raise UsageError("`gates` names one twice", "gates")
    return [letter for letter in every if letter in gates]


def _layers(number: int, layers: Sequence[int] | None) -> list[int]:
    if layers is None:
        return list(range(1, number + 1))
    wrong = [layer for layer in layers if not 1 <= layer <= number]
    if wrong or not layers:
        shown = str(wrong[0]) if wrong else "empty"
        has = "one layer, 1" if number == 1 else f"layers 1 to {number}"
        raise UsageError(f"`layers` {shown}: this model has {has}", "layers")
    if len(set(layers)) < len(layers):
        raise UsageError("`layers` names one twice", "layers")
    return sorted(layers)

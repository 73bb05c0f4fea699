"""Contiguous lanes: how a text is cut so that state carried from window to window means something.

The ids are laid out as B lanes, each a stretch of the text as long as the others; window after window moves
along all lanes at once. The position is two integers, (epoch, offset), the same for all lanes, so that a
run resumes anywhere.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from charlstm.corpus.vocab import Ids


class Position(NamedTuple):
    """Where the next window begins."""

    epoch: int  # passes over the text that are complete
    offset: int  # characters of every lane already read in this pass


class Window(NamedTuple):
    """T steps of B lanes."""

    inputs: Tensor  # (T, B) int64
    targets: Tensor  # (T, B) int64: the character after each input
    position: Position  # of the window after this one
    starts_epoch: bool  # the lanes are at their beginning: carried state has nothing to do with them


class Lanes:
    """A text as B lanes.

    Every character but the first is a target once an epoch, except for fewer than B at the very end that do
    not fill a row. The last window of an epoch may be shorter than the others.

    Args:
        ids: the text.
        batch_size: B.
        seq_len: T, the length of a window.

    Raises:
        ValueError: if the text does not fill every lane.
    """

    def __init__(self, ids: Ids, batch_size: int, seq_len: int) -> None:
        self.length = (len(ids) - 1) // batch_size
        if self.length < 1:
            raise ValueError(f"{len(ids)} characters do not fill {batch_size} lanes")
        self.batch_size = batch_size
        self.seq_len = seq_len
        self.inputs = ids[: batch_size * self.length].reshape(batch_size, self.length)
        self.targets = ids[1 : batch_size * self.length + 1].reshape(batch_size, self.length)

    @property
    def windows_per_epoch(self) -> int:
        """How many windows one pass takes."""
        return -(-self.length // self.seq_len)

    def window(self, position: Position, device: torch.device) -> Window:
        """The window at a position."""
        epoch, offset = position
        end = min(offset + self.seq_len, self.length)
        after = Position(epoch, end) if end < self.length else Position(epoch + 1, 0)
        inputs, targets = (
            torch.from_numpy(lanes[:, offset:end].T.astype(np.int64)).to(device)
            for lanes in (self.inputs, self.targets)
        )
        return Window(inputs, targets, after, starts_epoch=offset == 0)

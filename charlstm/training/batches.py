"""How a text is cut into windows, so that state carried from window to window means something.

A text is laid out as B lanes, each a stretch of it as long as the others; window after window moves along all lanes at
once. A list is read B lines at a time, each from a state that remembers nothing. The position is two integers, (epoch,
offset), the same for all lanes, so that a run resumes anywhere.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from charlstm.corpus.lines import line_lengths, line_window
from charlstm.corpus.vocab import Ids
from charlstm.training.dropout import generator_for

SORTED_GROUPS = 32  # lines of so many groups are sorted by length before they are cut into groups


class Position(NamedTuple):
    """Where the next window begins."""

    epoch: int  # passes over the text that are complete
    offset: int  # in this pass, already read: characters of every lane; of a list, windows


class Window(NamedTuple):
    """T steps of B lanes."""

    inputs: Tensor  # (T, B) int64
    targets: Tensor  # (T, B) int64: the character after each input; -1: none
    position: Position  # of the window after this one
    is_fresh: bool  # the lanes are at the beginning of something: carried state has nothing to do with them
    characters: int  # how many of the targets are characters


class Batches(Protocol):
    """A training text as windows."""

    @property
    def windows_per_epoch(self) -> int:
        """How many windows the first pass takes."""

    def window(self, position: Position, device: torch.device) -> Window:
        """The window at a position."""

    def holds(self, position: Position) -> bool:
        """Whether there is a window at a position."""

    def characters(self, position: Position) -> int:
        """How many characters were targets before a position."""

    def passes(self, position: Position) -> float:
        """The same in passes over the text."""


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
        return Window(inputs, targets, after, is_fresh=offset == 0, characters=inputs.numel())

    def holds(self, position: Position) -> bool:
        """Whether there is a window at a position."""
        return position.offset < self.length

    def characters(self, position: Position) -> int:
        """How many characters were targets before a position."""
        return (position.epoch * self.length + position.offset) * self.batch_size

    def passes(self, position: Position) -> float:
        """The same in passes over the text."""
        return position.epoch + position.offset / self.length


class _Pass(NamedTuple):
    """The order of a list in one pass."""

    groups: list[npt.NDArray[np.int64]]  # the lines that are read side by side
    ends: npt.NDArray[np.int64]  # of each group, in windows
    characters: npt.NDArray[np.int64]  # up to the end of each group


class Lines:
    """A list of lines, each a text of its own, in groups of up to B lines that are about as long as each other.

    Every pass has another order: the lines are shuffled, those of 32 groups at a time sorted by length and cut into
    groups, and the groups shuffled. A line begins after a newline and ends with one. A group takes as many windows as
    its longest line needs, the state being carried from one to the next; where a line has ended, there is no target.

    Every character is a target once a pass, newlines too.

    Args:
        ids: the lines, each ended by a newline, none of them empty.
        newline: its id.
        batch_size: B.
        seq_len: T, the greatest length of a window.
        seed: of the order.

    Raises:
        ValueError: if there is no line.
    """

    def __init__(self, ids: Ids, newline: int, batch_size: int, seq_len: int, seed: int) -> None:
        if len(ids) == 0 or ids[-1] != newline:
            raise ValueError("a list needs a line, and a newline at its end")
        self.ids, self.newline, self.batch_size, self.seq_len, self.seed = ids, newline, batch_size, seq_len, seed
        self.lengths = line_lengths(ids, newline)
        self.begins = np.cumsum(self.lengths) - self.lengths
        self._epoch, self._pass = 0, self._shuffled(0)
        self.windows_per_epoch = int(self._pass.ends[-1])

    def window(self, position: Position, device: torch.device) -> Window:
        """The window at a position."""
        lines, start, is_last = self._at(position)
        longest = int(self.lengths[lines].max())
        end = min(start + self.seq_len, longest)
        inputs, targets = (np.full((end - start, self.batch_size), fill) for fill in (self.newline, -1))
        filled = slice(len(lines))  # of the lanes; of a last group, or a short list, not all
        inputs[:, filled], targets[:, filled] = line_window(
            self.ids, self.begins[lines], self.lengths[lines], start, end
        )
        after = Position(position.epoch + 1, 0) if is_last else Position(position.epoch, position.offset + 1)
        return Window(
            torch.from_numpy(inputs).to(device),
            torch.from_numpy(targets).to(device),
            position=after,
            is_fresh=start == 0,
            characters=int((targets >= 0).sum()),
        )

    def holds(self, position: Position) -> bool:
        """Whether there is a window at a position."""
        return position.offset < int(self._of(position.epoch).ends[-1])

    def characters(self, position: Position) -> int:
        """How many characters were targets before a position."""
        lines, start, _ = self._at(position)
        order = self._of(position.epoch)
        group = int(np.searchsorted(order.ends, position.offset, side="right"))
        before = int(order.characters[group] - self.lengths[lines].sum())
        return position.epoch * len(self.ids) + before + int(self.lengths[lines].clip(max=start).sum())

    def passes(self, position: Position) -> float:
        """The same in passes over the text."""
        return self.characters(position) / len(self.ids)

    def _at(self, position: Position) -> tuple[npt.NDArray[np.int64], int, bool]:
        """The lines of a window, the place in them where it begins, and whether it is the last of its pass."""
        order = self._of(position.epoch)
        group = int(np.searchsorted(order.ends, position.offset, side="right"))
        window = position.offset - (int(order.ends[group - 1]) if group else 0)
        return order.groups[group], window * self.seq_len, position.offset + 1 == order.ends[-1]

    def _of(self, epoch: int) -> _Pass:
        if epoch != self._epoch:
            self._epoch, self._pass = epoch, self._shuffled(epoch)
        return self._pass

    def _shuffled(self, epoch: int) -> _Pass:
        generator = generator_for(self.seed, epoch, "lines")
        order = torch.randperm(len(self.lengths), generator=generator).numpy()
        number = -(-len(order) // self.batch_size)
        bounds = np.arange(number + 1) * len(order) // number  # groups of equal size: no step learns from one line
        for first in range(0, number, SORTED_GROUPS):
            part = slice(bounds[first], bounds[min(first + SORTED_GROUPS, number)])
            order[part] = order[part][np.argsort(self.lengths[order[part]], kind="stable")]
        shuffled = torch.randperm(number, generator=generator).tolist()
        groups = [order[bounds[k] : bounds[k + 1]] for k in shuffled]
        windows = [-(-int(self.lengths[lines].max()) // self.seq_len) for lines in groups]
        return _Pass(groups, np.cumsum(windows), np.cumsum([self.lengths[lines].sum() for lines in groups]))

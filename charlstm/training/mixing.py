"""Old text beside the new: some of the lanes read the one, the others the other.

Where the old text stands follows from where the new one does, so a run that goes on needs to know no more than that.
"""

from __future__ import annotations

import numpy as np
import torch

from charlstm.config import TrainConfig
from charlstm.corpus import Corpus
from charlstm.corpus.vocab import Ids
from charlstm.training.batches import Batches, Lanes, Lines, Position, Window


def old_lanes(config: TrainConfig) -> int:
    """How many of the lanes read old text: the share that is asked for, but at least one of each kind."""
    if config.keep == 0:
        return 0
    return max(1, min(config.batch_size - 1, round(config.keep * config.batch_size)))


def new_lanes(config: TrainConfig) -> int:
    """How many of the lanes read the text that is learnt."""
    return config.batch_size - old_lanes(config)


def batches_of(corpus: Corpus, config: TrainConfig, old_ids: Ids | None = None) -> Batches:
    """The windows that a training learns from. Raises ValueError for a text that does not fill its lanes.

    Args:
        old_ids: an old text, of which a share is read beside a text that is no list (`config.keep`).
    """
    if corpus.lines is None:
        return lanes_for(corpus.train, old_ids, config)
    return Lines(corpus.train, corpus.newline, config.batch_size, config.seq_len, config.seed)


def lanes_for(ids: Ids, old_ids: Ids | None, config: TrainConfig) -> Lanes:
    """The lanes of a training. Raises ValueError if a text does not fill those that it is to fill."""
    if not old_lanes(config):
        return Lanes(ids, config.batch_size, config.seq_len)
    if old_ids is None:
        raise ValueError("there is no old text to fill its lanes")
    return MixedLanes(ids, old_ids, new_lanes(config), old_lanes(config), config.seq_len)


class MixedLanes(Lanes):
    """A text as lanes, and beside them an old one as some more, which is read round and round.

    An epoch is a pass over the new text. All lanes begin it from a zero state.

    Args:
        ids, old_ids: the two texts.
        batch_size, old_size: how many lanes each has.
        seq_len: T, the length of a window.

    Raises:
        ValueError: if a text does not fill its lanes.
    """

    def __init__(self, ids: Ids, old_ids: Ids, batch_size: int, old_size: int, seq_len: int) -> None:
        super().__init__(ids, batch_size, seq_len)
        self.old = Lanes(old_ids, old_size, seq_len)

    def window(self, position: Position, device: torch.device) -> Window:
        """The window at a position: the lanes of the new text first."""
        new = super().window(position, device)
        begin = (position.epoch * self.length + position.offset) % self.old.length
        places = (begin + np.arange(len(new.inputs))) % self.old.length
        inputs, targets = (
            torch.from_numpy(lanes[:, places].T.astype(np.int64)).to(device)
            for lanes in (self.old.inputs, self.old.targets)
        )
        return Window(
            torch.cat([new.inputs, inputs], dim=1),
            torch.cat([new.targets, targets], dim=1),
            new.position,
            new.is_fresh,
            new.characters + inputs.numel(),
        )

    def characters(self, position: Position) -> int:
        """How many characters were targets before a position, those of the old text among them."""
        return (position.epoch * self.length + position.offset) * (self.batch_size + self.old.batch_size)

"""A text that changes, read by a network: what has been read stays read.

Legend: T characters, L layers, V vocabulary.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from charlstm.corpus.vocab import Ids
from charlstm.network.cells import State
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.network.scan import scan

EVERY = 64  # characters: one state in so many is kept, so that no change makes the network read more of the old text
RECENT = 256  # characters at the end, after each of which the state is kept: whoever types changes these


class Reader:
    """Reads a text, and after every change only what is new.

    Args:
        model: the network.
        kernels: how longer stretches are computed.
    """

    def __init__(self, model: CharLM, kernels: Kernels) -> None:
        self.model, self.kernels = model, kernels
        self.ids = np.zeros(0, dtype=np.int64)
        self.kept: dict[int, tuple[State, Tensor]] = {}  # after so many characters: the state, the logits (V)
        self.steps = 0  # characters that the network has read in all

    def read(self, ids: Ids) -> tuple[Tensor, State]:
        """The logits (V) of the character after a text, ids (T), T at least 1, and the state there, (L, 1, H)."""
        wanted = ids.astype(np.int64)
        both = min(len(ids), len(self.ids))
        differs = np.flatnonzero(wanted[:both] != self.ids[:both])
        same = int(differs[0]) if len(differs) else both
        at = max((n for n in self.kept if n <= same), default=0)
        if same < len(self.ids):
            self.kept = {n: what for n, what in self.kept.items() if n <= same}
        self.ids = wanted
        with torch.no_grad():
            while at < len(wanted):
                at = self._read_on(at)
        self._forget()
        state, logits = self.kept[len(ids)]
        return logits, state

    def _read_on(self, at: int) -> int:
        """Read on from a kept state: a window if it is far to the end, else one character; where to."""
        state = self.kept[at][0] if at else self.model.zero_state(1)
        far = len(self.ids) - RECENT - at
        stop = min(at + EVERY - at % EVERY, at + far) if far > 1 else at + 1
        window = torch.from_numpy(self.ids[at:stop]).to(self.model.device)
        if stop - at == 1:
            logits, state = self.model.step(window, state)
        else:
            h, state = scan(self.model.stack, self.model.embedding.weight, window[:, None], state, kernels=self.kernels)
            logits = self.model.head(h[-1].to(self.model.head.weight.dtype))
        self.kept[stop] = (state, logits[0].float().cpu())
        self.steps += stop - at
        return stop

    def _forget(self) -> None:
        """Let go of states that are neither recent nor one in `EVERY`."""
        recent = len(self.ids) - RECENT
        if len(self.kept) > 2 * RECENT + len(self.ids) // EVERY:
            self.kept = {n: what for n, what in self.kept.items() if n >= recent or n % EVERY == 0}

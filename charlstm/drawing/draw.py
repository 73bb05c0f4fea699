"""One draw from a distribution, and the random numbers for it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from charlstm.in_numpy.functions import Array, Floats, quietly

MANTISSA = np.uint64((1 << 53) - 1)
AHEAD = 64  # steps whose numbers are made at once: one at a time takes as long as a draw


class Uniform:
    """Random numbers in [0, 1) from a seed: those of `torch.rand` in float64, from a generator with this seed.

    Both take the words of a Mersenne Twister (Matsumoto & Nishimura 1998) two by two, and 53 bits of each two.

    Args:
        seed: its last 32 bits count; None: one that nobody knows.
    """

    def __init__(self, seed: int | None) -> None:
        seed = secrets.randbits(32) if seed is None else seed & 0xFFFFFFFF
        self._words = np.random.RandomState(seed)

    def draw(self, n: int) -> Floats:
        """The next n numbers."""
        high, low = np.frombuffer(self._words.bytes(8 * n), "<u4").reshape(n, 2).T.astype(np.uint64)
        return ((high << np.uint64(32) | low) & MANTISSA).astype(np.float64) * 2.0**-53

    def steps(self, n: int) -> Iterator[Floats]:
        """The next n numbers, and the n after them, and so on: those that `draw` would give each time."""
        while True:
            yield from self.draw(AHEAD * n).reshape(AHEAD, n)


@quietly
def draw(
    logits: Array, u: Floats, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
) -> npt.NDArray[np.int64]:
    """Draw an id from every row of logits by inverting its cumulative distribution.

    Args:
        logits: (B, V).
        u: (B) uniform numbers in [0, 1): one draw each, so that equal numbers give equal text.
        temperature: logits are divided by it; 0 takes the likeliest.
        top_k: only the k likeliest; 0: all. A tie goes to the lower id.
        top_p: only the likeliest that together reach a probability p (Holtzman et al. 2020).

    Returns:
        (B) ids.
    """
    logits = logits.astype(np.float64)
    if temperature == 0 or top_k == 1:
        return np.asarray(logits.argmax(axis=1), np.int64)
    rows = np.arange(len(logits))
    order = np.argsort(-logits, axis=1, kind="stable")
    logits = logits[rows[:, None], order]
    # the largest becomes 0 first, so that a tiny temperature cannot overflow
    p = np.exp((logits - logits[:, :1]) / temperature)
    if top_k:
        p[:, top_k:] = 0.0
    if top_p < 1:
        p[(p.cumsum(axis=1) - p) / p.sum(axis=1, keepdims=True) >= top_p] = 0.0
    cumulative = p.cumsum(axis=1)
    # A double below 1 times s is below s, rounded too: so the place is never beyond the last that is allowed.
    place = (cumulative <= u[:, None] * cumulative[:, -1:]).sum(axis=1)
    ids: npt.NDArray[np.int64] = order[rows, place]
    return ids

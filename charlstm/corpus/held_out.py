"""Whether the text that is held out for validation can tell how good a model is: like the rest, but no copy of it.

Both are measured on samples of bounded size, so that a large corpus takes no longer than one of a few megabytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from charlstm.corpus.vocab import Ids

PASSAGE = 40  # characters
PASSAGES = 1000  # are looked for in the training text ...
SEARCHED_CHARS = 2_000_000  # ... or in so much of it, in evenly spread pieces
SEARCHED_AT_ONCE = 1 << 15  # what is made of them stays in the processor's cache
COUNTED_CHARS = 1_000_000  # of the training text, for how often characters follow each other
SCORED_CHARS = 100_000
PIECE = 2000  # characters
MIN_PIECES = 20
KINDS = 512  # of characters are told apart; rarer ones count as one
REPEATED = 0.1
UNLIKE_BITS, UNLIKE_SMALL_BITS = 0.3, 45.0
EVERY = 10  # one piece in so many of the training text stands in for the held-out one
ODD = (0x9E3779B97F4A7C15, 0xD1342543DE82EF95, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93)

Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class HeldOut:
    """How the held-out text compares with the training text.

    Attributes:
        repeated: the share of its passages of 40 characters that stand in the training text, too, word for word; at
            least, where only a part of a large training text is searched.
        unlike_bits: how many bits a character more it takes than pieces of the training text, where each character is
            predicted from the one before it by how often they follow each other in the rest of the training text.
        train_chars: how long the training text is.
    """

    repeated: float
    unlike_bits: float
    train_chars: int

    @property
    def is_repeated(self) -> bool:
        """Whether so much of it is repeated that a network could score well from memory. In prose it is 1 % or less."""
        return self.repeated >= REPEATED

    @property
    def is_unlike(self) -> bool:
        """Whether it is another kind of text.

        Parts of prose in order differ by up to 0.6 bits where they have 20,000 characters, by 0.05 where they have a
        million; the end of a sorted list differs by one or two.
        """
        return self.unlike_bits >= UNLIKE_BITS + UNLIKE_SMALL_BITS / math.sqrt(self.train_chars)


def compare_held_out(train: Ids, valid: Ids, vocab_size: int) -> HeldOut | None:
    """Compare the held-out text with the training text; None if one of them is too short to tell."""
    if len(train) < 2 * MIN_PIECES * PASSAGE or len(valid) < 4 * PASSAGE:
        return None
    return HeldOut(repeated_share(train, valid), unlike_bits(train, valid, vocab_size), len(train))


def repeated_share(train: Ids, valid: Ids) -> float:
    """The share of the passages of `valid` that occur in `train`, or in the pieces of it that are searched."""
    places = np.unique(np.linspace(0, len(valid) - PASSAGE, PASSAGES).astype(np.int64))
    wanted = hashes(valid[places[:, None] + np.arange(PASSAGE)])[:, 0]
    known = np.unique(wanted)
    may_be = np.zeros(1 << 16, dtype=bool)  # by the first 16 bits: few of what is not wanted get past it
    may_be[known >> np.uint64(48)] = True
    found = np.zeros(len(known), dtype=bool)
    for piece in spread(train, SEARCHED_CHARS, SEARCHED_AT_ONCE, overlap=PASSAGE - 1):
        if len(piece) >= PASSAGE:
            here = hashes(piece[None])[0]
            here = here[may_be[here >> np.uint64(48)]]
            at = np.searchsorted(known, here).clip(max=len(known) - 1)
            found[at[known[at] == here]] = True
    return float(found[np.searchsorted(known, wanted)].mean())


def hashes(ids: Ids) -> Hashes:
    """A hash of every passage of 40 characters: (N, T) -> (N, T - 39).

    By doubling: of 2 characters from those of 1, then of 4, 8, 16 and 32; those of 32 and 8 make 40.
    """
    result: Hashes = (ids.astype(np.uint64) + np.uint64(1)) * np.uint64(ODD[0])
    eight = result
    for power, odd in enumerate(ODD):
        length = 1 << power
        result = result[:, :-length] * np.uint64(odd) + (result[:, length:] ^ (result[:, length:] >> np.uint64(29)))
        eight = result if 2 * length == 8 else eight
    rest = eight[:, 32:]
    return result[:, : rest.shape[1]] * np.uint64(ODD[0]) + (rest ^ (rest >> np.uint64(29)))


def spread(ids: Ids, most: int, piece: int, overlap: int = 0) -> list[Ids]:
    """Pieces of a text: all of it if it is not longer than `most`, else evenly spread ones that make up `most`."""
    starts = np.arange(0, len(ids), piece)
    if len(ids) > most:
        starts = np.linspace(0, len(ids) - piece, most // piece).astype(np.int64)
    return [ids[start : start + piece + overlap] for start in starts]


def unlike_bits(train: Ids, valid: Ids, vocab_size: int) -> float:
    """How many bits a character more `valid` takes than pieces of `train` by the pairs of the rest of `train`."""
    pieces = spread(train, COUNTED_CHARS, min(PIECE, len(train) // MIN_PIECES))
    counts = np.bincount(np.concatenate(pieces), minlength=vocab_size)
    kinds = min(vocab_size, KINDS)
    kind_of = np.full(vocab_size, kinds - 1, dtype=np.int64)  # the rarest share the last
    kind_of[np.argsort(-counts, kind="stable")[:kinds]] = np.arange(kinds)
    inside = [k % EVERY == EVERY // 2 for k in range(len(pieces))]
    known = pair_counts([piece for piece, out in zip(pieces, inside, strict=True) if not out], kind_of, kinds)
    inner = pair_counts([piece for piece, out in zip(pieces, inside, strict=True) if out], kind_of, kinds)
    outer = pair_counts(spread(valid, SCORED_CHARS, PIECE), kind_of, kinds)
    return bits_per_pair(outer, known) - bits_per_pair(inner, known)


def pair_counts(pieces: list[Ids], kind_of: Counts, kinds: int) -> Counts:
    """How often one kind follows another: (kinds, kinds)."""
    total: Counts = np.zeros(kinds * kinds, dtype=np.int64)
    for piece in pieces:
        these = kind_of[piece]
        np.add.at(total, these[:-1] * kinds + these[1:], 1)
    return total.reshape(kinds, kinds)


def bits_per_pair(pairs: Counts, known: Counts) -> float:
    """What the second of a pair costs in bits, by the pairs that are known.

    Pairs and single kinds are weighed as Witten & Bell (1991), method C, do.
    """
    single = (known.sum(axis=0) + 1) / (known.sum() + len(known))
    distinct = (known > 0).sum(axis=1, keepdims=True) + 1
    p = (known + distinct * single) / (known.sum(axis=1, keepdims=True) + distinct)
    return float(-(pairs * np.log2(p)).sum() / max(1, pairs.sum()))

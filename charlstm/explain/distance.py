"""Agreement against distance: how many minimal pairs a network gets right, by the characters between cue and target.

Legend: N sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from charlstm.corpus.vocab import Vocabulary
from charlstm.grammar.pairs import MinimalPair
from charlstm.network.model import CharLM
from charlstm.network.reader import Reader
from charlstm.probe.effects import correct
from charlstm.probe.reading import log_odds, read, repeat, warm_state
from charlstm.probe.statistics import Estimate, Floats, share, without_nan
from charlstm.probe.stimuli import Bools, Stimuli, make_stimuli

BINS = 12  # at most about so many
WIDTHS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # characters a bin
MIN_SENTENCES = 20  # a bin with fewer is left out


@dataclass(frozen=True)
class Bin:
    """The accuracy over sentences of some distances, both ends included, in characters."""

    low: int
    high: int
    accuracy: Estimate
    sentences: int


@dataclass(frozen=True)
class ByDistance:
    """How a network answers, by distance.

    Attributes:
        overall: over all sentences that claims rest on.
        opposite: over those with an attractor of the other class; None where there is none.
        bins: by distance; empty where the pairs do not say how far the cue is.
    """

    overall: Estimate
    opposite: Estimate | None
    bins: tuple[Bin, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        bins = [{**vars(part), "accuracy": part.accuracy.to_dict()} for part in self.bins]
        opposite = self.opposite and self.opposite.to_dict()
        result: dict[str, Any] = without_nan({"overall": self.overall.to_dict(), "opposite": opposite, "bins": bins})
        return result


@torch.no_grad()
def accuracy_by_distance(
    model: CharLM, vocabulary: Vocabulary, pairs: Sequence[MinimalPair], warm: str, seed: int
) -> ByDistance:
    """Minimal pairs, read after some neutral text. Intervals: bootstrap over lemmas.

    Raises:
        UnknownCharacterError: for a pair with a character that the network has never seen.
        TextError: for pairs that cannot be probed; see `stimuli.make_stimuli`.
    """
    stimuli = make_stimuli(pairs, vocabulary)
    reader = Reader(model)
    state = warm_state(reader, torch.from_numpy(vocabulary.encode(warm, "skip").astype(np.int64)))
    start = torch.zeros_like(stimuli.length)
    end, _ = read(reader, stimuli.ids, start, stimuli.length, repeat(state, len(stimuli)))
    right = correct(log_odds(reader, end, stimuli.endings).cpu().double().numpy(), stimuli.label)
    rng = np.random.default_rng(seed)
    opposite = stimuli.main & (stimuli.condition == "opposite")
    return ByDistance(
        overall=_accuracy(right, stimuli, stimuli.main, rng),
        opposite=_accuracy(right, stimuli, opposite, rng) if opposite.any() else None,
        bins=_bins(right, stimuli, rng),
    )


def _accuracy(right: Floats, stimuli: Stimuli, chosen: Bools, rng: np.random.Generator) -> Estimate:
    rows = np.flatnonzero(chosen)
    return share(right[rows], stimuli.lemma[rows], rng)


def _bins(right: Floats, stimuli: Stimuli, rng: np.random.Generator) -> tuple[Bin, ...]:
    known = stimuli.main & (stimuli.distance >= 0)
    if not known.any():
        return ()
    span = int(stimuli.distance[known].max()) + 1
    width = next((width for width in WIDTHS if width * BINS >= span), WIDTHS[-1])
    found = []
    for low in range(0, span, width):
        chosen = known & (stimuli.distance >= low) & (stimuli.distance < low + width)
        if chosen.sum() >= MIN_SENTENCES:
            accuracy = _accuracy(right, stimuli, chosen, rng)
            found.append(Bin(low, low + width - 1, accuracy, int(chosen.sum())))
    return tuple(found)

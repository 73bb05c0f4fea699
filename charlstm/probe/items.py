"""The answers one by one, for statistics of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from charlstm.grammar.pairs import MinimalPair
from charlstm.probe.statistics import Floats
from charlstm.probe.stimuli import Stimuli


@dataclass(frozen=True)
class Item:
    """A choice between a right and a wrong form.

    Attributes:
        pair: which pair.
        is_twin: whether the sentence is its twin, in which the other ending is right.
        log_odds: log P(right form) - log P(wrong form), nats.
    """

    pair: MinimalPair
    is_twin: bool
    log_odds: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object, without what is not known of it."""
        pair = self.pair
        good, bad, condition = pair.sentence_good, pair.sentence_bad, pair.condition
        if self.is_twin:
            good, bad, condition = pair.twin or "", pair.twin_prefix + pair.rests[0], pair.twin_condition
        about = {
            "source": pair.source,
            "is_twin": self.is_twin if pair.twin else None,
            "sentence_good": good,
            "sentence_bad": bad,
            "log_odds": self.log_odds,
            "right": self.log_odds > 0 if self.log_odds else None,
            "kind": pair.kind,
            "linguistics_term": pair.phenomenon,
            "condition": condition,
            "lemma": pair.lemma,
            "distance": pair.target - pair.end_of_cue if pair.twin else pair.distance,
        }
        return {name: value for name, value in about.items() if value not in (None, "") or name == "right"}


def items_of(stimuli: Stimuli, answers: Floats) -> list[Item]:
    """Every choice: answers (N), log odds of class 0, in nats."""
    right = [float(a) if label == 0 else -float(a) for a, label in zip(answers, stimuli.label, strict=True)]
    per_pair = 2 if stimuli.has_twins else 1
    return [Item(stimuli.pairs[k], n % per_pair == 1, right[n]) for n, k in enumerate(stimuli.pair)]

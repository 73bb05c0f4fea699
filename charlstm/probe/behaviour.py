"""What the network does: which ending it takes for likelier, by class, attractor, distance and kind.

Legend: N sentences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from charlstm.probe.causes import correct, twins_in_order
from charlstm.probe.statistics import Estimate, Floats, bootstrap, d_prime
from charlstm.probe.stimuli import Bools, Ints, Stimuli

CHANCE = 0.5


@dataclass(frozen=True)
class Group:
    """The accuracy over some of the sentences."""

    name: str
    accuracy: Estimate
    sentences: int
    ngram: float | None = None  # the baseline's accuracy

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {**self.accuracy.to_dict(), "n": self.sentences, "ngram": self.ngram}


@dataclass(frozen=True)
class Behaviour:
    """Answers to minimal pairs.

    Attributes:
        overall: over the sentences that claims rest on.
        twin_accuracy: of how many twins the two are in the right order; free of any liking for one ending.
        d_prime: sensitivity to the class, free of bias.
        by: groups by "class", "attractor", "distance", "kind" and "class and attractor"; kinds that make no
            claim are there, too.
    """

    overall: Group
    twin_accuracy: Estimate | None
    d_prime: float
    by: dict[str, list[Group]]

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            **self.overall.to_dict(),
            "chance": CHANCE,
            "twin_accuracy": self.twin_accuracy and self.twin_accuracy.to_dict(),
            "d_prime": self.d_prime,
            "by": {name: {group.name: group.to_dict() for group in groups} for name, groups in self.by.items()},
        }


def judge(stimuli: Stimuli, answers: Floats, ngram: Floats | None, rng: np.random.Generator) -> Behaviour:
    """Accuracies of answers (log odds of class 0, (N)) and, beside them, of a baseline's."""
    right = correct(answers, stimuli.label)
    baseline = None if ngram is None else correct(ngram, stimuli.label)

    def group(name: str, chosen: Bools) -> Group:
        rows = np.flatnonzero(chosen)
        estimate = bootstrap(lambda again: float(right[rows[again]].mean()), stimuli.lemma[rows], rng, 400)
        return Group(name, estimate, len(rows), None if baseline is None else float(baseline[rows].mean()))

    main = stimuli.main
    of_class = [stimuli.label == 0, stimuli.label == 1]
    conditions = list(dict.fromkeys(stimuli.condition.tolist()))
    by = {
        "class": [group(name, main & of_class[k]) for k, name in enumerate(stimuli.classes) if of_class[k].any()],
        "attractor": [
            group(name, chosen) for name in conditions if (chosen := main & (stimuli.condition == name)).any()
        ],
        "distance": [
            group(name, main & (stimuli.distance_bin == k))
            for k, name in enumerate(stimuli.bins)
            if (stimuli.distance >= 0).any() and (main & (stimuli.distance_bin == k)).any()
        ],
        "kind": [group(name, stimuli.kind == name) for name in dict.fromkeys(stimuli.kind.tolist()) if name],
        "class and attractor": [
            group(f"{class_name} {name}", chosen)
            for k, class_name in enumerate(stimuli.classes)
            for name in conditions
            if (chosen := main & of_class[k] & (stimuli.condition == name)).any()
        ],
    }
    said = answers > 0
    has_both = all((chosen & main).any() for chosen in of_class)
    return Behaviour(
        overall=group("all", main),
        twin_accuracy=_twin_accuracy(stimuli, answers, rng) if stimuli.has_twins else None,
        d_prime=float("nan")
        if not has_both
        else d_prime(
            int((said & of_class[0] & main).sum()),
            int((of_class[0] & main).sum()),
            int((said & of_class[1] & main).sum()),
            int((of_class[1] & main).sum()),
        ),
        by=by,
    )


def _twin_accuracy(stimuli: Stimuli, answers: Floats, rng: np.random.Generator) -> Estimate:
    rows = np.flatnonzero(stimuli.main & (stimuli.label == 0))
    ordered = twins_in_order(answers, stimuli.twin)[rows]

    def statistic(again: Ints) -> float:
        return float(ordered[again].mean())

    return bootstrap(statistic, stimuli.lemma[rows], rng, 400)

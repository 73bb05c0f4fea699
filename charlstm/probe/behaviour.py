"""What the network does: which ending it takes for likelier, by class, attractor, distance and kind.

Legend: N sentences.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from charlstm.probe.effects import Twins, correct, nats_apart, odds_auc, twin_order
from charlstm.probe.statistics import Estimate, Floats, d_prime, share
from charlstm.probe.stimuli import Bools, Stimuli

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
        nats: how far the log odds of twins lie apart.
        auc: how well the odds tell the classes apart, whatever the threshold; NaN where a class is missing.
        d_prime: sensitivity to the class, free of bias.
        by: groups by "class", "attractor", "distance", "phenomenon", "kind" and "class and attractor"; kinds that
            make no claim are there, too. Without twins and labels there are no classes.
        kinds: the kinds of each phenomenon.
    """

    overall: Group
    twin_accuracy: Estimate | None
    nats: Estimate | None
    auc: float
    d_prime: float
    by: dict[str, list[Group]]
    kinds: dict[str, list[str]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            **self.overall.to_dict(),
            "chance": CHANCE,
            "twin_accuracy": self.twin_accuracy and self.twin_accuracy.to_dict(),
            "nats": self.nats and self.nats.to_dict(),
            "auc": self.auc,
            "d_prime": self.d_prime,
            "by": {name: {group.name: group.to_dict() for group in groups} for name, groups in self.by.items()},
        }


def judge(stimuli: Stimuli, answers: Floats, ngram: Floats | None, rng: np.random.Generator) -> Behaviour:
    """Accuracies of answers (log odds of class 0, (N)) and, beside them, of a baseline's."""
    right = correct(answers, stimuli.label)
    baseline = None if ngram is None else correct(ngram, stimuli.label)

    def group(name: str, chosen: Bools) -> Group:
        rows = np.flatnonzero(chosen)
        estimate = share(right[rows], stimuli.lemma[rows], rng)
        return Group(name, estimate, len(rows), None if baseline is None else float(baseline[rows].mean()))

    main = stimuli.main
    of_class = [stimuli.label == 0, stimuli.label == 1]
    conditions = list(dict.fromkeys(stimuli.condition.tolist()))
    classes = [(k, name) for k, name in enumerate(stimuli.classes) if name in stimuli.known_classes]
    phenomenon = np.array([stimuli.pairs[k].phenomenon for k in stimuli.pair], dtype=np.str_)
    by = {
        "class": [group(name, main & of_class[k]) for k, name in classes if of_class[k].any()],
        "attractor": [
            group(name, chosen) for name in conditions if (chosen := main & (stimuli.condition == name)).any()
        ],
        "distance": [
            group(name, main & (stimuli.distance_bin == k))
            for k, name in enumerate(stimuli.bins)
            if (stimuli.distance >= 0).any() and (main & (stimuli.distance_bin == k)).any()
        ],
        "phenomenon": [
            group(name, main & (phenomenon == name)) for name in dict.fromkeys(phenomenon[main].tolist()) if name
        ],
        "kind": [group(name, stimuli.kind == name) for name in dict.fromkeys(stimuli.kind.tolist()) if name],
        "class and attractor": [
            group(f"{class_name} {name}", chosen)
            for k, class_name in classes
            for name in conditions
            if (chosen := main & of_class[k] & (stimuli.condition == name)).any()
        ],
    }
    said = answers > 0
    twins = None
    if stimuli.has_twins:
        twins = Twins.of(np.where(main, stimuli.label, -1), stimuli.twin, stimuli.lemma)
    has_both = all((chosen & main).any() for chosen in of_class)
    return Behaviour(
        overall=group("all", main),
        twin_accuracy=None if twins is None else twin_order(twins, answers, rng),
        nats=None if twins is None else nats_apart(twins, answers, rng),
        auc=odds_auc(answers[main], stimuli.label[main]),
        d_prime=float("nan")
        if not has_both
        else d_prime(
            int((said & of_class[0] & main).sum()),
            int((of_class[0] & main).sum()),
            int((said & of_class[1] & main).sum()),
            int((of_class[1] & main).sum()),
        ),
        by=by,
        kinds={
            group.name: list(dict.fromkeys(stimuli.kind[phenomenon == group.name].tolist()))
            for group in by["phenomenon"]
        },
    )

"""What a probe found, as data. Layers count from 1 where a person reads them: in `to_dict` and in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from charlstm.grammar.pairs import MinimalPair
from charlstm.probe.behaviour import Behaviour
from charlstm.probe.cause_result import Ablation, Patch, Rival, SetTest
from charlstm.probe.directions import Directions
from charlstm.probe.gating import GateUse
from charlstm.probe.items import Item
from charlstm.probe.nulls import limit_of
from charlstm.probe.reading import Trace
from charlstm.probe.selectivity import Candidate
from charlstm.probe.statistics import Estimate, Floats, without_nan
from charlstm.probe.stimuli import LANDMARKS
from charlstm.probe.verdict import Evidence, Thresholds, Verdict
from charlstm.shown import Shown


@dataclass(frozen=True)
class CellReport:
    """All that is known of one cell.

    Attributes:
        candidate: what discovery and confirmation say.
        evidence: what the verdict rests on.
        attractor_auc: whether the attractor's class shows in the cell, after it and at the target, the subject's
            class being fixed; 0.5 is blind to it, None where no sentence has one.
        hold_by_distance: by distance bin.
        interval: the hold with its interval over lemmas.
        over_time: the AUC at eleven points from the cue to the target.
        gates: None without a gate that keeps.
        ablation, patch: None if the causal tests were not made.
    """

    candidate: Candidate
    evidence: Evidence
    verdict: Verdict
    attractor_auc: tuple[float, float] | None
    hold_by_distance: dict[str, float]
    interval: Estimate | None = None
    over_time: Floats | None = None
    gates: GateUse | None = None
    ablation: Ablation | None = None
    patch: Patch | None = None

    @property
    def name(self) -> str:
        """`layer:cell`, as a person writes it."""
        layer, cell = self.candidate.place
        return f"{layer + 1}:{cell}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        candidate, evidence = self.candidate, self.evidence
        return {
            "layer": candidate.found.layer + 1,
            "cell": candidate.found.cell,
            "sign": candidate.found.sign,
            "hold": self.interval.to_dict() if self.interval else {"value": candidate.hold},
            "same_hold": evidence.same_hold,
            "free_hold": evidence.free_hold,
            "discovery_hold": candidate.found.hold,
            "auc": dict(zip(LANDMARKS, candidate.landmark_auc.tolist(), strict=True)),
            "auc_over_time": None if self.over_time is None else self.over_time.tolist(),
            "hold_by_distance": self.hold_by_distance,
            "short": evidence.short,
            "gap": evidence.gap,
            "attractor_auc": self.attractor_auc
            and dict(zip(("after attractor", "target"), self.attractor_auc, strict=True)),
            "p": candidate.p,
            "gates": self.gates and self.gates.to_dict(),
            "ablation": self.ablation and self.ablation.to_dict(),
            "patch": self.patch and self.patch.to_dict(),
            "verdict": self.verdict.value,
        }


@dataclass(frozen=True)
class SentenceReport:
    """One sentence and its twin, read with some cells watched.

    Attributes:
        name: what kind of sentence it is, for people.
        pair: the sentence and its twin.
        share: P(ending of class 0) / (P(ending of class 0) + P(ending of class 1)), for the sentence and its twin.
        traces: the watched cells over the sentence and over its twin.
    """

    name: str
    pair: MinimalPair
    share: tuple[float, float]
    traces: tuple[Trace, Trace]

    def to_dict(self, cells: list[str]) -> dict[str, Any]:
        """Return it as a JSON object; `cells` are the names of the watched cells."""
        pair = self.pair
        texts = (pair.prefix, pair.twin_prefix)
        return {
            "name": self.name,
            "sentence": pair.sentence_good,
            "twin": pair.twin,
            "endings": [pair.endings[0], pair.endings[1]],
            "share": self.share[0],
            "twin_share": self.share[1],
            "cells": {
                name: {
                    which: {
                        "text": text,
                        **{
                            part: values[0, : len(text), k].tolist()
                            for part, values in {"state": trace.state, **trace.gates}.items()
                        },
                    }
                    for which, text, trace in zip(("sentence", "twin"), texts, self.traces, strict=True)
                }
                for k, name in enumerate(cells)
            },
        }


@dataclass(frozen=True)
class Nulls:
    """What networks that learnt nothing reach; see `nulls`. One figure a network each.

    Attributes:
        hold, short, cue: the best cell of each.
        twin_order: the share of twins that each has in order.
        nats: how far it sets the log odds of twins apart, as a mean of sizes.
    """

    hold: Floats
    short: Floats
    cue: Floats
    twin_order: Floats
    nats: Floats

    @classmethod
    def none(cls) -> Nulls:
        """No networks."""
        return cls(*(np.zeros(0),) * 5)

    def to_dict(self) -> dict[str, list[float]]:
        """Return it as a JSON object."""
        return {name: values.tolist() for name, values in vars(self).items()}

    @property
    def limit(self) -> float:
        """What a hold must exceed, at a fine resolution."""
        return limit_of(self.hold)


@dataclass(frozen=True, repr=False)
class ProbeResult(Shown):
    """What a probe found.

    Attributes:
        classes: the two values of the feature; without twins, only `known_classes` mean something.
        behaviour: the answers; None without pairs.
        items: the answers one by one.
        lemmas: how many in the discovery half and in the confirmation half.
        sentences: single sentences, to be shown.
        cells: the best first; empty without twins.
        sets: several cells together, and how many are needed.
        rival: the cell that follows the last noun and speaks against the subject.
        detectable: the least true hold that these pairs show in 80 % of draws (`power`); None if they show none.
        directions: the best cell beside directions of its layer; None if that was not asked for.
        thresholds: the verdicts at other least holds: by that, the cells with their verdicts.
        bits_per_char, ordinary: the intact network on ordinary text, and which text that was.
        watched: the cells in the traces of `sentences`, layer and cell from 0.
        asked: those of them that a person asked for.
        notes: what else must be said.
        activations, names: states at the landmarks and what they belong to, for `--save`; what its numbers stand for.
    """

    classes: tuple[str, str]
    behaviour: Behaviour | None
    sentences: list[SentenceReport]
    limits: Thresholds
    state: str
    watched: list[tuple[int, int]] = field(default_factory=list)
    asked: list[tuple[int, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lemmas: tuple[int, int] = (0, 0)
    nulls: Nulls = field(default_factory=Nulls.none)
    rival: Rival | None = None
    detectable: float | None = None
    cells: list[CellReport] = field(default_factory=list)
    sets: SetTest = field(default_factory=SetTest)
    directions: Directions | None = None
    thresholds: dict[float, dict[str, str]] = field(default_factory=dict)
    bits_per_char: float | None = None
    ordinary: str = ""
    activations: dict[str, Tensor] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    known_classes: list[str] | None = None  # None: both

    @property
    def tracking(self) -> list[CellReport]:
        """The cells that hold the feature all the way."""
        return [cell for cell in self.cells if cell.verdict in (Verdict.tracks, Verdict.tracks_and_used)]

    @property
    def driving(self) -> list[CellReport]:
        """The cells that the network uses, though networks that learnt nothing hold as well."""
        return [cell for cell in self.cells if cell.verdict is Verdict.used]

    @property
    def highlighted(self) -> set[tuple[int, int]]:
        """The cells worth a picture: those that track or drive the answer, and those asked for."""
        return {cell.candidate.place for cell in [*self.tracking, *self.driving]} | set(self.asked)

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object; what is not a number there is null."""
        watched = [f"{layer + 1}:{cell}" for layer, cell in self.watched]
        sentences = [sentence.to_dict(watched) for sentence in self.sentences]
        everything = {
            "classes": (list(self.classes) if self.known_classes is None else self.known_classes) or None,
            "landmarks": list(LANDMARKS),
            "state": self.state,
            "behaviour": self.behaviour and self.behaviour.to_dict(),
            "sentence": sentences[0] if sentences else None,
            "sentences": sentences,
            "lemmas": {"discovery": self.lemmas[0], "confirmation": self.lemmas[1]},
            "nulls": {**self.nulls.to_dict(), "hold_limit": self.nulls.limit},
            "rival": self.rival and self.rival.to_dict(),
            "detectable_hold": self.detectable,
            "cells": [cell.to_dict() for cell in self.cells],
            "sets": self.sets.to_dict(),
            "directions": self.directions and self.directions.to_dict(),
            "at_other_holds": {f"{hold:g}": cells for hold, cells in self.thresholds.items()},
            "bits_per_char": self.bits_per_char,
            "ordinary_text": self.ordinary,
            "thresholds": self.limits.to_dict(),
            "notes": self.notes,
        }
        result: dict[str, Any] = without_nan(everything)
        return result

"""What may be said of a cell, and the thresholds that decide it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

from charlstm.probe.nulls import stands_out
from charlstm.probe.statistics import Floats


class Verdict(StrEnum):
    """From the strongest claim to none."""

    tracks_and_used = "tracks and used"
    tracks = "tracks"
    short_range = "short-range"
    cue_only = "cue only"
    none = "none"


@dataclass(frozen=True)
class Thresholds:
    """What a claim asks for.

    Attributes:
        hold: least AUC over the landmarks, on held-out lemmas with an attractor of the other class.
        gap: difference of the class means before the deciding character, in deviations on ordinary text.
        alpha: of every test.
        fall: loss of accuracy of one class when the cell is switched off.
        recovery: how far a patch must move the answer towards the twin's.
        min_controls: with fewer other cells in the layer, nothing is said of causes.
    """

    hold: float = 0.90
    gap: float = 0.5
    alpha: float = 0.05
    fall: float = 0.05
    recovery: float = 0.10
    min_controls: int = 20

    def to_dict(self) -> dict[str, float]:
        """As JSON has it."""
        return asdict(self)


@dataclass(frozen=True)
class Evidence:
    """What a verdict rests on.

    Attributes:
        hold, gap, p: as in `Thresholds`.
        null_hold: the best hold of each re-initialised network.
        short: the AUC that lasts from the cue to the attractor, or to the end of the shortest sentences.
        null_short: the best of each re-initialised network.
        cue: the AUC at the end of the cue.
        null_cue: the best of each re-initialised network.
        fall, fall_p, recovery: the causal tests; None if they were not made.
    """

    hold: float
    gap: float
    p: float
    null_hold: Floats
    short: float
    null_short: Floats
    cue: float
    null_cue: Floats
    fall: float | None = None
    fall_p: float | None = None
    recovery: float | None = None


def holds(evidence: Evidence, limits: Thresholds) -> bool:
    """Whether a cell holds the feature all the way."""
    return (
        evidence.hold >= limits.hold
        and evidence.gap >= limits.gap
        and evidence.p < limits.alpha
        and stands_out(evidence.hold, evidence.null_hold)
    )


def is_used(evidence: Evidence, limits: Thresholds) -> bool:
    """Whether the network answers otherwise without the cell, and with its twin's value."""
    if evidence.fall is None or evidence.fall_p is None or evidence.recovery is None:
        return False
    return evidence.fall >= limits.fall and evidence.fall_p < limits.alpha and evidence.recovery >= limits.recovery


def judge_cell(evidence: Evidence, limits: Thresholds) -> Verdict:
    """The verdict on one cell."""
    if holds(evidence, limits):
        return Verdict.tracks_and_used if is_used(evidence, limits) else Verdict.tracks
    if evidence.short >= limits.hold and stands_out(evidence.short, evidence.null_short):
        return Verdict.short_range
    if evidence.cue >= limits.hold and stands_out(evidence.cue, evidence.null_cue):
        return Verdict.cue_only
    return Verdict.none

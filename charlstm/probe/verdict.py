"""What may be said of a cell, and the thresholds that decide it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

from charlstm.probe.nulls import stands_out
from charlstm.probe.statistics import Estimate, Floats


class Verdict(StrEnum):
    """From the strongest claim to none."""

    tracks_and_used = "tracks and used"
    used = "used"  # that it holds cannot be told from networks that learnt nothing
    tracks = "tracks"
    short_range = "short-range"
    cue_only = "cue only"
    none = "none"


@dataclass(frozen=True)
class Thresholds:
    """What a claim asks for.

    Attributes:
        hold: least AUC over the landmarks, on held-out lemmas with an attractor of the other class; and, so that a
            cell that takes the attractor for the contrary of the cue does not pass, with one of the same class;
            and, so that one that slowly forgets does not, at every distance.
        gap: difference of the class means before the deciding character, in deviations on ordinary text.
        alpha: p of every test must lie below it.
        recovery: how far a patch of the cell must move the answer towards the twin's, as a share of the way.
        min_controls: with fewer other cells in the layer, nothing is said of causes.
    """

    hold: float = 0.90
    gap: float = 0.5
    alpha: float = 0.05
    recovery: float = 0.20
    min_controls: int = 20

    def to_dict(self) -> dict[str, float]:
        """Return it as a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class Evidence:
    """What a verdict rests on.

    Attributes:
        hold, gap, p: as in `Thresholds`.
        same_hold: the hold on sentences with an attractor of the same class; NaN where there is none.
        far_hold: the hold at the distance where it is least.
        free_hold: the hold among sentences whose cues end at one place, where that place tells the classes apart;
            None where it does not.
        resolution: of these AUC: 1 over the comparisons behind them.
        null_hold: the best hold of each re-initialised network.
        short: the AUC that lasts from the cue to the attractor, or to the end of the shortest sentences.
        null_short: the best of each re-initialised network.
        cue: the AUC at the end of the cue.
        null_cue: the best of each re-initialised network.
        recovery: how far the patch of the cell moves the answer; None if not tested.
        patch_p: how often another cell of the layer moves it as far; None with too few of them.
    """

    hold: float
    same_hold: float
    far_hold: float
    resolution: float
    gap: float
    p: float
    null_hold: Floats
    short: float
    null_short: Floats
    cue: float
    null_cue: Floats
    free_hold: float | None = None
    recovery: Estimate | None = None
    patch_p: float | None = None


@dataclass(frozen=True)
class FeatureEvidence:
    """What a verdict on a cell and a feature of ordinary text rests on.

    Attributes:
        correlation: the partial correlation on stretches that chose no cell.
        least: what it must reach whatever networks that learnt nothing reach.
        bound: what it must exceed to stand out from them.
        p: of it, among the candidates and over the features.
        recovery, patch_p: as in `Evidence`.
    """

    correlation: float
    least: float
    bound: float
    p: float
    recovery: Estimate | None = None
    patch_p: float | None = None


def does_not_last(evidence: Evidence, limits: Thresholds) -> list[str]:
    """In what a cell fails to keep the feature as far as it goes, in words; nothing if it does."""
    lacks = []
    if not evidence.hold >= limits.hold:
        lacks.append(f"its hold is below {limits.hold:g}")
    if evidence.same_hold < limits.hold:
        lacks.append(f"past an attractor of the same class its hold is {evidence.same_hold:.2f}")
    if evidence.far_hold < limits.hold:
        lacks.append(f"at one distance its hold is {evidence.far_hold:.2f}")
    return lacks


def is_explained_by_position(evidence: Evidence, limits: Thresholds) -> bool:
    """Whether a cell that only counts characters would do as well."""
    return evidence.free_hold is not None and not evidence.free_hold >= limits.hold


def shortcomings(evidence: Evidence, limits: Thresholds) -> list[str]:
    """What a cell lacks to be said to track the feature, in words; nothing if it does."""
    lacks = _lacks_in_itself(evidence, limits)
    if not stands_out(evidence.hold, evidence.null_hold, evidence.resolution):
        lacks.append("networks that learnt nothing do as well")
    return lacks


def _lacks_in_itself(evidence: Evidence, limits: Thresholds) -> list[str]:
    lacks = does_not_last(evidence, limits)
    if not evidence.gap >= limits.gap:
        lacks.append(f"its gap is {evidence.gap:.2f}, below {limits.gap:g}")
    if not evidence.p < limits.alpha:
        lacks.append(f"p is not below {limits.alpha:g}")
    if is_explained_by_position(evidence, limits):
        lacks.append("a cell that counts characters would do as well")
    return lacks


def holds(evidence: Evidence, limits: Thresholds) -> bool:
    """Whether a cell holds the feature all the way."""
    return not shortcomings(evidence, limits)


def holds_as_nulls_do(evidence: Evidence, limits: Thresholds) -> bool:
    """Whether a cell holds the feature all the way, networks that learnt nothing left out of account."""
    return not _lacks_in_itself(evidence, limits)


def is_used(evidence: Evidence | FeatureEvidence, limits: Thresholds) -> bool:
    """Whether the answer goes with the cell: its twin's value moves the odds, farther than other cells' values do.

    An ablation cannot deny this: what others carry, too, is not lost without the cell.
    """
    if evidence.recovery is None or evidence.patch_p is None:
        return False
    enough = evidence.recovery.value >= limits.recovery and evidence.recovery.low > 0
    return enough and evidence.patch_p < limits.alpha


def judge_cell(evidence: Evidence, limits: Thresholds) -> Verdict:
    """The verdict on one cell."""
    if holds(evidence, limits):
        return Verdict.tracks_and_used if is_used(evidence, limits) else Verdict.tracks
    if holds_as_nulls_do(evidence, limits) and is_used(evidence, limits):
        return Verdict.used
    if not does_not_last(evidence, limits):  # it is another thing that it lacks
        return Verdict.none
    if evidence.short >= limits.hold and stands_out(evidence.short, evidence.null_short, evidence.resolution):
        return Verdict.short_range
    if evidence.cue >= limits.hold and stands_out(evidence.cue, evidence.null_cue, evidence.resolution):
        return Verdict.cue_only
    return Verdict.none


def judge_feature_cell(evidence: FeatureEvidence, limits: Thresholds) -> Verdict:
    """The verdict on one cell and a feature of ordinary text."""
    if not (evidence.correlation >= evidence.least and evidence.p < limits.alpha):
        return Verdict.none
    used = is_used(evidence, limits)
    if evidence.correlation > evidence.bound:
        return Verdict.tracks_and_used if used else Verdict.tracks
    return Verdict.used if used else Verdict.none

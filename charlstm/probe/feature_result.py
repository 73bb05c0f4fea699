"""What was found of features of ordinary text, as data. Layers count from 1 where a person reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from charlstm.probe.feature_causes import FeaturePatch
from charlstm.probe.statistics import Estimate, without_nan
from charlstm.probe.verdict import Verdict

MIN_CORRELATION = 0.3  # a weaker one is nothing to speak of, even if chance reaches less


@dataclass(frozen=True)
class FeatureCell:
    """A cell and a feature: partial correlation on the judging stretches, p among the candidates, what patching does.

    `patch` is None if it was not tested.
    """

    layer: int
    cell: int
    correlation: Estimate
    p: float
    patch: FeaturePatch | None = None
    verdict: Verdict = Verdict.none

    @property
    def place(self) -> tuple[int, int]:
        """Layer and cell, from 0."""
        return self.layer, self.cell

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object; layers count from 1."""
        return {
            "layer": self.layer + 1,
            "cell": self.cell,
            "correlation": self.correlation.to_dict(),
            "p": self.p,
            "patch": self.patch and self.patch.to_dict(),
            "verdict": self.verdict.value,
        }


@dataclass(frozen=True)
class FeatureResult:
    """The result for one feature.

    Attributes:
        name: of the feature.
        share: how often its value is not 0.
        cells: the best candidates, and those that move the predictions; the strongest verdict first.
        null: the best correlation of each network that learnt nothing.
        bound: what a correlation must exceed: the prediction bound of `null`, or `MIN_CORRELATION`.
        p_adjusted: of the best cell, over the features that were asked for together (Benjamini & Hochberg 1995).
        verdict: of the first cell.
        apart: how far matched places with and without the feature lie apart in the log odds of what it predicts, nats;
            None if causes could not be tested.
        direction: 1 if what the feature predicts is likelier where it is on, or late; -1 if it is less likely.
        note: why there is nothing, or why nothing is said of causes.
    """

    name: str
    share: float
    cells: list[FeatureCell] = field(default_factory=list)
    null: list[float] = field(default_factory=list)
    bound: float = MIN_CORRELATION
    p_adjusted: float = 1.0
    verdict: Verdict = Verdict.none
    apart: Estimate | None = None
    direction: int = 1
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object; layers count from 1."""
        found: dict[str, Any] = without_nan(
            {
                **vars(self),
                "cells": [cell.to_dict() for cell in self.cells],
                "verdict": self.verdict.value,
                "apart": self.apart and self.apart.to_dict(),
            }
        )
        return found

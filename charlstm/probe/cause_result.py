"""What the causal tests found, as data: of one cell, of several together, of the one that opposes the subject."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from charlstm.probe.statistics import Estimate, as_json


@dataclass(frozen=True)
class Ablation:
    """What is left when cells stand midway between twins from the end of the cue on; see `causes`.

    Attributes:
        removed: the share of what lies between the log odds of twins that is gone: 0 nothing, 1 all.
        removed_by_resampling: the same if the cells take what they have in a sentence drawn at random.
        nats_before, nats: how far the log odds of twins lie apart, before and after.
        twin_order: of how many twins the two are still in the right order.
        auc: how well the odds still tell the classes apart, whatever the threshold.
        accuracy_before, accuracy: choices that are right. They can fall by a shift towards one ending.
        fall, fall_by: the loss of accuracy by class, and by class and attractor.
        cost_bits: on ordinary text, with the cells at their mean there, bits a character; None if not measured.
    """

    removed: Estimate
    removed_by_resampling: Estimate
    nats_before: Estimate
    nats: Estimate
    twin_order: Estimate
    auc: float
    accuracy_before: float
    accuracy: float
    fall: dict[str, float]
    fall_by: dict[str, float]
    cost_bits: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return as_json(self)


@dataclass(frozen=True)
class Patch:
    """What follows when cells take their state in the twin, once, at the end of the cue.

    Attributes:
        recovery: how far the log odds go towards the twin's: 0 not at all, 1 all the way.
        nats: the mean change of the log odds towards the twin's ending.
        flip: how many choices change, of those in which the twin's is another.
        rest_recovery, rest_flip: the same when all cells but these take theirs.
        controls, p: how many other cells were patched for comparison, and how often one goes as far; None with too few.
    """

    recovery: Estimate
    nats: Estimate
    flip: float
    rest_recovery: Estimate
    rest_flip: float
    controls: int = 0
    p: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return as_json(self)


@dataclass(frozen=True)
class CellSet:
    """Several cells together: their names, patched, and ablated."""

    cells: list[str]
    patch: Patch
    ablation: Ablation

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return as_json(self)


@dataclass(frozen=True)
class SetPoint:
    """The first k cells patched together.

    Attributes:
        cells: k.
        recovery: how far they move the answer.
        random, matched: how far as many others do: drawn at random, or of the nearest deviation on ordinary text.
    """

    cells: int
    recovery: float
    random: float
    matched: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return as_json(self)


@dataclass(frozen=True)
class SetTest:
    """Sets of cells.

    Attributes:
        together: all cells that hold, if there are several.
        curve: the cells whose patches go farthest on the discovery half, tried on the other.
        smallest: the fewest of them that go 95 % of the way; None if none of the sets does.
    """

    together: CellSet | None = None
    curve: list[SetPoint] = field(default_factory=list)
    smallest: CellSet | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "together": self.together and self.together.to_dict(),
            "top_k": [point.to_dict() for point in self.curve],
            "smallest": self.smallest and self.smallest.to_dict(),
        }


@dataclass(frozen=True)
class Removal:
    """What the choices are without a cell, on the sentences of one condition.

    Attributes:
        condition: the attractor: none, same or opposite.
        sentences: how many.
        accuracy_before, accuracy: the share of right choices, with the cell and without it.
        nats: the mean change of the log odds of the right ending.
    """

    condition: str
    sentences: int
    accuracy_before: float
    accuracy: float
    nats: Estimate


@dataclass(frozen=True)
class Rival:
    """A cell that follows the last noun and speaks against the subject.

    Attributes:
        layer, cell: from 0.
        last_noun_auc: how well it tells the class of the attractor just before the target, the subject's being fixed.
        removals: by condition; the cell is held at its mean on ordinary text from the end of the cue on.
    """

    layer: int
    cell: int
    last_noun_auc: float
    removals: list[Removal]

    @property
    def name(self) -> str:
        """`layer:cell`, as a person writes it."""
        return f"{self.layer + 1}:{self.cell}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        without = {removal.condition: as_json(removal) for removal in self.removals}
        return {"layer": self.layer + 1, "cell": self.cell, "last_noun_auc": self.last_noun_auc, "without": without}

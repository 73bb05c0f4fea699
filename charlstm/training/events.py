"""What a training says as it goes. `training.trainer.Trainer.run` yields these and prints nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Reason = Literal["budget", "patience", "interrupted", "diverged"]


@dataclass(frozen=True)
class Event:
    """What all events share.

    Attributes:
        step: windows learnt from so far.
    """

    step: int

    def to_dict(self) -> dict[str, Any]:
        """As `metrics.jsonl` and `--json` have it: the name of the event first."""
        return {"event": type(self).__name__.lower(), **asdict(self)}


@dataclass(frozen=True)
class Started(Event):
    """A run goes on from a model with another text: what that model makes of it."""

    model: str
    sha256: str
    licence: str | None
    new_characters: str  # those of the texts that the model had never seen
    valid_nats: float | None  # on the validation text, before any training; None: there is none
    valid_bits_per_char: float | None
    old_nats: float | None  # on the end of the old text
    old_bits_per_char: float | None
    why_no_old: str  # why that is not known


@dataclass(frozen=True)
class Compared(Event):
    """What the best model of a run that went on from another has learnt, and what it has forgotten."""

    valid_nats_before: float | None
    valid_nats: float | None
    valid_bits_per_char_before: float | None
    valid_bits_per_char: float | None
    old_nats_before: float | None
    old_nats: float | None
    old_bits_per_char_before: float | None
    old_bits_per_char: float | None
    why_no_old: str


@dataclass(frozen=True)
class Stepped(Event):
    """A window was learnt from."""

    progress: float  # share of the budget, 0..1
    epoch: float  # passes over the training text, with the part of the current one
    loss_nats: float  # of this window
    chars_per_s: float  # over the last few steps


@dataclass(frozen=True)
class Trained(Event):
    """The mean training loss since the last of these events: what `metrics.jsonl` keeps of the steps."""

    epoch: float
    train_nats: float
    bits_per_char: float
    lr: float
    seconds: float


@dataclass(frozen=True)
class Evaluated(Event):
    """The model was scored on the validation text."""

    epoch: float
    valid_nats: float
    valid_bits_per_char: float
    characters: int
    best: bool  # better than ever before in this run
    sample: str | None
    seconds: float


@dataclass(frozen=True)
class Saved(Event):
    """The state was written."""

    path: str
    seconds: float


@dataclass(frozen=True)
class NotSaved(Event):
    """The state could not be written; training goes on, and tries again at the next occasion."""

    problem: str


@dataclass(frozen=True)
class RolledBack(Event):
    """A loss or gradient was not finite: back to the last good state, with a lower learning rate."""

    failed_step: int
    lr_scale: float
    times: int  # how often in this run


@dataclass(frozen=True)
class Finished(Event):
    """The end."""

    reason: Reason
    epoch: float
    best_nats: float | None
    best_bits_per_char: float | None
    best_step: int | None
    characters: int  # learnt from in this session
    seconds: float
    chars_per_s: float

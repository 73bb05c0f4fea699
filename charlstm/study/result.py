"""What a study finds: of each seed, and over all of them.

Legend: S seeds.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from charlstm.evaluate import bits_per_char
from charlstm.probe.result import ProbeResult
from charlstm.probe.statistics import Estimate, binomial
from charlstm.probe.verdict import Verdict

OPPOSITE = "opposite"  # the condition of sentences with an attractor of the other class


@dataclass(frozen=True)
class SeedTraining:
    """How a training ended.

    Attributes:
        step, epoch: how far it came.
        reason: "budget", "patience" or "diverged".
        best_valid_nats: of the best model on the validation text, nats a character; None without such a text.
        best_step: when that was.
        sha256: of the file of the best model; None where a training diverged before there was one.
    """

    step: int
    epoch: float
    reason: str
    best_valid_nats: float | None
    best_step: int | None
    sha256: str | None

    @property
    def bits_per_char(self) -> float | None:
        """The same score in bits."""
        return None if self.best_valid_nats is None else bits_per_char(self.best_valid_nats)

    @property
    def diverged(self) -> bool:
        """Whether it came to nothing: such a model is not probed."""
        return self.reason == "diverged"


@dataclass(frozen=True)
class SeedProbe:
    """What a probe found in one model; all of it is in the file with this sha256.

    Attributes:
        accuracy: the share of choices that are right.
        accuracy_opposite: the same past an attractor of the other class; None where no pair has one.
        cell, verdict, hold, moved: of the best cell, as `layer:cell`; None without twins. `moved` is None where the
            cell was not patched.
        qualified: the cells that track the feature and are used.
        nulls: how many re-initialised networks they were compared with.
        sha256: of the file.
    """

    accuracy: float
    accuracy_opposite: float | None
    cell: str | None
    verdict: str | None
    hold: float | None
    moved: float | None
    qualified: tuple[str, ...]
    nulls: int
    sha256: str

    @classmethod
    def of(cls, result: ProbeResult, sha256: str) -> SeedProbe:
        """The figures of a probe that `sha256` names."""
        assert result.behaviour is not None
        opposite = [group for group in result.behaviour.by["attractor"] if group.name == OPPOSITE]
        best = result.cells[0] if result.cells else None
        return cls(
            accuracy=result.behaviour.overall.accuracy.value,
            accuracy_opposite=opposite[0].accuracy.value if opposite else None,
            cell=None if best is None else best.name,
            verdict=None if best is None else best.verdict.value,
            hold=None if best is None else float(best.evidence.hold),
            moved=None if best is None or best.patch is None else float(best.patch.recovery.value),
            qualified=tuple(cell.name for cell in result.cells if cell.verdict is Verdict.tracks_and_used),
            nulls=len(result.nulls.hold),
            sha256=sha256,
        )


@dataclass(frozen=True)
class SeedResult:
    """What is known of one seed so far.

    Attributes:
        machine: where that of the training differs from the machine on which the study began.
    """

    seed: int
    training: SeedTraining
    probe: SeedProbe | None = None
    machine: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        bits = self.training.bits_per_char
        training = {**asdict(self.training), "best_valid_bits_per_char": bits}
        probe = None if self.probe is None else {**asdict(self.probe), "qualified": list(self.probe.qualified)}
        return {"seed": self.seed, "training": training, "probe": probe, "machine": self.machine}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SeedResult:
        """The other way round. Raises KeyError, TypeError or ValueError for what is not as we write it."""
        training = {name: value for name, value in data["training"].items() if name != "best_valid_bits_per_char"}
        probe = data["probe"]
        if probe is not None:
            probe = SeedProbe(**{**probe, "qualified": tuple(probe["qualified"])})
            _check_types(probe, str, ("verdict", "cell", "sha256"))
            if not all(isinstance(name, str) for name in probe.qualified):
                raise TypeError("qualified")
            _check_types(probe, float, ("accuracy", "accuracy_opposite", "hold", "moved"))
        found = cls(data["seed"], SeedTraining(**training), probe, data["machine"])
        _check_types(found.training, float, ("step", "epoch", "best_valid_nats", "best_step"))
        _check_types(found.training, str, ("reason", "sha256"))
        if type(found.seed) is not int or not isinstance(found.machine, dict | None):
            raise TypeError("seed")
        return found


def _check_types(of: object, kind: type, names: Sequence[str]) -> None:
    kinds = (int, float) if kind is float else (kind,)
    for name in names:
        value = getattr(of, name, "")
        if value is not None and type(value) not in kinds:
            raise TypeError(name)


FIGURES = ("bits_per_char", "best_step", "accuracy", "accuracy_opposite", "hold", "moved")


def figure(result: SeedResult, name: str) -> float | None:
    """One of `FIGURES` of a seed; None where there is none. A training that diverged has none."""
    if result.training.diverged:
        return None
    of = result.training if name in ("bits_per_char", "best_step") else result.probe
    value = getattr(of, name, None)
    return None if value is None else float(value)


@dataclass(frozen=True)
class Summary:
    """A study as a whole.

    Attributes:
        seeds: that were trained.
        mean: of each of `FIGURES`, over the seeds that have it; None where none has.
        deviation: the standard deviation of the same, as of a sample (S - 1); None with fewer than two.
        probed: that count for the cells: all whose models were probed for cells, and those that diverged.
        qualified: in how many of these a cell tracks the feature and is used.
        share: `qualified` of `probed`, with its exact 95 % interval; None where no cells were looked for.
    """

    seeds: int
    mean: dict[str, float | None]
    deviation: dict[str, float | None]
    probed: int
    qualified: int
    share: Estimate | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        share = None if self.share is None else self.share.to_dict()
        return {**asdict(self), "share": share}


def summarise(results: Sequence[SeedResult]) -> Summary:
    """Over the seeds of which something is known."""
    values = {name: [v for r in results if (v := figure(r, name)) is not None] for name in FIGURES}
    looked = [r.probe for r in results if r.probe is not None and r.probe.cell is not None]
    diverged = sum(r.training.diverged for r in results) if looked else 0
    qualified, probed = sum(bool(probe.qualified) for probe in looked), len(looked) + diverged
    return Summary(
        seeds=len(results),
        mean={name: statistics.fmean(v) if v else None for name, v in values.items()},
        deviation={name: statistics.stdev(v) if len(v) > 1 else None for name, v in values.items()},
        probed=probed,
        qualified=qualified,
        share=binomial(qualified, probed) if probed else None,
    )

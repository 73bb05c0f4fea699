"""All that a run knows, and how it is saved and restored.

Weights and their mean, optimiser, carried state and `Progress`: what is not here (dropout masks, samples, learning
rates) is computed from them, so that a run that was saved and restored comes to the same bits as one that never
stopped.
"""

from __future__ import annotations

import math
import platform
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from charlstm import checkpoint
from charlstm._version import __version__
from charlstm.config import TrainConfig
from charlstm.corpus import Corpus
from charlstm.distributed.group import ALONE, Group
from charlstm.errors import ModelFileError
from charlstm.network.cells import State
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.training.averaging import Average
from charlstm.training.batches import Batches, Position
from charlstm.training.optim import make_optimizers, optimizer_tensors, restore_optimizers


@dataclass
class Progress:
    """The numbers of a run that change, and must outlive the process."""

    step: int = 0  # windows learnt from
    epoch: int = 0
    offset: int = 0
    fraction: float = 0.0  # of the budget, 0..1
    evaluations_done: int = 0
    best_nats: float | None = None
    best_step: int | None = None
    stale_evaluations: int = 0  # since the best one
    lr_scale: float = 1.0
    rollbacks: int = 0
    loss_sum: float = 0.0  # since the last line of metrics
    loss_count: int = 0
    log_interval_steps: int = 50
    evaluated_at: int = 0  # the step of the last evaluation: what a roll-back goes back to
    history: tuple[tuple[int, float], ...] = ()  # step and score in nats of the last evaluations

    @property
    def position(self) -> Position:
        """Where the next window begins."""
        return Position(self.epoch, self.offset)

    def __post_init__(self) -> None:
        counts = (self.step, self.epoch, self.offset, self.evaluations_done, self.stale_evaluations, self.rollbacks)
        if not all(type(n) is int and n >= 0 for n in (*counts, self.loss_count, self.log_interval_steps - 1)):
            raise ValueError("a count is invalid")
        best = [x for x in (self.best_nats, self.best_step) if x is not None]
        numbers = (self.fraction, self.lr_scale, self.loss_sum, *best)
        if not all(type(x) in (int, float) and math.isfinite(x) for x in numbers):
            raise ValueError("a number is invalid")
        if not (0 <= self.fraction <= 1 and 0 < self.lr_scale <= 1):
            raise ValueError("a share is invalid")
        self.history = tuple((int(step), float(nats)) for step, nats in self.history)


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment."""

    progress: Progress
    tensors: dict[str, Tensor]


class RunState:
    """All of it, in use.

    Args:
        model: the network, on its device.
        config: how it is trained.
    """

    def __init__(self, model: CharLM, config: TrainConfig) -> None:
        self.model = model
        self.optimizers = make_optimizers(model, config)
        self.average = Average(model, config.average) if config.average else None
        self.carried = model.zero_state(config.batch_size)
        self.progress = Progress()

    def snapshot(self) -> Snapshot:
        """A copy of everything."""
        tensors = {
            **self.model.state_dict(),
            **optimizer_tensors(self.model, self.optimizers),
            **(self.average.tensors() if self.average else {}),
            "state.h": self.carried.h,
            "state.c": self.carried.c,
        }
        copies = {name: tensor.detach().clone() for name, tensor in tensors.items()}
        return Snapshot(replace(self.progress), copies)

    def for_use(self) -> AbstractContextManager[None]:
        """Within it, the weights of the model are those to score and to keep: the mean, where one is taken."""
        return self.average.in_place_of(self.model) if self.average else nullcontext()

    def is_finite(self) -> bool:
        """Whether all weights are finite."""
        return all(bool(torch.isfinite(p).all()) for p in self.model.parameters())

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to the state of a snapshot."""
        tensors, device = snapshot.tensors, self.model.device
        self.progress = replace(snapshot.progress)
        self.model.load_state_dict({name: tensors[name] for name in self.model.state_dict()})
        restore_optimizers(self.model, self.optimizers, tensors, self.progress.step)
        if self.average:
            self.average.restore(tensors)
        self.carried = State(tensors["state.h"].to(device, copy=True), tensors["state.c"].to(device, copy=True))


def environment(model: CharLM, kernels: Kernels, config: TrainConfig) -> dict[str, Any]:
    """What the result of a training depends on besides its settings: where this is equal, so are the bits.

    Where the lanes are cut into parts, it does not depend on the number of threads.
    """
    return {
        "device": model.device.type,
        "kernel": kernels.name(model.config, config.batch_size // config.shards, model.device),
        "threads": torch.get_num_threads(),
        "processor": platform.machine(),
        "torch": torch.__version__,
    }


class RunFiles:
    """The files of a run.

    Args:
        folder: where they are; it exists when something is saved.
        corpus: what the run learns from.
        config: how.
        batches: its windows.
        run_config: what a `last` file keeps of how the run began.
        kernels: how its windows are computed.
        group: the processes of the run. The first one writes; what cannot be written is raised in all of them.
    """

    def __init__(
        self,
        folder: Path,
        corpus: Corpus,
        config: TrainConfig,
        batches: Batches,
        run_config: dict[str, Any],
        kernels: Kernels,
        group: Group = ALONE,
    ) -> None:
        self.group = group
        self.folder, self.corpus, self.config, self.run_config = folder, corpus, config, run_config
        self.batches, self.kernels = batches, kernels
        self.opening = corpus.opening()

    def save_best(self, model: CharLM, progress: Progress) -> None:
        """Write the model for use. Raises CharLSTMError if it cannot be written."""
        content = checkpoint.ModelFile(model, self.corpus.vocabulary, self._about(model, progress))
        self.group.first_does(lambda: checkpoint.save_model_file(self.folder / checkpoint.BEST, content))

    def save_snapshot(self, model: CharLM, progress: Progress) -> None:
        """Keep a copy of the model on the way. Raises CharLSTMError if it cannot be written."""
        content = checkpoint.ModelFile(model, self.corpus.vocabulary, self._about(model, progress))
        self.group.first_does(lambda: checkpoint.save_snapshot(self.folder, progress.step, content))

    def drop_snapshots_after(self, step: int) -> None:
        """Remove the copies of later steps: they belong to work that was lost."""
        self.group.first_does(lambda: checkpoint.drop_snapshots_after(self.folder, step))

    def save_last(self, model: CharLM, snapshot: Snapshot, keep_previous: bool) -> None:
        """Write all that resuming needs. Raises CharLSTMError if it cannot be written."""
        weights = model.state_dict().keys()
        rest = {name: tensor for name, tensor in snapshot.tensors.items() if name not in weights}
        resume = {"run": self.run_config, "progress": asdict(snapshot.progress)}
        about = self._about(model, snapshot.progress)
        content = checkpoint.ModelFile(model, self.corpus.vocabulary, about, resume, rest)
        self.group.first_does(lambda: checkpoint.save_last(self.folder, content, keep_previous))

    def good_snapshot(self, model: CharLM, now: Snapshot) -> Snapshot:
        """What a roll-back of a resumed run goes back to: its last evaluation, or its beginning, as if never stopped.

        Args:
            model: of the shape of the run; not touched.
            now: the state that the run goes on from.
        """
        at = now.progress.evaluated_at
        if at == now.progress.step:
            return now
        if at == 0 and "start" not in self.run_config:
            fresh = CharLM(model.config)
            fresh.reset_parameters(self.config.memory, self.config.seed)
            beginning = RunState(fresh, self.config)
            beginning.progress.log_interval_steps = now.progress.log_interval_steps
            return beginning.snapshot()
        previous = checkpoint.load_previous(self.folder)
        if previous is not None and previous.resume is not None:
            snapshot = snapshot_of(previous)
            if snapshot.progress.step == at:
                return snapshot
        return now

    def _about(self, model: CharLM, progress: Progress) -> dict[str, Any]:
        """Where the model comes from. No wall-clock time: equal runs give equal files."""
        start = self.run_config.get("start")
        return {
            "corpus_sha256": self.corpus.sha256,
            "corpus_characters": len(self.corpus.train) + len(self.corpus.valid),
            "opening": self.opening,
            "composed": self.corpus.normalize,
            **({"lines": True} if self.corpus.lines is not None else {}),
            "language": self.config.language,
            "step": progress.step,
            "characters_learnt": self.batches.characters(progress.position),
            "epoch": self.batches.passes(progress.position),
            "best_valid_nats": progress.best_nats,
            "best_step": progress.best_step,
            "valid_history": progress.history,
            "config": self.config.to_dict(),
            **({"started_from": start["lineage"], "licence": start["lineage"][0]["licence"]} if start else {}),
            "environment": environment(model, self.kernels, self.config),
            "versions": {"charlstm": __version__, "torch": torch.__version__, "python": platform.python_version()},
        }


def seconds_used(content: checkpoint.ModelFile) -> float:
    """How much of a budget of time a run has used that goes on from a `last` file; 0 for one with another budget."""
    assert content.resume is not None
    before = TrainConfig.from_dict(content.resume["run"]["train"])
    return snapshot_of(content).progress.fraction * (before.time or 0.0)


def snapshot_of(content: checkpoint.ModelFile) -> Snapshot:
    """The snapshot in a `last` file, as it was saved. Raises ModelFileError if its progress is not sound."""
    assert content.resume is not None
    try:
        progress = Progress(**content.resume["progress"])
    except (KeyError, TypeError, ValueError) as e:
        raise ModelFileError(f"the saved progress of the run is damaged ({e})") from None
    return Snapshot(progress, {**content.model.state_dict(), **content.tensors})

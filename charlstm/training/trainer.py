"""The training loop: truncated back-propagation through time along contiguous lanes, with carried state.

It yields events and prints nothing. Several processes may run it together: all go through the same steps, because what
decides is the same in all of them (weights, progress, the first process's clock); the first one writes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

from charlstm import checkpoint, errors
from charlstm.config import BUDGETS, TrainConfig
from charlstm.corpus import Corpus
from charlstm.corpus.vocab import Ids
from charlstm.distributed.parts import Parts
from charlstm.evaluate import Score, Stopped, bits_per_char
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.training.dropout import draw_seed
from charlstm.training.events import Evaluated, Event, Finished, NotSaved, Reason, RolledBack, Saved, Stepped, Trained
from charlstm.training.learning import Learner, parts_for
from charlstm.training.mixing import batches_of
from charlstm.training.optim import guarded_step, learning_rate, share_moments
from charlstm.training.plan import snapshots_due, steps_in_all
from charlstm.training.preview import preview
from charlstm.training.speed import SpeedMeter
from charlstm.training.state import Progress, RunFiles, RunState, Snapshot, seconds_used, snapshot_of
from charlstm.training.validation import score_valid

MAX_ROLLBACKS = 3
SAVE_EVERY_S = 120.0  # of wall-clock time, besides the saves at evaluations
HISTORY = 50  # so many evaluations are kept in the model file


class Trainer:
    """One run in memory.

    Args:
        model: the network, on the device to train on.
        corpus: what to train on.
        config: with exactly one budget.
        folder: where the run is kept; it exists when `run` is called.
        run_config: what a `last` file keeps of how the run began; `train` in it is the config.
        kernels: how windows are computed.
        log_interval_steps: how many steps a line of `metrics.jsonl` stands for.
        sample_text: whether to write a little at each evaluation.
        resumed: the content of a `last` file to go on from.
        clock: seconds.
        evaluation_s: about how long an evaluation takes, until one has been timed.
        old_ids: an old text, of which a share is read, too (`config.keep`).
        parts: of the lanes, and whose they are (`parts_for`); None: this process does it all. Processes that train
            together make their trainers, and run them, at the same time.
    """

    def __init__(
        self,
        model: CharLM,
        corpus: Corpus,
        config: TrainConfig,
        folder: Path,
        *,
        run_config: dict[str, Any],
        kernels: Kernels,
        log_interval_steps: int = 50,
        sample_text: bool = False,
        resumed: checkpoint.ModelFile | None = None,
        clock: Callable[[], float] = time.monotonic,
        evaluation_s: float = 0.0,
        old_ids: Ids | None = None,
        parts: Parts | None = None,
    ) -> None:
        self.corpus, self.config, self.kernels = corpus, config, kernels
        self.sample_text, self.clock = sample_text, clock
        self.parts = parts or parts_for(config, model.device)
        self.group = self.parts.group
        self.learner = Learner(model, config, kernels, self.parts)
        self.now, self.stopping = self.group.agree(clock(), False)
        self.started = self.now
        self.batches = batches_of(corpus, config, old_ids)
        self.total_steps = steps_in_all(corpus, config)
        self.files = RunFiles(folder, corpus, config, self.batches, run_config, kernels, self.group)
        self.seconds_before = 0.0  # of a --time budget, used up before this session
        self.reserve_s = evaluation_s  # what the evaluation at the end of a --time budget will take
        self.meter = SpeedMeter()
        self.run_state = RunState(model, config)
        self.saved: Progress | None = None  # as it is on disk
        self.progress.log_interval_steps = log_interval_steps
        if resumed is not None:
            self._resume(resumed, log_interval_steps)
        self.good: Snapshot = self.files.good_snapshot(model, self.run_state.snapshot())  # to roll back to

    @property
    def model(self) -> CharLM:
        """The network."""
        return self.run_state.model

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return self.run_state.progress

    @property
    def position_epochs(self) -> float:
        """Passes over the training text so far."""
        return self.batches.passes(self.progress.position)

    def seconds(self) -> float:
        """Since this session began, when the processes last agreed on the time."""
        return self.now - self.started

    def _tick(self, should_stop: Callable[[], bool]) -> None:
        """Agree on the time, and on whether to stop."""
        self.now, self.stopping = self.group.agree(self.clock(), should_stop())

    def _resume(self, content: checkpoint.ModelFile, log_interval_steps: int) -> None:
        assert content.resume is not None
        self.saved = snapshot_of(content).progress
        self.run_state.restore(snapshot_of(content))
        if not self.batches.holds(self.progress.position):
            raise errors.ModelFileError("the saved position lies beyond the end of the text")
        before = TrainConfig.from_dict(content.resume["run"]["train"])
        if self.config.time is not None:
            self.seconds_before = seconds_used(content)
        if any(getattr(before, budget) != getattr(self.config, budget) for budget in BUDGETS):
            self.progress.evaluations_done = math.floor(self._fraction() * self.config.evaluations)
            self.progress.stale_evaluations = 0
            self.progress.log_interval_steps = max(self.progress.log_interval_steps, log_interval_steps)

    def save_beginning(self, nats: float | None) -> None:
        """Write the state before the first step, and the model as the best one so far, of a run that goes on from one.

        Args:
            nats: its score on the validation text; None: there is none.

        Raises:
            CharLSTMError: if they cannot be written.
        """
        p = self.progress
        if nats is not None:
            p.best_nats, p.best_step, p.history = nats, p.step, ((p.step, nats),)
            self.files.save_best(self.model, p)
        snapshot = self._snapshot()
        self.files.save_last(self.model, snapshot, keep_previous=False)
        self.saved = snapshot.progress

    def run(self, should_stop: Callable[[], bool] = lambda: False) -> Iterator[Event]:
        """Train until the budget is used, patience runs out, or `should_stop` says so; then save.

        Raises:
            DivergedError: after the third roll-back; the best model stays on disk.
        """
        self._tick(should_stop)
        saved_at = self.now
        self.files.drop_snapshots_after(self.progress.step)
        while True:
            self._tick(should_stop)
            p = self.progress
            taken = snapshots_due(self.config, p.fraction)
            p.fraction = self._fraction()
            if snapshots_due(self.config, p.fraction) > taken:
                yield from self._save_snapshot()
            if self._evaluation_due() and not self.stopping:
                try:
                    sound = yield from self._evaluate(should_stop)
                except Stopped:  # the evaluation is made up for when the run goes on
                    self.stopping = True
                else:
                    if not sound:
                        yield from self._roll_back()
                        continue
                    yield from self._save()
                    saved_at = self.now
            reason = self._reason_to_end()
            if reason is not None:
                yield from self._save()
                yield self._finished(reason)
                return
            if self.now - saved_at > SAVE_EVERY_S:
                yield from self._save()
                saved_at = self.now
            loss_nats = self._step()
            if loss_nats is None:
                yield from self._roll_back()
                continue
            p.loss_sum += loss_nats
            p.loss_count += 1
            yield Stepped(p.step, p.fraction, self.position_epochs, loss_nats, self.meter.chars_per_s())
            if p.step % p.log_interval_steps == 0:
                yield self._trained()

    def _fraction(self) -> float:
        if self.total_steps is not None:
            return min(1.0, self.progress.step / self.total_steps)
        assert self.config.time is not None
        return min(1.0, (self.seconds_before + self.seconds()) / max(1e-3, self.config.time - self.reserve_s))

    def _evaluation_due(self) -> bool:
        return math.floor(self.progress.fraction * self.config.evaluations) > self.progress.evaluations_done

    def _reason_to_end(self) -> Reason | None:
        if self.progress.fraction >= 1 and not self._evaluation_due():
            return "budget"
        if self.stopping:
            return "interrupted"
        if self.config.patience and self.progress.stale_evaluations >= self.config.patience:
            return "patience"
        return None

    def _step(self) -> float | None:
        """Learn from one window; its loss, or None if something was not finite and nothing was touched."""
        p, config, model = self.progress, self.config, self.model
        window = self.batches.window(p.position, model.device)
        loss, state = self.learner.learn(window, self.run_state.carried, p.step)
        lr = learning_rate(p.fraction, config) * p.lr_scale
        with self.parts.one_thread():
            if not guarded_step(model, self.run_state.optimizers, loss, lr, config.clip_norm, self.group):
                return None
        self.run_state.carried = state
        p.step += 1
        p.epoch, p.offset = window.position
        if self.run_state.average:
            self.run_state.average.add(model, p.step)
        self.meter.add(self.clock(), window.characters)
        return loss.item()

    def _snapshot(self) -> Snapshot:
        """A copy of everything, the same in all processes."""
        self.run_state.carried = self.learner.whole_state(self.run_state.carried)
        share_moments(self.run_state.optimizers, self.group)
        return self.run_state.snapshot()

    def _trained(self) -> Trained:
        p, mean = self.progress, self.progress.loss_sum / max(1, self.progress.loss_count)
        p.loss_sum, p.loss_count = 0.0, 0
        lr = learning_rate(p.fraction, self.config) * p.lr_scale
        return Trained(p.step, self.position_epochs, mean, bits_per_char(mean), lr, self.seconds())

    def _evaluate(self, should_stop: Callable[[], bool]) -> Generator[Event, None, bool]:
        """Score the model and keep it if it is the best; False if the score is not finite. Raises Stopped."""
        p, began, sample = self.progress, self.now, None
        with self.run_state.for_use():
            score = self._score(should_stop)
            if score is not None and not math.isfinite(score.nats_per_char):
                return False
            best, problem = self._keep_if_best(score)
            if score is not None and self.sample_text and self.group.is_first:
                sample = self._preview(draw_seed(self.config.seed, p.step, "sample"))
        if problem is not None:
            yield problem
        if score is None:
            return True
        self._tick(should_stop)
        self.reserve_s = self.now - began
        nats, bits, characters = score.nats_per_char, score.bits_per_char, score.characters
        yield Evaluated(p.step, self.position_epochs, nats, bits, characters, best, sample, self.seconds())
        return True

    def _score(self, should_stop: Callable[[], bool]) -> Score | None:
        """On the validation text, if there is one. Raises Stopped."""
        if len(self.corpus.valid) < 2:
            return None
        return score_valid(self.model, self.corpus, self.config, self.kernels, should_stop, self.parts)

    def _keep_if_best(self, score: Score | None) -> tuple[bool, NotSaved | None]:
        """Whether the model is the best so far, the newest where there is no score; and why it could not be kept."""
        p = self.progress
        p.evaluations_done, p.evaluated_at = math.floor(p.fraction * self.config.evaluations), p.step
        nats = None if score is None else score.nats_per_char
        if nats is not None:
            p.history = (*p.history, (p.step, nats))[-HISTORY:]
            if p.best_nats is not None and nats >= p.best_nats:
                p.stale_evaluations += 1
                return False, None
        on_disk = p.best_nats, p.best_step
        p.best_nats, p.best_step, p.stale_evaluations = nats, p.step, 0
        try:
            self.files.save_best(self.model, p)
        except errors.CharLSTMError as e:
            p.best_nats, p.best_step = on_disk  # so that the next one that is better than that is kept
            return True, NotSaved(p.step, str(e))
        return True, None

    def _preview(self, seed: int) -> str:
        is_list = self.corpus.lines is not None
        return preview(self.model, self.corpus.vocabulary, self.files.opening, seed, is_list)

    def _save_snapshot(self) -> Iterator[Event]:
        """Keep a copy of the model; one that cannot be written is left out."""
        try:
            with self.run_state.for_use():
                self.files.save_snapshot(self.model, self.progress)
        except errors.CharLSTMError as e:
            yield NotSaved(self.progress.step, str(e))

    def _save(self) -> Iterator[Event]:
        """Write the state, unless it is on disk already. The save of an evaluation stays until the next one."""
        if self.saved == self.progress:
            return
        snapshot = self._snapshot()
        if self.progress.step == self.progress.evaluated_at:
            self.good = snapshot
        try:
            if not self.run_state.is_finite():  # the next step will notice and roll back
                raise errors.CharLSTMError("some weights are infinite or undefined: the previous save stays")
            keep = self.saved is not None and self.saved.step == self.saved.evaluated_at
            self.files.save_last(self.model, snapshot, keep_previous=keep)
        except errors.CharLSTMError as e:
            yield NotSaved(self.progress.step, str(e))
        else:
            self.saved = snapshot.progress
            yield Saved(self.progress.step, str(self.files.folder / checkpoint.LAST), self.seconds())

    def _roll_back(self) -> Iterator[Event]:
        """Go back to the last evaluation and on from there with a lower learning rate; lost time stays spent.

        Raises:
            DivergedError: the third time.
        """
        failed = self.progress
        self.run_state.restore(self.good)
        self.files.drop_snapshots_after(self.progress.step)
        self.progress.rollbacks = failed.rollbacks + 1
        self.progress.lr_scale = failed.lr_scale / 2
        yield RolledBack(self.progress.step, failed.step, self.progress.lr_scale, self.progress.rollbacks)
        if self.progress.rollbacks >= MAX_ROLLBACKS:
            yield self._finished("diverged")
            problem = f"the loss became infinite or undefined {MAX_ROLLBACKS} times, each time from the last good state"
            advice = f"try a lower `lr` (it was {self.config.lr:g}); {self.files.folder} keeps the best model"
            raise errors.DivergedError(f"{problem}; {advice}", "lr")

    def _finished(self, reason: Reason) -> Finished:
        p, seconds = self.progress, self.seconds()
        return Finished(
            p.step,
            reason,
            self.position_epochs,
            p.best_nats,
            None if p.best_nats is None else bits_per_char(p.best_nats),
            p.best_step,
            self.meter.characters,
            seconds,
            self.meter.characters / max(seconds, 1e-9),
        )

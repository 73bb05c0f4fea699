"""A training from its first step to its last: events as they come, kept with the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from charlstm import checkpoint
from charlstm.errors import CharLSTMError
from charlstm.evaluate import SCORING_SPEED
from charlstm.training.events import Event, Finished, NotSaved, Saved, Stepped
from charlstm.training.plan import chars_per_step, scored_chars, steps_in_all
from charlstm.training.session import Session
from charlstm.training.trainer import Trainer

LOG_LINES = 500  # about so many lines of metrics.jsonl for the steps of a run


class Running:
    """A session at work. Making one writes the `config.json` of a new run.

    Args:
        session: what is trained; its folder is held (`checkpoint.hold_run`).
        speed: about how many characters it learns from in a second (`Session.speed`).
        sample_text: whether to write a little at each evaluation.
        clock: seconds.

    Attributes:
        end: the last event, when it has come.
        saved: whether the newest state is on disk.
        problem: why it is not.
    """

    def __init__(
        self,
        session: Session,
        speed: float,
        *,
        sample_text: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.trainer = Trainer(
            session.model,
            session.corpus,
            session.config,
            session.folder,
            run_config=session.run_config(),
            kernels=session.kernels,
            log_interval_steps=log_interval(session, speed),
            sample_text=sample_text,
            resumed=session.resumed,
            clock=clock,
            evaluation_s=scored_chars(session.corpus, session.config) / (SCORING_SPEED * speed),
        )
        if session.is_new:
            checkpoint.write_run_config(session.folder, session.run_config())
        self.metrics = checkpoint.Metrics(session.folder / checkpoint.METRICS, self.trainer.progress.step)
        self.end: Finished | None = None
        self.saved, self.problem = session.resumed is not None, ""  # then the state is on disk before the first step

    @property
    def fraction(self) -> float:
        """The share of the budget that is used."""
        return self.trainer.progress.fraction

    def events(
        self, should_stop: Callable[[], bool] = lambda: False, warn: Callable[[str], None] = lambda problem: None
    ) -> Iterator[Event]:
        """Train; see `Trainer.run`.

        Args:
            should_stop: asked after every step.
            warn: told what cannot be kept in `metrics.jsonl`; a full disk must not end a training.
        """
        for event in self.trainer.run(should_stop):
            if isinstance(event, NotSaved):
                self.saved, self.problem = False, event.problem
            self.saved = self.saved or isinstance(event, Saved)
            self.end = event if isinstance(event, Finished) else self.end
            if not isinstance(event, Stepped | Saved):  # as many as the run has minutes: the file stays small without
                try:
                    self.metrics.add(event.to_dict())
                except CharLSTMError as e:
                    warn(f"{e}; training goes on")
            yield event

    def check_saved(self) -> None:
        """Raise CharLSTMError if the end of the training is not on disk."""
        if not self.saved:
            raise CharLSTMError(f"the training has ended, but its last steps are not saved: {self.problem}")


def log_interval(session: Session, speed: float) -> int:
    """How many steps a line of `metrics.jsonl` stands for: fixed when the run begins."""
    config = session.config
    steps = steps_in_all(session.corpus, session.config)
    if steps is None:
        assert config.time is not None
        steps = round(config.time * speed / chars_per_step(session.corpus, config))
    return max(1, steps // LOG_LINES)

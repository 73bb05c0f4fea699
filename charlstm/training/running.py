"""A training from its first step to its last: events as they come, kept with the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from charlstm import checkpoint
from charlstm.errors import CharLSTMError
from charlstm.evaluate import SCORING_SPEED, Stopped, bits_per_char
from charlstm.training.events import Compared, Event, Finished, NotSaved, Saved, Started, Stepped
from charlstm.training.kept import as_json
from charlstm.training.plan import chars_per_step, scored_chars, steps_in_all
from charlstm.training.session import Session
from charlstm.training.start import Start, nats_on
from charlstm.training.trainer import Trainer

LOG_LINES = 500  # about so many lines of metrics.jsonl for the steps of a run


class Running:
    """A session at work. Making one writes the `config.json` of a new run, or in it where the text is now.

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
            old_ids=session.start.old.corpus.train if session.start and session.start.old else None,
            parts=session.parts,
        )
        self.session = session
        if session.is_new:
            if session.start is not None:
                self.trainer.save_beginning(session.start.before_nats)
            session.group.first_does(lambda: checkpoint.write_run_config(session.folder, session.run_config()))
        elif session.has_moved:
            session.group.first_does(lambda: note_place(session))
        self.metrics = session.group.is_first and checkpoint.Metrics(
            session.folder / checkpoint.METRICS, self.trainer.progress.step
        )
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
        for event in self._with_comparisons(self.trainer.run(should_stop), should_stop):
            if isinstance(event, NotSaved):
                self.saved, self.problem = False, event.problem
            self.saved = self.saved or isinstance(event, Saved)
            self.end = event if isinstance(event, Finished) else self.end
            # saves and steps are as many as the run has minutes: the file stays small without
            if self.metrics and not isinstance(event, Stepped | Saved):
                try:
                    self.metrics.add(event.to_dict())
                except CharLSTMError as e:
                    warn(f"{e}; training goes on")
            yield event

    def _with_comparisons(self, events: Iterator[Event], should_stop: Callable[[], bool]) -> Iterator[Event]:
        """The events of the loop; of a run that went on from a model, with what it knew before and knows now."""
        session = self.session
        if session.start is None:
            yield from events
            return
        if session.is_new:
            yield started(session.start)
        for event in events:
            if isinstance(event, Finished) and event.reason in ("budget", "patience"):
                with suppress(Stopped):
                    yield self._compared(session.start, event, should_stop)
            yield event

    def _compared(self, start: Start, end: Finished, should_stop: Callable[[], bool]) -> Compared:
        """How the best model predicts the old text. Raises Stopped."""
        session, nats, why = self.session, None, start.why_no_old
        if start.old is not None and start.old_before_nats is not None:
            try:
                best = checkpoint.load_model_file(session.folder / checkpoint.BEST).model.to(session.model.device)
                nats = nats_on(best, start.old.corpus, session.config, session.kernels, should_stop, session.parts)
            except CharLSTMError as e:
                why = str(e)
        return compared(start, end.step, end.best_nats, nats, why)

    def check_saved(self) -> None:
        """Raise CharLSTMError if the end of the training is not on disk."""
        if not self.saved:
            raise CharLSTMError(f"the training has ended, but its last steps are not saved: {self.problem}")


def started(start: Start) -> Started:
    """What a model makes of the text that it goes on with."""
    of_model = start.lineage[0]
    scores = start.before_nats, in_bits(start.before_nats), start.old_before_nats, in_bits(start.old_before_nats)
    return Started(
        0,
        start.name,
        of_model["file_sha256"],
        start.licence,
        start.new_characters,
        *scores,
        why_no_old=start.why_no_old,
    )


def compared(start: Start, step: int, nats: float | None, old_nats: float | None, why_no_old: str) -> Compared:
    """Before and after."""
    return Compared(
        step,
        valid_nats_before=start.before_nats,
        valid_nats=nats,
        valid_bits_per_char_before=in_bits(start.before_nats),
        valid_bits_per_char=in_bits(nats),
        old_nats_before=start.old_before_nats,
        old_nats=old_nats,
        old_bits_per_char_before=in_bits(start.old_before_nats),
        old_bits_per_char=in_bits(old_nats),
        why_no_old=why_no_old,
    )


def note_place(session: Session) -> None:
    """Write into the `config.json` of a run where its text is now; without one, its last save still says so."""
    with suppress(CharLSTMError):
        config = checkpoint.read_run_config(session.folder)
        checkpoint.write_run_config(session.folder, {**config, "corpus": as_json(session.request, session.corpus)})


def in_bits(nats: float | None) -> float | None:
    """Nats a character in bits, where they are known."""
    return None if nats is None else bits_per_char(nats)


def log_interval(session: Session, speed: float) -> int:
    """How many steps a line of `metrics.jsonl` stands for: fixed when the run begins."""
    config = session.config
    steps = steps_in_all(session.corpus, session.config)
    if steps is None:
        assert config.time is not None
        steps = round(config.time * speed / chars_per_step(session.corpus, config))
    return max(1, steps // LOG_LINES)

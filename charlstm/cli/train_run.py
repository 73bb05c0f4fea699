"""A training from the command line: set up, say what will be done, run, show how it went."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from charlstm import checkpoint
from charlstm.cli.paste import resume_command, sample_command
from charlstm.cli.runtime import locate_texts, prepare_machine, say_compiling
from charlstm.corpus import CorpusRequest, compare_held_out, open_corpus
from charlstm.errors import CharLSTMError, Interrupted, NoRunError
from charlstm.evaluate import SCORING_SPEED
from charlstm.interrupts import INTERRUPTS
from charlstm.report.bars import Stages
from charlstm.report.console import print_json, say
from charlstm.report.screen import show_message
from charlstm.report.training import TrainingReporter, corpus_report, draw_end, held_out_notes, plan_report
from charlstm.train.events import Event, Finished, NotSaved, Saved, Stepped
from charlstm.train.plan import scored_chars, steps_in_all
from charlstm.train.session import Session, is_finished, new_session, resumed_session, run_folder
from charlstm.train.speed import measure_speed
from charlstm.train.state import environment, snapshot_of
from charlstm.train.trainer import Trainer

LOG_LINES = 500  # about so many lines of metrics.jsonl for the steps of a run


@dataclass(frozen=True)
class Output:
    """How much is said, and to whom."""

    quiet: bool
    verbose: bool
    json: bool


class Stage:
    """What a training does before its first step, for whoever stops it there."""

    doing = "starting"

    def compiling(self, quiet: bool) -> None:
        """The gates are being compiled."""
        self.doing = "compiling the gates"
        say_compiling(quiet)

    @contextmanager
    def told(self, next_command: str = "") -> Iterator[None]:
        """Say to whom stops it here that nothing is lost, and by which command it goes on; none: by the same."""
        try:
            yield
        except Interrupted as e:
            if e.message:
                raise
            lost = "nothing was saved. The same command begins again"
            how = f"the run is as it was. To go on:\n  {next_command}" if next_command else lost
            raise Interrupted(e.signum, f"stopped while {self.doing}, before the first step: {how}") from None


def start_new(
    request: CorpusRequest, out: Path | None, given: dict[str, Any], device: str, threads: int | None, output: Output
) -> None:
    """Train from the beginning."""
    if out is not None:
        checkpoint.check_new(out)  # before the text is read, which may take a while
    stage = Stage()
    with stage.told():
        stage.doing = "reading the text"
        files, valid_files = (locate_texts(names, output.quiet) for names in (request.files, request.valid_files))
        with Stages(output.quiet, unit="B") as bar:
            corpus = open_corpus(replace(request, files=files, valid_files=valid_files), stdin(), bar.update)
        stage.doing = "starting"
        session = new_session(
            request,
            corpus,
            lambda: out or checkpoint.make_run_folder(request.files[0]),
            given,
            prepare_machine(device, threads),
            lambda: stage.compiling(output.quiet),
        )
        stage.doing = "starting"
        with checkpoint.hold_run(session.folder, new=True) as missing:
            session.notes += missing
            run(session, output, device)


def start_resumed(
    resume: Path, files: tuple[str, ...], budget: dict[str, Any], device: str, threads: int | None, output: Output
) -> None:
    """Go on with a run, with as many threads as it had unless told otherwise."""
    machine = prepare_machine(device, threads)
    try:
        folder = run_folder(resume)
    except NoRunError as e:
        raise NoRunError(f"{e}; {instead_of(resume)}") from None
    stage = Stage()
    with (
        stage.told(resume_command(folder, budget, device=chosen(device))),
        checkpoint.hold_run(folder, False) as missing,
    ):
        stage.doing = "reading the run"
        with Stages(output.quiet, unit="B") as bar:
            session = resumed_session(
                resume, files, budget, machine, threads, stdin(), bar.update, lambda: stage.compiling(output.quiet)
            )
        stage.doing = "starting"
        if is_finished(session):
            more = resume_command(folder, session.config.to_dict(), times=2, device=chosen(device))
            say(f"{folder}: this run has used its budget. To train it twice as long:\n  {more}")
            return
        session.notes += missing
        run(session, output, device)


def instead_of(named: Path) -> str:
    """What to type in place of the name of a run that is none."""
    inside = checkpoint.find_runs(named)
    if inside:
        return f"the newest run in it: {resume_command(inside[0], {})}"
    if named.as_posix() in checkpoint.shipped_models():
        return "it is a built-in model, and only a run can be resumed"
    runs = {run.name: run for place in (named.parent, checkpoint.RUNS) for run in checkpoint.find_runs(place)}
    near = difflib.get_close_matches(named.name, runs, n=1)
    if near:
        return f"did you mean: {resume_command(runs[near[0]], {})}"
    if runs:
        return f"the newest run here: {resume_command(next(iter(runs.values())), {})}"
    return "there is none here; to begin one: charlstm train FILE"


def chosen(device: str) -> str | None:
    """The device, if a person chose it."""
    return None if device == "auto" else device


def stdin() -> BinaryIO | None:
    """Standard input, if there is one."""
    return sys.stdin.buffer if sys.stdin is not None else None


def run(session: Session, output: Output, device: str) -> None:
    """Train, showing events. Raises Interrupted when a signal stopped it, after saving."""
    speed = measure_speed(session.model, session.config, session.kernels)
    if not output.quiet:
        introduce(session, speed, output.verbose)
    INTERRUPTS.check()
    INTERRUPTS.deferred = True  # from here on a signal waits for the end of the step
    trainer = Trainer(
        session.model,
        session.corpus,
        session.config,
        session.folder,
        run_config=session.run_config(),
        kernels=session.kernels,
        log_interval_steps=log_interval(session, speed),
        sample_text=not output.quiet,
        resumed=session.resumed,
        clock=INTERRUPTS.running_s,
        evaluation_s=scored_chars(session.corpus, session.config) / (SCORING_SPEED * speed),
    )
    if session.is_new:
        checkpoint.write_run_config(session.folder, session.run_config())
    metrics = checkpoint.Metrics(session.folder / checkpoint.METRICS, trainer.progress.step)
    reporter = TrainingReporter(output.quiet, trainer.progress.fraction)
    end: Finished | None = None
    saved, problem = session.resumed is not None, ""  # then the state is on disk before the first step
    try:
        for event in trainer.run(INTERRUPTS.requested):
            reporter.show(event)
            try:
                record(event, metrics, output)
            except CharLSTMError as e:  # a full disk must not end a training
                reporter.warn(f"{e}; training goes on")
            if isinstance(event, NotSaved):
                saved, problem = False, event.problem
            saved = saved or isinstance(event, Saved)
            end = event if isinstance(event, Finished) else end
    finally:
        reporter.close()
    assert end is not None
    if end.reason == "interrupted" and INTERRUPTS.signum is not None:
        command = resume_command(session.folder, session.config.to_dict(), device=chosen(device))
        how_far = f"stopped at step {end.step:,} ({trainer.progress.fraction:.0%} of the budget)"
        how = "and saved. To go on:" if saved else f"but not saved: {problem}. To go on from the last save:"
        raise Interrupted(INTERRUPTS.signum, f"{how_far} {how}\n  {command}")
    if not saved:
        raise CharLSTMError(f"the training has ended, but its last steps are not saved: {problem}")
    if not output.quiet:
        show_message(partial(draw_end, end, session.folder))
        say(f"next     {sample_command(session.folder)}")


def introduce(session: Session, speed: float, verbose: bool) -> None:
    """Say what will be trained on what, and how long it will take; with `verbose`, all settings."""
    say(corpus_report(session.corpus))
    say(plan_of(session, speed))
    if verbose:
        settings = {**session.model.config.to_dict(), **session.config.to_dict()}
        say("settings    " + ", ".join(f"{name} {value}" for name, value in settings.items() if value is not None))
    held_out = compare_held_out(session.corpus.train, session.corpus.valid, len(session.corpus.vocabulary))
    notes = held_out_notes(held_out, not session.request.valid_files) if held_out and session.is_new else []
    for note in session.notes + notes:
        say(f"note: {note}")


def plan_of(session: Session, speed: float) -> str:
    """The report on what is ahead."""
    kernel = environment(session.model, session.kernels, session.config.batch_size)["kernel"]
    progress = None if session.resumed is None else snapshot_of(session.resumed).progress
    done = (progress.step, progress.fraction) if progress else (0, 0.0)
    total = steps_in_all(session.corpus, session.config)
    return plan_report(session.model.config, session.config, session.corpus, speed, kernel, total, *done)


def log_interval(session: Session, speed: float) -> int:
    """How many steps a line of `metrics.jsonl` stands for: fixed when the run begins."""
    config = session.config
    steps = steps_in_all(session.corpus, session.config)
    if steps is None:
        assert config.time is not None
        steps = round(config.time * speed / (config.batch_size * config.seq_len))
    return max(1, steps // LOG_LINES)


def record(event: Event, metrics: checkpoint.Metrics, output: Output) -> None:
    """Keep an event in `metrics.jsonl`, and print it with --json."""
    if isinstance(event, Stepped):
        return
    if not isinstance(event, Saved):  # as many as the run has minutes: the file stays small without them
        metrics.add(event.to_dict())
    if output.json:
        with suppress(BrokenPipeError):  # the reader has gone; the run has not
            print_json(event.to_dict())

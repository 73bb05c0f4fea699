"""A training from the command line: set up, say what will be done, run, show how it went."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from charlstm import checkpoint
from charlstm.cli.runtime import locate_texts, prepare_machine, say_compiling
from charlstm.corpus import CorpusRequest, open_corpus
from charlstm.errors import CharLSTMError, Interrupted
from charlstm.evaluate import SCORING_SPEED
from charlstm.interrupts import INTERRUPTS
from charlstm.report.bars import Stages
from charlstm.report.console import print_json, say
from charlstm.report.screen import show_message
from charlstm.report.training import TrainingReporter, corpus_report, draw_end, plan_report
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


def start_new(
    request: CorpusRequest, out: Path | None, given: dict[str, Any], device: str, threads: int | None, output: Output
) -> None:
    """Train from the beginning."""
    if out is not None:
        checkpoint.check_new(out)  # before the text is read, which may take a while
    files, valid_files = (locate_texts(names, output.quiet) for names in (request.files, request.valid_files))
    with Stages(output.quiet, unit="B") as bar:
        corpus = open_corpus(replace(request, files=files, valid_files=valid_files), stdin(), bar.update)
    session = new_session(
        request,
        corpus,
        lambda: out or checkpoint.make_run_folder(request.files[0]),
        given,
        prepare_machine(device, threads),
        lambda: say_compiling(output.quiet),
    )
    with checkpoint.hold_run(session.folder, new=True) as missing:
        session.notes += missing
        run(session, output)


def start_resumed(
    resume: Path, files: tuple[str, ...], budget: dict[str, Any], device: str, threads: int | None, output: Output
) -> None:
    """Go on with a run, with as many threads as it had unless told otherwise."""
    machine = prepare_machine(device, threads)
    with checkpoint.hold_run(run_folder(resume), new=False) as missing:
        bar = Stages(output.quiet, unit="B")
        try:
            session = resumed_session(
                resume, files, budget, machine, threads, stdin(), bar.update, lambda: say_compiling(output.quiet)
            )
        finally:
            bar.close()
        if is_finished(session):
            say(f"{session.folder}: this run has used its budget; to go on, give a larger --steps, --epochs or --time")
            return
        session.notes += missing
        run(session, output)


def stdin() -> BinaryIO | None:
    """Standard input, if there is one."""
    return sys.stdin.buffer if sys.stdin is not None else None


def run(session: Session, output: Output) -> None:
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
        how = "and saved; go on with" if saved else "and could not be saved; try"
        raise Interrupted(
            INTERRUPTS.signum, f"stopped at step {end.step:,} {how}: charlstm train --resume {session.folder}"
        )
    if not saved:
        raise CharLSTMError(f"the training has ended, but the end of it is not saved: {problem}")
    if not output.quiet:
        show_message(partial(draw_end, end, session.folder))
        say(f"next: charlstm sample --checkpoint {session.folder}")


def introduce(session: Session, speed: float, verbose: bool) -> None:
    """Say what will be trained on what, and how long it will take; with `verbose`, all settings."""
    say(corpus_report(session.corpus))
    say(plan_of(session, speed))
    if verbose:
        settings = {**session.model.config.to_dict(), **session.config.to_dict()}
        say("settings    " + ", ".join(f"{name} {value}" for name, value in settings.items() if value is not None))
    for note in session.notes:
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

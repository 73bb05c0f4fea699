"""A training from the command line: set up, say what will be done, run, show how it went."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from charlstm import checkpoint
from charlstm.cli.runtime import prepare_machine, say_compiling
from charlstm.corpus import CorpusRequest, open_corpus
from charlstm.errors import CharLSTMError, Interrupted
from charlstm.interrupts import INTERRUPTS
from charlstm.report.bars import Stages
from charlstm.report.console import print_json, say
from charlstm.report.screen import show_message
from charlstm.report.training import TrainingReporter, corpus_report, draw_end, plan_report
from charlstm.training.events import Event, Stepped
from charlstm.training.plan import steps_in_all
from charlstm.training.running import Running
from charlstm.training.session import Session, is_finished, new_session, resumed_session, run_folder
from charlstm.training.speed import measure_speed
from charlstm.training.state import environment, snapshot_of


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
    bar = Stages(output.quiet, unit="B")
    try:
        corpus = open_corpus(request, stdin(), bar.update)
    finally:
        bar.close()
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
    running = Running(session, speed, sample_text=not output.quiet, clock=INTERRUPTS.running_s)
    reporter = TrainingReporter(output.quiet, running.fraction)
    try:
        for event in running.events(INTERRUPTS.requested, reporter.warn):
            reporter.show(event)
            if output.json and not isinstance(event, Stepped):
                put_out(event, reporter)
    finally:
        reporter.close()
    end = running.end
    assert end is not None
    if end.reason == "interrupted" and INTERRUPTS.signum is not None:
        how = "and saved; go on with" if running.saved else "and could not be saved; try"
        raise Interrupted(
            INTERRUPTS.signum, f"stopped at step {end.step:,} {how}: charlstm train --resume {session.folder}"
        )
    running.check_saved()
    if not output.quiet:
        show_message(partial(draw_end, end, session.folder))
        say(f"next: charlstm sample --checkpoint {session.folder}")


def put_out(event: Event, reporter: TrainingReporter) -> None:
    """Print an event as JSON; no training ends because nobody reads it, or it cannot be written."""
    try:
        with suppress(BrokenPipeError):  # the reader has gone; the run has not
            print_json(event.to_dict())
    except CharLSTMError as e:
        reporter.warn(f"{e}; training goes on")


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

"""A training from the command line: set up, say what will be done, run, show how it went."""

from __future__ import annotations

import difflib
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from charlstm import checkpoint
from charlstm.cli.launch import held, joined
from charlstm.cli.paste import chosen_device, from_command, resume_command, sample_command
from charlstm.cli.runtime import open_text, prepare_machine, say_compiling, stdin
from charlstm.cli.settings import in_options, option_of
from charlstm.corpus import CorpusRequest, compare_held_out
from charlstm.distributed.group import Group
from charlstm.distributed.launch import launched
from charlstm.errors import ChangedTextError, CharLSTMError, Interrupted, ModelFileError, NoRunError, TextError
from charlstm.interrupts import INTERRUPTS
from charlstm.report.bars import Stages
from charlstm.report.console import print_json, say
from charlstm.report.screen import show_message
from charlstm.report.starting import compared_rows, start_report
from charlstm.report.training import TrainingReporter, corpus_report, draw_end, held_out_notes, line_notes, plan_report
from charlstm.training.events import Compared, Event, Stepped
from charlstm.training.plan import steps_in_all
from charlstm.training.running import Running
from charlstm.training.session import Session, is_finished, new_session, resumed_session, run_folder
from charlstm.training.start import Start, check_given, check_together, open_source, open_texts
from charlstm.training.state import environment, seconds_used, snapshot_of


@dataclass(frozen=True)
class Output:
    """How much is said, and to whom."""

    quiet: bool
    verbose: bool
    json: bool


@dataclass(frozen=True)
class GoOn:
    """What a person said of a model to go on from.

    Attributes:
        model: its path or name; None: none.
        keep_text: files of its old text.
        normalize_given: whether the person said how the text is normalised; else it is as the model's was.
    """

    model: Path | None = None
    keep_text: tuple[str, ...] = ()
    normalize_given: bool = False


class Stage:
    """What a training does before its first step, for whoever stops it there."""

    doing = "starting"

    def compiling(self, quiet: bool) -> None:
        """The steps are being compiled."""
        self.doing = "compiling"
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
    request: CorpusRequest,
    out: Path | None,
    given: dict[str, Any],
    device: str,
    threads: int | None,
    output: Output,
    go_on: GoOn,
) -> None:
    """Train from the beginning, or from a model; a job that was started again goes on with its run."""
    check_together(given, go_on.model is not None, bool(go_on.keep_text))
    machine = prepare_machine(device, threads)
    with joined(machine) as group:
        begun = group.first_does(lambda: run_of_job(job(), out))
        if begun is not None:
            resume_in(Path(begun), (), {}, device, threads, output, group, machine)
            return
        if out is not None:
            group.first_does(lambda: checkpoint.check_new(out))  # before the text is read, which may take a while
        stage = Stage()
        with stage.told():
            stage.doing = "reading the text"
            source = None if go_on.model is None else open_source(go_on.model)
            start: Start | None = None
            with Stages(output.quiet, unit="B") as bar:
                opener = partial(open_text, quiet=output.quiet, on_progress=bar.update, threads=threads)
                if source is None:
                    corpus = opener(request)
                else:
                    check_given(source, given)
                    if not go_on.normalize_given:
                        request = replace(request, normalize=source.content.composed)
                    request, corpus, start = open_texts(
                        source, request, go_on.keep_text, given, opener, bar.update, threads
                    )
            stage.doing = "starting"
            session = new_session(
                request,
                corpus,
                lambda: out or checkpoint.make_run_folder(request.files[0]),
                given,
                machine,
                lambda: stage.compiling(output.quiet),
                source,
                start,
                group,
                job(),
            )
            with held(group, session.folder, new=True) as missing:
                session.notes += missing
                run(session, output, device)


def start_resumed(
    resume: Path, files: tuple[str, ...], budget: dict[str, Any], device: str, threads: int | None, output: Output
) -> None:
    """Go on with a run, with as many threads as it had unless told otherwise."""
    machine = prepare_machine(device, threads)
    with joined(machine) as group:
        resume_in(resume, files, budget, device, threads, output, group, machine)


def resume_in(
    resume: Path,
    files: tuple[str, ...],
    budget: dict[str, Any],
    device: str,
    threads: int | None,
    output: Output,
    group: Group,
    machine: torch.device,
) -> None:
    """Go on with a run, in a group of processes."""
    try:
        folder = run_folder(resume)
    except NoRunError as e:
        raise NoRunError(f"{e}; {instead_of(resume, files)}") from None
    stage = Stage()
    with (
        stage.told(resume_command(folder, budget, device=chosen_device(device))),
        held(group, folder, new=False) as missing,
    ):
        stage.doing = "reading the run"
        with Stages(output.quiet, unit="B") as bar:
            try:
                session = resumed_session(
                    resume,
                    files,
                    budget,
                    machine,
                    threads,
                    stdin(),
                    bar.update,
                    lambda: stage.compiling(output.quiet),
                    group,
                )
            except ChangedTextError as e:
                raise TextError(f"{in_options(e)}: {from_command(e.request, folder)}") from None
        stage.doing = "starting"
        if is_finished(session):
            more = resume_command(folder, session.config.to_dict(), times=2, device=chosen_device(device))
            say(f"{folder}: this run has used its budget. To train it twice as long:\n  {more}")
            return
        session.notes += missing
        run(session, output, device)


def job() -> str:
    """What started this process, if it has a name; a process that was started by itself has none."""
    launch = launched()
    return "" if launch is None else launch.job


def run_of_job(job: str, out: Path | None) -> str | None:
    """The run that a job began before it was started again.

    Args:
        job: its name; empty: it has none.
        out: the folder that it was told to make.
    """
    for folder in (checkpoint.find_runs() if out is None else [out]) if job else ():
        with suppress(ModelFileError):
            if checkpoint.read_run_config(folder).get("job") == job:
                return str(folder)
    return None


def instead_of(named: Path, files: tuple[str, ...]) -> str:
    """What to type in place of the name of a run that is none.

    Args:
        named: the name.
        files: a text that was given with it.
    """
    inside = checkpoint.find_runs(named)
    if inside:
        return f"the newest run in it: {resume_command(inside[0], {})}"
    with suppress(ModelFileError):
        model = checkpoint.find_model(named)
        built_in = checkpoint.is_shipped(model)
        if built_in or checkpoint.describe_model_file(model):
            command = from_command(CorpusRequest(files or ("FILE",)), named)
            return f"it is a {'built-in ' * built_in}model; to go on from it with a text: {command}"
    runs = {run.name: run for place in (named.parent, checkpoint.RUNS) for run in checkpoint.find_runs(place)}
    near = difflib.get_close_matches(named.name, runs, n=1)
    if near:
        return f"did you mean: {resume_command(runs[near[0]], {})}"
    if runs:
        return f"the newest run here: {resume_command(next(iter(runs.values())), {})}"
    return "there is none here; to begin one: charlstm train FILE"


def run(session: Session, output: Output, device: str) -> None:
    """Train, showing events. Raises Interrupted when a signal stopped it, after saving."""
    session.check_alike()
    speed = session.speed()
    if not output.quiet and session.group.is_first:
        introduce(session, speed, output.verbose)
    INTERRUPTS.check()
    INTERRUPTS.deferred = True  # from here on a signal waits for the end of the step
    running = Running(session, speed, sample_text=not output.quiet, clock=INTERRUPTS.running_s)
    reporter = TrainingReporter(output.quiet, running.fraction)
    came_to: Compared | None = None
    try:
        for event in running.events(INTERRUPTS.requested, reporter.warn):
            reporter.show(event)
            came_to = event if isinstance(event, Compared) else came_to
            if output.json and not isinstance(event, Stepped):
                put_out(event, reporter)
    finally:
        reporter.close()
    end = running.end
    assert end is not None
    if end.reason == "interrupted":
        signum = INTERRUPTS.signum or signal.SIGTERM  # where another process got the signal
        command = resume_command(session.folder, session.config.to_dict(), device=chosen_device(device))
        how_far = f"stopped at step {end.step:,} ({running.fraction:.0%} of the budget)"
        how = (
            "and saved. To go on:"
            if running.saved
            else f"but not saved: {running.problem}. To go on from the last save:"
        )
        raise Interrupted(signum, f"{how_far} {how}\n  {command}")
    running.check_saved()
    if not output.quiet:
        more = [(name, with_option(row)) for name, row in compared_rows(came_to)] if came_to else []
        show_message(partial(draw_end, end, session.folder, session.resumed is not None, more))
        say(f"next     {sample_command(session.folder)}")


def with_option(text: str) -> str:
    """A report on a start, which may advise to name the old text, with the option for that."""
    return text.replace("`keep_text`", option_of("keep_text"))


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
    if session.start is not None:
        say(with_option(start_report(session.start, session.config)))
    say(plan_of(session, speed))
    if verbose:
        settings = {**session.model.config.to_dict(), **session.config.to_dict()}
        say("settings    " + ", ".join(f"{name} {value}" for name, value in settings.items() if value is not None))
    corpus = session.corpus
    held_out = compare_held_out(corpus.train, corpus.valid, len(corpus.vocabulary)) if session.is_new else None
    notes = held_out_notes(held_out, not session.request.valid_files and corpus.lines is None) if held_out else []
    if corpus.lines is not None and session.is_new:
        notes = line_notes(corpus.lines) + notes
    for note in session.notes + notes:
        say(f"note: {note}")


def plan_of(session: Session, speed: float) -> str:
    """The report on what is ahead."""
    kernel = environment(session.model, session.kernels, session.config)["kernel"]
    progress = None if session.resumed is None else snapshot_of(session.resumed).progress
    done_steps = progress.step if progress else 0
    total = steps_in_all(session.corpus, session.config)
    shape, seconds = session.model.config, seconds_used(session.resumed) if session.resumed else 0.0
    return plan_report(shape, session.config, session.corpus, speed, kernel, total, done_steps, seconds)

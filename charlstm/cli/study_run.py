"""A study from the command line: begin or go on, show how far it is, and at the end the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from charlstm import checkpoint
from charlstm.cli.paste import chosen_device, study_command
from charlstm.cli.runtime import open_text, prepare_machine, say_compiling, stdin
from charlstm.corpus import Corpus, CorpusRequest, compare_held_out
from charlstm.errors import Interrupted
from charlstm.interrupts import INTERRUPTS
from charlstm.report.bars import Stages
from charlstm.report.console import print_json, say
from charlstm.report.screen import show
from charlstm.report.study import StudyReporter, draw_study, of_seeds
from charlstm.report.text import duration
from charlstm.report.training import about, corpus_report, held_out_notes, plan_report, seconds_for
from charlstm.study.items import Items, items_for
from charlstm.study.manifest import NAME, Manifest, check_same, is_study, read
from charlstm.study.run import SeedBegins, SeedFinished, SeedTrained, Study, kept_study, new_manifest, open_study
from charlstm.training.events import Finished
from charlstm.training.plan import steps_in_all
from charlstm.training.state import environment


@dataclass(frozen=True)
class Output:
    """How much is said, and to whom."""

    quiet: bool
    json: bool


def begin(
    request: CorpusRequest,
    out: Path | None,
    given: dict[str, Any],
    seeds: int,
    pairs: Sequence[Path],
    nulls: int | None,
    device: str,
    threads: int | None,
    output: Output,
) -> None:
    """Begin a study, or go on with the one in the folder if it is the same."""
    folder = out or checkpoint.RUNS / f"{checkpoint.run_name(request.files[0])}-study"
    there = is_study(folder)
    if not there:
        checkpoint.check_new(folder)  # before the text is read, which may take a while
    machine = prepare_machine(device, threads)
    with told_where(study_command(folder, device=chosen_device(device)) if there else ""):
        with Stages(output.quiet, unit="B") as bar:
            corpus = open_text(request, output.quiet, bar.update, threads)
        items = items_for(pairs, given.get("language"), corpus)
        manifest = new_manifest(request, corpus, given, seeds, items, nulls, machine)
        if there:
            kept = read(folder)
            check_same(folder, kept, manifest)
            manifest = kept
        run(folder, manifest, items, corpus, machine, device, threads, output)


def go_on(
    resume: Path, files: tuple[str, ...], pairs: Sequence[Path], device: str, threads: int | None, output: Output
) -> None:
    """Go on with a study."""
    folder = resume.parent if resume.name == NAME else resume
    machine = prepare_machine(device, threads)
    with told_where(study_command(folder, device=chosen_device(device))):
        with Stages(output.quiet, unit="B") as bar:
            manifest, items, corpus = kept_study(folder, files, pairs, stdin(), bar.update, threads)
        run(folder, manifest, items, corpus, machine, device, threads, output)


@contextmanager
def told_where(command: str) -> Iterator[None]:
    """Say to whom stops it here how it goes on: by this command or, where there is no study yet, by the same."""
    try:
        yield
    except Interrupted as e:
        if e.message:
            raise
        how = f"the study is as it was. To go on:\n  {command}" if command else "nothing was saved"
        raise Interrupted(e.signum, f"stopped before the first step: {how}") from None


def run(
    folder: Path,
    manifest: Manifest,
    items: Items,
    corpus: Corpus,
    machine: torch.device,
    device: str,
    threads: int | None,
    output: Output,
) -> None:
    """Do what is ahead, and show what is found. Raises Interrupted when a signal stopped it, after saving."""
    command = study_command(folder, device=chosen_device(device), threads=threads)
    with open_study(folder, manifest, items, corpus, machine, threads) as study:
        if not study.is_finished:
            work(study, command, output)
    if output.json:
        print_json(manifest.to_dict())
        return
    show(partial(draw_study, manifest))
    if not output.quiet:
        say(f"manifest  {folder / NAME}")


def work(study: Study, command: str, output: Output) -> None:
    """Train and probe, showing events. Raises Interrupted when a signal stopped it, after saving."""
    reporter = StudyReporter(output.quiet, len(study.manifest.seeds))
    introduced, doing = output.quiet, "before the next training"
    try:
        for note in study.notes if not output.quiet else ():
            say(f"note: {note}")
        with Stages(output.quiet) as bar:
            for event in study.run(
                INTERRUPTS.requested,
                bar.update,
                reporter.warn,
                lambda: say_compiling(output.quiet),
                INTERRUPTS.running_s,
            ):
                if isinstance(event, SeedBegins):
                    if not introduced:
                        introduce(study, event)
                        introduced = True
                    doing = f"in the training of seed {event.seed}"
                    INTERRUPTS.check()
                    INTERRUPTS.deferred = True  # until its end a signal waits for the end of the step
                elif isinstance(event, Finished):
                    INTERRUPTS.deferred = False
                elif isinstance(event, SeedTrained):
                    doing = f"in the probe of seed {event.result.seed}"
                elif isinstance(event, SeedFinished):
                    doing = "between two seeds"
                reporter.show(event)
        if not study.is_finished:
            INTERRUPTS.check()
    except Interrupted as e:
        seeds = len(study.manifest.seeds)
        done = f"{seeds - len(study.manifest.ahead)} of {of_seeds(seeds)}"
        message = f"stopped {doing}; {done} done, and the rest is saved as far as it came. To go on:\n  {command}"
        raise Interrupted(e.signum, message) from None
    finally:
        reporter.close()


def introduce(study: Study, begins: SeedBegins) -> None:
    """Say what will be trained on what, and how long all of it takes."""
    session, manifest, corpus = begins.session, study.manifest, study.corpus
    say(corpus_report(corpus))
    kernel = environment(session.model, session.kernels, session.config)["kernel"]
    total = steps_in_all(corpus, session.config)
    say(plan_report(session.model.config, session.config, corpus, begins.speed, kernel, total, 0, 0.0))
    ahead = len([seed for seed in manifest.seeds if manifest.result(seed) is None])
    if total is None:
        assert session.config.time is not None
        seconds = duration((ahead - begins.fraction) * session.config.time)
    else:
        seconds = about((ahead - begins.fraction) * seconds_for(session.config, corpus, begins.speed, total))
    of = f" of {len(manifest.seeds):,}" if ahead < len(manifest.seeds) else ""
    probes = ", and the probes" if manifest.pairs else ""
    say(f"study       this budget for each of {ahead:,}{of} seeds: {seconds} in all{probes}")
    if manifest.note:
        say(f"note: {manifest.note}")
    held_out = compare_held_out(corpus.train, corpus.valid, len(corpus.vocabulary))
    for note in held_out_notes(held_out, not session.request.valid_files) if held_out else []:
        say(f"note: {note}")

"""A study at work: begin or go on, train every seed as a run of its own, probe its model, keep what is found."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import torch

from charlstm import checkpoint
from charlstm.bench.machine import describe_machine
from charlstm.config import TrainConfig
from charlstm.corpus import Corpus, CorpusRequest, find_files
from charlstm.corpus.sources import STDIN
from charlstm.errors import ChangedTextError, DivergedError, ModelFileError, TextError, UsageError
from charlstm.files.atomic import write_atomically
from charlstm.files.locks import hold_folder
from charlstm.grammar import is_built_in, located
from charlstm.probe.found_cells import remember
from charlstm.probe.pair_sets import own_pairs, usual_pairs
from charlstm.probe.pipeline import probe
from charlstm.progress import OnProgress, unheard
from charlstm.study import manifest as manifests
from charlstm.study.items import SEED, Items, items_for, sha256_of
from charlstm.study.manifest import MAX_SEEDS, Manifest
from charlstm.study.result import SeedProbe, SeedResult, SeedTraining
from charlstm.training.events import Event, Finished
from charlstm.training.kept import as_json
from charlstm.training.plan import plan
from charlstm.training.running import Running
from charlstm.training.session import Session, absolute, corpus_again, new_session, resumed_session
from charlstm.training.speed import measure_speed

PROBE = "probe.json"


@dataclass(frozen=True)
class SeedBegins:
    """A training begins, or goes on.

    Attributes:
        number: which of the seeds it is, from 1.
        session: what is trained.
        speed: about how many characters it learns from in a second.
        fraction: the share of its budget that is used.
    """

    seed: int
    number: int
    session: Session
    speed: float
    fraction: float


@dataclass(frozen=True)
class SeedTrained:
    """A training is done and kept; its probe begins, where there are pairs."""

    result: SeedResult


@dataclass(frozen=True)
class SeedFinished:
    """A seed is done, and kept."""

    result: SeedResult


StudyEvent = SeedBegins | SeedTrained | SeedFinished | Event


def new_manifest(
    request: CorpusRequest,
    corpus: Corpus,
    given: Mapping[str, Any],
    seeds: int,
    items: Items,
    nulls: int | None,
    device: torch.device,
) -> Manifest:
    """A study that nothing has been done for.

    Args:
        request: where the text came from, its built-in texts still by their names.
        corpus: the text.
        given: settings of the trainings by name; `seed` is that of the first, and the others count on from it.
        seeds: how many trainings.
        items: what is probed with.
        nulls: see `Manifest`.

    Raises:
        UsageError: for a setting that cannot be.
        TextError: for a text too short to train on.
    """
    if not 1 <= seeds <= MAX_SEEDS:
        raise UsageError(f"`seeds` is {seeds:,}; it must be between 1 and {MAX_SEEDS:,}", "seeds")
    model, train = plan(corpus, given)
    train.replace(seed=train.seed + seeds - 1)  # the last must be one, too
    request = absolute(request)
    kept = {**as_json(request, corpus), "files_sha256": _hashes(request)}
    numbers = tuple(range(train.seed, train.seed + seeds))
    return Manifest(describe_machine(device), kept, model, train, items.to_dict(), nulls, items.note, numbers)


def _hashes(request: CorpusRequest) -> dict[str, str]:
    """The sha256 of every file of a text, by its path or the name of a built-in text; standard input has gone by."""
    named = [name for name in (*request.files, *request.valid_files) if name != STDIN]
    built_in = [name for name in named if is_built_in(name)]
    others = [name for name in named if name not in built_in]
    hashes = {name: sha256_of(Path(file)) for name, file in zip(built_in, located(built_in), strict=True)}
    files = find_files(others, request.globs) if others else []
    return {**hashes, **{str(path): sha256_of(path) for path in files}}


def kept_study(
    folder: Path,
    files: tuple[str, ...],
    pair_files: Sequence[Path],
    stdin: BinaryIO | None,
    on_progress: OnProgress,
    threads: int | None,
) -> tuple[Manifest, Items, Corpus]:
    """A study that is to go on: its manifest, its pairs, its text.

    Args:
        folder: of the study.
        files: where the text is now, if it has moved; else empty.
        pair_files: where the pairs are now; else empty.
        stdin: if the text comes from there again.
        on_progress: told how far the reading is.
        threads: at most so many processes share the reading; None: as many as there are cores.

    Raises:
        ModelFileError: if there is no such study, or its manifest is not sound.
        TextError: if the text or the pairs are gone or have changed.
    """
    manifest = manifests.read(folder)
    request, sha256 = manifest.text
    try:
        corpus = corpus_again(request, sha256, files, stdin, on_progress, threads)
    except ChangedTextError:
        raise TextError(
            "the text has changed since the study began, and a study continues only on the text that it began with: "
            "restore it, or begin a new study"
        ) from None
    if manifest.pairs is None:
        if pair_files:
            manifests.check_same_pairs(folder, manifest, {"sha256": None})
        return manifest, Items("", (), note=manifest.note), corpus
    paths = pair_files or [Path(path) for path in manifest.pairs["files"]]
    items = items_for(paths, manifest.train.language, corpus)
    manifests.check_same_pairs(folder, manifest, items.to_dict())
    return manifest, items, corpus


class Study:
    """A study whose folder is held by this process; see `open_study`.

    Args:
        folder: of the study.
        manifest: what is known so far.
        items: what is probed with: those of the manifest.
        corpus: the text: that of the manifest.
        device, threads: to train and probe on; None: as many threads as the study began with.
        notes: what the person should know.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        items: Items,
        corpus: Corpus,
        device: torch.device,
        threads: int | None,
        notes: list[str],
    ) -> None:
        self.folder, self.manifest, self.items, self.corpus = folder, manifest, items, corpus
        self.device, self.threads, self.notes = device, threads, notes

    @property
    def is_finished(self) -> bool:
        """Whether every seed is trained and probed."""
        return not self.manifest.ahead

    def run(
        self,
        should_stop: Callable[[], bool] = lambda: False,
        on_progress: OnProgress = unheard,
        warn: Callable[[str], None] = lambda problem: None,
        on_compile: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> Iterator[StudyEvent]:
        """Do what is ahead; a training that `should_stop` ends is saved, and nothing is begun after it.

        Raises:
            CharLSTMError: if something cannot be written.
            ModelFileError: for a half-trained run that is not sound.
        """
        for seed in self.manifest.ahead:
            if self.manifest.result(seed) is None:
                ended = yield from self._train(seed, should_stop, on_progress, warn, on_compile, clock)
                if not ended:
                    return
            if should_stop():
                return
            found = self.manifest.result(seed)
            assert found is not None
            if not self.manifest.is_finished(seed):
                yield SeedTrained(found)
                found = self._probe(found, on_progress)
            yield SeedFinished(found)

    def _train(
        self,
        seed: int,
        should_stop: Callable[[], bool],
        on_progress: OnProgress,
        warn: Callable[[str], None],
        on_compile: Callable[[], None],
        clock: Callable[[], float],
    ) -> Generator[StudyEvent, None, bool]:
        """Train one seed, from where it stopped; whether it came to its end."""
        with self._session(seed, on_progress, on_compile) as session:
            speed = measure_speed(session.model, session.config, session.kernels)
            running = Running(session, speed, clock=clock)
            number = self.manifest.seeds.index(seed) + 1
            yield SeedBegins(seed, number, session, speed, running.fraction)
            end: Finished | None = None
            try:
                for event in running.events(should_stop, warn):
                    end = event if isinstance(event, Finished) else end
                    yield event
            except DivergedError:  # it is a result, too: `end` says so
                pass
            assert end is not None
            if end.reason != "interrupted" and end.reason != "diverged":
                running.check_saved()
        if end.reason == "interrupted":
            if not running.saved:
                warn(f"the last steps of seed {seed} are not saved: {running.problem}")
            return False
        self._keep(SeedResult(seed, self._ended(seed, end), machine=self._other_machine()))
        return True

    @contextmanager
    def _session(self, seed: int, on_progress: OnProgress, on_compile: Callable[[], None]) -> Iterator[Session]:
        """The run of a seed, held: a new one, or the one that is there."""
        folder, given = self.folder / manifests.run_name(seed), self.manifest.settings_of(seed)
        if checkpoint.is_run(folder):
            with checkpoint.hold_run(folder, new=False):
                session = resumed_session(folder, (), {}, self.device, self.threads, None, on_progress, on_compile)
                expected = TrainConfig.from_dict({**self.manifest.train.to_dict(), "seed": seed})
                same = (session.corpus.sha256, session.model.config) == (self.corpus.sha256, self.manifest.model)
                if not same or session.config != expected:
                    raise ModelFileError(f"{folder}: this run is not one of this study; move it away")
                yield session
            return
        session = new_session(self.manifest.text[0], self.corpus, lambda: folder, given, self.device, on_compile)
        with checkpoint.hold_run(folder, new=True):
            yield session

    def _ended(self, seed: int, end: Finished) -> SeedTraining:
        best = self.folder / manifests.run_name(seed) / checkpoint.BEST
        sha256 = sha256_of(best) if best.is_file() else None
        return SeedTraining(end.step, end.epoch, end.reason, end.best_nats, end.best_step, sha256)

    def _other_machine(self) -> dict[str, Any] | None:
        """In what the machine is not that on which the study began."""
        now = describe_machine(self.device)
        return {name: value for name, value in now.items() if self.manifest.machine.get(name) != value} or None

    def _probe(self, found: SeedResult, on_progress: OnProgress) -> SeedResult:
        """Probe the best model of a seed, and keep all of what is found beside it."""
        run = self.folder / manifests.run_name(found.seed)
        content = checkpoint.load_model_file(run / checkpoint.BEST)
        content.model.to(self.device)
        own = own_pairs(self.items.pairs, self.items.name) if self.items.files else None
        items = own or replace(usual_pairs(content.language, SEED), pairs=self.items.pairs)
        request = replace(items.request(content, on_progress), nulls=self.manifest.nulls, seed=SEED)
        result = probe(content.model, content.vocabulary, request, on_progress)
        if self.manifest.nulls is None:  # so that `explain` knows the cell
            remember(content, items.key, result)
        text = json.dumps(result.to_dict(), indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
        write_atomically(run / PROBE, (text + "\n").encode())
        found = replace(found, probe=SeedProbe.of(result, sha256_of(run / PROBE)))
        self._keep(found)
        return found

    def _keep(self, result: SeedResult) -> None:
        self.manifest.keep(result)
        manifests.write(self.folder, self.manifest)


@contextmanager
def open_study(
    folder: Path, manifest: Manifest, items: Items, corpus: Corpus, device: torch.device, threads: int | None
) -> Iterator[Study]:
    """A study in its folder, which is made if it is new, and held for this process.

    Args:
        folder: of the study.
        manifest: what was read there (`manifest.read`), or a new one.
        items, corpus: those that the manifest names.
        device, threads: to train and probe on; None: as many threads as the study began with.

    Raises:
        UsageError: if another process holds the folder, or it is something else.
        ModelFileError: for the files of a finished seed that are not those that were recorded.
        CharLSTMError: if it cannot be written.
    """
    is_new = not manifests.is_study(folder)
    if is_new:
        checkpoint.make_new_folder(folder)
    with hold_folder(folder) as notes:
        if is_new:
            checkpoint.check_new(folder)  # another process may have been faster
            manifests.write(folder, manifest)
        notes = [*notes, *_check_files(folder, manifest)]
        torch.set_num_threads(threads or manifest.machine["threads"])
        if not is_new and manifest.ahead and (differs := _machine_differs(manifest, device)):
            notes.append(f"the machine is not that on which the study began: {differs}")
        yield Study(folder, manifest, items, corpus, device, threads, notes)


def _check_files(folder: Path, manifest: Manifest) -> list[str]:
    """See that the files of the seeds are those of the manifest; what must be done again is taken out of it, and said.

    Raises ModelFileError for a file that is another one.
    """
    notes, kept = [], list[SeedResult]()
    for result in manifest.results:
        run = folder / manifests.run_name(result.seed)
        if not run.is_dir():
            notes.append(f"{run} is gone, so this seed is trained again")
            continue
        _check_file(run / checkpoint.BEST, result.training.sha256, run)
        if result.probe is not None and not (run / PROBE).is_file():
            notes.append(f"{run / PROBE} is gone, so this model is probed again")
            result = replace(result, probe=None)
        elif result.probe is not None:
            _check_file(run / PROBE, result.probe.sha256, run)
        kept.append(result)
    manifest.results = kept
    return notes


def _check_file(path: Path, sha256: str | None, run: Path) -> None:
    if sha256 is None:
        return
    if not path.is_file() or sha256_of(path) != sha256:
        what = "is not the file that the study recorded" if path.is_file() else "is gone"
        raise ModelFileError(f"{path} {what}: put it back, or remove {run} to train that seed again")


def _machine_differs(manifest: Manifest, device: torch.device) -> str:
    """In what this machine is not that on which a study began, in words; empty where it is the same."""
    before, now = manifest.machine, describe_machine(device)
    differs = [f"{name} {before.get(name)} -> {now[name]}" for name in now if before.get(name) != now[name]]
    return ", ".join(differs)

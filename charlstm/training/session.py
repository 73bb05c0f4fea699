"""From a request to a `Trainer` that is ready to run: a new run, or one that goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import torch

from charlstm import checkpoint
from charlstm._version import __version__
from charlstm.config import BUDGETS, ModelConfig, TrainConfig
from charlstm.corpus import Corpus, CorpusRequest
from charlstm.corpus.sources import STDIN
from charlstm.distributed.group import ALONE, Group
from charlstm.errors import ChangedTextError, ModelFileError, NoRunError, TextError, UsageError
from charlstm.grammar import is_built_in
from charlstm.network.kernels import Kernels, choose_kernels, precision_again, worth_compiling
from charlstm.network.model import CharLM
from charlstm.progress import OnProgress
from charlstm.training.kept import as_json, request_of, text_again
from charlstm.training.learning import parts_for
from charlstm.training.new_characters import starting_network
from charlstm.training.plan import chars_per_step, plan, steps_in_all
from charlstm.training.speed import measure_speed
from charlstm.training.start import Source, Start, check_old, score_before, start_of
from charlstm.training.state import environment, seconds_used, snapshot_of

MAX_NAMES = 100_000  # characters of the names of a corpus' files that are kept with a run
GIVE_AGAIN = "its encoded copy is gone or damaged: give the text again, together with `resume`"
LONG_S = 10.0  # a budget of time that compiling pays for


@dataclass
class Session:
    """All that a training starts from.

    Attributes:
        corpus, model, config, kernels: what is trained on what, how.
        folder: of the run; held by `checkpoint.hold_run` while the run is trained.
        request: where the corpus came from, to be kept with the run.
        resumed: the state to go on from; None starts at the beginning.
        is_new: whether the folder has still to be made.
        notes: what the person should know.
        start: what a run that goes on from a model keeps of its beginning.
        group: the processes that train.
        job: what started it, if that has a name by which it is found again.
        has_moved: whether its text is in other files now than the folder says.
    """

    corpus: Corpus
    model: CharLM
    config: TrainConfig
    kernels: Kernels
    folder: Path
    request: CorpusRequest
    resumed: checkpoint.ModelFile | None = None
    is_new: bool = True
    notes: list[str] = field(default_factory=list)
    start: Start | None = None
    group: Group = ALONE
    job: str = ""
    has_moved: bool = False

    def __post_init__(self) -> None:
        self.parts = parts_for(self.config, self.model.device, self.group)

    def run_config(self) -> dict[str, Any]:
        """What `config.json` holds: enough to start the run over."""
        return {
            "charlstm": __version__,
            "corpus": as_json(self.request, self.corpus),
            "model": self.model.config.to_dict(),
            "train": self.config.to_dict(),
            "environment": environment(self.model, self.kernels, self.config),
            **({} if self.start is None else {"start": self.start.to_dict()}),
            **({"job": self.job} if self.job else {}),
        }

    def speed(self) -> float:
        """About how many characters it learns from in a second, measured; all processes together, at the same time."""
        usual = max(1, round(chars_per_step(self.corpus, self.config) / self.config.batch_size))
        own = self.config.batch_size // self.group.size
        config = self.config.replace(seq_len=usual, batch_size=own, shards=1)
        speed = torch.tensor([measure_speed(self.model, config, self.kernels)], dtype=torch.float64)
        return float(sum(self.group.gather(speed)))

    def check_alike(self) -> None:
        """Raise CharLSTMError unless all processes are about to compute the same."""
        step = None if self.resumed is None else snapshot_of(self.resumed).progress.step
        now = environment(self.model, self.kernels, self.config)
        what = {"text": self.corpus.sha256, "folder": str(self.folder), "step": step, **now}
        if self.parts.is_exact:
            what.pop("threads")
        self.group.check_alike(what)


def new_session(
    request: CorpusRequest,
    corpus: Corpus,
    folder: Callable[[], Path],
    given: Mapping[str, Any],
    device: torch.device,
    on_compile: Callable[[], None] = lambda: None,
    source: Source | None = None,
    start: Start | None = None,
    group: Group = ALONE,
    job: str = "",
) -> Session:
    """A run that begins. Raises UsageError or TextError before anything is written.

    Args:
        folder: names the folder of the run; called when all else is known to be sound.
        source: a model to go on from, which `corpus` and `given` agree with (`start.check_given`).
        start: how that begins.
        group: the processes that train.
        job: what starts it, if that has a name.
    """
    model_config, config = plan(
        corpus,
        {**given, **(source.shape if source else {})},
        goes_on=source is not None,
        shared=group is not ALONE and device.type == "cpu",
    )
    parts = parts_for(config, device, group)
    if start is not None:
        check_old(start, config)
    compiled = is_long(corpus, model_config, config)
    kernels = group.one_by_one(
        lambda: choose_kernels(model_config, device, config.precision, compiled=compiled, on_compile=on_compile)
    )
    if source is None:
        model = CharLM(model_config)
        model.reset_parameters(config.memory, config.seed)
    else:
        model = starting_network(source.content, corpus)
    model.to(device)
    if start is not None and source is not None:
        old = start.old and replace(start.old, request=absolute(start.old.request))
        start = score_before(replace(start, old=old), source, model, corpus, config, kernels, parts)
    notes = _notes(kernels)
    if source is not None and source.content.composed != request.normalize:
        how = ("was", "is not") if source.content.composed else ("was not", "is")
        notes.append(f"the text of {source.name} {how[0]} brought into Unicode normal form C, and this one {how[1]}")
    where = Path(group.first_does(lambda: str(folder())))
    return Session(
        corpus,
        model,
        config,
        kernels,
        where,
        absolute(request),
        notes=notes,
        start=start,
        group=group,
        job=job,
    )


def is_long(corpus: Corpus, model: ModelConfig, config: TrainConfig) -> bool:
    """Whether compiling pays for the training that is ahead."""
    steps = steps_in_all(corpus, config)
    if steps is None:
        assert config.time is not None
        return config.time >= LONG_S
    return worth_compiling(model, int(steps * chars_per_step(corpus, config)), passes=3)


def _notes(kernels: Kernels) -> list[str]:
    if not kernels.problem:
        return []
    return [f"training is slower than it could be, because its steps are not compiled: {kernels.problem}"]


def resumed_session(
    run: Path,
    files: tuple[str, ...],
    budget: Mapping[str, Any],
    device: torch.device,
    threads: int | None,
    stdin: BinaryIO | None,
    on_progress: OnProgress,
    on_compile: Callable[[], None] = lambda: None,
    group: Group = ALONE,
) -> Session:
    """A run that goes on from its last save, or starts over if it never saved.

    Args:
        run: its folder, or the `last` file in it. It should be held, or another process may go on with it, too.
        files: where the corpus is now, if it has moved; else empty.
        budget: a budget in place of the run's own, and `patience`.
        threads: None takes as many as the run had, and all cores to read a text that is not in the cache any more.
        group: the processes that train.

    Raises:
        ModelFileError: if there is no such run, nothing sound in it, or a best model but no state.
        TextError: if the corpus is gone or has changed.
    """
    folder = run_folder(run)
    last = checkpoint.load_last(folder)
    notes = []
    if last is None:
        checkpoint.check_start_over(folder)
        about = checkpoint.read_run_config(folder)
        notes.append("this run was stopped before its first save, so it starts over")
    else:
        about = dict(last[0].resume or {})["run"]
        if last[1].name != checkpoint.LAST:
            aside = group.first_does(lambda: moved_aside(folder / checkpoint.LAST))
            problem = "is missing" if aside is None else f"is damaged (kept as {aside})"
            notes.append(f"the last save {problem}; the run continues from the one before it, {last[1]}")
    try:
        before = TrainConfig.from_dict(about["train"])
        model_config = ModelConfig.from_dict(about["model"])
        if last is not None and model_config != last[0].model.config:
            raise ValueError("it names a network that it does not hold")
        request, sha256 = request_of(about["corpus"])
        if request.lines is not before.lines:
            raise ValueError("lines")
        start = None
        if "start" in about:
            if last is None:
                raise ModelFileError(
                    f"{folder}: this run went on from a model, and what it saved before its first step is gone: remove "
                    "the folder, and start it again with `start_from`",
                    "start_from",
                )
            start = start_of(about["start"], before.keep > 0, on_progress, threads)
        if type(about["environment"]["threads"]) is not int or not 1 <= about["environment"]["threads"] <= 1024:
            raise TypeError("threads")
    except (KeyError, TypeError, ValueError, AttributeError, UsageError) as e:
        raise ModelFileError(f"{folder}: the settings of the run are damaged ({e})") from None
    if any(name in budget for name in BUDGETS):
        before = before.replace(**dict.fromkeys(BUDGETS))
    config = before.replace(**budget)
    corpus = corpus_again(request, sha256, files, stdin, on_progress, threads)
    if files:
        request = absolute(replace(request, files=files))
    if start is not None and last is not None:
        with suppress(ValueError):  # else they have different characters
            corpus = corpus.widened(last[0].vocabulary)
    if len(corpus.vocabulary) != model_config.vocab_size or (last and corpus.vocabulary != last[0].vocabulary):
        raise ModelFileError(f"{folder}: the network and the text of this run have different characters")
    if last is None:
        model = CharLM(model_config)
        model.reset_parameters(config.memory, config.seed)
    else:
        model = last[0].model
    model.to(device)
    then = about["environment"]
    if threads is None and config.shards == 1:
        torch.set_num_threads(then["threads"])
    same_budget = all(about["train"].get(name) == getattr(config, name) for name in BUDGETS)
    compiled = "compiled" in str(then.get("kernel")) if same_budget else is_long(corpus, model_config, config)
    precision = config.precision
    if precision == "auto" and then.get("device") == device.type:
        precision = precision_again(str(then.get("kernel")), device)
    kernels = group.one_by_one(
        lambda: choose_kernels(model_config, device, precision, compiled=compiled, on_compile=on_compile)
    )
    notes += _notes(kernels)
    session = Session(
        corpus,
        model,
        config,
        kernels,
        folder,
        request,
        last and last[0],
        is_new=False,
        notes=notes,
        start=start,
        group=group,
        job=about.get("job", ""),
        has_moved=bool(files),
    )
    now = environment(model, kernels, config)
    counts = [name for name in now if name != "threads" or not session.parts.is_exact]
    differs = [f"{name} {then.get(name)} -> {now[name]}" for name in counts if then.get(name) != now[name]]
    if differs:
        notes.append("the result will differ in the last bits, because this is not as before: " + ", ".join(differs))
    return session


def moved_aside(path: Path) -> str | None:
    """Where a damaged file was moved to, if it was there."""
    aside = checkpoint.put_aside(path)
    return None if aside is None else str(aside)


def run_folder(run: Path) -> Path:
    """The folder of a run that is to go on. Raises NoRunError if there is none, ModelFileError if none can be seen."""
    try:
        folder = run.parent if run.is_file() else run
        if not folder.is_dir():
            raise NoRunError(f"{run}: no such run")
    except OSError as e:
        raise ModelFileError(f"{run}: {e.strerror or e}") from None
    if not checkpoint.is_run(folder):
        raise NoRunError(f"{folder} is not the folder of a run")
    return folder


def corpus_again(
    request: CorpusRequest,
    sha256: str,
    files: tuple[str, ...],
    stdin: BinaryIO | None,
    on_progress: OnProgress,
    processes: int | None,
) -> Corpus:
    """The text that a run or a study began with. Raises TextError if it is gone, ChangedTextError if it has changed.

    Args:
        request: where it was.
        sha256: of the corpus.
        files: where it is now, if it has moved; else empty.
        stdin: if it comes from there again.
        processes: as `open_corpus` takes them.
    """
    try:
        return text_again(request, sha256, on_progress, files, stdin, processes)
    except ChangedTextError as e:
        raise ChangedTextError(
            "the text has changed since the run began, and a run continues only on the text that it began with: "
            "restore it, or start a new run that goes on from its model (`start_from`)",
            e.request,
            "start_from",
        ) from None
    except TextError as e:
        raise TextError(str(e) if files else f"{e}; and {GIVE_AGAIN}", "resume", *e.settings) from None


def absolute(request: CorpusRequest) -> CorpusRequest:
    """The request with absolute paths; without any where they would make every model file of the run large.

    Texts that come with charlstm keep their names.
    """
    files, valid_files = (
        tuple(f if f == STDIN or is_built_in(f) else str(Path(f).absolute()) for f in names)
        for names in (request.files, request.valid_files)
    )
    if sum(map(len, files + valid_files)) > MAX_NAMES:
        files = valid_files = ()
    return replace(request, files=files, valid_files=valid_files)


def is_finished(session: Session) -> bool:
    """Whether a run that is to go on has used its budget. Raises UsageError for one that is beyond a new budget."""
    if session.resumed is None:
        return False
    assert session.resumed.resume is not None
    progress = snapshot_of(session.resumed).progress
    before = session.resumed.resume["run"]["train"]
    if all(before.get(name) == getattr(session.config, name) for name in BUDGETS):
        return progress.fraction >= 1 and progress.evaluations_done >= session.config.evaluations
    config = session.config
    ahead = steps_in_all(session.corpus, config)
    if ahead is not None and progress.step >= ahead:
        raise UsageError(
            f"the run is at step {progress.step:,} already, and the new budget ends at step {ahead:,}; give more"
        )
    if config.time is not None and before.get("time") and seconds_used(session.resumed) >= config.time:
        raise UsageError(
            f"the run has trained longer than {config.time:g} seconds already; give a larger `time`", "time"
        )
    return False

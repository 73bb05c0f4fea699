"""`train`: what `charlstm train` does, from Python."""

from __future__ import annotations

import glob
import inspect
import io
import reprlib
import sys
import textwrap
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from charlstm import checkpoint
from charlstm.api.arguments import AnyPath, number_of, path_of, plain, text_of
from charlstm.api.model import LanguageModel, load
from charlstm.config import ModelConfig, TrainConfig, check_changes, check_together
from charlstm.corpus import Corpus, CorpusRequest, open_corpus, request_with
from charlstm.corpus.sources import STDIN
from charlstm.errors import TextError, UsageError
from charlstm.grammar import is_built_in, located
from charlstm.interrupts import ctrl_c_waits
from charlstm.network.devices import find_device
from charlstm.report.bars import Stages, in_notebook
from charlstm.report.training_bar import TrainingBar, warning_of
from charlstm.settings import default_of, parsed, settings_of, type_of
from charlstm.training.events import Evaluated, Finished, Stepped
from charlstm.training.running import Running
from charlstm.training.session import Session, is_finished, new_session, resumed_session, run_folder
from charlstm.training.start import Start, check_given, open_source, open_texts
from charlstm.training.start import check_together as check_start

KINDS = (ModelConfig, TrainConfig)
NAME_OF_TEXT = "text"  # of the run of a text that came from no file
WIDTH = 100


def train(
    files: AnyPath | Sequence[AnyPath] | None = None,
    *,
    text: str | None = None,
    out: AnyPath | None = None,
    resume: AnyPath | None = None,
    start_from: AnyPath | LanguageModel | None = None,
    keep_text: AnyPath | Sequence[AnyPath] | None = None,
    valid: AnyPath | Sequence[AnyPath] | None = None,
    encoding: str = "utf-8",
    normalize: bool | None = None,
    device: str = "auto",
    threads: int | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> LanguageModel:
    """Train a network on a text, and give the best model of the run.

        model = charlstm.train("novel.txt", time="2m")
        model = charlstm.train(text="so she said. " * 1000, steps=200, hidden_size=32)
        model = charlstm.train(resume=model.folder, time="5m")
        model = charlstm.train("letters.txt", start_from="english", time="5m")

    Without a budget (`steps`, `epochs` or `time`) it passes over the text about 20 million characters' worth, between
    1 and 50 times, and stops early when validation no longer gets better. Ctrl-C saves, and raises KeyboardInterrupt,
    whose message says how to go on; a second Ctrl-C stops at once.

    Args:
        files: a file, a folder (its *.txt and *.txt.gz), a glob or the name of a built-in text ("garden"); or a list.
        text: the text itself, in place of files.
        out: the folder of the run; None: checkpoints/NAME, by the first file.
        resume: the folder of a run to go on with; only the budget and `patience` may be given with it.
        start_from: a model to go on from: a model file, a run, the name of a built-in model, or what `load` gave. Its
            shape and its characters are taken over; settings that contradict it are refused.
        keep_text: with `start_from`, the text that the model learnt from, as `files`: how much of it is forgotten is
            measured, and `keep` says how much of what is read comes from it. None: that of the run, if it is there.
        valid: texts to validate on, as `files`; None: the end of every file.
        encoding: of the files.
        normalize: whether to bring the text into Unicode normal form C; None: yes, or as the text of the model was that
            the training goes on from.
        device: "auto" (the fastest that is here), "cpu", "cuda" or "mps".
        threads: of the processor; None: as PyTorch has it, or as the run had that goes on.
        progress: show a bar; None: in a notebook, and in a terminal.
        settings: those of `charlstm train`, by the same names:

    Returns:
        the model that was best on the validation text; its `folder` is that of the run.

    Raises:
        UsageError: for a setting that cannot be.
        TextError: for a text that is missing, cannot be read, or is too short.
        ModelFileError: for a run that cannot go on.
        DivergedError: if the loss was not finite again and again; the best model is kept.
        KeyboardInterrupt: after Ctrl-C, when everything is saved.
    """
    chosen = _chosen(settings)
    sources = _sources(files, "files")
    stdin = None if text is None else io.BytesIO(_bytes_of(text))
    if text is not None and sources:
        raise UsageError("`files` and `text`: give one of the two", "files", "text")
    if text is not None:
        sources = (STDIN,)
    seen = _Seen(progress)
    machine, threads_before = find_device(device), torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(number_of(threads, "threads", 1, 1024, whole=True))
    try:
        if resume is not None:
            given = {"out": out, "valid": valid, "encoding": encoding != "utf-8", "normalize": normalize is False}
            given |= {"start_from": start_from is not None, "keep_text": keep_text is not None}
            check_changes([*chosen, *(name for name, value in given.items() if value)])
            folder = run_folder(path_of(resume, "resume"))
            with checkpoint.hold_run(folder, new=False) as missing:
                with Stages(seen.quiet, unit="B", forced=seen.forced) as stages:
                    session = resumed_session(
                        folder, sources, chosen, machine, threads, stdin, stages.update, seen.compiling
                    )
                _run(session, missing, seen)
        else:
            if not sources:
                raise UsageError("give `files` to train on, a `text`, or a run to `resume`", "files", "text", "resume")
            target = None if out is None else path_of(out, "out")
            if target is not None:
                checkpoint.check_new(target)  # before the text is read, which may take a while
            old_files = _sources(keep_text, "keep_text")
            check_start(chosen, start_from is not None, bool(old_files))
            source = None if start_from is None else open_source(_model_of(start_from))
            composed = source is None or source.content.composed
            nfc = composed if normalize is None else normalize
            request = _request(sources, _sources(valid, "valid"), encoding, nfc, chosen, text is not None)
            start: Start | None = None
            with Stages(seen.quiet, unit="B", forced=seen.forced) as stages:

                def open_text(request: CorpusRequest) -> Corpus:
                    names = (located(names, stages.update) for names in (request.files, request.valid_files))
                    files, valid_files = names
                    again = replace(request, files=files, valid_files=valid_files)
                    return open_corpus(again, stdin, stages.update, threads)

                if source is None:
                    corpus = open_text(request)
                else:
                    check_given(source, chosen)
                    request, corpus, start = open_texts(
                        source, request, old_files, chosen, open_text, stages.update, threads
                    )
            name = NAME_OF_TEXT if text is not None else sources[0]
            session = new_session(
                request,
                corpus,
                lambda: target or checkpoint.make_run_folder(name),
                chosen,
                machine,
                seen.compiling,
                source,
                start,
            )
            with checkpoint.hold_run(session.folder, new=True) as missing:
                _run(session, missing, seen)
    finally:
        torch.set_num_threads(threads_before)
    return load(session.folder, str(machine))


class _Seen:
    """What a person sees of a training: bars, and what is said beside them."""

    def __init__(self, progress: bool | None) -> None:
        if progress not in (None, True, False):
            raise UsageError(f"`progress` is {reprlib.repr(progress)}; it must be True, False or None", "progress")
        self.quiet, self.forced = progress is False, bool(progress)
        self.shown = bool(progress) or (progress is None and (in_notebook() or sys.stderr.isatty()))

    def compiling(self) -> None:
        """Say why nothing moves."""
        if self.shown:
            tqdm.write("compiling the steps of the network, once for this machine: three seconds", file=sys.stderr)


def _run(session: Session, missing: Sequence[str], seen: _Seen) -> None:
    """Train to the end. Raises KeyboardInterrupt when Ctrl-C stopped it, after saving."""
    if is_finished(session):
        _warn(f"{session.folder}: this run has used its budget; to go on, give larger `steps`, `epochs` or `time`")
        return
    for note in (*session.notes, *missing):
        _warn(note)
    running = Running(session, session.speed())
    bar = TrainingBar(running.fraction, seen.quiet, seen.forced, leave=True)
    try:
        with ctrl_c_waits() as came:
            for event in running.events(came, _warn):
                if isinstance(event, Stepped):
                    bar.stepped(event)
                elif isinstance(event, Evaluated):
                    bar.evaluated(event)
                elif (problem := warning_of(event)) is not None:
                    _warn(problem)
                elif isinstance(event, Finished) and event.reason in ("budget", "patience"):
                    bar.finished()
    finally:
        bar.close()
    assert running.end is not None
    if running.end.reason == "interrupted":
        how = "saved" if running.saved else f"not saved ({running.problem})"
        raise KeyboardInterrupt(
            f"stopped at step {running.end.step:,} and {how}; go on with charlstm.train(resume={str(session.folder)!r})"
        )
    running.check_saved()


def _warn(problem: str) -> None:
    """Warn at the line of the person's program that called us."""
    package = str(Path(checkpoint.__file__).parents[1])
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(package):
        level, frame = level + 1, frame.f_back
    warnings.warn(problem, RuntimeWarning, stacklevel=level)


def _chosen(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that were given, checked as far as that goes without a text."""
    given = {name: plain(value) for name, value in settings.items() if value is not None}
    found = parsed(given, *KINDS)
    check_together(found)
    return found


def _request(
    files: tuple[str, ...],
    valid: tuple[str, ...],
    encoding: str,
    normalize: bool,
    chosen: Mapping[str, Any],
    is_text: bool,
) -> CorpusRequest:
    if not isinstance(normalize, bool):
        raise UsageError(f"`normalize` is {reprlib.repr(normalize)}; it must be True or False", "normalize")
    request = request_with(chosen, files, valid, text_of(encoding, "encoding"), normalize)
    if is_text and request.encoding != "utf-8":
        raise UsageError("`encoding` is that of files; a `text` has none", "encoding", "text")
    return request


def _model_of(start_from: Any) -> Path:
    """The path or name of a model to go on from. Raises UsageError."""
    if not isinstance(start_from, LanguageModel):
        return path_of(start_from, "start_from")
    if start_from.path is None:
        raise UsageError("`start_from`: this model has no file; save it first, and give the path", "start_from")
    return start_from.path


def _sources(given: Any, name: str) -> tuple[str, ...]:
    """The files, folders and globs that were given. Raises UsageError, or TextError for one that is not there."""
    if given is None:
        return ()
    several = [given] if isinstance(given, str | PathLike) else given
    if not isinstance(several, Sequence) or isinstance(several, bytes) or not several:
        raise UsageError(f"`{name}` is {reprlib.repr(given)}; it must be a path, or a list of paths", name)
    found = tuple(fspath(path_of(path, name)) if not isinstance(path, str) else path for path in several)
    for path in found:
        if not _exists(path):
            what = f"`{name}` {reprlib.repr(path)}: there is no such file or folder"
            raise TextError(f"{what}; to train on a text itself, give `text`", name, "text")
    return found


def _exists(path: str) -> bool:
    try:
        is_there = Path(path).exists() or is_built_in(path) or bool(glob.glob(path, recursive=True))
        return path not in ("", STDIN) and is_there
    except (OSError, ValueError):  # a name that is too long, or that no file can have
        return False


def _bytes_of(text: Any) -> bytes:
    try:
        return text_of(text, "text").encode()
    except UnicodeEncodeError as e:
        raise TextError(f"`text`: a lone surrogate at character {e.start + 1} is not text", "text") from None


def _with_settings_named() -> None:
    """Let `help(charlstm.train)` and an editor know every setting: from their fields, as the command line does."""
    signature = inspect.signature(train)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    named, lines = [], []
    for kind in KINDS:
        for name, about in settings_of(kind).items():
            hint = type_of(kind, name)
            named.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hint))
            default = default_of(kind, name)
            says = f"{name}: {about.help}{f' [default: {default}]' if default else ''}"
            lines.append(textwrap.fill(says, WIDTH, initial_indent=" " * 12, subsequent_indent=" " * 16))
    vars(train)["__signature__"] = signature.replace(parameters=[*own, *named])
    head, tail = (train.__doc__ or "").split("by the same names:\n", 1)
    train.__doc__ = head + "by the same names:\n" + "\n".join(lines) + "\n" + tail


if train.__doc__:  # python -OO has none
    _with_settings_named()

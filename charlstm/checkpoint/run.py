"""Runs: the folder of each, its name and its files."""

from __future__ import annotations

import glob
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from charlstm.checkpoint.format import strict_json
from charlstm.checkpoint.model_file import ModelFile, load_model_file, save_model_file
from charlstm.checkpoint.renamed import RUN, in_todays_names
from charlstm.errors import CharLSTMError, ModelFileError, UnreadableModelError, UsageError
from charlstm.files.atomic import (
    cannot_write,
    give_second_name,
    is_unfinished,
    read_regular,
    remove_unfinished,
    sync_folder,
    temporary_prefix,
    write_atomically,
)
from charlstm.files.locks import LOCK, hold_folder

RUNS = Path("checkpoints")
BEST, LAST, PREVIOUS = "best.safetensors", "last.safetensors", "previous.safetensors"
CONFIG, METRICS = "config.json", "metrics.jsonl"
MAX_CONFIG, MAX_METRICS = 16 << 20, 256 << 20  # bytes
FILES = (BEST, LAST, PREVIOUS, CONFIG, METRICS)


def make_run_folder(first_corpus: str, runs: Path = RUNS) -> Path:
    """Make a folder, named after a corpus, its file or its folder: NAME, then NAME-2, NAME-3.

    No two processes get the same.

    Raises:
        CharLSTMError: if none can be made.
    """
    name = run_name(first_corpus)
    folder, n = runs / name, 1
    while True:
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            n += 1
            folder = runs / f"{name}-{n}"
        except OSError as e:
            raise CharLSTMError(
                f"cannot make the folder {folder}: {e.strerror or e}; give another as `out`", "out"
            ) from None


def run_name(corpus: str) -> str:
    """What a run is called after a corpus, its file or its folder."""
    path = Path(corpus)
    if corpus == "-":
        stem = "stdin"
    elif os.path.isdir(path):
        stem = path.resolve().name
    elif glob.has_magic(path.name) and not os.path.lexists(path):
        stem = path.parent.resolve().name
    else:
        stem = path.name.split(".")[0]
    return re.sub(r"[^\w-]+", "-", stem).strip("-") or "run"


@contextmanager
def hold_run(folder: Path, new: bool) -> Iterator[list[str]]:
    """Lock the folder of a run for this process, and remove the unfinished files of processes that were killed.

    Gives what the file system of the folder cannot do, in sentences for the person.

    Args:
        folder: of the run.
        new: make the folder; it is removed again if the run does not begin.

    Raises:
        UsageError: if another process holds it, or a new one is not empty.
        CharLSTMError: if it cannot be made or written to.
    """
    if new:
        make_new_folder(folder)  # before the lock: nothing is put into a folder that is something else
    with hold_folder(folder) as missing:
        if new:
            check_new(folder)  # another process may have been faster
        try:
            with suppress(OSError):
                remove_unfinished(folder, FILES)
            yield missing
        finally:
            if new and not (folder / CONFIG).exists():
                with suppress(OSError):
                    (folder / LOCK).unlink()
                    folder.rmdir()


def make_new_folder(folder: Path) -> None:
    """Make the folder of a run or a study. Raises UsageError for one that is not empty, CharLSTMError if it cannot."""
    check_new(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise CharLSTMError(
            f"cannot make the folder {folder}: {e.strerror or e}; give another as `out`", "out"
        ) from None


def check_new(folder: Path) -> None:
    """Raise UsageError unless a folder does not exist, or holds only what a process left that was killed at once."""
    try:
        if not folder.exists() and not folder.is_symlink():
            return
        if all(path.name == LOCK or is_unfinished(path.name, FILES) for path in folder.iterdir()):
            return
    except OSError as e:
        raise UsageError(f"{folder}: {e.strerror or e}; give another name") from None
    raise UsageError(f"{folder} exists already, and charlstm never overwrites it; give another name")


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run. Raises ModelFileError if that cannot be told."""
    try:
        return any((folder / name).is_file() for name in (CONFIG, LAST, PREVIOUS))
    except OSError as e:
        raise ModelFileError(f"{folder}: {e.strerror or e}") from None


def find_runs(place: Path = RUNS) -> list[Path]:
    """The folders of runs in a folder, the one with the newest file first; none where the folder cannot be read."""
    found: list[tuple[int, Path]] = []
    with suppress(OSError):
        for folder in place.iterdir():
            with suppress(OSError, ModelFileError):  # closed to us, or gone in this moment
                if is_run(folder):
                    found.append((max(path.stat().st_mtime_ns for path in folder.iterdir()), folder))
    return [folder for _, folder in sorted(found, reverse=True)]


def write_run_config(folder: Path, config: Mapping[str, Any]) -> None:
    """Write the `config.json` of a new run. Raises CharLSTMError if it cannot be written."""
    write_atomically(folder / CONFIG, (json.dumps(config, indent=2, sort_keys=True) + "\n").encode())


def read_run_config(folder: Path) -> dict[str, Any]:
    """The `config.json` of a run. Raises ModelFileError if it is missing or not sound."""
    path = folder / CONFIG
    try:
        config = strict_json(read_regular(path, MAX_CONFIG))
        if not isinstance(config, dict):
            raise ValueError("not an object")
    except OSError as e:
        raise ModelFileError(f"{path}: {e.strerror}; is {folder} the folder of a run?") from None
    except (ValueError, RecursionError) as e:
        raise ModelFileError(f"{path}: damaged: {e}") from None
    return in_todays_names(config, RUN)


def save_last(folder: Path, content: ModelFile, keep_previous: bool) -> None:
    """Write `last.safetensors`; with `keep_previous`, the one before it stays as `previous.safetensors`.

    There is a whole `last.safetensors` at every moment, from the first save on.

    Raises:
        CharLSTMError: names the file and why it could not be written; the save before this one is untouched.
    """
    last = folder / LAST
    fresh, before = (folder / (temporary_prefix(name) + "new") for name in (LAST, PREVIOUS))
    save_model_file(fresh, content)
    try:
        if keep_previous and last.exists():
            with suppress(OSError):  # a process that was killed may have left it
                before.unlink()
            give_second_name(last, before)
            os.replace(before, folder / PREVIOUS)
        os.replace(fresh, last)
        sync_folder(folder)
    except OSError as e:
        raise cannot_write(last, e) from None
    finally:
        with suppress(OSError):  # it is there where something failed, or where the one before had both names already
            before.unlink()


def load_last(folder: Path) -> tuple[ModelFile, Path] | None:
    """The newest state of a run that can be read, and its file; None if the run never saved.

    Raises:
        ModelFileError: if there are files but none is sound.
    """
    failure = None
    for name in (LAST, PREVIOUS):
        path = folder / name
        try:
            if not path.exists():
                continue
            content = load_model_file(path, newest=True)
            if content.resume is None:
                raise ModelFileError(f"{path}: it holds only a model; a run cannot continue from it")
            return content, path
        except UnreadableModelError:
            raise  # nothing is wrong with it: to go on from an older one would lose work
        except ModelFileError as e:
            failure = failure or e
    if failure is not None:
        raise failure
    return None


def check_start_over(folder: Path) -> None:
    """Raise ModelFileError if starting a run over that has no saved state could lose its best model.

    The first evaluation writes the best model just before the state. A run that was killed in between finds the same
    model again. Otherwise the folder is an incomplete copy of a run, or its state was removed.
    """
    best = folder / BEST
    if not best.exists():
        return
    with suppress(ModelFileError):
        training = load_model_file(best).training
        history, at = training.get("valid_history"), training.get("step")
        steps = [event.get("step") for event in read_metrics(folder)]  # none if it was killed again as it started over
        is_first = isinstance(history, list) and len(history) == 1 and (folder / METRICS).exists()
        if is_first and type(at) is int and all(type(step) is int and step <= at for step in steps):
            return
    raise ModelFileError(
        f"{folder}: it has a {BEST}, but no {LAST} to continue from; copy that file here, too, or start a new run "
        f"(to start this one over, first move {BEST} away, or it would be replaced)"
    )


def put_aside(path: Path) -> Path | None:
    """Move a damaged file out of the way of sound ones; where to, if it was there."""
    aside = path.with_name("damaged-" + path.name)
    with suppress(OSError):
        os.replace(path, aside)
        return aside
    return None


def load_previous(folder: Path) -> ModelFile | None:
    """The save before the last, if it can be read."""
    with suppress(ModelFileError):
        return load_model_file(folder / PREVIOUS, newest=True)
    return None


class Metrics:
    """`metrics.jsonl`: an event a line, only ever added to.

    Args:
        path: the file.
        keep_until: on resuming, the step of the saved state; later lines belong to work that was lost.
    """

    def __init__(self, path: Path, keep_until: int | None = None) -> None:
        self.path = path
        if keep_until is not None and path.exists():
            try:
                lines = read_regular(path, MAX_METRICS).splitlines()
            except OSError as e:
                raise ModelFileError(f"{path}: {e.strerror}; move it away to continue without it") from None
            kept = [line for line in lines if _step_of(line) <= keep_until]
            write_atomically(path, b"".join(line + b"\n" for line in kept))

    def add(self, event: Mapping[str, Any]) -> None:
        """Append an event. Raises CharLSTMError if it cannot be written."""
        try:
            with open(self.path, "a", encoding="utf-8") as f:
                f.write(json.dumps(event, allow_nan=False) + "\n")
        except OSError as e:
            raise CharLSTMError(f"cannot write {self.path}: {e.strerror or e}") from None


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The events of a run; a line that was cut short is left out."""
    try:
        lines = read_regular(folder / METRICS, MAX_METRICS).splitlines()
    except OSError:
        return []
    return [event for event in map(_event, lines) if event]


def _event(line: bytes) -> dict[str, Any]:
    """The event in a line; nothing where there is none."""
    with suppress(ValueError, RecursionError):
        event = strict_json(line)
        if isinstance(event, dict):
            return event
    return {}


def _step_of(line: bytes) -> float:
    step = _event(line).get("step")
    return step if isinstance(step, int | float) else float("inf")

"""Copies of the model that a run keeps on the way: `snapshots/step-00000148.safetensors`, for use only, in bf16."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from charlstm.checkpoint.model_file import ModelFile, load_model_file, save_model_file
from charlstm.errors import ModelFileError
from charlstm.files.atomic import cannot_write

SNAPSHOTS = "snapshots"
NAME = re.compile(r"step-[0-9]{8,18}\.safetensors")
UNFINISHED = re.compile(r"\.step-[0-9]{8,18}\.safetensors-[a-z0-9_]{8}")  # see `files.atomic.temporary_prefix`


def save_snapshot(folder: Path, step: int, content: ModelFile) -> None:
    """Keep the model of a step in the folder of a run. Raises CharLSTMError if it cannot be written."""
    import torch

    path = folder / SNAPSHOTS / f"step-{step:08}.safetensors"
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as e:
        raise cannot_write(path, e) from None
    save_model_file(path, content, torch.bfloat16)


def list_snapshots(folder: Path) -> list[Path]:
    """The snapshots of a run, the earliest first. Raises ModelFileError if their folder cannot be read."""
    place = folder / SNAPSHOTS
    try:
        found = [path for path in place.iterdir() if NAME.fullmatch(path.name)] if place.is_dir() else []
    except OSError as e:
        raise ModelFileError(f"{place}: {e.strerror or e}") from None
    return sorted(found, key=_step)


def _step(path: Path) -> int:
    return int(path.name.split("-")[1].split(".")[0])


def drop_snapshots_after(folder: Path, step: int) -> None:
    """Remove what belongs to work that was lost: snapshots of later steps, and files that were not finished."""
    with suppress(OSError):  # there are none, or one cannot be removed
        for path in list((folder / SNAPSHOTS).iterdir()):
            if UNFINISHED.fullmatch(path.name) or (NAME.fullmatch(path.name) and _step(path) > step):
                path.unlink()


def load_snapshots(paths: Sequence[Path], like: ModelFile) -> Iterator[ModelFile]:
    """Models of one run, one after the other.

    Raises:
        ModelFileError: for one that is not sound, that says no step, or of another network than `like`, or with other
            characters.
    """
    for path in paths:
        content = load_model_file(path)
        if content.model.config != like.model.config or content.vocabulary != like.vocabulary:
            raise ModelFileError(f"{path}: not the network of this run; move it out of the folder")
        if type(content.training.get("step")) is not int:
            raise ModelFileError(f"{path}: its step is not recorded; move it out of the folder")
        yield content

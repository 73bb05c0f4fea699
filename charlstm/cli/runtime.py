"""What commands do alike: the machine, the model that is meant, messages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.errors import TextError, UsageError
from charlstm.report.console import say

if TYPE_CHECKING:  # imported when a command runs: --help must not load torch
    import torch

    from charlstm.checkpoint import ModelFile


def read_stdin(encoding: str = "utf-8", what: str = "-") -> str:
    """All of standard input as text. Raises TextError if there is none, or it is not in the encoding."""
    if sys.stdin is None:
        raise TextError(f"{what}: there is no standard input to read")
    try:
        return sys.stdin.buffer.read().decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as e:
        raise TextError(f"{what}: byte {e.start} of standard input: expected {encoding} ({e.reason})") from None
    except UnicodeError as e:
        raise TextError(f"{what}: standard input: expected {encoding} ({e})") from None


def prepare_machine(device: str, threads: int | None) -> torch.device:
    """Set the number of threads; the device that `--device` means. Raises UsageError for one that is not here."""
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    here = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if device == "auto":
        device = next(name for name, is_here in here.items() if is_here)
    if not here[device]:
        raise UsageError(f"--device {device}: there is none here; use --device cpu")
    return torch.device(device)


def say_compiling(quiet: bool) -> None:
    """Say on stderr that the gates are being compiled."""
    if not quiet:
        say("compiling the gates, once for this machine and width: about 20 seconds")


def load_model(checkpoint: Path | None, device: torch.device, quiet: bool) -> tuple[ModelFile, Path]:
    """The model that `--checkpoint` means, on the device, and its file; which one it is goes to stderr."""
    from charlstm.checkpoint import find_model, load_model_file

    path = find_model(checkpoint)
    content = load_model_file(path)
    content.model.to(device)
    if not quiet:
        say_model(path, checkpoint, "your newest run")
    return content, path


def say_model(path: Path, given: Path | None, why: str) -> None:
    """Say on stderr which model was chosen, unless it was given by its very name.

    Args:
        path: its file.
        given: what `--checkpoint` said.
        why: what a run was chosen for.
    """
    from charlstm.checkpoint import CONFIG, is_shipped, name_of

    if say_hidden(given, path) or path == given:
        return
    if is_shipped(path):
        why = "it ships with charlstm"
    elif given is not None:
        why = ""
    elif not path.with_name(CONFIG).is_file():
        why = "it was put here"
    say(f"model: {name_of(path)}" + (f" ({why})" if why else ""))


def say_hidden(given: Path | None, path: Path) -> bool:
    """Say on stderr that a file or folder here has the name of a model that ships, and was taken; whether it was."""
    from charlstm.checkpoint import hides_shipped, shipped_models

    hides = hides_shipped(given, path)
    if hides:
        assert given is not None
        shipped = shipped_models()[given.as_posix()]
        say(f"model: {path} (it is here; for the model of that name that ships, give {shipped})")
    return hides

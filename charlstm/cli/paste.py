"""Commands that a person can paste into a shell."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from charlstm.cli.settings import option_of
from charlstm.config import BUDGETS
from charlstm.corpus import CorpusRequest
from charlstm.settings import written_duration


def resume_command(run: Path, budget: Mapping[str, Any], times: int = 1, **more: object) -> str:
    """The command by which a run goes on.

    Args:
        run: its folder.
        budget: settings by name; what is no budget, or None, is left out.
        times: multiplies the budget.
        more: other options, by the names of their settings.
    """
    given = [(name, written(name, budget[name] * times)) for name in BUDGETS if budget.get(name) is not None]
    given += [(name, str(value)) for name, value in more.items() if value is not None]
    options = [word for name, value in given for word in (option_of(name), value)]
    return shlex.join(["charlstm", "train", "--resume", str(run), *options])


def study_command(folder: Path, **more: object) -> str:
    """The command by which a study goes on; `more`: options by the names of their settings, None: left out."""
    options = [word for name, value in more.items() if value is not None for word in (option_of(name), str(value))]
    return shlex.join(["charlstm", "study", "--resume", str(folder), *options])


def from_command(request: CorpusRequest, model: Path) -> str:
    """The command by which a new run goes on from a model with a text."""
    options = [word for name in request.valid_files for word in ("--valid", name)]
    options += [word for pattern in request.globs for word in ("--glob", pattern)]
    options += ["--lines"] if request.lines else []
    options += [] if request.encoding == CorpusRequest.encoding else ["--encoding", request.encoding]
    return shlex.join(["charlstm", "train", *(request.files or ("FILE",)), "--from", str(model), *options])


def chosen_device(device: str) -> str | None:
    """The device, if a person chose it: `auto` finds it again by itself."""
    return None if device == "auto" else device


def written(budget: str, value: float) -> str:
    """The value of a budget as a person would type it."""
    return written_duration(value) if budget == "time" else str(value).removesuffix(".0")


def sample_command(model: Path) -> str:
    """The command by which a model writes."""
    return shlex.join(["charlstm", "sample", "-c", str(model)])

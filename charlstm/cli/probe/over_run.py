"""`charlstm probe --over-run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from charlstm.checkpoint import BEST, LAST, ModelFile, list_snapshots
from charlstm.config import cell_in_words
from charlstm.errors import ModelFileError, UsageError
from charlstm.probe.found_cells import recall, remember
from charlstm.probe.over_run import OverRun, follow
from charlstm.probe.pipeline import ProbeRequest
from charlstm.probe.pipeline import probe as run_probe
from charlstm.progress import OnProgress
from charlstm.training.session import run_folder


def models_of(run: Path, others: Mapping[str, Any], cells: Sequence[str]) -> list[Path]:
    """The models that a run kept: snapshots, the last, the best.

    Args:
        run: what `--over-run` names.
        others: options that do not go with it, and what was given.
        cells: what `--cell` names.

    Raises:
        UsageError: for options that do not go together.
        ModelFileError: if there is no such run, or it kept no snapshots.
    """
    for name, value in others.items():
        if value:
            raise UsageError(
                f"{name} does not go with --over-run, which follows one cell over the models of a run; leave {name} out"
            )
    if len(cells) > 1:
        raise UsageError("--cell: --over-run follows one cell; give one")
    folder = run_folder(run)
    snapshots = list_snapshots(folder)
    if not snapshots:
        raise ModelFileError(f"{folder}: this run kept no snapshots; train with `snapshots`", "snapshots")
    return [*snapshots, *(path for path in (folder / LAST, folder / BEST) if path.is_file())]


def probe_over_run(
    paths: Sequence[Path],
    content: ModelFile,
    path: Path,
    request: ProbeRequest,
    key: str | None,
    on_progress: OnProgress,
) -> tuple[OverRun, str]:
    """Follow the cell that was asked for, or that the probe of the run's model finds; what was found, and whose cell.

    Args:
        paths: as `models_of` gives them.
        content, path: the run's model.
        request: what that probe would be asked.
        key: what records call its pairs, if `explain` would ask for the same probe.
    """
    if request.cells:
        cell, why = request.cells[0], "as asked for"
    else:
        cell, why = _found_in(content, path, request, key, on_progress)
    found = follow(paths, content, cell, request, on_progress)
    return found, f"Followed: {cell_in_words(*cell)}, {why}."


def _found_in(
    content: ModelFile, path: Path, request: ProbeRequest, key: str | None, on_progress: OnProgress
) -> tuple[tuple[int, int], str]:
    """The best cell of a model, and what the probe says of it."""
    known = recall(content, path, key)[1] if key else None
    if known is not None:
        return (known.layer, known.cell), f"found by the probe of this model: {known.verdict}"
    result = run_probe(content.model, content.vocabulary, request, on_progress)
    if key:
        remember(content, key, result)
    best = result.cells[0]
    verdict = best.verdict.value
    if verdict == "none":
        return best.candidate.place, "the best of this model, in which the probe finds no cell"
    return best.candidate.place, f"found by the probe of this model: {verdict}"

"""Which model is meant: a file, a run, the newest of several runs, or the one that ships."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from charlstm.checkpoint.run import BEST, CONFIG, LAST, PREVIOUS, RUNS
from charlstm.errors import ModelFileError

PACKAGE = Path(__file__).parent.parent
# An installed wheel holds a copy inside the package, put there by the build; a clone has it beside the package.
SHIPPED = (PACKAGE / "shipped" / "portuguese" / BEST, PACKAGE.parent / RUNS / "portuguese" / BEST)


def shipped_model() -> Path | None:
    """The model that comes with charlstm; None where it was left out."""
    return next((path for path in SHIPPED if path.is_file()), None)


def find_models(where: Path | None, runs: Path = RUNS) -> list[Path]:
    """The model files that may be meant, the likeliest first.

    In a folder of runs that is the newest first; models that were put there without being trained there (they have
    no `config.json`) come after all runs, however new their files are.

    Args:
        where: a model file, the folder of a run, or a folder of runs; None: `runs`, and then the model that ships.

    Raises:
        ModelFileError: if there is none.
    """
    place = runs if where is None else where
    if where is not None and not place.exists():
        raise ModelFileError(f"{place}: no such file or folder")
    if place.is_file():
        return [place]
    if files := _models_in(place):
        return files[:1]
    ranked: list[tuple[bool, int, Path]] = []
    with suppress(OSError):
        for folder in place.iterdir():
            files = _models_in(folder)
            if files:
                trained_here = (folder / CONFIG).is_file()
                ranked.append((trained_here, max(p.stat().st_mtime_ns for p in files), files[0]))
    found = [path for _, _, path in sorted(ranked, reverse=True)]
    shipped = shipped_model() if where is None else None
    if shipped is not None and not any(path.samefile(shipped) for path in found):
        found.append(shipped)
    if not found:
        raise ModelFileError(f"{place}: no model in it; train one first: charlstm train FILE")
    return found


def find_model(where: Path | None, runs: Path = RUNS) -> Path:
    """The model file that is meant: the first of `find_models`. Raises ModelFileError if there is none."""
    return find_models(where, runs)[0]


def _models_in(folder: Path) -> list[Path]:
    """The model files of a run, the one for use first."""
    return [path for path in (folder / BEST, folder / LAST, folder / PREVIOUS) if path.is_file()]

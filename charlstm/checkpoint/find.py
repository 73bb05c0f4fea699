"""Which model is meant: a file, a run, the newest of several runs, or the one that ships."""

from __future__ import annotations

from pathlib import Path

from charlstm.checkpoint.run import BEST, CONFIG, LAST, PREVIOUS, RUNS
from charlstm.errors import ModelFileError

PACKAGE = Path(__file__).resolve().parent.parent
# An installed wheel holds a copy inside the package, put there by the build; a clone has it beside the package.
SHIPPED = (PACKAGE / "shipped" / "portuguese" / BEST, PACKAGE.parent / RUNS / "portuguese" / BEST)
PAIRS = tuple(folder / "comparison" for folder in (PACKAGE / "shipped", PACKAGE.parent / RUNS))


def shipped_pair() -> tuple[Path, Path] | None:
    """An LSTM and a plain RNN of one size, trained alike on one text, to be compared; None where they were left out."""
    pairs = ((folder / "lstm.safetensors", folder / "rnn.safetensors") for folder in PAIRS)
    return next((pair for pair in pairs if all(path.is_file() for path in pair)), None)


def shipped_model() -> Path | None:
    """The model that comes with charlstm; None where it was left out."""
    return next((path for path in SHIPPED if path.is_file()), None)


def is_shipped(path: Path) -> bool:
    """Whether a model file is the one that comes with charlstm, by whatever name."""
    shipped = shipped_model()
    return shipped is not None and path.resolve() == shipped.resolve()


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
    try:
        if where is not None and not place.exists():
            raise ModelFileError(f"{place}: no such file or folder")
        if where is not None and place.is_file():
            return [place]
        found = (_models_in(place)[:1] or _models_of_runs(place)) if place.is_dir() else []
    except OSError as e:
        raise ModelFileError(f"{place}: {e.strerror or e}") from None
    if where is None and (shipped := shipped_model()) is not None:
        here = [path for path in found if is_shipped(path)]  # in a clone, by a shorter name
        found = [*(path for path in found if path not in here), *(here or [shipped])]
    if not found:
        raise ModelFileError(f"{place}: no model in it; train one first: charlstm train FILE")
    return found


def find_model(where: Path | None, runs: Path = RUNS) -> Path:
    """The model file that is meant: the first of `find_models`. Raises ModelFileError if there is none."""
    return find_models(where, runs)[0]


def _models_in(folder: Path) -> list[Path]:
    """The model files of a run, the one for use first."""
    return [path for path in (folder / BEST, folder / LAST, folder / PREVIOUS) if path.is_file()]


def _models_of_runs(place: Path) -> list[Path]:
    """One model file of every folder in a folder, in the order of `find_models`."""
    ranked: list[tuple[bool, int, Path]] = []
    for folder in place.iterdir():
        try:
            files = _models_in(folder)
            if files:
                trained_here = (folder / CONFIG).is_file()
                ranked.append((trained_here, max(p.stat().st_mtime_ns for p in files), files[0]))
        except OSError:  # closed to us, or gone in this moment: the other runs are still there
            continue
    return [path for _, _, path in sorted(ranked, reverse=True)]

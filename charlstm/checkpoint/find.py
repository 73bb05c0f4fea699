"""Which model is meant: a file, a run, the newest of several runs, or one that ships, by its name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from charlstm.checkpoint.run import BEST, CONFIG, LAST, PREVIOUS, RUNS, find_runs
from charlstm.config import Language
from charlstm.errors import ModelFileError

SHIPPED = Path(__file__).parents[1] / "shipped"  # package data
USUAL = "portuguese"  # taken where no model is named and no run is there
IN_LANGUAGE: dict[Language, str] = {"pt": USUAL, "en": "english"}
PAIR = ("comparison/lstm", "comparison/rnn")
MIT = "MIT, (c) the charlstm developers"
LICENCES = {  # of the weights, and whom to name: what must travel with them
    "portuguese": "CC BY-SA 4.0, (c) the charlstm developers; name them and the Collection of 19th Century Portuguese "
    "Novels, ed. Ulrike Henny, CLiGS 2016 (https://github.com/cligs/textbox)",
    "english": MIT,
    "series": MIT,
    **dict.fromkeys(PAIR, MIT),
}


def shipped_models() -> dict[str, Path]:
    """The models that come with charlstm, by name: `english`, `comparison/lstm`. Empty where they were left out."""
    found = {}
    for path in sorted(SHIPPED.glob("*/*.safetensors")):
        named = path.parent if path.name == BEST else path.with_suffix("")
        found[named.relative_to(SHIPPED).as_posix()] = path
    return {name: found[name] for name in sorted(found, key=lambda name: ("/" in name, name != USUAL, name))}


def shipped_by_language() -> dict[Language, Path]:
    """Of the models that come with charlstm those of prose, by their language. Empty where they were left out."""
    models = shipped_models()
    return {language: models[name] for language, name in IN_LANGUAGE.items() if name in models}


def shipped_pair() -> tuple[Path, Path] | None:
    """An LSTM and a plain RNN of one size, trained alike on one text, to be compared; None where they were left out."""
    models = shipped_models()
    return (models[PAIR[0]], models[PAIR[1]]) if set(PAIR) <= set(models) else None


def is_shipped(path: Path) -> bool:
    """Whether a model file is one that comes with charlstm."""
    return any(path.resolve() == shipped.resolve() for shipped in shipped_models().values())


def licence_of(path: Path, training: Mapping[str, Any]) -> str | None:
    """The licence of the weights in a file: as the file says, or that of the model that ships of which it is a copy.

    Args:
        path: the file.
        training: what it says of where it comes from.
    """
    if isinstance(said := training.get("licence"), str):
        return said
    size = path.stat().st_size
    for name, shipped in shipped_models().items():
        if shipped.stat().st_size == size and shipped.read_bytes() == path.read_bytes():
            return LICENCES.get(name)
    return None


def name_of(path: Path) -> str:
    """What to call a model file in a message: its path, or the name of a model that comes with charlstm."""
    resolved = path.resolve()
    return next((name for name, shipped in shipped_models().items() if shipped.resolve() == resolved), str(path))


def hides_shipped(given: Path | None, path: Path) -> bool:
    """Whether a model was found in a file or folder that has the name of a model that comes with charlstm."""
    return given is not None and given.as_posix() in shipped_models() and not is_shipped(path)


def find_models(where: Path | None, runs: Path = RUNS) -> list[Path]:
    """The model files that may be meant, the likeliest first.

    In a folder of runs that is the newest first; models that were put there without being trained there (they have
    no `config.json`) come after all runs, however new their files are.

    Args:
        where: a model file, the folder of a run, a folder of runs, or else the name of a model that ships; None:
            `runs`, and then the model that ships.

    Raises:
        ModelFileError: if there is none.
    """
    place = runs if where is None else where
    shipped = shipped_models()
    try:
        if where is not None and not place.exists():
            if where.as_posix() in shipped:
                return [shipped[where.as_posix()]]
            raise ModelFileError(f"{place}: no such file or folder{_meant(place, runs)}")
        if where is not None and place.is_file():
            return [place]
        found = (_models_in(place)[:1] or _models_of_runs(place)) if place.is_dir() else []
    except OSError as e:
        raise ModelFileError(f"{place}: {e.strerror or e}") from None
    if where is None and USUAL in shipped:
        found.append(shipped[USUAL])
    if not found:
        if where is not None and where.as_posix() in shipped:
            raise ModelFileError(
                f"{place}: there is no model in this folder, and its name hides the built-in model; go to another "
                f"folder, or give {shipped[where.as_posix()]}"
            )
        raise ModelFileError(
            f"{place}: there is no model in it; train one (charlstm train FILE){_ships(' or name a built-in one:')}"
        )
    return found


def _meant(place: Path, runs: Path) -> str:
    """What a name that is nothing may have meant: a run, or a model that ships; or else which models ship."""
    named = {run.name: run.as_posix() for run in find_runs(runs)}
    known = {**named, **{path: path for path in named.values()}, **{name: name for name in shipped_models()}}
    near = difflib.get_close_matches(place.as_posix(), known, n=1, cutoff=0.75)
    return f"; did you mean {known[near[0]]}?" if near else _ships("; built-in models:")


def _ships(before: str) -> str:
    """The names of the models that ship, after some words; nothing where they were left out."""
    names = ", ".join(shipped_models())
    return f"{before} {names}" if names else ""


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

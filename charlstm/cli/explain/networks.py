"""Networks set side by side: gradients, and agreement against distance."""

from __future__ import annotations

from pathlib import Path

from charlstm.checkpoint import ModelFile, find_model, load_model_file, name_of, shipped_pair
from charlstm.cli.runtime import say_hidden
from charlstm.errors import ModelFileError, UsageError
from charlstm.report.console import say


def networks(checkpoint: Path | None, against: Path | None, quiet: bool) -> dict[str, ModelFile]:
    """The networks to compare, by name. Without --checkpoint and --against: the LSTM and the RNN that ship.

    Raises:
        ModelFileError: for a file that is missing or not sound.
        UsageError: for two that are one.
    """
    if checkpoint is None and against is None:
        pair = shipped_pair()
        if pair is None:
            raise ModelFileError("the two networks that ship were left out here; give --checkpoint and --against")
        if not quiet:
            say(f"models: {' and '.join(map(name_of, pair))} (they ship with charlstm)")
        return {path.stem: load_model_file(path) for path in pair}
    paths = [find_model(checkpoint)]
    if against is not None:
        paths.append(find_model(against))
        if paths[0].resolve() == paths[1].resolve():
            raise UsageError(f"--against {against}: that is the model itself; give another one")
    contents = [load_model_file(path) for path in paths]
    if not quiet:
        say(f"models: {' and '.join(map(name_of, paths))}")
        for given, path in zip((checkpoint, against), paths, strict=False):
            say_hidden(given, path)
    return dict(zip(_names(paths, contents), contents, strict=True))


def _names(paths: list[Path], contents: list[ModelFile]) -> list[str]:
    """Short names that differ: by cell type, by folder or file, or by the whole path."""
    by_type: list[str] = [content.model.config.cell_type for content in contents]
    by_folder = [path.stem if path.parent.name in ("", ".") else path.parent.name for path in paths]
    choices = (by_type, by_folder, [str(path) for path in paths])
    return next(names for names in choices if len(set(names)) == len(names))

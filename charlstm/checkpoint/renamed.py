"""Names that settings had in files of version 0.1, and have no more."""

from __future__ import annotations

from typing import Any

TRAIN = {"time_s": "time", "memory_chars": "memory"}
CORPUS = {"compose": "normalize"}
# where they stand: in the description of a model file, and in that of a run, which a `last` file holds, too
Places = tuple[tuple[tuple[str, ...], dict[str, str]], ...]
RUN: Places = ((("train",), TRAIN), (("corpus",), CORPUS))
MODEL_FILE: Places = ((("training", "config"), TRAIN), *((("resume", "run", *path), names) for path, names in RUN))


def in_todays_names(about: dict[str, Any], places: Places) -> dict[str, Any]:
    """The same description, changed in place; what is not as we write it stays as it is, for others to judge."""
    for path, names in places:
        found: Any = about
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, dict):
            for old, new in names.items():
                if old in found and new not in found:
                    found[new] = found.pop(old)
    return about

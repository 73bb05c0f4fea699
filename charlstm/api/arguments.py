"""What people give to the functions of this room, made plain; what is invalid is refused by its name."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Collection, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from charlstm.config import ModelConfig, parse_cell
from charlstm.corpus.vocab import OnUnknown
from charlstm.errors import UsageError

AnyPath = str | PathLike[str]
CellName = str | tuple[int, int]  # "2:73" or (2, 73): layers count from 1, cells from 0


def plain(value: Any) -> Any:
    """A number of numpy as Python's own."""
    return value.item() if isinstance(value, np.generic) else value


def text_of(value: Any, name: str) -> str:
    """A text. Raises UsageError for anything else."""
    if not isinstance(value, str):
        raise UsageError(f"`{name}` is {reprlib.repr(value)}; it must be a text", name)
    return value


def path_of(value: Any, name: str) -> Path:
    """A path. Raises UsageError for what is none."""
    if not isinstance(value, str | PathLike) or not isinstance(fspath(value), str) or not fspath(value):
        raise UsageError(f"`{name}` is {reprlib.repr(value)}; it must be a path", name)
    return Path(value)


def choice_of(value: Any, name: str, choices: Collection[str]) -> str:
    """One of some words. Raises UsageError for another."""
    if not isinstance(value, str) or value not in choices:
        raise UsageError(f"`{name}` is {reprlib.repr(value)}; it must be one of {', '.join(choices)}", name)
    return value


def unknown_of(value: Any) -> OnUnknown:
    """What to do with a character that a model has never seen."""
    return choice_of(value, "on_unknown", ("error", "skip", "nearest"))  # type: ignore[return-value]


def number_of(value: Any, name: str, low: float, high: float, whole: bool = False) -> Any:
    """A number within limits, inclusive. Raises UsageError for anything else."""
    found = plain(value)
    kinds = int if whole else (int, float)
    if isinstance(found, bool) or not isinstance(found, kinds) or not low <= found <= high:
        what = "a whole number" if whole else "a number"
        bounds = f"of at least {low:,}" if math.isinf(high) else f"between {low:,} and {high:,}"
        raise UsageError(f"`{name}` is {reprlib.repr(found)}; it must be {what} {bounds}", name)
    return found


def cell_of(value: Any, config: ModelConfig) -> tuple[int, int]:
    """A cell as people name it -> layer and cell, both from 0. Raises UsageError."""
    if isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(plain(v), int) for v in value):
        value = f"{plain(value[0])}:{plain(value[1])}"
    return parse_cell(value if isinstance(value, str) else reprlib.repr(value), config)


def cells_of(values: Any, config: ModelConfig) -> list[tuple[int, int]]:
    """Several cells, or one."""
    if isinstance(values, str) or (
        isinstance(values, tuple) and len(values) == 2 and isinstance(plain(values[0]), int)
    ):
        values = [values]
    if not isinstance(values, Sequence):
        raise UsageError(f"`cells` is {reprlib.repr(values)}; it must be a list of cells, as ['2:73']", "cells")
    return [cell_of(value, config) for value in values]

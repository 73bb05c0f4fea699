"""The word lists of the generated corpora, which ship inside the package in `grammar/words/`."""

from __future__ import annotations

import csv
import functools
import tomllib
from importlib.resources import files
from typing import Any


def _read(name: str) -> str:
    return (files("charlstm.grammar") / "words" / name).read_text(encoding="utf-8")


@functools.cache
def read_table(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a tab-separated list by the names in its header; lines with `#` are comments."""
    lines = [line for line in _read(name).splitlines() if not line.startswith("#")]
    return tuple(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


@functools.cache
def read_phrases(name: str) -> dict[str, Any]:
    """A TOML file of phrases."""
    return tomllib.loads(_read(name))

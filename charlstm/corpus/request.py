"""What a corpus is made from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CorpusRequest:
    """Which texts, read how, split where.

    Attributes:
        files: what the person typed; `-` is standard input.
        valid_files: texts for validation, in place of the end of every file.
        encoding: of all of them.
        normalize: whether to bring them into normal form C.
        valid_fraction: the share of every file, at its end, that is kept for validation.
        globs: which files folders give; empty: `*.txt` and `*.txt.gz`.
        lines: whether every line is a text of its own; then `valid_fraction` is a share of all lines (see `lines`).
        characters: what the vocabulary begins with, in this order: the characters of a model that is to go on.
    """

    files: tuple[str, ...]
    valid_files: tuple[str, ...] = ()
    encoding: str = "utf-8"
    normalize: bool = True
    valid_fraction: float = 0.1
    globs: tuple[str, ...] = ()
    lines: bool = False
    characters: str = ""

"""What a corpus is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from charlstm.config import TrainConfig
from charlstm.corpus.sources import check_encoding


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
    valid_fraction: float = TrainConfig.valid_fraction
    globs: tuple[str, ...] = ()
    lines: bool = False
    characters: str = ""


def request_with(
    settings: Mapping[str, Any],
    files: Sequence[str],
    valid_files: Sequence[str] = (),
    encoding: str = CorpusRequest.encoding,
    normalize: bool = CorpusRequest.normalize,
    globs: Sequence[str] = (),
) -> CorpusRequest:
    """What a training with these settings is to read; with `valid_files`, the others are learnt from as a whole.

    Raises TextError for an encoding that there is not.
    """
    fraction = 0.0 if valid_files else settings.get("valid_fraction", CorpusRequest.valid_fraction)
    lines = settings.get("lines", CorpusRequest.lines)
    encoding = check_encoding(encoding)
    return CorpusRequest(tuple(files), tuple(valid_files), encoding, normalize, fraction, tuple(globs), lines)

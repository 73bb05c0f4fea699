"""Where the text of a run came from, as the run keeps it; and that text again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, BinaryIO

from charlstm.corpus import Corpus, CorpusRequest, open_corpus, stored_corpus
from charlstm.corpus.sources import STDIN
from charlstm.errors import ChangedTextError, TextError
from charlstm.grammar import located
from charlstm.progress import OnProgress


def as_json(request: CorpusRequest, corpus: Corpus) -> dict[str, Any]:
    """The request and the sha256 of what it gave."""
    return {**asdict(request), "sha256": corpus.sha256}


def request_of(kept: Mapping[str, Any]) -> tuple[CorpusRequest, str]:
    """The other way round. Raises KeyError, TypeError or ValueError for what is not as we write it."""
    fields = {**kept, "files": tuple(kept["files"]), "valid_files": tuple(kept["valid_files"])}
    fields["globs"] = tuple(kept.get("globs", ()))  # there were none in version 0.2.0
    sha256 = fields.pop("sha256")
    if not re.fullmatch("[0-9a-f]{64}", sha256):  # it becomes part of a path
        raise ValueError("sha256")
    request = CorpusRequest(**fields)
    names = (*request.files, *request.valid_files, *request.globs, request.encoding, request.characters)
    share = request.valid_fraction
    flags = request.normalize, request.lines
    if not all(isinstance(name, str) for name in names) or not all(type(flag) is bool for flag in flags):
        raise TypeError("corpus")
    if type(share) not in (int, float) or not 0 <= share < 1:
        raise ValueError("valid_fraction")
    return request, sha256


def text_again(
    request: CorpusRequest,
    sha256: str,
    on_progress: OnProgress,
    files: tuple[str, ...] = (),
    stdin: BinaryIO | None = None,
    processes: int | None = None,
) -> Corpus:
    """The text of a run: its encoded copy, or its files. Raises TextError if it is gone, ChangedTextError if changed.

    Args:
        request: where it was.
        sha256: of the corpus.
        on_progress: told how far the reading is.
        files: where it is now, if it has moved; else empty.
        stdin: if it comes from there again.
        processes: as `open_corpus` takes them.
    """
    corpus = None if files else stored_corpus(sha256, on_progress)
    if corpus is None:
        if not files and not request.files:
            raise TextError("the text consists of too many files to name")
        if not files and STDIN in request.files + request.valid_files:
            raise TextError("the text came from standard input")
        names, valid_names = located(files or request.files), located(request.valid_files)
        corpus = open_corpus(replace(request, files=names, valid_files=valid_names), stdin, on_progress, processes)
    if corpus.sha256 != sha256:
        raise ChangedTextError("it has changed", replace(request, files=files) if files else request)
    return corpus

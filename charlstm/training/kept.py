"""Where the text of a run came from, as the run keeps it; and that text again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from charlstm.corpus import Corpus, CorpusRequest, open_corpus, stored_corpus
from charlstm.corpus.sources import STDIN
from charlstm.errors import TextError
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


def text_again(request: CorpusRequest, sha256: str, on_progress: OnProgress) -> Corpus:
    """The text of a run: its encoded copy, or its files, if they are as they were. Raises TextError."""
    corpus = stored_corpus(sha256, on_progress)
    if corpus is None:
        if STDIN in request.files + request.valid_files or not request.files:
            raise TextError("its encoded copy is gone, and it has no files with names")
        files, valid_files = (located(names) for names in (request.files, request.valid_files))
        corpus = open_corpus(replace(request, files=files, valid_files=valid_files), None, on_progress)
        if corpus.sha256 != sha256:
            raise TextError("it has changed")
    return corpus

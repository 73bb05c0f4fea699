"""Where the text of a run came from, as the run keeps it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from charlstm.corpus import Corpus, CorpusRequest


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

"""The text that a model was trained on, if it is still at hand: encoded in the cache, or where the run says."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from charlstm.checkpoint import CONFIG, ModelFile, name_of, read_run_config
from charlstm.corpus import Corpus, CorpusRequest, open_corpus, stored_corpus
from charlstm.corpus.sources import STDIN
from charlstm.errors import ModelFileError, TextError
from charlstm.grammar import located
from charlstm.progress import OnProgress, unheard


def training_corpus(content: ModelFile, path: Path, on_progress: OnProgress = unheard) -> Corpus:
    """The text that a model was trained on.

    Args:
        content: the model file.
        path: where it is: the folder of a run says where its texts were.
        on_progress: told how far reading is.

    Raises:
        TextError: if it is not at hand any more, or has changed.
    """
    corpus = stored_corpus(content.corpus_sha256, on_progress) or _read_again(content.corpus_sha256, path, on_progress)
    if corpus is None:
        raise TextError(
            f"the training text of {name_of(path)} is not on this machine, or has changed; give it as `training_text`",
            "training_text",
        )
    return corpus


def _read_again(sha256: str, path: Path, on_progress: OnProgress) -> Corpus | None:
    """The corpus of a run, from the texts that it names; None if they are gone, or are others now."""
    if not (path.parent / CONFIG).is_file():
        return None
    with suppress(ModelFileError, TextError, KeyError, TypeError, ValueError, AttributeError):
        about = read_run_config(path.parent)["corpus"]
        kept: dict[str, Any] = {f.name: about[f.name] for f in fields(CorpusRequest) if f.name in about}
        kept = {name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()}
        request = CorpusRequest(**kept)
        if about["sha256"] != sha256 or not request.files or STDIN in request.files + request.valid_files:
            return None
        here = replace(request, files=located(request.files), valid_files=located(request.valid_files))
        corpus = open_corpus(here, None, on_progress)
        return corpus if corpus.sha256 == sha256 else None
    return None

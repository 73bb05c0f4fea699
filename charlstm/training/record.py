"""The text that a model was trained on, if it is still at hand: encoded in the cache, or where the run says."""

from __future__ import annotations

from pathlib import Path

from charlstm.checkpoint import CONFIG, ModelFile, is_shipped, name_of, read_run_config
from charlstm.corpus import Corpus, stored_corpus
from charlstm.errors import ModelFileError, TextError
from charlstm.progress import OnProgress, unheard
from charlstm.training.kept import request_of, text_again


def training_corpus(content: ModelFile, path: Path, on_progress: OnProgress = unheard) -> Corpus:
    """The text that a model was trained on.

    Args:
        content: the model file.
        path: where it is: the folder of a run says where its texts were.
        on_progress: told how far reading is.

    Raises:
        TextError: if it is not at hand any more, or has changed.
    """
    corpus = stored_corpus(content.corpus_sha256, on_progress)
    if corpus is not None:
        return corpus
    if is_shipped(path):
        problem = f"the training text of {name_of(path)} does not come with charlstm"
    else:
        try:
            return _read_again(content.corpus_sha256, path.parent, on_progress)
        except TextError as e:
            problem = f"the training text of {name_of(path)} cannot be had ({e})"
    raise TextError(f"{problem}; give it as `training_text`", "training_text")


def _read_again(sha256: str, folder: Path, on_progress: OnProgress) -> Corpus:
    """The corpus of a run, from the texts that it names. Raises TextError if they are gone, or are others now."""
    if not (folder / CONFIG).is_file():
        raise TextError("the model file is in no run")
    try:
        request, recorded = request_of(read_run_config(folder)["corpus"])
    except (ModelFileError, KeyError, TypeError, ValueError, AttributeError):
        raise TextError("the record of the run is damaged") from None
    if recorded != sha256:
        raise TextError("the run was trained on another text than this model")
    return text_again(request, sha256, on_progress)

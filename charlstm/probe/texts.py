"""Ordinary text of a model: of a file, or its own; not what a folder happens to hold, so that figures come again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from charlstm.checkpoint import ModelFile
from charlstm.config import SampleConfig
from charlstm.corpus import read_chunks, stored_corpus
from charlstm.corpus.vocab import Ids
from charlstm.errors import TextError
from charlstm.progress import OnProgress
from charlstm.sample.generate import generate

SAMPLED_CHARS = 20_000
STREAMS = 40
SEED = 0  # of the sampled text: it is the same wherever the model is the same
MIN_ORDINARY = 100


def ordinary_text(content: ModelFile, given: Path | None, on_progress: OnProgress) -> tuple[Ids, str]:
    """Ids of ordinary text and where it comes from: a file, or the model itself.

    Raises:
        TextError: for a file that cannot be read, or is too short.
    """
    if given is not None:
        text = "".join(read_chunks(given, "utf-8", content.composed))
        return known_part(content, text, str(given)), str(given)
    ids = sampled_text(content, STREAMS, SAMPLED_CHARS // STREAMS, on_progress)
    return ids.ravel(), f"{ids.size:,} characters sampled from the model"


def known_part(content: ModelFile, text: str, name: str) -> Ids:
    """Ids of the characters of a text that the model knows. Raises TextError where those are too few."""
    ids = content.vocabulary.encode(text, "skip", name)
    if len(ids) < max(MIN_ORDINARY, len(text) // 2):
        raise TextError(
            f"{name}: the model knows {len(ids):,} of {len(text):,} characters; it must know half of them, and at "
            f"least {MIN_ORDINARY}"
        )
    return ids


def sampled_text(
    content: ModelFile, streams: int, length: int, on_progress: OnProgress, temperature: float = 1.0
) -> Ids:
    """Texts that the model writes, one below the other: (streams, length) ids."""
    config = SampleConfig(length=length, temperature=temperature, num=streams, seed=SEED)
    written: list[list[str]] = [[] for _ in range(streams)]
    start = np.zeros(0, dtype=content.vocabulary.id_type)
    for drawn in generate(content.model, content.vocabulary, start, config, opening=content.opening):
        written[drawn.stream].append(drawn.text)
        if drawn.stream == 0:
            on_progress("sampling ordinary text", len(written[0]), length)
    return np.stack([content.vocabulary.encode("".join(parts)) for parts in written])


def train_text(content: ModelFile) -> Ids | None:
    """The text that the model was trained on, if it is still encoded here."""
    corpus = stored_corpus(content.corpus_sha256)
    return corpus.train if corpus is not None and corpus.vocabulary == content.vocabulary else None

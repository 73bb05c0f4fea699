"""What `charlstm probe` works on: a model that knows the items' characters, and ordinary text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from charlstm.checkpoint import ModelFile, find_models, is_shipped, load_model_file
from charlstm.cli.runtime import say_model
from charlstm.config import SampleConfig
from charlstm.corpus import read_chunks, stored_corpus
from charlstm.corpus.vocab import Ids, describe
from charlstm.errors import ModelFileError, TextError, UnknownCharacterError
from charlstm.grammar.pairs import MinimalPair
from charlstm.probe import OnProgress
from charlstm.report.console import say
from charlstm.sample import generate

SAMPLED_CHARS = 20_000
STREAMS = 40
MIN_ORDINARY = 100
MAX_TRIED = 50  # runs that are looked through for one whose vocabulary covers the items


def model_for(
    checkpoint: Path | None,
    device: torch.device,
    wanted: Sequence[Sequence[MinimalPair]],
    own_items: bool,
    quiet: bool,
) -> tuple[ModelFile, Path, int]:
    """The model that `--checkpoint` means; without, the newest whose vocabulary covers the items. Said on stderr.

    Args:
        wanted: the items, and then fewer of them that will do as well. A run that covers only these goes before
            the model that ships.
        own_items: whether they are the person's own, and not the default ones.

    Returns:
        the model, its file, and which of `wanted` it covers.

    Raises:
        ModelFileError: if there is no sound model.
        TextError: if it, or each of them, lacks a character of the items.
    """
    failure: TextError | ModelFileError | None = None
    found = find_models(checkpoint)
    shipped = [path for path in found if checkpoint is None and is_shipped(path)]
    for candidates in ([path for path in found if path not in shipped][:MAX_TRIED], shipped):
        best: tuple[ModelFile, Path, int] | None = None
        for path in candidates:
            try:
                content = load_model_file(path)
            except ModelFileError as e:
                if checkpoint is not None:
                    raise
                failure = failure or e
                continue
            unknown = [unknown_character(content, items) for items in wanted]
            if None not in unknown:
                assert unknown[-1] is not None
                failure = failure if isinstance(failure, TextError) else _unreadable(*unknown[-1], own_items)
            elif best is None or unknown.index(None) < best[2]:
                best = content, path, unknown.index(None)
            if best is not None and best[2] == 0:
                break
        if best is not None:
            best[0].model.to(device)
            if not quiet:
                say_model(best[1], checkpoint, "your newest run that knows the characters of the items")
            return best
    assert failure is not None
    raise failure


def _unreadable(pair: MinimalPair, unknown: UnknownCharacterError, own_items: bool) -> TextError:
    seen = f"has never seen {describe(unknown.character)}"
    if own_items:
        return TextError(f"{pair.source}: the model {seen}; leave it out, or pairs that hold it with --skip-unknown")
    return TextError(
        f"this model cannot read the Portuguese items: it {seen}; train one on agreement-pt (charlstm train "
        "corpora/agreement-pt.txt --memory 150), or give --pairs of your own"
    )


def unknown_character(
    content: ModelFile, items: Sequence[MinimalPair]
) -> tuple[MinimalPair, UnknownCharacterError] | None:
    """The first pair with a character that the model has never seen, and which; None if it knows all of them."""
    for pair in items:
        try:
            for text in (pair.sentence_good, pair.sentence_bad, pair.twin or ""):
                content.vocabulary.encode(text, what=pair.source)
        except UnknownCharacterError as e:
            return pair, e
    return None


def readable(content: ModelFile, items: Sequence[MinimalPair]) -> list[MinimalPair]:
    """The pairs whose characters the model knows; how many were left out goes to stderr. TextError if none is left."""
    kept = [pair for pair in items if unknown_character(content, [pair]) is None]
    if not kept:
        raise TextError("in every pair there is a character that the model has never seen")
    if len(kept) < len(items):
        left = f"{len(items) - len(kept):,} of {len(items):,} pairs left out"
        say(f"{left}: the model has never seen some of their characters")
    return kept


def ordinary_text(content: ModelFile, given: Path | None, seed: int, on_progress: OnProgress) -> tuple[Ids, str]:
    """Ids of ordinary text and where it comes from: a file, the run's validation text, or the model itself.

    Raises:
        TextError: for a file that cannot be read, or is too short.
    """
    if given is not None:
        text = "".join(read_chunks(given, "utf-8", content.composed))
        ids = content.vocabulary.encode(text, "skip", str(given))
        if len(ids) < max(MIN_ORDINARY, len(text) // 2):
            raise TextError(
                f"{given}: the model knows {len(ids):,} of {len(text):,} characters; it must know half of them, and at "
                f"least {MIN_ORDINARY}"
            )
        return ids, str(given)
    corpus = stored_corpus(corpus_sha256(content))
    if corpus is not None and corpus.vocabulary == content.vocabulary and len(corpus.valid) >= MIN_ORDINARY:
        return np.asarray(corpus.valid), "the run's validation text"
    config = SampleConfig(length=SAMPLED_CHARS // STREAMS, temperature=1.0, num=STREAMS, seed=seed)
    streams: list[list[str]] = [[] for _ in range(STREAMS)]
    done = 0
    start = np.zeros(0, dtype=content.vocabulary.id_type)
    for drawn in generate(content.model, content.vocabulary, start, config, opening=content.opening):
        streams[drawn.stream].append(drawn.text)
        done += len(drawn.text)
        on_progress("sampling ordinary text", done, SAMPLED_CHARS)
    text = "".join("".join(parts) for parts in streams)
    return content.vocabulary.encode(text), f"{SAMPLED_CHARS:,} characters sampled from the model"


def train_text(content: ModelFile) -> Ids | None:
    """The text that the model was trained on, if it is still encoded here."""
    corpus = stored_corpus(corpus_sha256(content))
    return corpus.train if corpus is not None and corpus.vocabulary == content.vocabulary else None


def corpus_sha256(content: ModelFile) -> str:
    """The name of the run's encoded corpus; a model file may say anything, so only hexadecimal digits count."""
    name = str(content.training.get("corpus_sha256", ""))
    return name if len(name) == 64 and all(c in "0123456789abcdef" for c in name) else "none"

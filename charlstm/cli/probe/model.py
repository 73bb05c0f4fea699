"""The model for some minimal pairs, and the pairs that it can read; the person is told which."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from charlstm.checkpoint import ModelFile, find_models, is_shipped, load_model_file
from charlstm.cli.runtime import cannot_read, say_model
from charlstm.config import LANGUAGES
from charlstm.corpus.vocab import describe
from charlstm.errors import ModelFileError, TextError
from charlstm.grammar.pairs import MinimalPair
from charlstm.network.model import CharLM
from charlstm.probe.covering import NotCoveredError, Wanted, find_covering, unknown_character
from charlstm.report.console import say


def model_for(
    checkpoint: Path | None,
    device: torch.device,
    wanted: Wanted,
    own_items: bool,
    quiet: bool,
    advice: str = "change the text, or leave such pairs out",
) -> tuple[ModelFile, Path, int]:
    """What `find_covering` finds, on the device; which one it is goes to stderr.

    Args:
        own_items: whether they are the person's own, and not the default ones.
        advice: what to do with items of their own that a model cannot read.

    Raises:
        ModelFileError: if there is no sound model.
        TextError: if it, or each of them, lacks a character of the items.
    """
    try:
        content, path, covered = find_covering(checkpoint, wanted)
    except NotCoveredError as e:
        seen = f"has never seen {describe(e.character)}"
        if own_items:
            raise TextError(f"{e.pair.source}: the model {seen}; {advice}") from None
        from charlstm.probe.defaults import defaults_of

        language = e.content.language
        named = "" if language else " (the model file names no language: train --language does)"
        raise TextError(
            f"this model cannot read the built-in {LANGUAGES[language or 'pt']} sentences{named}: it {seen}. Probe it "
            "with --feature, which works on any text (--feature list), or with --pairs of your own; or train a model "
            f"on sentences made for it: charlstm train {defaults_of(language).corpus} --memory 150"
        ) from None
    content.model.to(device)
    if not quiet:
        why = "your newest run that knows the characters of the items"
        say_model(path, checkpoint, why, _not_the_newest(path, wanted) if checkpoint is None else "")
    return content, path, covered


def _not_the_newest(taken: Path, wanted: Wanted) -> str:
    """Why a model that ships was taken, and not the newest run; nothing where there is no run."""
    newest = find_models(None)[0]
    if is_shipped(newest) or not is_shipped(taken):
        return ""
    try:
        content = load_model_file(newest)
    except ModelFileError:
        return f"; your newest run, {newest}, is no sound model"
    unknown = unknown_character(content, wanted(content)[-1])
    return "" if unknown is None else cannot_read(newest, unknown[1].character)


def null_networks(paths: Sequence[Path] | None, content: ModelFile, device: torch.device) -> list[CharLM]:
    """The models of some paths, to compare with. TextError for one that reads other characters."""
    found = []
    for path in paths or ():
        null = load_model_file(find_models(path)[0])
        if null.vocabulary != content.vocabulary:
            raise TextError(
                f"{path}: this model and the probed one know different characters; train both on the same ones"
            )
        found.append(null.model.to(device))
    return found


def readable(content: ModelFile, items: Sequence[MinimalPair]) -> list[MinimalPair]:
    """The pairs whose characters the model knows; how many were left out goes to stderr. TextError if none is left."""
    kept = [pair for pair in items if unknown_character(content, [pair]) is None]
    if not kept:
        raise TextError("every pair has a character that the model has never seen; give other pairs")
    if len(kept) < len(items):
        left = f"{len(items) - len(kept):,} of {len(items):,} pairs left out"
        say(f"{left}: they have characters that the model has never seen")
    return kept

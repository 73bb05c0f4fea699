"""What `charlstm explain` works on: a text, minimal pairs, a cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from charlstm.checkpoint import ModelFile
from charlstm.cli.probe.options import parse_cells
from charlstm.config import Language
from charlstm.corpus.vocab import describe
from charlstm.errors import TextError, UsageError
from charlstm.grammar.pairs import read_pairs
from charlstm.probe.covering import unknown_character
from charlstm.probe.found_cells import FoundCell, best_cell, recall, remember
from charlstm.probe.pair_sets import PairSet, own_pairs, usual_pairs
from charlstm.probe.pipeline import probe
from charlstm.progress import OnProgress
from charlstm.report.bars import Stages
from charlstm.report.console import say


def encode(content: ModelFile, text: str, on_unknown: str, what: str, quiet: bool) -> Tensor:
    """Ids of a text (T); what the model does not know is left out or replaced, which is said.

    Raises:
        TextError: where nothing is left of it.
        UnknownCharacterError: as `Vocabulary.encode`.
    """
    text = content.normalize(text)
    ids = content.vocabulary.encode(text, on_unknown, what)  # type: ignore[arg-type]
    if len(ids) == 0:
        raise TextError(f"{what}: the model knows none of its characters; give another text")
    unknown = sum(character not in content.vocabulary for character in text)
    if unknown and not quiet:
        left_out = len(text) - len(ids)
        say(f"{what}: {unknown:,} characters that the model has never seen; {left_out:,} of them are left out")
    return torch.from_numpy(ids.astype(np.int64))


def items_for(path: Path | None, language: Language | None, seed: int = 0) -> PairSet:
    """The pairs of a file, or those that a model of this language is probed with."""
    return usual_pairs(language, seed) if path is None else own_pairs(read_pairs(path), str(path))


def cannot_read(content: ModelFile, items: PairSet, advice: str) -> TextError | None:
    """What to say of items that a model cannot read; None if it can."""
    unknown = unknown_character(content, items.pairs)
    if unknown is None:
        return None
    seen = f"has never seen {describe(unknown[1].character)}"
    return TextError(f"the model cannot read {items.name}: it {seen}; {advice}")


def find_cell(content: ModelFile, path: Path, items: PairSet, quiet: bool) -> FoundCell | None:
    """The best cell that a probe finds with these pairs; None if it finds none, or the model cannot read them.

    What was found once is not looked for again.
    """
    known, found = recall(content, path, items.key)
    if known:
        return found
    if not items.readable_by(content):
        return None
    if not quiet:
        say(f"looking for the cell with {items.name}, as charlstm probe does: once for a model; --cell skips it")
    with Stages(quiet) as stages:
        request = items.request(content, stages.update, baseline=False)  # of the cells it says nothing
        result = probe(content.model, content.vocabulary, request, stages.update)
    remember(content, items.key, result)
    return best_cell(result)


def choose_cell(
    asked: str | None,
    content: ModelFile,
    path: Path,
    items: PairSet,
    otherwise: Callable[[OnProgress], tuple[int, int]],
    why: str,
    quiet: bool,
) -> tuple[tuple[int, int], str]:
    """The cell that was asked for, or that the probe finds, or another one; and why it is this one."""
    if asked is not None:
        return parse_cells([asked], content.model.config)[0], "asked for"
    found = find_cell(content, path, items, quiet)
    if found is not None:
        return (found.layer, found.cell), f"found by charlstm probe: {found.verdict}; {items.name}"
    with Stages(quiet) as stages:
        place = otherwise(stages.update)
    none = "charlstm probe found none" if items.readable_by(content) else "charlstm probe cannot look for one"
    return place, f"{why}; {none} ({items.name})"


def choose_cells(
    asked: Sequence[str],
    content: ModelFile,
    path: Path,
    items: PairSet,
    otherwise: Callable[[OnProgress], tuple[int, int]],
    why: str,
    quiet: bool,
) -> tuple[list[tuple[int, int]], str]:
    """The cells that were asked for, each once, or the one of `choose_cell`; and why it is these."""
    if asked:
        return list(dict.fromkeys(parse_cells(asked, content.model.config))), "asked for"
    place, chosen = choose_cell(None, content, path, items, otherwise, why, quiet)
    return [place], chosen


def needs_gates(content: ModelFile, output_gate: bool = False) -> None:
    """Raise UsageError for a model without gates, or without an output gate where one is needed."""
    cell = content.model.cell
    if not cell.gates:
        others = "charlstm explain gradient and charlstm explain distance"
        raise UsageError(f"this model is {cell.label} and has no gates; see {others}")
    if output_gate and not cell.output_gate:
        others = "charlstm explain memory and charlstm explain gradient"
        raise UsageError(f"this model is {cell.label} and has no output gate; see {others}")

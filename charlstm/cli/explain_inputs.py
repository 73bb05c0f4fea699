"""What `charlstm explain` works on: a text, a cell, networks to compare."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from charlstm.checkpoint import ModelFile, find_model, load_model_file, shipped_pair
from charlstm.cli.found_cells import USUAL, FoundCell, best_cell, recall, remember
from charlstm.cli.probe_inputs import ordinary_text, unknown_character
from charlstm.cli.runtime import read_stdin
from charlstm.corpus import read_chunks
from charlstm.errors import ModelFileError, TextError, UsageError
from charlstm.explain.gradient import WARM_CHARS
from charlstm.explain.memory import measure_memory
from charlstm.grammar import corpus_lines
from charlstm.lstm import State
from charlstm.pairs import MinimalPair, read_pairs
from charlstm.probe import OnProgress
from charlstm.probe.defaults import CORPUS, WARM, default_pairs
from charlstm.probe.ordinary import to_lanes
from charlstm.probe.reading import warm_state
from charlstm.probe.run import ProbeRequest
from charlstm.probe.run import probe as run_probe
from charlstm.report.console import say
from charlstm.report.progress import Stages

PLACES = 24  # in a text from which gradients are followed back
DRAWN_CHARS = 40_000


def given_text(text: str | None, file: Path | None, composed: bool = True) -> str | None:
    """The text that was given, or None. Raises TextError for an empty one."""
    if text is None and file is None:
        return None
    if file is not None:
        found = "".join(read_chunks(file, "utf-8", composed))
    else:
        found = read_stdin() if text == "-" else text or ""
    if not found:
        raise TextError("there is nothing to read in the text; give at least one character")
    return found


def encode(content: ModelFile, text: str, on_unknown: str, what: str) -> Tensor:
    """Ids of a text (T). Raises TextError where nothing is left of it, UnknownCharacterError as `Vocabulary.encode`."""
    ids = content.vocabulary.encode(content.normalize(text), on_unknown, what)  # type: ignore[arg-type]
    if len(ids) == 0:
        raise TextError(f"{what}: the model knows none of its characters")
    return torch.from_numpy(ids.astype(np.int64))


@dataclass(frozen=True)
class Items:
    """Minimal pairs, what they are called, what is read before each, and a name that no others have."""

    pairs: Sequence[MinimalPair]
    name: str
    warm: str
    key: str


def items_for(path: Path | None, seed: int = 0) -> Items:
    """The pairs of a file, or the held-out ones of agreement-pt."""
    if path is None:
        key = USUAL if seed == 0 else f"{USUAL}, seed {seed}"
        return Items(default_pairs(seed), USUAL, WARM, key)
    pairs = read_pairs(path)
    return Items(pairs, str(path), "\n", hashlib.sha256(repr(pairs).encode()).hexdigest())


def find_cell(content: ModelFile, path: Path, items: Items, quiet: bool) -> FoundCell | None:
    """The best cell that a probe finds with these pairs; None if it finds none, or the model cannot read them.

    What was found once is not looked for again.
    """
    known, found = recall(path, items.key, content.model.config)
    if known:
        return found
    if unknown_character(content, items.pairs) is not None:
        return None
    if not quiet:
        say(f"looking for the cell with {items.name}, as charlstm probe does: once for a model; --cell skips it")
    with Stages(quiet) as stages:
        request = ProbeRequest(
            pairs=items.pairs,
            warm=content.normalize(items.warm),
            ordinary=ordinary_text(content, None, 0, stages.update),
        )
        found = best_cell(run_probe(content.model, content.vocabulary, request, stages.update))
    remember(path, items.key, found)
    return found


def longest_memory(content: ModelFile, on_progress: OnProgress) -> tuple[int, int]:
    """The cell with the longest half-life on ordinary text, layer and number from 0; of a plain RNN the first one."""
    if content.model.config.cell_type == "rnn":
        return content.model.config.num_layers - 1, 0
    ids, source = ordinary_text(content, None, 0, on_progress)
    return measure_memory(content.model, to_lanes(ids), source).longest(1)[0]


def networks(checkpoint: Path | None, against: Path | None, quiet: bool) -> dict[str, ModelFile]:
    """The networks to compare, by name. Without `checkpoint`: the LSTM and the RNN that ship.

    Raises:
        ModelFileError: for a file that is missing or not sound.
        UsageError: for two that are one.
    """
    if checkpoint is None and against is None:
        pair = shipped_pair()
        if pair is None:
            raise ModelFileError("the two networks that ship were left out here; give --checkpoint and --against")
        if not quiet:
            say(f"models: {pair[0]} and {pair[1].name} (they ship with charlstm)")
        return {"lstm": load_model_file(pair[0]), "rnn": load_model_file(pair[1])}
    paths = [find_model(path) for path in (checkpoint, *([against] if against is not None else []))]
    if len({path.resolve() for path in paths}) < len(paths):
        raise UsageError(f"--against {against}: that is the model itself; give another one")
    contents = [load_model_file(path) for path in paths]
    names: list[str] = [content.model.config.cell_type for content in contents]
    if len(set(names)) < len(names):
        names = [path.stem if path.parent.name in ("", ".") else path.parent.name for path in paths]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    return dict(zip(names, contents, strict=True))


def gradient_text(
    first: ModelFile, given: str | None, shipped: bool, seed: int, on_progress: OnProgress
) -> tuple[str, str]:
    """A text to follow gradients in, and what to call it: the given one, or ordinary text of the first network."""
    if given is not None:
        return first.normalize(given), "the text"
    if shipped:
        lines = "".join(corpus_lines(CORPUS, DRAWN_CHARS, seed + 1))
        return lines, f"{PLACES} places of {CORPUS}, drawn anew"
    ids, source = ordinary_text(first, None, seed, on_progress)
    return first.vocabulary.decode(ids), f"{PLACES} places of {source}"


def places_of(ids: Tensor, back: int) -> Tensor:
    """Stretches of a text for `gradient.measure_reach`: (T) -> (B, WARM_CHARS + back + 1). TextError if it is short."""
    length = WARM_CHARS + back + 1
    if len(ids) < length:
        raise TextError(
            f"the text has {len(ids):,} characters; to look {back} back it needs {length:,}: give a longer text or a "
            "smaller --back"
        )
    starts = np.unique(np.linspace(0, len(ids) - length, PLACES).astype(np.int64))
    return torch.stack([ids[start : start + length] for start in starts])


def state_after(content: ModelFile, warm: str) -> State:
    """The state after some text before the text."""
    ids = content.vocabulary.encode(content.normalize(warm), "skip").astype(np.int64)
    return warm_state(content.model, torch.from_numpy(ids))

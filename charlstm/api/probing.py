"""A probe from Python: the pairs that are meant, the request, what is remembered of it."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

from charlstm.api.arguments import cells_of, choice_of, number_of, path_of, plain, text_of
from charlstm.checkpoint import ModelFile
from charlstm.config import LANGUAGES, Language
from charlstm.corpus.vocab import describe
from charlstm.errors import TextError, UsageError
from charlstm.grammar import minimal_pairs
from charlstm.grammar.pairs import MinimalPair, read_all_pairs, read_pairs
from charlstm.probe.covering import unknown_character
from charlstm.probe.defaults import defaults_of
from charlstm.probe.found_cells import recall, remember
from charlstm.probe.pair_sets import PairSet, own_pairs, usual_pairs
from charlstm.probe.pipeline import probe
from charlstm.probe.result import ProbeResult
from charlstm.probe.stimuli import an_example
from charlstm.probe.verdict import Thresholds
from charlstm.progress import OnProgress

MAX_PAIRS = 100_000


@dataclass(frozen=True)
class Request:
    """The arguments of `LanguageModel.probe`, as they were given; `limits` are hold, gap, alpha and recovery."""

    pairs: Any
    cells: Any
    directions: bool
    state: str
    text: Any
    warm: str | None
    limits: tuple[float, float, float, float]
    nulls: int | None
    null_models: Sequence[Any]
    seed: int

    @property
    def as_explain(self) -> bool:
        """Whether `explain` would ask for the same probe of these pairs, so that it should know of what is found."""
        given = (self.text, self.warm, self.nulls, list(self.null_models), self.seed, self.state)
        limits = Thresholds()
        return given == (None, None, None, [], 0, "c") and self.limits == (
            *(limits.hold, limits.gap, limits.alpha, limits.recovery),
        )


def run(content: ModelFile, asked: Request, on_progress: OnProgress) -> ProbeResult:
    """Probe a model, and remember what was found where `explain` would ask for the same."""
    choice_of(asked.state, "state", ("c", "h"))
    hold, gap, alpha, recovery = asked.limits
    limits = Thresholds(
        hold=number_of(hold, "hold", 0.5, 1),
        gap=number_of(gap, "gap", 0, math.inf),
        alpha=number_of(alpha, "alpha", 0, 1),
        recovery=number_of(recovery, "recovery", 0, 1),
    )
    seed = number_of(asked.seed, "seed", 0, 2**32, whole=True)
    nulls = None if asked.nulls is None else number_of(asked.nulls, "nulls", 2, 1000, whole=True)
    usual = defaults_of(content.language)
    items, own = pairs_of(asked.pairs, content.language, seed)
    sentences = (an_example(items.pairs) if items.has_twins else []) if own else usual.sentences()
    check_readable(content, [*items.pairs, *(pair for _, pair in sentences)], own)
    warm = None if asked.warm is None else text_of(asked.warm, "warm")
    if warm is not None:  # a typing error must not pass for no text
        content.vocabulary.encode(content.normalize(warm), what="warm")
    ordinary = None if asked.text is None else path_of(asked.text, "text")
    if asked.directions and not items.has_twins:
        raise TextError(
            "`directions`: without pairs that have twins nothing can be patched; leave it out", "directions"
        )
    request = replace(
        items.request(content, on_progress, warm, ordinary),
        sentences=sentences,
        of_hidden=asked.state == "h",
        cells=cells_of(asked.cells, content.model.config),
        directions=bool(asked.directions),
        nulls=nulls,
        null_models=[network_of(null, content) for null in asked.null_models],
        limits=limits,
        seed=seed,
    )
    result = probe(content.model, content.vocabulary, request, on_progress)
    if asked.as_explain and items.key:
        remember(content, items.key, result)
    return result


def pairs_of(given: Any, language: Language | None, seed: int) -> tuple[PairSet, bool]:
    """The pairs that are meant, and whether they are the person's own. Raises UsageError or TextError."""
    given = plain(given)
    if given is None:
        return usual_pairs(language, seed), False
    if isinstance(given, str | PathLike):
        return own_pairs(read_pairs(path_of(given, "pairs")), str(given)), True
    if isinstance(given, int):
        number, usual = number_of(given, "pairs", 1, MAX_PAIRS, whole=True), defaults_of(language)
        pairs = minimal_pairs(usual.corpus, number, seed, usual.labels)
        return replace(usual_pairs(language, seed), pairs=pairs, key=""), False
    if isinstance(given, Sequence) and given and all(isinstance(pair, MinimalPair) for pair in given):
        return own_pairs(given, "pairs"), True
    if isinstance(given, Sequence) and given and all(isinstance(path, str | PathLike) for path in given):
        paths = [path_of(path, "pairs") for path in given]
        return own_pairs(read_all_pairs(paths)[0], ", ".join(map(str, paths))), True
    shown = reprlib.repr(given)
    raise UsageError(
        f"`pairs` is {shown}; it must be a file, files, a list of MinimalPair, or a number of them", "pairs"
    )


def check_readable(content: ModelFile, pairs: Sequence[MinimalPair], own: bool) -> None:
    """Raise TextError for pairs with a character that the model has never seen."""
    unknown = unknown_character(content, pairs)
    if unknown is None:
        return
    pair, error = unknown
    seen = f"the model has never seen {describe(error.character)}"
    if own:
        raise TextError(f"{pair.source}: {seen}; leave this pair out")
    raise TextError(
        f"the model cannot read the {LANGUAGES[content.language or 'pt']} pairs: {seen}; give `pairs` of your own",
        "pairs",
    )


def network_of(null: Any, content: ModelFile) -> Any:
    """The network of a model to compare with. Raises UsageError, or TextError if it reads other characters."""
    if not isinstance(null, ModelFile):
        raise UsageError(f"`null_models` holds {reprlib.repr(null)}; it must hold models", "null_models")
    if null.vocabulary != content.vocabulary:
        raise TextError("`null_models`: one of them reads other characters than the probed model", "null_models")
    return null.model


def found_cell(content: ModelFile, path: Path | None) -> tuple[int, int] | None:
    """The cell that a probe with the usual pairs found in a model, layer and cell from 0; None if none is known."""
    if path is None:
        return None
    _, found = recall(content, path, defaults_of(content.language).name)
    return None if found is None else (found.layer, found.cell)


def usual_warm(content: ModelFile) -> str:
    """What is read before a sentence: for a model that can read the usual pairs, what its probe reads before each."""
    usual = usual_pairs(content.language)
    return usual.warm if usual.readable_by(content) else content.opening

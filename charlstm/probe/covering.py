"""Which model knows the characters of some minimal pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from charlstm.checkpoint import ModelFile, find_models, is_shipped, load_model_file
from charlstm.corpus.vocab import Vocabulary
from charlstm.errors import ModelFileError, UnknownCharacterError
from charlstm.grammar.pairs import MinimalPair

MAX_TRIED = 50  # runs that are looked through for one whose vocabulary covers the items


Wanted = Callable[[ModelFile], Sequence[Sequence[MinimalPair]]]


class HasVocabulary(Protocol):
    """A model or a text."""

    @property
    def vocabulary(self) -> Vocabulary:
        """Its characters."""
        ...


class NotCoveredError(UnknownCharacterError):
    """No model knows all characters of the pairs: the first one that is missing, the pair that holds it, the model."""

    def __init__(self, content: ModelFile, pair: MinimalPair, unknown: UnknownCharacterError) -> None:
        super().__init__(str(unknown), unknown.character, unknown.position, unknown.nearest)
        self.content, self.pair = content, pair


def find_covering(checkpoint: Path | None, wanted: Wanted) -> tuple[ModelFile, Path, int]:
    """The model of a path, or the newest one whose vocabulary covers some pairs.

    Args:
        checkpoint: a model file, a run or a folder of runs; None: all runs, then the model that ships.
        wanted: of a model: the items, and then smaller sets of them that will do. A run that covers only these goes
            before the model that ships.

    Returns:
        the model, its file, and which of those that are wanted of it it covers.

    Raises:
        ModelFileError: if there is no sound model.
        NotCoveredError: if it, or each of them, lacks a character of the items.
    """
    failure: NotCoveredError | ModelFileError | None = None
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
            unknown = [unknown_character(content, items) for items in wanted(content)]
            if None not in unknown:
                assert unknown[-1] is not None
                failure = failure if isinstance(failure, NotCoveredError) else NotCoveredError(content, *unknown[-1])
            elif best is None or unknown.index(None) < best[2]:
                best = content, path, unknown.index(None)
            if best is not None and best[2] == 0:
                break
        if best is not None:
            return best
    assert failure is not None
    raise failure


def unknown_character(
    content: HasVocabulary, items: Sequence[MinimalPair]
) -> tuple[MinimalPair, UnknownCharacterError] | None:
    """The first pair with a character that a model or a text lacks, and which; None if it has all of them."""
    for pair in items:
        try:
            for text in (pair.sentence_good, pair.sentence_bad, pair.twin or ""):
                content.vocabulary.encode(text, what=pair.source)
        except UnknownCharacterError as e:
            return pair, e
    return None

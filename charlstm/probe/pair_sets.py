"""Minimal pairs with what a probe of them needs besides: the same for commands, Python and studies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from charlstm.checkpoint import ModelFile
from charlstm.config import Language
from charlstm.grammar.pairs import MinimalPair
from charlstm.probe.covering import unknown_character
from charlstm.probe.defaults import OWN_WARM, defaults_of
from charlstm.probe.found_cells import key_of
from charlstm.probe.pipeline import ProbeRequest
from charlstm.probe.texts import ordinary_text, train_text
from charlstm.progress import OnProgress


@dataclass(frozen=True)
class PairSet:
    """Minimal pairs, what they are called, what is read before each, and a name that no others have.

    Attributes:
        pairs: the pairs; none: only sentences are read.
        name: for people.
        warm: neutral text.
        key: what `found_cells.remember` calls them; empty: nobody asks for these again.
    """

    pairs: Sequence[MinimalPair]
    name: str
    warm: str
    key: str

    @property
    def has_twins(self) -> bool:
        """Whether there are pairs, and each has a twin, so that causes can be tested."""
        return bool(self.pairs) and all(pair.twin is not None for pair in self.pairs)

    def readable_by(self, content: ModelFile) -> bool:
        """Whether a model knows all their characters."""
        return unknown_character(content, self.pairs) is None

    def request(
        self,
        content: ModelFile,
        on_progress: OnProgress,
        warm: str | None = None,
        ordinary: Path | None = None,
        baseline: bool = True,
    ) -> ProbeRequest:
        """What `charlstm probe` asks for where nothing else is said; `dataclasses.replace` adds seed, limits and more.

        Args:
            content: the model.
            on_progress: called while the model writes ordinary text.
            warm: read before each pair in place of `warm`.
            ordinary: a file of ordinary text in place of what the model writes; none is read for pairs without twins.
            baseline: whether to compare with an n-gram model of the training text.

        Raises:
            TextError: as `texts.ordinary_text`.
        """
        return ProbeRequest(
            pairs=self.pairs,
            warm=content.normalize(self.warm if warm is None else warm),
            ordinary=ordinary_text(content, ordinary, on_progress) if self.has_twins else None,
            train_text=train_text(content) if baseline else None,
        )


def usual_pairs(language: Language | None, seed: int = 0) -> PairSet:
    """The pairs that a model of this language is probed with."""
    usual = defaults_of(language)
    key = usual.name if seed == 0 else f"{usual.name}, seed {seed}"
    return PairSet(usual.pairs(seed), usual.name, usual.warm, key)


def own_pairs(pairs: Sequence[MinimalPair], name: str) -> PairSet:
    """A person's own."""
    return PairSet(pairs, name, OWN_WARM, key_of(pairs))

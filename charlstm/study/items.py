"""The minimal pairs of a study: a person's own, or those of the language; chosen before anything is trained."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from charlstm.config import LANGUAGES, Language
from charlstm.corpus import Corpus
from charlstm.corpus.vocab import describe
from charlstm.errors import TextError
from charlstm.grammar.pairs import MinimalPair, read_all_pairs
from charlstm.probe.covering import unknown_character
from charlstm.probe.defaults import defaults_of
from charlstm.probe.stimuli import make_stimuli

SEED = 0  # of the pairs of a language and of the probe: those of `charlstm probe`


@dataclass(frozen=True)
class Items:
    """What every model of a study is probed with.

    Attributes:
        name: what the pairs are called.
        pairs: the pairs; empty: no model is probed.
        files: a person's own, each with its sha256; empty for the pairs of a language.
        note: what should be said of the choice: why there is no probe, for instance.
    """

    name: str
    pairs: Sequence[MinimalPair]
    files: dict[str, str] = field(default_factory=dict)
    note: str = ""

    def to_dict(self) -> dict[str, Any] | None:
        """What the manifest says of them; None without pairs."""
        if not self.pairs:
            return None
        lines = "".join(pair.to_json() + "\n" for pair in self.pairs)
        sha256 = hashlib.sha256(lines.encode()).hexdigest()
        return {"name": self.name, "number": len(self.pairs), "sha256": sha256, "files": self.files}


def items_for(files: Sequence[Path], language: Language | None, corpus: Corpus) -> Items:
    """The pairs of some files or, without files, those of the language, if the text has their characters.

    Raises:
        TextError: for a file that cannot be read, has a character that the text lacks, or holds pairs that cannot be
            probed (see `stimuli.make_stimuli`).
    """
    if files:
        pairs, _ = read_all_pairs(files)
        unknown = unknown_character(corpus, pairs)
        if unknown is not None:
            pair, error = unknown
            raise TextError(
                f"{pair.source}: the text has no {describe(error.character)}, so no model of it can read this pair; "
                "change the pair, or give a text that has it"
            )
        make_stimuli(pairs, corpus.vocabulary)  # what cannot be probed should not be trained for
        named = {str(path.absolute()): sha256_of(path) for path in files}
        return Items(", ".join(map(str, files)), pairs, named)
    usual = defaults_of(language)
    pairs = list(usual.pairs(SEED))
    unknown = unknown_character(corpus, pairs)
    if unknown is None:
        why = f"pairs: {usual.name}, because no language is given" if language is None else ""
        return Items(usual.name, pairs, note=why)
    what = LANGUAGES[language or "pt"] + ("" if language else ", which are taken where no language is given")
    return Items(
        "", (), note=f"no probe: the text has no {describe(unknown[1].character)}, which the pairs need ({what})"
    )


def sha256_of(path: Path) -> str:
    """Of the bytes of a file. Raises TextError if it cannot be read."""
    try:
        with open(path, "rb") as f:
            return hashlib.file_digest(f, "sha256").hexdigest()
    except OSError as e:
        raise TextError(f"{path}: {e.strerror or e}") from None

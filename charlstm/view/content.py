"""What a page says: the model's shape and characters, sentences, cells that a probe judged, ordinary text. As data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from charlstm.checkpoint import ModelFile, name_of
from charlstm.corpus import read_chunks
from charlstm.corpus.vocab import normalize
from charlstm.errors import TextError
from charlstm.evaluate import bits_per_char
from charlstm.grammar.pairs import MinimalPair
from charlstm.probe.covering import unknown_character
from charlstm.probe.defaults import OWN_WARM, Defaults, defaults_of
from charlstm.probe.found_cells import Judged
from charlstm.probe.texts import MIN_ORDINARY, SEED, known_part, sampled_text
from charlstm.progress import OnProgress

PASSAGES, PASSAGE_CHARS = 8, 600  # of ordinary text that the model writes
TEMPERATURE = 0.8
MAX_KEPT = 5_000_000  # numbers that the page keeps of ordinary text: characters times cells
MAX_TEXT, MAX_EXAMPLES = 2_000, 50


@dataclass(frozen=True)
class Shown:
    """A sentence that the page offers: with its twin and how both may end, or alone.

    Attributes:
        name: what kind of sentence it is.
        sentence, twin: the twin is "" where there is none.
        endings: the word that agrees, both ways, the sentence's own first; ("", "") without a twin.
        cue_end: where what bears the feature ends in the sentence.
        glosses: what both mean in English, where that is known.
    """

    name: str
    sentence: str
    twin: str = ""
    endings: tuple[str, str] = ("", "")
    cue_end: int = 0
    glosses: tuple[str, str] = ("", "")

    @classmethod
    def of(cls, name: str, pair: MinimalPair, glosses: Mapping[str, str]) -> Shown:
        """A minimal pair, with its meaning if `glosses` has it, by the sentence."""
        sentence, twin = pair.sentence_good, pair.twin or pair.sentence_bad
        meanings = glosses.get(sentence, ""), glosses.get(twin, "")
        return cls(name, sentence, twin, pair.words, pair.end_of_cue, meanings)

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {**asdict(self), "endings": list(self.endings), "glosses": list(self.glosses)}


@dataclass(frozen=True)
class OrdinaryText:
    """Text in which cells are looked up: passages that are read one by one, and where they come from."""

    passages: list[str]
    source: str


def sentences_for(content: ModelFile, pairs: Sequence[MinimalPair] | None) -> tuple[list[Shown], str]:
    """The sentences that a model can read, and the text that is read before each of them.

    Args:
        content: the model.
        pairs: the person's own; None: those that are shown of the model's language.

    Raises:
        TextError: if it can read none of the person's own.
    """
    usual = defaults_of(content.language)
    named = usual.sentences() if pairs is None else [(f"pair {k}", pair) for k, pair in enumerate(pairs, 1)]
    known = [(name, pair) for name, pair in named if unknown_character(content, [pair]) is None]
    if pairs is not None and not known:
        raise TextError("the model knows the characters of none of the pairs; give others, or another model")
    before = content.normalize(OWN_WARM if pairs is not None else usual.warm)
    readable = known and all(character in content.vocabulary for character in before)
    shown = [Shown.of(name, pair, usual.glosses) for name, pair in known[:MAX_EXAMPLES]]
    return shown, before if readable else content.opening


def ordinary_text(content: ModelFile, file: Path | None, on_progress: OnProgress) -> OrdinaryText:
    """The beginning of a file, or what the model writes from a fixed seed.

    Raises:
        TextError: for a file that cannot be read, or of which the model knows too little.
    """
    config = content.model.config
    most = min(PASSAGES * PASSAGE_CHARS, MAX_KEPT // (config.num_layers * config.hidden_size))
    if file is not None:
        text = ""
        for chunk in read_chunks(file, "utf-8", content.composed):
            text += chunk
            if len(text) >= most:
                break
        text = text[:most]
        known_part(content, text, f"the beginning of {file}")  # the page leaves out what the model does not know
        return OrdinaryText([text], f"the first {len(text):,} characters of {file.name}")
    length = max(MIN_ORDINARY, most // PASSAGES)
    written = sampled_text(content, PASSAGES, length, on_progress, TEMPERATURE)
    how = f"{PASSAGES * length:,} characters that the model wrote itself (temperature {TEMPERATURE:g}, seed {SEED})"
    return OrdinaryText([content.vocabulary.decode(ids) for ids in written], how)


def text_of_its_own(ordinary: OrdinaryText) -> str:
    """A line or sentence of ordinary text to begin with, where no sentence suits the model."""
    lines = [line.strip() for passage in ordinary.passages for line in passage.split("\n")]
    fitting = [line for line in lines if 20 <= len(line) <= 120]
    return fitting[0] if fitting else ordinary.passages[0][:80]


def page_data(
    content: ModelFile,
    path: Path,
    *,
    sentences: Sequence[Shown],
    before: str,
    ordinary: OrdinaryText,
    judged: Judged | None,
    cell: tuple[int, int],
) -> dict[str, Any]:
    """All that a page says, but for the weights.

    Args:
        content, path: the model and its file.
        sentences: at least one.
        before: what is read before a text.
        ordinary: text to look cells up in.
        judged: what a probe said of its cells; None where no record is.
        cell: the one to begin with, layer and number from 0.
    """
    config, kind = content.model.config, content.model.cell
    usual = content.training.get("best_valid_nats")
    return {
        "model": {
            "name": shown_name(path),
            "cell_type": kind.name,
            "label": kind.label,
            "layers": config.num_layers,
            "hidden": config.hidden_size,
            "embedding": config.embedding_size,
            "characters": list(content.vocabulary.characters),
            "composed": content.composed,
            "language": content.language or "",
            "parameters": sum(parameter.numel() for parameter in content.model.parameters()),
            "bits_per_char": bits_per_char(usual) if isinstance(usual, float) else None,
            "parts": {letter: {"name": part.name, "role": part.role} for letter, part in kind.parts.items()},
            "keep_gate": kind.keep_gate,
        },
        "before": before,
        "sentences": [shown.to_dict() for shown in sentences],
        "ordinary": asdict(ordinary),
        "record": None if judged is None else record_of(judged, defaults_of(content.language)),
        "chosen": list(cell),
    }


def record_of(judged: Judged, usual: Defaults) -> dict[str, Any]:
    """What a probe said, as the page has it: layers count from 0 there, as in the weights."""
    words = dict(zip(usual.labels, usual.words.classes, strict=True))  # where a label is no word
    return {
        "items": judged.items,
        "classes": [words.get(label, label) for label in judged.classes],
        "cells": [asdict(cell) for cell in judged.cells],
    }


def shown_name(path: Path) -> str:
    """What the page calls the model: the name of one that ships, of a run, or of a file; no folders of this machine."""
    name = name_of(path)
    if name != str(path):
        return name
    return path.resolve().parent.name if path.stem in ("best", "last", "previous") else path.stem


def typed_text(content: ModelFile, text: str) -> Shown:
    """A person's own text. Raises TextError for one that is empty, too long, or of which the model knows nothing."""
    text = normalize(text, content.composed)
    if not text:
        raise TextError("there is nothing to read in the text; give at least one character")
    if len(text) > MAX_TEXT:
        raise TextError(f"the text has {len(text):,} characters; a page takes {MAX_TEXT:,}: give a shorter one")
    if not any(character in content.vocabulary for character in text):
        raise TextError("the model knows none of the characters of the text; give another text")
    return Shown("text", text)

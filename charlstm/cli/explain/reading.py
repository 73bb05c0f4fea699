"""A text with cells over it, for the views that walk through it or stop at one character."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from charlstm.checkpoint import ModelFile, name_of
from charlstm.cli.explain.given import GivenText
from charlstm.cli.explain.inputs import choose_cells, encode, items_for
from charlstm.cli.explain.options import MAX_CHARS
from charlstm.cli.probe.model import model_for
from charlstm.cli.runtime import load_model_for
from charlstm.config import cell_in_words
from charlstm.corpus.vocab import OnUnknown
from charlstm.errors import TextError, UsageError
from charlstm.explain.memory import longest_memory
from charlstm.network.cells import State
from charlstm.probe.defaults import Example, defaults_of
from charlstm.probe.reading import state_after


@dataclass(frozen=True)
class Reading:
    """A text, the model that reads it, the state that what is read before it leaves, and the cells that are watched.

    Attributes:
        text, ids: what is read; `length` characters of it were given.
    """

    content: ModelFile
    path: Path
    text: str
    ids: Tensor
    length: int
    warm: str
    state: State
    places: list[tuple[int, int]]
    chosen: str

    @property
    def about(self) -> list[str]:
        """For people: why these cells, in which model, after what."""
        cells = ", ".join(cell_in_words(*place) for place in self.places)
        return [
            f"{cells.capitalize()} of the model {name_of(self.path)} ({self.chosen})",
            f"Read before the text (--warm): {self.warm!r}",
        ]

    @property
    def data(self) -> dict[str, str]:
        """For JSON."""
        return {"checkpoint": str(self.path), "chosen": self.chosen, "warm": self.warm}


def _example(content: ModelFile) -> Example:
    """The best known sentence in the language of a model."""
    return defaults_of(content.language).examples[0]


def read_text(
    given: GivenText,
    checkpoint: Path | None,
    cells: Sequence[str],
    pairs: Path | None,
    warm: str | None,
    unknown: OnUnknown,
    device: torch.device,
    quiet: bool,
    until: int | None,
    ends: Mapping[str, int | None],
) -> Reading:
    """The text that was given, or the sentence of the model's language, with a model that knows its characters.

    Args:
        cells, pairs, warm, unknown: as the options say.
        until: how many characters are read, if there are so many; None: all of them.
        ends: options that name a character of the text, from 1, and what they say.

    Raises:
        UsageError: for a cell or a character that is not there.
        TextError: for a text that cannot be read, or is too long.
        ModelFileError: if there is no sound model.
    """
    if given.is_given:
        text, what = given.read(composed=False), given.name  # `encode` brings it into the form of the model's corpus
        content, path = load_model_for(text, checkpoint, device, quiet, any_that_reads=unknown == "error")
    else:
        what = "the sentence"
        try:
            content, path, _ = model_for(
                checkpoint, device, lambda model: [[_example(model).pair()]], own_items=False, quiet=quiet
            )
        except TextError:
            why = "no model here knows the characters of the sentence of the girl and João, or of that of its language"
            raise TextError(f"{why}; give a TEXT of your own") from None
        text = _example(content).sentence
    items = items_for(pairs, content.language)
    ids = encode(content, text, unknown, what, quiet)
    length = len(ids)
    for option, at in ends.items():
        if at is not None and at > min(length, MAX_CHARS):
            raise UsageError(f"{option} {at}: give a character of the text, from 1 to {min(length, MAX_CHARS):,}")
    ids = ids[:until]
    if len(ids) > MAX_CHARS:
        raise TextError(f"{what}: {len(ids):,} characters; at most {MAX_CHARS:,} are read: say how far with --to")
    places, chosen = choose_cells(
        cells,
        content,
        path,
        items,
        partial(longest_memory, content),
        "it remembers longest" if content.model.cell.keep_gate else "it is the first of the top layer",
        quiet,
    )
    if warm is None:  # what the probe reads before each sentence, for a model that knows such sentences
        warm = items.warm if items.readable_by(content) else content.opening
        state = state_after(content, warm)
    else:
        state = state_after(content, warm, unknown, "--warm")
    known = content.vocabulary.decode(ids.numpy())
    return Reading(content, path, known, ids, length, warm, state, places, chosen)

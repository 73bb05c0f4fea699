"""A text with one cell over it, for the views that walk through it or stop at one character."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from charlstm.checkpoint import ModelFile, name_of
from charlstm.cli.explain.given import GivenText
from charlstm.cli.explain.inputs import choose_cell, encode, items_for, longest_memory, state_after
from charlstm.cli.probe.model import model_for
from charlstm.cli.runtime import load_model_for
from charlstm.errors import TextError, UsageError
from charlstm.network.cells import State
from charlstm.probe.defaults import Example, defaults_of

MAX_CHARS = 10_000  # a line each


@dataclass(frozen=True)
class Reading:
    """A text, the model that reads it, the state that what is read before it leaves, and the cell that is watched."""

    content: ModelFile
    path: Path
    text: str
    ids: Tensor
    warm: str
    state: State
    place: tuple[int, int]
    chosen: str

    @property
    def about(self) -> str:
        """For people: why this cell, in which model, after what."""
        return f"{self.chosen}. Model: {name_of(self.path)}. Read before the text (--warm): {self.warm!r}"

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
    cell: str | None,
    pairs: Path | None,
    warm: str | None,
    unknown: str,
    device: torch.device,
    quiet: bool,
    at: int | None = None,
) -> Reading:
    """The text that was given, or the sentence of the model's language, with a model that knows its characters.

    Args:
        cell, pairs, warm, unknown: as the options say.
        at: the one character (from 1) that is looked at; None: all of them.

    Raises:
        UsageError: for a cell or a character that is not there.
        TextError: for a text that cannot be read, or is too long.
        ModelFileError: if there is no sound model.
    """
    if given.is_given:
        text, what = given.read(composed=False), given.name  # `encode` brings it into the form of the model's corpus
        content, path = load_model_for(text, checkpoint, device, quiet)
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
    if at is None and len(ids) > MAX_CHARS:
        wanted_fewer = f"give at most {MAX_CHARS:,}, or see one of them: charlstm explain step --at N"
        raise TextError(f"{what}: {len(ids):,} characters, a line each; {wanted_fewer}")
    if at is not None and at > min(len(ids), MAX_CHARS):
        raise UsageError(f"--at {at}: give a character of the text, from 1 to {min(len(ids), MAX_CHARS):,}")
    place, chosen = choose_cell(
        cell,
        content,
        path,
        items,
        partial(longest_memory, content),
        "the one that remembers longest" if content.model.cell.keep_gate else "the first of the top layer",
        quiet,
    )
    if warm is None:  # what the probe reads before each sentence, for a model that knows such sentences
        warm = items.warm if items.readable_by(content) else content.opening
    known = content.vocabulary.decode(ids.numpy())
    return Reading(content, path, known, ids, warm, state_after(content, warm), place, chosen)

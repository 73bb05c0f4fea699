"""The views of `charlstm explain`: each computes what it shows, as a picture to be drawn and as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from torch import Tensor

from charlstm.checkpoint import ModelFile, name_of
from charlstm.cli.explain_inputs import (
    Items,
    choose_cell,
    encode,
    given_text,
    items_for,
    state_after,
)
from charlstm.cli.explain_networks import show_distance, show_gradient
from charlstm.cli.explain_options import View
from charlstm.cli.explain_request import Request, Shown
from charlstm.cli.found_cells import USUAL, recall
from charlstm.cli.probe_inputs import model_for, ordinary_text
from charlstm.cli.runtime import load_model
from charlstm.errors import TextError, UsageError
from charlstm.explain.equations import write_step
from charlstm.explain.memory import measure_memory
from charlstm.explain.switches import CORPUS, best_at_gender, measure_switches
from charlstm.explain.walk import walk
from charlstm.grammar import minimal_pairs
from charlstm.network.cells import State
from charlstm.probe import OnProgress
from charlstm.probe.defaults import SOFT, default_sentences
from charlstm.probe.ordinary import to_lanes
from charlstm.report.explain import draw_memory
from charlstm.report.progress import Stages
from charlstm.report.switches import draw_switches
from charlstm.report.walk import draw_step, draw_walk

SWITCHES_PAIRS = 400
MAX_CHARS = 10_000  # a line each


def show_walk(request: Request) -> Shown:
    """One cell over a text."""
    reading = _read_text(request)
    found = walk(reading.content.model, reading.ids, reading.text, reading.state, reading.place, request.open_from)
    return Shown(partial(draw_walk, found, reading.about), reading.title, {**reading.data, **found.to_dict()})


def show_step(request: Request) -> Shown:
    """One step as equations."""
    reading = _read_text(request)
    assert request.at is not None
    step = write_step(reading.content.model, reading.ids, reading.text, reading.state, reading.place, request.at - 1)
    return Shown(partial(draw_step, step, reading.about), reading.title, {**reading.data, **step.to_dict()})


def show_memory(request: Request) -> Shown:
    """How long cells remember."""
    content, path = load_model(request.checkpoint, request.device, request.quiet)
    _needs_gates(content, View.memory)
    with Stages(request.quiet) as stages:
        if request.has_text:
            source = request.text_name
            text = given_text(request, content.composed)
            ids = encode(content, text, request.unknown, source, request.quiet).numpy()
        else:
            known, source = ordinary_text(content, None, request.seed, stages.update)
            ids = known.astype(np.int64)
    _, found = recall(path, USUAL, content.model.config)  # shown where it is known; nothing here needs it
    probed = None if found is None else (found.layer, found.cell)
    memory = measure_memory(content.model, to_lanes(ids), source)
    data = {"checkpoint": str(path), "probed": probed and {"layer": probed[0] + 1, "cell": probed[1]}}
    return Shown(
        partial(draw_memory, memory, probed), f"charlstm explain, {name_of(path)}", {**data, **memory.to_dict()}
    )


def show_switches(request: Request) -> Shown:
    """What the gates do where the gender changes."""
    name = f"held-out pairs of {CORPUS}"
    items = Items(minimal_pairs(CORPUS, SWITCHES_PAIRS, 0), name, "\n", name)
    if request.pairs is not None:
        items = items_for(request.pairs)
    try:
        content, path, _ = model_for(
            request.checkpoint, request.device, [items.pairs], own_items=True, quiet=request.quiet
        )
    except TextError:
        train_one = f"train one on what charlstm corpus {CORPUS} writes"
        raise TextError(f"no model here knows the characters of {items.name}; {train_one}") from None
    _needs_gates(content, View.switches)
    place, chosen = choose_cell(
        request,
        content,
        path,
        items,
        lambda on_progress: best_at_gender(content.model, content.vocabulary, request.seed),
        "the one that tells the speaker's gender best, on other lines",
    )
    found = measure_switches(content.model, content.vocabulary, place, request.seed)
    data = {"checkpoint": str(path), "chosen": chosen, **found.to_dict()}
    return Shown(partial(draw_switches, found, chosen), f"charlstm explain --switches, {name_of(path)}", data)


VIEWS: dict[View, Callable[[Request], Shown]] = {
    View.walk: show_walk,
    View.step: show_step,
    View.memory: show_memory,
    View.gradient: show_gradient,
    View.distance: show_distance,
    View.switches: show_switches,
}


@dataclass(frozen=True)
class _Reading:
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
    def title(self) -> str:
        """Of the picture."""
        return f"charlstm explain, {name_of(self.path)}"

    @property
    def data(self) -> dict[str, str]:
        """For JSON."""
        return {"checkpoint": str(self.path), "chosen": self.chosen, "warm": self.warm}


def _read_text(request: Request) -> _Reading:
    items = items_for(request.pairs)
    if request.has_text:
        content, path = load_model(request.checkpoint, request.device, request.quiet)
        text, what = given_text(request, content.composed), request.text_name
    else:
        text, what = SOFT, "the sentence"
        wanted = [[pair for _, pair in default_sentences()[:1]]]
        try:
            content, path, _ = model_for(
                request.checkpoint, request.device, wanted, own_items=False, quiet=request.quiet
            )
        except TextError:
            why = "no model here knows the characters of the sentence of the girl and João"
            raise TextError(f"{why}; give a TEXT of your own") from None
    ids = encode(content, text, request.unknown, what, request.quiet)
    if request.at is None and len(ids) > MAX_CHARS:
        wanted_fewer = f"give at most {MAX_CHARS:,}, or ask for one of them with --at"
        raise TextError(f"{what}: {len(ids):,} characters, a line each; {wanted_fewer}")
    if request.at is not None and request.at > min(len(ids), MAX_CHARS):
        raise UsageError(f"--at {request.at}: give a character of the text, from 1 to {min(len(ids), MAX_CHARS):,}")
    place, chosen = choose_cell(
        request,
        content,
        path,
        items,
        partial(_longest_memory, content),
        "the one that remembers longest" if content.model.cell.keep_gate else "the first of the top layer",
    )
    # what the probe reads before each sentence, for a model that knows such sentences
    warm = request.warm
    if warm is None:
        warm = items.warm if items.readable_by(content) else content.opening
    known = content.vocabulary.decode(ids.numpy())
    return _Reading(content, path, known, ids, warm, state_after(content, warm), place, chosen)


def _longest_memory(content: ModelFile, on_progress: OnProgress) -> tuple[int, int]:
    """The cell with the longest half-life on ordinary text, layer and number from 0; without gates the first one."""
    if not content.model.cell.keep_gate:
        return content.model.config.num_layers - 1, 0
    ids, source = ordinary_text(content, None, 0, on_progress)
    return measure_memory(content.model, to_lanes(ids), source).longest(1)[0]


def _needs_gates(content: ModelFile, view: View) -> None:
    cell = content.model.cell
    if not cell.gates:
        raise UsageError(f"{view}: this model is {cell.label} and has no gates; see --gradient and --distance")
    if view is View.switches and not cell.output_gate:
        raise UsageError(f"{view}: this model is {cell.label} and has no output gate; see --memory and --gradient")

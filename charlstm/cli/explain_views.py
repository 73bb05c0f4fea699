"""The views of `charlstm explain`: each computes what it shows, as a picture to be drawn and as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from charlstm.checkpoint import ModelFile
from charlstm.cli.explain_inputs import (
    Items,
    encode,
    find_cell,
    given_text,
    gradient_text,
    items_for,
    longest_memory,
    networks,
    places_of,
    state_after,
)
from charlstm.cli.explain_options import View
from charlstm.cli.found_cells import FoundCell
from charlstm.cli.probe_inputs import model_for, ordinary_text
from charlstm.cli.probe_options import parse_cells
from charlstm.cli.runtime import load_model
from charlstm.errors import UsageError
from charlstm.explain.distance import accuracy_by_distance
from charlstm.explain.equations import write_step
from charlstm.explain.gradient import measure_reach, untrained, with_recurrent_weight
from charlstm.explain.memory import measure_memory
from charlstm.explain.switches import CORPUS as SWITCHES_CORPUS
from charlstm.explain.switches import measure_switches
from charlstm.explain.walk import walk
from charlstm.grammar import minimal_pairs
from charlstm.lstm import State
from charlstm.model import CharLM
from charlstm.probe.defaults import SOFT, WARM, default_sentences
from charlstm.probe.ordinary import to_lanes
from charlstm.report.explain import draw_distance, draw_gradient, draw_memory, draw_switches
from charlstm.report.progress import Stages
from charlstm.report.screen import Draw
from charlstm.report.walk import draw_step, draw_walk

SWITCHES_PAIRS = 400
W_REC = (0.5, 0.9, 1.0, 1.1, 1.5, 2.0)  # what W_hh of an untrained RNN is multiplied with


@dataclass(frozen=True)
class Request:
    """What was asked for; as the options of `charlstm explain`."""

    text: str | None
    file: Path | None
    checkpoint: Path | None
    cell: str | None
    at: int | None
    against: Path | None
    back: int
    pairs: Path | None
    open_from: float
    warm: str | None
    unknown: str
    seed: int
    device: torch.device
    quiet: bool


@dataclass(frozen=True)
class Shown:
    """A view: how it is drawn, what it is called, and its numbers as JSON has them."""

    draw: Draw
    title: str
    data: dict[str, Any]


def show_walk(request: Request) -> Shown:
    """One cell over a text."""
    reading = _read_text(request)
    found = walk(reading.content.model, reading.ids, reading.text, reading.state, reading.place, request.open_from)
    data = {"checkpoint": str(reading.path), "chosen": reading.chosen, **found.to_dict()}
    return Shown(partial(draw_walk, found, reading.chosen), f"charlstm explain, {reading.path}", data)


def show_step(request: Request) -> Shown:
    """One step as equations."""
    reading = _read_text(request)
    assert request.at is not None
    if request.at > len(reading.ids):
        raise UsageError(f"--at {request.at}: give a character of the text, from 1 to {len(reading.ids):,}")
    step = write_step(reading.content.model, reading.ids, reading.text, reading.state, reading.place, request.at - 1)
    data = {"checkpoint": str(reading.path), "chosen": reading.chosen, **step.to_dict()}
    return Shown(partial(draw_step, step, reading.chosen), f"charlstm explain, {reading.path}", data)


def show_memory(request: Request) -> Shown:
    """How long cells remember."""
    content, path = load_model(request.checkpoint, request.device, request.quiet)
    _needs_gates(content, View.memory)
    text = given_text(request.text, request.file, content.composed)
    with Stages(request.quiet) as stages:
        if text is None:
            ids, source = ordinary_text(content, None, request.seed, stages.update)
        else:
            source = str(request.file or "the text")
            ids = encode(content, text, request.unknown, source).numpy().astype(content.vocabulary.id_type)
    found = find_cell(content, path, items_for(request.pairs), request.quiet)
    probed = None if found is None else (found.layer, found.cell)
    memory = measure_memory(content.model, to_lanes(ids), source)
    data = {"checkpoint": str(path), "probed": probed and {"layer": probed[0] + 1, "cell": probed[1]}}
    return Shown(partial(draw_memory, memory, probed), f"charlstm explain, {path}", {**data, **memory.to_dict()})


def show_gradient(request: Request) -> Shown:
    """How far gradients reach back, in all networks, untrained and trained."""
    contents = networks(request.checkpoint, request.against, request.quiet)
    first = next(iter(contents.values()))
    shipped = request.checkpoint is None and request.against is None
    text = given_text(request.text, request.file, first.composed)
    everything: dict[str, tuple[CharLM, ModelFile]] = {}
    for name, content in contents.items():
        everything[f"{name} untrained"] = untrained(content.model, _memory_chars(content), request.seed), content
        everything[f"{name} trained"] = content.model, content
    rnn = next((c.model for c in contents.values() if c.model.config.cell_type == "rnn"), None)
    if rnn is None:  # of the same size, to be compared with
        rnn = CharLM(first.model.config.replace(cell_type="rnn"))
        everything["rnn untrained"] = untrained(rnn, 0.0, request.seed), first
    with Stages(request.quiet) as stages:
        words, source = gradient_text(first, text, shipped, request.seed, stages.update)
        places = {
            name: places_of(encode(content, words, request.unknown, name), request.back)
            for name, (_, content) in everything.items()
        }
        total = len(everything) + len(W_REC)

        def measure(model: CharLM, name: str, done: int) -> Any:
            stages.update("following gradients", done, total)
            return measure_reach(model, places[name], request.seed)

        reaches = {name: measure(model, name, k) for k, (name, (model, _)) in enumerate(everything.items())}
        base = untrained(rnn, 0.0, request.seed)
        name = next(iter(places))
        scaled = {w: measure(with_recurrent_weight(base, w), name, len(everything) + k) for k, w in enumerate(W_REC)}
    data = {
        "text": source,
        "networks": {name: reach.to_dict() for name, reach in reaches.items()},
        "w_rec": {f"{w:g}": reach.to_dict() for w, reach in scaled.items()},
    }
    return Shown(partial(draw_gradient, reaches, scaled, source), "charlstm explain --gradient", data)


def show_distance(request: Request) -> Shown:
    """Agreement against distance."""
    items = items_for(request.pairs, request.seed)
    contents = networks(request.checkpoint, request.against, request.quiet)
    found = {
        name: accuracy_by_distance(
            content.model.to(request.device),
            content.vocabulary,
            items.pairs,
            content.normalize(items.warm),
            request.seed,
        )
        for name, content in contents.items()
    }
    data = {"items": items.name, "networks": {name: part.to_dict() for name, part in found.items()}}
    return Shown(partial(draw_distance, found, items.name), "charlstm explain --distance", data)


def show_switches(request: Request) -> Shown:
    """What the gates do where the gender changes."""
    items = _switches_items() if request.pairs is None else items_for(request.pairs)
    content, path, _ = model_for(request.checkpoint, request.device, [items.pairs], own_items=True, quiet=request.quiet)
    _needs_gates(content, View.switches)
    place, chosen = _choose_cell(request, content, path, items)
    found = measure_switches(content.model, content.vocabulary, place, request.seed)
    data = {"checkpoint": str(path), "chosen": chosen, **found.to_dict()}
    return Shown(partial(draw_switches, found, chosen), f"charlstm explain --switches, {path}", data)


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
    """A text, the model that reads it, the state before it, and the cell that is looked at."""

    content: ModelFile
    path: Path
    text: str
    ids: torch.Tensor
    state: State
    place: tuple[int, int]
    chosen: str


def _read_text(request: Request) -> _Reading:
    text = given_text(request.text, request.file)
    warm = request.warm
    if text is None:
        text, what = SOFT, "the sentence"
        wanted = [[pair for _, pair in default_sentences()[:1]]]
        content, path, _ = model_for(request.checkpoint, request.device, wanted, own_items=False, quiet=request.quiet)
        warm = WARM if warm is None else warm
    else:
        what = str(request.file or "the text")
        content, path = load_model(request.checkpoint, request.device, request.quiet)
        warm = content.opening if warm is None else warm
    ids = encode(content, text, request.unknown, what)
    place, chosen = _choose_cell(request, content, path, items_for(request.pairs))
    known = content.vocabulary.decode(ids.numpy())
    return _Reading(content, path, known, ids, state_after(content, warm), place, chosen)


def _choose_cell(request: Request, content: ModelFile, path: Path, items: Items) -> tuple[tuple[int, int], str]:
    """The cell that was asked for, or that the probe finds, or that remembers longest; and why it is this one."""
    if request.cell is not None:
        return parse_cells([request.cell], content.model.config)[0], "asked for"
    found: FoundCell | None = find_cell(content, path, items, request.quiet)
    if found is not None:
        return (found.layer, found.cell), f"found by charlstm probe: {found.verdict}; {items.name}"
    with Stages(request.quiet) as stages:
        place = longest_memory(content, stages.update)
    why = "the one that remembers longest" if content.model.config.cell_type == "lstm" else "the first of the top layer"
    return place, f"{why}; charlstm probe found none; {items.name}"


def _switches_items() -> Items:
    name = f"held-out pairs of {SWITCHES_CORPUS}"
    return Items(minimal_pairs(SWITCHES_CORPUS, SWITCHES_PAIRS, 0), name, "\n", name)


def _needs_gates(content: ModelFile, view: View) -> None:
    if content.model.config.cell_type == "rnn":
        raise UsageError(f"{view}: this model is a plain RNN and has no gates; see --gradient and --distance")


def _memory_chars(content: ModelFile) -> float:
    config = content.training.get("config")
    value = config.get("memory_chars", 8.0) if isinstance(config, dict) else 8.0
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1e6 else 8.0

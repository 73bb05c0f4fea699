"""The views of `charlstm explain` that set networks side by side: gradients, and agreement against distance."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from charlstm.checkpoint import ModelFile, find_model, load_model_file, name_of, shipped_pair
from charlstm.cli.explain_inputs import cannot_read, encode, given_text, items_for
from charlstm.cli.explain_request import Request, Shown
from charlstm.cli.probe_inputs import ordinary_text
from charlstm.cli.runtime import say_hidden
from charlstm.errors import ModelFileError, TextError, UsageError
from charlstm.explain.distance import accuracy_by_distance
from charlstm.explain.gradient import WARM_CHARS, Reach, measure_reach, untrained, with_recurrent_weight
from charlstm.grammar import corpus_lines
from charlstm.network.cells import PLAIN
from charlstm.network.model import CharLM
from charlstm.probe import OnProgress
from charlstm.probe.defaults import CORPUS
from charlstm.report.console import say
from charlstm.report.explain import draw_distance, draw_gradient
from charlstm.report.progress import Stages

W_REC = (0.5, 0.9, 1.0, 1.1, 1.5, 1.6, 2.0)  # what W_hh of a fresh plain RNN is multiplied with
PLACES = 24  # in a text from which gradients are followed back
DRAWN_CHARS = 40_000


def show_gradient(request: Request) -> Shown:
    """How far gradients reach back, in all networks, untrained and trained."""
    contents = _networks(request)
    first = next(iter(contents.values()))
    models: dict[str, tuple[CharLM, ModelFile]] = {}
    for name, content in contents.items():
        models[f"{name} untrained"] = untrained(content.model, _memory_chars(content), request.seed), content
        models[f"{name} trained"] = content.model, content
    rnn, known = next(
        ((content.model, content) for content in contents.values() if not content.model.cell.gates),
        (CharLM(first.model.config.replace(cell_type=PLAIN.name)), first),  # of the same size, to be compared with
    )
    fresh = untrained(rnn, 0.0, request.seed)
    if known.model is not rnn:
        models["rnn untrained" if "rnn untrained" not in models else "a plain rnn, untrained"] = fresh, known
    with Stages(request.quiet) as stages:
        text, source = _gradient_text(request, first, stages.update)
        total = len(models) + len(W_REC)

        def measure(model: CharLM, content: ModelFile, done: int) -> Reach:
            ids = encode(content, text, request.unknown, source, quiet=request.quiet or done > 0)
            stages.update("following gradients", done, total)
            return measure_reach(model, _places(ids, request.back), request.seed)

        reaches = {name: measure(*of, k) for k, (name, of) in enumerate(models.items())}
        scaled = {w: measure(with_recurrent_weight(fresh, w), known, len(models) + k) for k, w in enumerate(W_REC)}
    data = {
        "text": source,
        "networks": {name: reach.to_dict() for name, reach in reaches.items()},
        "w_rec": {f"{w:g}": reach.to_dict() for w, reach in scaled.items()},
    }
    return Shown(partial(draw_gradient, reaches, scaled, source), "charlstm explain --gradient", data)


def show_distance(request: Request) -> Shown:
    """Agreement against distance."""
    items = items_for(request.pairs, request.seed)
    found = {}
    for name, content in _networks(request).items():
        if problem := cannot_read(content, items, "give another model, or other --pairs"):
            raise TextError(f"{name}: {problem}")
        model, warm = content.model.to(request.device), content.normalize(items.warm)
        found[name] = accuracy_by_distance(model, content.vocabulary, items.pairs, warm, request.seed)
    data = {"items": items.name, "networks": {name: part.to_dict() for name, part in found.items()}}
    return Shown(partial(draw_distance, found, items.name), "charlstm explain --distance", data)


def _networks(request: Request) -> dict[str, ModelFile]:
    """The networks to compare, by name. Without --checkpoint and --against: the LSTM and the RNN that ship.

    Raises:
        ModelFileError: for a file that is missing or not sound.
        UsageError: for two that are one.
    """
    if request.checkpoint is None and request.against is None:
        pair = shipped_pair()
        if pair is None:
            raise ModelFileError("the two networks that ship were left out here; give --checkpoint and --against")
        if not request.quiet:
            say(f"models: {' and '.join(map(name_of, pair))} (they ship with charlstm)")
        return {path.stem: load_model_file(path) for path in pair}
    paths = [find_model(request.checkpoint)]
    if request.against is not None:
        paths.append(find_model(request.against))
        if paths[0].resolve() == paths[1].resolve():
            raise UsageError(f"--against {request.against}: that is the model itself; give another one")
    contents = [load_model_file(path) for path in paths]
    if not request.quiet:
        say(f"models: {' and '.join(map(name_of, paths))}")
        for given, path in zip((request.checkpoint, request.against), paths, strict=False):
            say_hidden(given, path)
    return dict(zip(_names(paths, contents), contents, strict=True))


def _names(paths: list[Path], contents: list[ModelFile]) -> list[str]:
    """Short names that differ: by cell type, by folder or file, or by the whole path."""
    by_type: list[str] = [content.model.config.cell_type for content in contents]
    by_folder = [path.stem if path.parent.name in ("", ".") else path.parent.name for path in paths]
    choices = (by_type, by_folder, [str(path) for path in paths])
    return next(names for names in choices if len(set(names)) == len(names))


def _gradient_text(request: Request, first: ModelFile, on_progress: OnProgress) -> tuple[str, str]:
    """A text to follow gradients in, and what to call it: the given one, or ordinary text of the first network."""
    if request.has_text:
        return first.normalize(given_text(request, first.composed)), request.text_name
    if request.checkpoint is None and request.against is None:
        lines = "".join(corpus_lines(CORPUS, DRAWN_CHARS, request.seed + 1))
        return lines, f"{PLACES} places of {CORPUS}, drawn anew"
    ids, source = ordinary_text(first, None, request.seed, on_progress)
    return first.vocabulary.decode(ids), f"{PLACES} places of {source}"


def _places(ids: Tensor, back: int) -> Tensor:
    """Stretches of a text for `gradient.measure_reach`: (T) -> (B, WARM_CHARS + back + 1). TextError if it is short."""
    length = WARM_CHARS + back + 1
    if len(ids) < length:
        raise TextError(
            f"the text has {len(ids):,} characters; to look {back} back it needs {length:,}: give a longer text or a "
            "smaller --back"
        )
    starts = np.unique(np.linspace(0, len(ids) - length, PLACES).astype(np.int64))
    return torch.stack([ids[start : start + length] for start in starts])


def _memory_chars(content: ModelFile) -> float:
    """How far back its cells remembered at first."""
    config = content.training.get("config")
    value = config.get("memory", 8.0) if isinstance(config, dict) else 8.0
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1e6 else 8.0

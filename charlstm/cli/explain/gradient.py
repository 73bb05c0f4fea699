"""`charlstm explain gradient`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

from charlstm.cli.explain.given import GivenText
from charlstm.cli.explain.options import Against, OrdinaryText, Seed, TextFile
from charlstm.cli.options import (
    Checkpoint,
    Debug,
    Encoding,
    FigureFile,
    Json,
    Quiet,
    Threads,
    Unknown,
    UnknownOption,
    Width,
    check_figure,
    option,
)
from charlstm.errors import TextError

if TYPE_CHECKING:  # imported when the command runs: --help must not load torch
    from torch import Tensor

    from charlstm.checkpoint import ModelFile
    from charlstm.explain.gradient import Reach
    from charlstm.network.model import CharLM
    from charlstm.progress import OnProgress

W_REC = (0.5, 0.9, 1.0, 1.1, 1.5, 1.6, 2.0)  # what W_hh of a fresh plain RNN is multiplied with
PLACES = 24  # in a text from which gradients are followed back
DRAWN_CHARS = 40_000


def gradient(
    text: OrdinaryText = None,
    file: TextFile = None,
    checkpoint: Checkpoint = None,
    against: Against = None,
    back: Annotated[int, option("--back", help="How many characters back to follow.", min=2, max=2000)] = 100,
    unknown: UnknownOption = Unknown.error,
    encoding: Encoding = "utf-8",
    width: Width = None,
    figure: FigureFile = None,
    seed: Seed = 0,
    threads: Threads = None,
    quiet: Quiet = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show how far gradients reach back, in an LSTM and a plain RNN, untrained and trained.

    Without options: the LSTM and the plain RNN that ship, on new lines of agreement-pt.

        charlstm explain gradient
        charlstm explain gradient -c checkpoints/a --against checkpoints/b --back 50
    """
    check_figure(figure)
    given = GivenText(text, file, encoding)
    given.check(figure)
    from charlstm.cli.explain.inputs import encode
    from charlstm.cli.explain.networks import networks
    from charlstm.cli.explain.output import put_out_chart
    from charlstm.cli.runtime import prepare_machine
    from charlstm.explain.gradient import measure_reach, untrained, with_recurrent_weight
    from charlstm.network.cells import PLAIN
    from charlstm.network.model import CharLM
    from charlstm.report.bars import Stages
    from charlstm.report.explain import draw_gradient, gradient_chart

    quiet = quiet or json
    prepare_machine("cpu", threads)
    contents = networks(checkpoint, against, quiet)
    first = next(iter(contents.values()))
    models: dict[str, tuple[CharLM, ModelFile]] = {}
    for name, content in contents.items():
        models[f"{name} untrained"] = untrained(content.model, _memory_chars(content), seed), content
        models[f"{name} trained"] = content.model, content
    rnn, known = next(
        ((content.model, content) for content in contents.values() if not content.model.cell.gates),
        (CharLM(first.model.config.replace(cell_type=PLAIN.name)), first),  # of the same size, to be compared with
    )
    fresh = untrained(rnn, 0.0, seed)
    if known.model is not rnn:
        models["rnn untrained" if "rnn untrained" not in models else "a plain rnn, untrained"] = fresh, known
    with Stages(quiet) as stages:
        if given.is_given:
            text, source = first.normalize(given.read(first.composed)), given.name
        else:
            text, source = _ordinary_text(first, checkpoint is None and against is None, seed, stages.update)
        total = len(models) + len(W_REC)

        def measure(model: CharLM, content: ModelFile, done: int) -> Reach:
            ids = encode(content, text, unknown.value, source, quiet=quiet or done > 0)
            stages.update("following gradients", done, total)
            return measure_reach(model, _places(ids, back), seed)

        reaches = {name: measure(*of, k) for k, (name, of) in enumerate(models.items())}
        scaled = {w: measure(with_recurrent_weight(fresh, w), known, len(models) + k) for k, w in enumerate(W_REC)}
    data = {
        "text": source,
        "networks": {name: reach.to_dict() for name, reach in reaches.items()},
        "w_rec": {f"{w:g}": reach.to_dict() for w, reach in scaled.items()},
    }
    draw, chart = partial(draw_gradient, reaches, scaled, source), gradient_chart(reaches)
    put_out_chart("gradient", draw, chart, data, width, figure, quiet, json)


def _ordinary_text(first: ModelFile, of_pair: bool, seed: int, on_progress: OnProgress) -> tuple[str, str]:
    """A text to follow gradients in, and what to call it: new lines for the pair that ships, else the network's."""
    from charlstm.grammar import corpus_lines
    from charlstm.probe.defaults import PORTUGUESE
    from charlstm.probe.texts import ordinary_text

    if of_pair:
        corpus = PORTUGUESE.corpus  # the pair learnt it
        return "".join(corpus_lines(corpus, DRAWN_CHARS, seed + 1)), f"{PLACES} places of a new {corpus} text"
    ids, source = ordinary_text(first, None, on_progress)
    return first.vocabulary.decode(ids), f"{PLACES} places of {source}"


def _places(ids: Tensor, back: int) -> Tensor:
    """Stretches of a text for `gradient.measure_reach`: (T) -> (B, WARM_CHARS + back + 1). TextError if it is short."""
    import numpy as np
    import torch

    from charlstm.explain.gradient import WARM_CHARS

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

"""The score of a model on a validation text, as evaluations take it."""

from __future__ import annotations

from collections.abc import Callable

from charlstm.config import TrainConfig
from charlstm.corpus import Corpus
from charlstm.corpus.lines import pick_lines
from charlstm.distributed.parts import WHOLE, Parts
from charlstm.evaluate import Score, score_list, score_stream
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM


def score_valid(
    model: CharLM,
    corpus: Corpus,
    config: TrainConfig,
    kernels: Kernels,
    should_stop: Callable[[], bool] = lambda: False,
    parts: Parts = WHOLE,
) -> Score:
    """How well a model predicts a validation text of two characters or more; as much of it as `valid_chars` says.

    A list is scored by line, a text as one stream; `parts` says who does how much of it. Raises Stopped.
    """
    ids, most = corpus.valid, config.valid_chars or len(corpus.valid)
    if corpus.lines is None:
        return score_stream(model, ids[:most], kernels, should_stop=should_stop, parts=parts)
    newline = corpus.newline
    return score_list(model, pick_lines(ids, newline, most), newline, kernels, should_stop=should_stop, parts=parts)

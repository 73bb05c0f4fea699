"""Quality against time: what `charlstm train` makes of a text in so long, and how it gets there."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from charlstm.corpus import Corpus, CorpusRequest
from charlstm.evaluate import bits_per_char, score_windows
from charlstm.train.events import Evaluated, Stepped
from charlstm.train.session import new_session
from charlstm.train.trainer import Trainer

POINTS = 8
WINDOWS = {"seq_len": 64, "batches": 100, "batch_size": 32, "seed": 0}


@dataclass(frozen=True)
class Point:
    """The model at one moment of a training.

    Attributes:
        seconds: of training, its own validations included.
        nats_per_char: of the validation text by stream; nats_windows_64: by random windows of 64 from zero.
    """

    seconds: float
    step: int
    characters: int
    nats_per_char: float
    bits_per_char: float
    nats_windows_64: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"bench": "quality", **asdict(self)}


class StoppableClock:
    """A clock that can be kept from running: measuring must not use up the time that is measured."""

    def __init__(self) -> None:
        self.lost = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return time.monotonic() - self.lost


def bench_quality(
    corpus: Corpus,
    request: CorpusRequest,
    time_s: float,
    device: torch.device,
    on_compile: Callable[[], None] = lambda: None,
) -> Iterator[Point]:
    """Train with the defaults for `time_s` seconds, and measure on the way. The run is not kept.

    Raises:
        TextError: for a corpus too short to train on, or without a text to validate on.
    """
    with tempfile.TemporaryDirectory(prefix="charlstm-bench-") as folder:
        session = new_session(
            request, corpus, Path(folder), {"time_s": time_s, "evaluations": POINTS}, device, on_compile
        )
        clock = StoppableClock()
        trainer = Trainer(
            session.model,
            corpus,
            session.config,
            session.folder,
            run_config=session.run_config(),
            kernels=session.kernels,
            clock=clock,
        )
        characters = 0
        for event in trainer.run():
            if isinstance(event, Stepped):
                characters = event.step * session.config.batch_size * session.config.seq_len
            if isinstance(event, Evaluated):
                began = time.monotonic()
                windows = score_windows(session.model, corpus.valid, session.kernels, **WINDOWS)
                nats = event.valid_nats
                yield Point(
                    round(event.seconds, 2),
                    event.step,
                    characters,
                    nats,
                    bits_per_char(nats),
                    windows.nats_per_char,
                )
                clock.lost += time.monotonic() - began

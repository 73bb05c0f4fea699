"""Quality against time: how well `charlstm train` learns a text in a given time, and how it gets there."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from charlstm.config import CellType
from charlstm.corpus import Corpus, CorpusRequest
from charlstm.evaluate import bits_per_char, score_stream, score_windows
from charlstm.training.events import Finished, Stepped
from charlstm.training.session import Session, new_session
from charlstm.training.trainer import Trainer

POINTS = 8
WINDOWS = {"seq_len": 64, "batches": 100, "batch_size": 32, "seed": 0}


@dataclass(frozen=True)
class Point:
    """The model at one moment of a training.

    Attributes:
        seconds: of training, its own validations included, and not the time that measuring this took.
        nats_per_char: of the validation text by stream; nats_windows_64: by random windows of 64 from zero.
    """

    seconds: float
    step: int
    characters: int
    nats_per_char: float
    bits_per_char: float
    nats_windows_64: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {"bench": "quality", **asdict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Point:
        """The other way round."""
        return cls(**{field.name: data[field.name] for field in fields(cls)})


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
    cell_type: CellType,
    time_s: float,
    device: torch.device,
    on_compile: Callable[[], None] = lambda: None,
    given: Mapping[str, Any] | None = None,
    on_start: Callable[[Session], None] = lambda session: None,
) -> Iterator[Point]:
    """Train as `charlstm train --time` does, and measure on the way. The run is not kept.

    Args:
        given: more settings, by name.
        on_start: told what is trained, and how.

    Raises:
        TextError: for a corpus too short to train on, or without a text to validate on.
    """
    with tempfile.TemporaryDirectory(prefix="charlstm-bench-") as folder:
        settings = {"cell_type": cell_type, "time": time_s, **(given or {})}
        session = new_session(request, corpus, lambda: Path(folder), settings, device, on_compile)
        on_start(session)
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
        done, characters = 0, session.config.batch_size * session.config.seq_len
        for event in trainer.run():
            at_end = isinstance(event, Finished)
            due = math.floor(event.progress * POINTS) if isinstance(event, Stepped) else done
            if at_end or due > done:
                done, seconds, began = due, trainer.seconds(), time.monotonic()
                with trainer.run_state.for_use():
                    nats, windows = scores(trainer)
                yield Point(round(seconds, 2), event.step, event.step * characters, nats, bits_per_char(nats), windows)
                clock.lost += time.monotonic() - began


def scores(trainer: Trainer) -> tuple[float, float]:
    """The validation text by stream, and by random windows: nats a character."""
    valid, model, kernels = trainer.corpus.valid, trainer.model, trainer.kernels
    stream = score_stream(model, valid[: trainer.config.valid_chars or None], kernels)
    windows = score_windows(model, valid, kernels, **WINDOWS)
    return stream.nats_per_char, windows.nats_per_char

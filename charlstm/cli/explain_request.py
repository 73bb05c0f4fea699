"""What was asked of `charlstm explain`, and what a view of it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from charlstm.report.screen import Draw


@dataclass(frozen=True)
class Request:
    """What was asked for; as the options of `charlstm explain`."""

    text: str | None
    file: Path | None
    encoding: str
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

    @property
    def has_text(self) -> bool:
        """Whether there is a text of the person's own."""
        return self.text is not None or self.file is not None

    @property
    def text_name(self) -> str:
        """What the text is called in messages."""
        return "the text" if self.file is None else str(self.file)


@dataclass(frozen=True)
class Shown:
    """A view: how it is drawn, what it is called, and its numbers as JSON has them."""

    draw: Draw
    title: str
    data: dict[str, Any]

"""Lines of a text with their scores: as JSON, in columns for a spreadsheet, and in columns for a person."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.cells import cell_len, set_cell_size

from charlstm.report.console import to_json
from charlstm.report.text import printable
from charlstm.scoring import TextScore

PLACES = 6  # decimals of a figure in a file: what follows them is rounding
PIECE = 1 << 16  # characters of which the figures are written at a time
LEAST_TEXT = 20  # columns
Row = list[str]


@dataclass(frozen=True)
class ScoredLine:
    """A line of a file, and what one or two models say of it.

    Attributes:
        file, number: where it stands, counted from 1.
        text: as the models read it.
        score: by the first model.
        other: by the model that it is compared with, if any.
    """

    file: str
    number: int
    text: str
    score: TextScore
    other: TextScore | None = None

    @property
    def log_odds(self) -> float:
        """How much likelier the line is to the first model, nats."""
        return (0.0 if self.other is None else self.other.nats) - self.score.nats

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object, without the figures of its characters."""
        found = {"file": self.file, "line": self.number, **_figures(self.score)}
        if self.other is not None:
            compared = {f"against_{name}": v for name, v in _figures(self.other).items() if name != "characters"}
            found |= {**compared, "log_odds": round(self.log_odds, PLACES)}
        return {**found, "text": self.text}


def _figures(score: TextScore) -> dict[str, Any]:
    bits = score.bits_per_char
    return {
        "nats": round(score.nats, PLACES),
        "bits_per_char": None if math.isnan(bits) else round(bits, PLACES),
        "characters": score.characters,
    }


def json_pieces(line: ScoredLine) -> Iterator[str]:
    """A line as one JSON object, in pieces, because it may have millions of characters."""
    yield to_json(line.to_dict())[:-1]
    for prefix, score in (("", line.score), ("against_", line.other)):
        if score is None or score.each is None:
            continue
        for name, values in vars(score.each).items():
            yield f', "{prefix}{name}": ['
            for start in range(0, len(values), PIECE):
                piece = values[start : start + PIECE]
                rounded = piece if piece.dtype.kind == "i" else np.round(piece.astype(np.float64), PLACES)
                yield (", " if start else "") + json.dumps(rounded.tolist())[1:-1]
            yield "]"
    yield "}\n"


@dataclass(frozen=True)
class Columns:
    """How lines, or their characters, stand in columns.

    Attributes:
        per_char: whether a row is a character.
        against: whether two models are compared.
    """

    per_char: bool
    against: bool

    def names(self) -> Row:
        """What stands above the columns of a file."""
        if self.per_char:
            mine = ["logprob", "rank", "entropy"]
            more = [f"against_{name}" for name in mine] + ["log_odds"]
            return ["file", "line", "position", "character", *mine, *(more if self.against else [])]
        more = ["against_nats", "against_bits_per_char", "log_odds"] if self.against else []
        return ["file", "line", "nats", "bits_per_char", "characters", *more, "text"]

    def rows(self, line: ScoredLine) -> Iterator[Row]:
        """The rows of a line, for a file: one, or one a character."""
        if not self.per_char:
            yield [_escaped(_number(value)) for value in line.to_dict().values()]
            return
        text = [*line.text, *["\n"] * (line.score.characters - len(line.text))]  # the line feed, where it is scored
        for k, character in enumerate(text):
            figures = [_of_character(score, k) for score in (line.score, line.other) if score is not None]
            if len(figures) == 2:
                figures.append([f"{float(figures[0][0]) - float(figures[1][0]):.{PLACES}f}"])
            place = [_escaped(line.file), str(line.number), str(k + 1), _escaped(character)]
            yield [*place, *(figure for one in figures for figure in one)]


def _of_character(score: TextScore, k: int) -> Row:
    each = score.each
    assert each is not None
    return [f"{each.logprobs[k]:.{PLACES}f}", str(each.ranks[k]), f"{each.entropies[k]:.{PLACES}f}"]


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.{PLACES}f}" if isinstance(value, float) else str(value)


def _escaped(text: str) -> str:
    """A text without tabs and line ends, from which it can be told what it was."""
    return printable(text.replace("\\", "\\\\"), keep="")


class Screen:
    """Lines in columns for a person, as they come.

    Args:
        columns: what a row is.
        width: of the terminal.
    """

    def __init__(self, columns: Columns, width: int) -> None:
        self.columns, self.width = columns, width
        self.lines, self.characters, self.nats, self.other_nats = 0, 0, 0.0, 0.0

    def heading(self) -> str:
        """What stands above the columns."""
        if self.columns.per_char:
            names = ["line", "position", "character", "probability", "nats", "rank", "entropy"]
            return self._row([*names, "log odds"] if self.columns.against else names)
        names = ["line", "nats", "bits/char", "characters"]
        return self._row([*names, *(["log odds"] if self.columns.against else [])], "text")

    def show(self, line: ScoredLine) -> Iterator[str]:
        """A line, or its characters, in lines for the terminal."""
        score, other = line.score, line.other
        self.lines += 1
        self.characters += score.characters
        self.nats += score.nats
        self.other_nats += 0.0 if other is None else other.nats
        if not self.columns.per_char:
            yield self._row(
                self._whole(str(line.number), score.nats, score.bits_per_char, score.characters, line.log_odds),
                line.text,
            )
            return
        for _, number, place, character, logprob, rank, entropy, *more in self.columns.rows(line):
            odds = [f"{float(more[-1]):+.3f}"] if more else []
            shown = "' '" if character == " " else character
            probability = f"{math.exp(float(logprob)):.4f}"
            yield self._row(
                [number, place, shown, probability, f"{-float(logprob):.3f}", rank, f"{float(entropy):.3f}", *odds]
            )

    def end(self) -> str:
        """All lines together."""
        bits = self.nats / self.characters / math.log(2) if self.characters else math.nan
        odds = self.other_nats - self.nats
        return self._row(self._whole("all", self.nats, bits, self.characters, odds), f"{self.lines:,} lines")

    def _whole(self, name: str, nats: float, bits: float, characters: int, odds: float) -> Row:
        shown = [name, f"{nats:,.2f}", "-" if math.isnan(bits) else f"{bits:.3f}", f"{characters:,}"]
        return [*shown, *([f"{odds:+,.2f}"] if self.columns.against else [])]

    def _row(self, cells: Sequence[str], text: str | None = None) -> str:
        widths = (6, 10, 11, 13, 9, 6, 9, 10) if self.columns.per_char else (6, 10, 11, 12, 11)
        row = "".join(" " * (width - cell_len(cell)) + cell for width, cell in zip(widths, cells, strict=False))
        if text is None:
            return row
        shown, room = printable(text, keep=""), max(LEAST_TEXT, self.width - cell_len(row) - 2)
        if cell_len(shown) > room:
            shown = set_cell_size(shown, room - 3).rstrip() + "..."
        return f"{row}  {shown}".rstrip()

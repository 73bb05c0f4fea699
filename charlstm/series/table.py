"""A number series out of a CSV file: its values, and what the places are called."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from charlstm.errors import TextError
from charlstm.files.atomic import read_regular
from charlstm.series.code import Floats
from charlstm.series.dates import Dates, parse_date

MAX_FILE = 256 << 20  # bytes
LEAST = 3  # values
MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "-", ".", "?"))
MOST_MISSING = 0.2  # of the values
LARGEST = 1e15  # of a value: larger ones leave no digits behind the point to tell apart


@dataclass(frozen=True)
class Series:
    """A number series.

    Attributes:
        name: of its column.
        values: (N) numbers, those that were missing filled in.
        labels: (N) dates or other names of the places; empty: they have none.
        filled: how many values were missing between others.
    """

    name: str
    values: Floats
    labels: tuple[str, ...] = ()
    filled: int = 0

    def first(self, number: int) -> Series:
        """The series without what comes after the first `number` values."""
        return Series(self.name, self.values[:number], self.labels[:number], self.filled)

    def next_labels(self, number: int) -> list[str]:
        """What the places after the last are called: dates that go on in the same step, or +1, +2."""
        dated = Dates.of(self.labels)
        return dated.after(number) if dated else [f"+{k}" for k in range(1, number + 1)]

    @property
    def likely_seasons(self) -> tuple[int, ...]:
        """How many values a season may have, as far as the dates tell; empty: they do not."""
        dated = Dates.of(self.labels)
        return dated.seasons if dated else ()


def read_series(path: Path, column: str | None = None) -> Series:
    """The series in a column of a CSV file.

    Separators are commas, semicolons (then numbers may have decimal commas) or tabs. The first row may be a header. A
    column of dates, or of whole numbers that go up by one, names the places.

    Args:
        path: the file.
        column: its name in the header, or its number from 1; None: the only one with numbers.

    Raises:
        TextError: for a file that cannot be read or is no such table; the message names the row.
    """
    try:
        text = read_regular(path, MAX_FILE).decode("utf-8-sig")
    except OSError as e:
        raise TextError(f"{path}: {e.strerror or e}") from None
    except UnicodeDecodeError as e:
        raise TextError(f"{path}: byte {e.start}: expected UTF-8 ({e.reason}); save the table as UTF-8") from None
    return series_in(text, str(path), column)


def series_in(text: str, name: str, column: str | None = None) -> Series:
    """As `read_series`, of a text; `name` is what errors call it."""
    separator = _separator(text)
    try:
        rows = [
            row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if any(map(str.strip, row))
        ]
    except csv.Error as e:
        raise TextError(f"{name}: it is no table of comma-separated values ({e})") from None
    if not rows:
        raise TextError(f"{name}: the table is empty")
    width = max(map(len, rows))
    columns = [[row[k].strip() if k < len(row) else "" for row in rows] for k in range(width)]
    decimal_comma = separator == ";"
    has_header = not any(_number(cells[0], decimal_comma) is not None or parse_date(cells[0]) for cells in columns)
    names = [cells[0] for cells in columns] if has_header else [f"column {k + 1}" for k in range(width)]
    cells = [cells[has_header:] for cells in columns]
    labels = _label_column(cells, decimal_comma)
    place = _column(names, cells, labels, column, decimal_comma, name)
    numbers = [
        _value(cell, decimal_comma, f"{name}: row {row + 1 + has_header}") for row, cell in enumerate(cells[place])
    ]
    return _without_gaps(names[place], numbers, cells[labels] if labels is not None else [], name)


def _separator(text: str) -> str:
    """Of those that the lines have, the one that stands in most of them."""
    lines = text.splitlines()[:50]
    counts = {mark: sum(mark in line for line in lines) for mark in ";\t,"}
    best = max(counts, key=lambda mark: counts[mark])
    return best if counts[best] else ","


def _number(cell: str, decimal_comma: bool) -> float | None:
    """The number in a cell; None if it is none."""
    plain = cell.replace(".", "").replace(",", ".") if decimal_comma and "," in cell else cell
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", plain):
        return None
    return float(plain)


def _value(cell: str, decimal_comma: bool, where: str) -> float:
    """A number, NaN if it is missing. Raises TextError for what is neither."""
    if cell.lower() in MISSING:
        return math.nan
    number = _number(cell, decimal_comma)
    if number is None:
        raise TextError(f"{where}: {cell[:40]!r} is no number")
    if abs(number) > LARGEST:
        raise TextError(f"{where}: {cell[:40]} is too large; give the series in another unit")
    return number


def _label_column(cells: Sequence[Sequence[str]], decimal_comma: bool) -> int | None:
    """Which column names the places: one of dates, or else one of whole numbers that go up by one."""
    for k, column in enumerate(cells):
        if column and all(parse_date(cell) for cell in column):
            return k
    for k, column in enumerate(cells):
        numbers = [_number(cell, decimal_comma) for cell in column]
        if len(cells) > 1 and len(numbers) > 1 and all(number is not None and number % 1 == 0 for number in numbers):
            counted = np.array(numbers, dtype=float)
            if (np.diff(counted) == 1).all():
                return k
    return None


def _column(
    names: Sequence[str],
    cells: Sequence[Sequence[str]],
    labels: int | None,
    wanted: str | None,
    decimal_comma: bool,
    name: str,
) -> int:
    """Which column is meant. Raises TextError for one that is not there, or if several may be."""
    if wanted is not None:
        if wanted in names:
            return names.index(wanted)
        if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
            return int(wanted) - 1
        raise TextError(f"{name}: no column {wanted[:40]}; there are {_listed(names)}", "column")
    able = [
        k
        for k, column in enumerate(cells)
        if k != labels and any(_number(cell, decimal_comma) is not None for cell in column)
    ]
    if not able:
        raise TextError(f"{name}: no column has numbers in it")
    if len(able) > 1:
        raise TextError(
            f"{name}: several columns have numbers; choose one with `column`: {_listed([names[k] for k in able])}",
            "column",
        )
    return able[0]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(name[:40] for name in names[:10])
    return shown + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _without_gaps(column: str, numbers: Sequence[float], labels: Sequence[str], name: str) -> Series:
    """The series from its first to its last number; what is missing between lies on a line between its neighbours."""
    values = np.array(numbers, dtype=np.float64)
    there = np.flatnonzero(~np.isnan(values))
    if len(there) < LEAST:
        raise TextError(f"{name}: {len(there)} values are too few to forecast from; it takes at least {LEAST}")
    within = slice(int(there[0]), int(there[-1]) + 1)
    values = values[within]
    missing = np.isnan(values)
    filled = int(missing.sum())
    if filled > MOST_MISSING * len(values):
        raise TextError(f"{name}: {filled} of {len(values)} values are missing, more than a fifth; fill them in first")
    places = np.arange(len(values))
    values[missing] = np.interp(places[missing], places[~missing], values[~missing])
    return Series(column, values, tuple(labels[within]), filled)

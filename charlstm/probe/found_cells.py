"""What `charlstm probe` found in a model, kept, so that `charlstm explain` and `charlstm view` need not look again.

A record is a small JSON file in the cache, named after the hash in the model file; a model that ships has one beside
it. The hash is that of what was read and probed: meanwhile a training may have written another model to the same place.
Formats 1 and 2 were named after another hash, and are not read.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from charlstm.checkpoint import Described, ModelFile, is_shipped
from charlstm.errors import CharLSTMError
from charlstm.files.atomic import write_atomically
from charlstm.files.cache import cache_folder, make_folder
from charlstm.grammar.pairs import MinimalPair
from charlstm.probe.result import CellReport, ProbeResult
from charlstm.probe.statistics import Estimate
from charlstm.probe.verdict import Verdict

RECORD = "probe.json"
FORMAT = 3
MAX_RECORD = 100_000  # bytes


@dataclass(frozen=True)
class FoundCell:
    """The best cell that a probe found: layer and number from 0, and the verdict on it."""

    layer: int
    cell: int
    verdict: str


@dataclass(frozen=True)
class JudgedCell:
    """What a probe says of one cell, for people who look at it later.

    Attributes:
        layer, cell: from 0.
        sign: 1: high for the first class, -1: low.
        verdict: one of `Verdict`.
        hold: with its interval where one was measured: value, low, high.
        moved: how far a patch of it moves the answer towards the twin's: value, low, high; None if not tested.
        flip: the share of choices that the patch changes; None if not tested.
    """

    layer: int
    cell: int
    sign: int
    verdict: str
    hold: tuple[float, ...]
    moved: tuple[float, ...] | None
    flip: float | None


@dataclass(frozen=True)
class Judged:
    """Every cell that a probe reported, the best first; with which pairs, and what the two classes are called."""

    items: str
    classes: tuple[str, str]
    cells: tuple[JudgedCell, ...]


def key_of(pairs: Sequence[MinimalPair]) -> str:
    """What records call a person's own pairs: the same for the same pairs, wherever they are."""
    return hashlib.sha256("".join(pair.to_json() + "\n" for pair in pairs).encode()).hexdigest()


def judged_cells(result: ProbeResult, items: str) -> Judged:
    """What a probe with these items says of each cell."""
    return Judged(items, result.classes, tuple(map(_judged, result.cells)))


def _judged(report: CellReport) -> JudgedCell:
    found, patch = report.candidate.found, report.patch
    hold = (report.candidate.hold,) if report.interval is None else _three(report.interval)
    moved = None if patch is None else _three(patch.recovery)
    flip = None if patch is None or math.isnan(patch.flip) else round(patch.flip, 4)
    hold = tuple(round(value, 4) for value in hold)
    return JudgedCell(found.layer, found.cell, found.sign, report.verdict.value, hold, moved, flip)


def _three(estimate: Estimate) -> tuple[float, ...]:
    values = (estimate.value, estimate.low, estimate.high)
    return tuple(round(value, 4) for value in (values if all(map(math.isfinite, values)) else values[:1]))


def best_cell(result: ProbeResult) -> FoundCell | None:
    """The first cell that tracks the feature; None if none does."""
    return next((FoundCell(*report.candidate.place, report.verdict.value) for report in result.tracking), None)


def remember(content: Described, items: str, result: ProbeResult) -> None:
    """Keep what a probe with these items found. A cache that cannot be written changes nothing."""
    write_record(content.sha256, best_cell(result), judged_cells(result, items))


def write_record(sha256: str, found: FoundCell | None, judged: Judged) -> None:
    """Write the record of a model: its best cell, and every cell that was judged."""
    cell = None if found is None else {"layer": found.layer + 1, "cell": found.cell, "verdict": found.verdict}
    if not sha256:  # it is in no file
        return
    with suppress(OSError, CharLSTMError):
        cells = [{**asdict(one), "layer": one.layer + 1} for one in judged.cells]
        record = {"format": FORMAT, "sha256": sha256, "items": judged.items, "found": cell}
        record |= {"classes": list(judged.classes), "cells": cells}
        path = _record_in_cache(sha256, judged.items)
        make_folder(path.parent)
        write_atomically(path, (json.dumps(record) + "\n").encode())


def recall(content: ModelFile, path: Path, items: str) -> tuple[bool, FoundCell | None]:
    """Whether the model was probed with these items, and what was found. What is not sound counts as nothing.

    Args:
        content: of the model file.
        path: where it was read from.
        items: what they are called.
    """
    config = content.model.config
    for record in _records(content.sha256, path, items):
        try:
            if record["found"] is None:
                return True, None
            found = FoundCell(
                int(record["found"]["layer"]) - 1, int(record["found"]["cell"]), str(record["found"]["verdict"])
            )
        except (ValueError, TypeError, KeyError, OverflowError):
            continue
        if 0 <= found.layer < config.num_layers and 0 <= found.cell < config.hidden_size:
            return True, found
    return False, None


def recall_judged(content: ModelFile, path: Path, items: str) -> Judged | None:
    """Every cell that a probe with these items judged; None if no sound record says. Arguments as for `recall`."""
    config = content.model.config
    for record in _records(content.sha256, path, items):
        try:
            first, second = map(str, record["classes"])
            cells = tuple(_read_judged(one) for one in record["cells"])
        except (ValueError, TypeError, KeyError, OverflowError):
            continue
        if all(0 <= one.layer < config.num_layers and 0 <= one.cell < config.hidden_size for one in cells):
            return Judged(items, (first, second), cells)
    return None


def _read_judged(one: dict[str, Any]) -> JudgedCell:
    """One cell of a record. Raises ValueError, TypeError, KeyError or OverflowError for what is not sound."""
    hold, moved, flip = _numbers(one["hold"]), one["moved"], one["flip"]
    if one["sign"] not in (1, -1):
        raise ValueError("a sign is 1 or -1")
    return JudgedCell(
        layer=int(one["layer"]) - 1,
        cell=int(one["cell"]),
        sign=int(one["sign"]),
        verdict=Verdict(one["verdict"]).value,
        hold=hold,
        moved=None if moved is None else _numbers(moved),
        flip=None if flip is None else _numbers([flip])[0],
    )


def _numbers(values: Any) -> tuple[float, ...]:
    found = tuple(map(float, values))
    if len(found) not in (1, 3) or not all(map(math.isfinite, found)):
        raise ValueError("one number, or one and its interval")
    return found


def _records(sha256: str, path: Path, items: str) -> Iterator[dict[str, Any]]:
    """The records of a model and these items, the one that ships first. What is none of ours is left out."""
    beside = [path.with_name(RECORD)] if is_shipped(path) else []
    for file in (*beside, _record_in_cache(sha256, items)):
        with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
            record = json.loads(file.read_bytes()[:MAX_RECORD])
            if (record["format"], record["sha256"], record["items"]) == (FORMAT, sha256, items):
                yield record


def _record_in_cache(sha256: str, items: str) -> Path:
    return cache_folder("probe") / f"{sha256}-{hashlib.sha256(items.encode()).hexdigest()[:16]}.json"

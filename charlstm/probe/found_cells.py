"""What `charlstm probe` found in a model, kept, so that `charlstm explain` need not look again.

A record is a small JSON file named after the model file's sha256, in the cache; the model that ships has one beside it.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from charlstm.checkpoint import is_shipped, write_atomically
from charlstm.config import ModelConfig
from charlstm.errors import CharLSTMError
from charlstm.files.cache import cache_folder, make_folder
from charlstm.probe.result import ProbeResult

RECORD = "probe.json"
FORMAT = 1


@dataclass(frozen=True)
class FoundCell:
    """The best cell that a probe found: layer and number from 0, and the verdict on it."""

    layer: int
    cell: int
    verdict: str


def best_cell(result: ProbeResult) -> FoundCell | None:
    """The first cell that tracks the feature; None if none does."""
    return next((FoundCell(*report.candidate.place, report.verdict.value) for report in result.tracking), None)


def remember(model: Path, items: str, found: FoundCell | None) -> None:
    """Keep what a probe with these items found. A cache that cannot be written changes nothing."""
    cell = None if found is None else {"layer": found.layer + 1, "cell": found.cell, "verdict": found.verdict}
    with suppress(OSError, CharLSTMError):
        sha256 = _sha256(model)
        record = {"format": FORMAT, "sha256": sha256, "items": items, "found": cell}
        path = _record_in_cache(sha256, items)
        make_folder(path.parent)
        write_atomically(path, (json.dumps(record) + "\n").encode())


def recall(model: Path, items: str, config: ModelConfig) -> tuple[bool, FoundCell | None]:
    """Whether the model was probed with these items, and what was found. What is not sound counts as nothing."""
    sha256 = _sha256(model)
    beside = [model.with_name(RECORD)] if is_shipped(model) else []
    for path in (*beside, _record_in_cache(sha256, items)):
        try:
            record = json.loads(path.read_bytes()[:10_000])
            if (record["format"], record["sha256"], record["items"]) != (FORMAT, sha256, items):
                continue
            if record["found"] is None:
                return True, None
            found = FoundCell(
                int(record["found"]["layer"]) - 1, int(record["found"]["cell"]), str(record["found"]["verdict"])
            )
        except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
            continue
        if 0 <= found.layer < config.num_layers and 0 <= found.cell < config.hidden_size:
            return True, found
    return False, None


def _record_in_cache(sha256: str, items: str) -> Path:
    return cache_folder("probe") / f"{sha256}-{hashlib.sha256(items.encode()).hexdigest()[:16]}.json"


def _sha256(model: Path) -> str:
    return hashlib.sha256(model.read_bytes()).hexdigest()

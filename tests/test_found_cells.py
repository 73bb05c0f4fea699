"""Records of what a probe found: every cell that was judged; those of the version before had the best one alone."""

import json
import math
from pathlib import Path

import pytest

from charlstm.checkpoint import load_model_file, shipped_models
from charlstm.config import ModelConfig
from charlstm.files.cache import cache_folder
from charlstm.probe import found_cells
from charlstm.probe.defaults import defaults_of
from charlstm.probe.found_cells import FoundCell, Judged, JudgedCell, recall, recall_judged, write_record

CONFIG = ModelConfig(5, hidden_size=8, num_layers=2)
CELL = JudgedCell(1, 3, 1, "tracks and used", (0.99, 0.9, 1.0), (0.5, 0.4, 0.6), 0.8)
OTHER = JudgedCell(0, 2, -1, "none", (0.6,), None, None)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"a model")
    return path


def record_of(model: Path) -> Path:
    (path,) = cache_folder("probe").glob(f"{found_cells._sha256(model)}*.json")
    return path


def test_what_is_remembered_comes_back(model: Path) -> None:
    assert recall_judged(model, "items", CONFIG) is None
    judged = Judged("items", ("F", "M"), (CELL, OTHER))
    write_record(model, FoundCell(1, 3, "tracks and used"), judged)
    assert recall(model, "items", CONFIG) == (True, FoundCell(1, 3, "tracks and used"))
    assert recall_judged(model, "items", CONFIG) == judged
    assert recall_judged(model, "other items", CONFIG) is None
    model.write_bytes(b"another model")
    assert recall_judged(model, "items", CONFIG) is None


def test_a_record_of_format_1_still_says_which_cell_is_best(model: Path) -> None:
    write_record(model, FoundCell(1, 3, "tracks"), Judged("items", ("F", "M"), (CELL,)))
    path = record_of(model)
    record = json.loads(path.read_text())
    old = {name: record[name] for name in ("sha256", "items", "found")} | {"format": 1}
    path.write_text(json.dumps(old))
    assert recall(model, "items", CONFIG) == (True, FoundCell(1, 3, "tracks"))
    assert recall_judged(model, "items", CONFIG) is None
    path.write_text(json.dumps(old | {"format": 3}))
    assert recall(model, "items", CONFIG) == (False, None)


@pytest.mark.parametrize(
    "change",
    [
        {"layer": 3},
        {"cell": 8},
        {"cell": -1},
        {"sign": 0},
        {"verdict": "<script>"},
        {"hold": []},
        {"hold": [0.5, 0.6]},
        {"hold": [math.nan]},
        {"moved": "x"},
        {"flip": [1]},
    ],
)
def test_a_record_that_is_not_sound_says_nothing(model: Path, change: dict) -> None:
    write_record(model, None, Judged("items", ("F", "M"), (CELL,)))
    path = record_of(model)
    record = json.loads(path.read_text())
    record["cells"][0].update(change)
    path.write_text(json.dumps(record))
    assert recall_judged(model, "items", CONFIG) is None


@pytest.mark.parametrize("name", ["portuguese", "english"])
def test_the_models_that_ship_have_their_cells_judged(name: str) -> None:
    path = shipped_models()[name]
    content = load_model_file(path)
    usual = defaults_of(content.language)
    judged = recall_judged(path, usual.name, content.model.config)
    found = recall(path, usual.name, content.model.config)[1]
    assert judged.classes == usual.labels
    assert (judged.cells[0].layer, judged.cells[0].cell) == (found.layer, found.cell)
    assert judged.cells[0].verdict == found.verdict == "tracks and used"
    assert all(len(cell.hold) == 3 and cell.moved is not None for cell in judged.cells)

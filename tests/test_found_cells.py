"""Records of what a probe found: every cell that was judged."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from charlstm.checkpoint import ModelFile, load_model_file, shipped_models
from charlstm.config import ModelConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.files.cache import cache_folder
from charlstm.network.model import CharLM
from charlstm.probe.defaults import defaults_of
from charlstm.probe.found_cells import FoundCell, Judged, JudgedCell, recall, recall_judged, write_record

PLACE = Path("model.safetensors")  # of a model that does not ship
CELL = JudgedCell(1, 3, 1, "tracks and used", (0.99, 0.9, 1.0), (0.5, 0.4, 0.6), 0.8)
OTHER = JudgedCell(0, 2, -1, "none", (0.6,), None, None)


@pytest.fixture
def model() -> ModelFile:
    network = CharLM(ModelConfig(5, hidden_size=8, num_layers=2))
    return ModelFile(network, Vocabulary("abcde"), {}, sha256="a" * 64)


def record_of(model: ModelFile) -> Path:
    (path,) = cache_folder("probe").glob(f"{model.sha256}*.json")
    return path


def test_what_is_remembered_comes_back(model: ModelFile) -> None:
    assert recall_judged(model, PLACE, "items") is None
    judged = Judged("items", ("F", "M"), (CELL, OTHER))
    write_record(model.sha256, FoundCell(1, 3, "tracks and used"), judged)
    assert recall(model, PLACE, "items") == (True, FoundCell(1, 3, "tracks and used"))
    assert recall_judged(model, PLACE, "items") == judged
    assert recall_judged(model, PLACE, "other items") is None
    assert recall_judged(replace(model, sha256="b" * 64), PLACE, "items") is None


def test_what_is_in_no_file_is_not_remembered(model: ModelFile) -> None:
    write_record("", FoundCell(1, 3, "tracks"), Judged("items", ("F", "M"), (CELL,)))
    assert recall(replace(model, sha256=""), PLACE, "items") == (False, None)


def test_a_record_of_another_format_says_nothing(model: ModelFile) -> None:
    write_record(model.sha256, FoundCell(1, 3, "tracks"), Judged("items", ("F", "M"), (CELL,)))
    path = record_of(model)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))
    assert recall(model, PLACE, "items") == (False, None)
    assert recall_judged(model, PLACE, "items") is None


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
def test_a_record_that_is_not_sound_says_nothing(model: ModelFile, change: dict) -> None:
    write_record(model.sha256, None, Judged("items", ("F", "M"), (CELL,)))
    path = record_of(model)
    record = json.loads(path.read_text())
    record["cells"][0].update(change)
    path.write_text(json.dumps(record))
    assert recall_judged(model, PLACE, "items") is None


@pytest.mark.parametrize("name", ["portuguese", "english"])
def test_the_models_that_ship_have_their_cells_judged(name: str) -> None:
    path = shipped_models()[name]
    content = load_model_file(path)
    usual = defaults_of(content.language)
    judged = recall_judged(content, path, usual.name)
    found = recall(content, path, usual.name)[1]
    assert judged.classes == usual.labels
    assert (judged.cells[0].layer, judged.cells[0].cell) == (found.layer, found.cell)
    assert judged.cells[0].verdict == found.verdict == "tracks and used"
    assert all(len(cell.hold) == 3 and cell.moved is not None for cell in judged.cells)

"""What drives a cell's gates and what it drives, in networks whose weights are known."""

import json
import math
from pathlib import Path

import pytest
import torch
from planted import CHARS, OPEN, Planted, atanh, ordinary_lines, toy_pairs, write_pairs

from charlstm.checkpoint import ModelFile, save_model_file
from charlstm.config import ModelConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.explain.connections import Wiring
from charlstm.explain.wiring import measure_wiring
from charlstm.network.cells import CELLS
from charlstm.network.model import CharLM
from charlstm.network.reader import Reader
from charlstm.probe.ordinary import to_lanes
from charlstm.probe.reading import warm_state
from charlstm.report.wiring import in_words

VOCABULARY = Vocabulary(CHARS)
PAIRS = toy_pairs(lemmas=12)
LANES = to_lanes(VOCABULARY.encode(ordinary_lines(60)))


def wired(model: CharLM, place: tuple[int, int] = (0, 0)) -> Wiring:
    return measure_wiring(
        model, VOCABULARY, PAIRS, warm_state(Reader(model), torch.zeros(1, dtype=torch.int64)), LANES, place
    )


def holder() -> Planted:
    network = Planted()
    network.write(0, {"F": 0.9, "M": -0.9, "\n": 0.0})
    network.read(0, 4.0)
    return network


def test_the_characters_that_write_it_are_named() -> None:
    found = wired(holder().model)
    assert found.written_at == {"'F'": 0.5, "'M'": 0.5}
    g, i, f, o = (found.gates[letter] for letter in "gifo")
    assert {source.name for source in g.sources[:2]} == {"'F'", "'M'"}
    assert sum(source.twin["written"] for source in g.sources[:2]) == pytest.approx(2 * atanh(0.9), abs=1e-4)
    assert all(source.twin["written"] == 0 for source in g.sources[2:])
    assert {source.name for source in i.sources[:3]} == {"'F'", "'M'", "'\\n'"}  # they open the input gate
    assert i.mean["written"] == pytest.approx((OPEN, OPEN), abs=1e-3)
    assert i.mean["read"] == pytest.approx((-OPEN, -OPEN), abs=1e-3)
    assert f.mean["written"] == pytest.approx((-OPEN, -OPEN), abs=1e-3)  # and clear what was there
    assert o.sources == []  # always open


def test_the_logits_that_read_it_are_named() -> None:
    found = wired(holder().model)
    logits = {reader.name: reader for reader in found.readers if not reader.gate}
    assert set(logits) == {"'a'", "'o'"}
    assert logits["'a'"].weight == pytest.approx(4.0)
    assert logits["'a'"].twin == pytest.approx(4.0 * 2 * math.tanh(0.9), abs=1e-3)
    assert found.endings == pytest.approx((16 * math.tanh(0.9), 16 * math.tanh(0.9)), abs=1e-3)
    assert "makes 11.5 of the 11.5 nats" in in_words(found)


def test_the_cell_of_its_own_layer_that_drives_it_is_named() -> None:
    """Cell 1 takes the cue; one character later cell 0 takes it from there, and only it is read."""
    network = holder()
    network.write(1, {"F": 0.9, "M": -0.9, "\n": 0.0})
    layer = network.model.stack.layer(0)
    with torch.no_grad():
        for gate in "ig":
            layer.weight_ih[network._gate(gate, 0)] = 0.0
        layer.weight_ih[network._gate("f", 0)] = 0.0
        layer.bias[network._gate("i", 0)] = OPEN
        layer.bias[network._gate("f", 0)] = -OPEN
        layer.weight_hh[network._gate("g", 0), 1] = 3.0
        layer.weight_hh[network._gate("o", 5), 0] = -7.0
    found = wired(network.model)
    (source,) = found.gates["g"].sources
    assert source.name == "1:1"
    assert source.weight == pytest.approx(3.0)
    assert source.twin["read"] == pytest.approx(3.0 * 2 * math.tanh(0.9), abs=1e-3)
    assert [whole.twin["read"] for whole in found.gates["g"].whole] == pytest.approx([0.0, source.twin["read"]])
    reader = next(reader for reader in found.readers if reader.gate)
    assert (reader.name, reader.gate) == ("1:5", "o")
    assert reader.weight == pytest.approx(-7.0)


@torch.no_grad()
def test_what_a_source_is_said_to_change_the_step_changes_by() -> None:
    """A cell of layer 2: the step itself, with a source at another value."""
    model = CharLM(ModelConfig(len(CHARS), hidden_size=10, num_layers=2, embedding_size=6))
    model.reset_parameters(8.0, 3)
    torch.nn.init.normal_(model.head.weight, generator=torch.Generator().manual_seed(1))
    found = wired(model, (1, 4))
    draw = torch.Generator().manual_seed(2)
    below, h, c = (torch.randn(1, 10, generator=draw) for _ in range(3))
    inverse = {"i": torch.logit, "f": torch.logit, "o": torch.logit, "g": torch.atanh}
    for letter, gate in found.gates.items():
        for source in gate.sources:
            layer, cell = map(int, source.name.split(":"))
            states = {1: below.clone(), 2: h.clone()}
            before = model.cell.step(below, h, c, model.stack.layer(1))[2][letter][0, 4]
            states[layer][0, cell] += 0.5
            after = model.cell.step(states[1], states[2], c, model.stack.layer(1))[2][letter][0, 4]
            assert float(inverse[letter](after) - inverse[letter](before)) == pytest.approx(
                0.5 * source.weight, abs=1e-3
            )
        for moment, (one, other) in gate.mean.items():
            assert sum(whole.twin[moment] for whole in gate.whole) == pytest.approx(one - other, abs=1e-6)
            beyond = sum(whole.usual[moment] for whole in gate.whole)
            assert gate.usual + beyond == pytest.approx((one + other) / 2, abs=1e-6)


def test_on_the_command_line(invoke, tmp_path: Path) -> None:
    model = holder().save(tmp_path / "planted.safetensors")
    items = write_pairs(tmp_path / "pairs.jsonl", PAIRS)
    given = ("explain", "wiring", "-c", model, "--pairs", items, "--cell", "1:0")
    found = json.loads(invoke(*given, "--json").out)
    assert (found["view"], found["layer"], found["cell"], found["chosen"]) == ("wiring", 1, 0, "asked for")
    assert set(found["gates"]) == set("ifgo")
    done = invoke(*given)
    assert done.code == 0, done.err
    assert "Cell 0 of layer 1 is written at 'F' (50 %), 'M' (50 %)" in done.out
    assert "logit of 'a'" in done.out


@pytest.mark.parametrize("cell_type", [name for name, cell in CELLS.items() if not cell.output_gate])
def test_cells_without_an_output_gate_are_refused_in_a_line(invoke, tmp_path: Path, cell_type: str) -> None:
    model = CharLM(ModelConfig(len(CHARS), hidden_size=8, num_layers=1, embedding_size=6, cell_type=cell_type))
    model.reset_parameters(8.0, 1)
    save_model_file(tmp_path / "other.safetensors", ModelFile(model, VOCABULARY, {}))
    items = write_pairs(tmp_path / "pairs.jsonl", PAIRS)
    done = invoke("explain", "wiring", "-c", tmp_path / "other.safetensors", "--pairs", items, "--cell", "1:0")
    assert done.code == 2
    assert f"this model is {CELLS[cell_type].label} and has no" in done.err.splitlines()[-1]


def test_pairs_without_twins_are_refused(invoke, tmp_path: Path) -> None:
    model = holder().save(tmp_path / "planted.safetensors")
    items = tmp_path / "pairs.jsonl"
    items.write_text('{"sentence_good": "Fbca.", "sentence_bad": "Fbco."}\n' * 12, encoding="utf-8")
    done = invoke("explain", "wiring", "-c", model, "--pairs", items, "--cell", "1:0")
    assert done.code == 3
    assert "give pairs that have twins" in done.err

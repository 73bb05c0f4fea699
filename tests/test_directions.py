"""One cell beside directions of its layer, in networks whose truth is known."""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from planted import CHARS, FILLERS, Planted, filler, ordinary_lines, toy_pairs, write_pairs

from charlstm.config import ModelConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.grammar.pairs import MinimalPair
from charlstm.network.cells import CELLS
from charlstm.network.model import CharLM
from charlstm.network.reader import Reader
from charlstm.probe import direction_fits
from charlstm.probe.causes import Bench, make_bench, patch
from charlstm.probe.direction_fits import FITS, Direction, Lesson, das, patch_along
from charlstm.probe.directions import Directions, compare
from charlstm.probe.effects import Twins, recovery
from charlstm.probe.reading import warm_state
from charlstm.probe.sampling import in_turn
from charlstm.probe.stimuli import make_stimuli, split_lemmas

VOCABULARY = Vocabulary(CHARS)
NEWLINE = torch.zeros(1, dtype=torch.int64)


def word_pairs(lemmas: int = 16) -> list[MinimalPair]:
    """Toy pairs whose cue is F or M and a word of the lemma: what cells make of the cue varies with it."""
    rng = random.Random(4)
    words = [filler(rng, 8) for _ in range(lemmas)]
    found = []
    for pair in toy_pairs(lemmas):
        if len(pair.prefix) > 31:
            continue
        word = words[int(pair.lemma[1:])]
        good, bad, twin = (text[0] + word + text[1:] for text in (pair.sentence_good, pair.sentence_bad, pair.twin))
        start = pair.attractor and pair.attractor[0] + len(word)
        attractor = start and (start, start + 1)
        found.append(replace(pair, sentence_good=good, sentence_bad=bad, twin=twin, cue_end=9, attractor=attractor))
    return found


STIMULI = make_stimuli(word_pairs(), VOCABULARY)


def read(model: CharLM) -> Bench:
    """All sentences, each after a newline."""
    reader = Reader(model)
    return make_bench(reader, STIMULI, warm_state(reader, NEWLINE), np.ones(len(STIMULI), dtype=bool))


@torch.no_grad()
def compared(model: CharLM, cell: int = 0, seed: int = 0) -> Directions:
    halves = split_lemmas(STIMULI, 0)
    return compare(read(model), halves, (0, cell), np.random.default_rng(seed))


def in_one_cell() -> Planted:
    network = Planted()
    network.write(0, {"F": 0.9, "M": -0.9, "\n": 0.0})
    network.read(0, 4.0)
    return network


def spread(cells: int = 16) -> tuple[Planted, torch.Tensor]:
    """The feature lies along one direction of many cells, and letters move them at right angles to it."""
    network = Planted(planted=cells)
    basis, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(cells, cells)))
    for cell in range(cells):
        carried = float(basis[cell, 0])
        network.write(cell, {"F": 0.2 * carried, "M": -0.2 * carried, "\n": 0.0})
        for k, letter in enumerate(FILLERS):
            network.write(cell, {letter: 0.05 * (-1) ** k * float(basis[cell, 1 + k % 15])}, add=True)
        network.read(cell, 40.0 * carried)
    return network, torch.from_numpy(basis[:, 0]).float()


@pytest.mark.parametrize("name", FITS)
def test_what_lies_in_one_cell_is_found_along_its_axis(name: str) -> None:
    found = compared(in_one_cell().model)
    (effect,) = (effect for effect in found.fitted if effect.name == name)
    assert effect.cosine == pytest.approx(1.0, abs=0.02)
    assert found.cell.recovery.value == pytest.approx(1.0, abs=0.01)
    assert effect.recovery.value == pytest.approx(found.cell.recovery.value, abs=0.03)
    assert effect.training == pytest.approx(effect.recovery.value, abs=0.03)
    assert effect.flip == found.cell.flip == 1.0
    assert effect.control == pytest.approx(0.0, abs=0.15)


def test_what_is_spread_over_many_cells_is_found_by_directions_only() -> None:
    network, along = spread()
    largest = int(along.abs().argmax())
    found = compared(network.model, largest)
    assert found.cell.recovery.value < 0.4
    for effect in found.fitted:
        assert effect.recovery.value == pytest.approx(1.0, abs=0.05), effect.name
        assert effect.cosine == pytest.approx(float(along.abs().max()), abs=0.1), effect.name
        assert effect.selectivity > 0.8, effect.name


def test_das_needs_no_means_to_begin_with(monkeypatch: pytest.MonkeyPatch) -> None:
    network, along = spread()
    nothing = torch.zeros(network.hidden_size)
    monkeypatch.setattr(direction_fits, "class_means", lambda lesson: Direction(nothing, nothing))
    train, held_out = (read(network.model).part(half) for half in split_lemmas(STIMULI, 0))
    with torch.no_grad():
        found = das(Lesson.of(train, 0, 1, exchange=False))
        twins = Twins.of(held_out.label, held_out.twin, held_out.lemma)
        assert recovery(twins, held_out.base, patch_along(held_out, 0, found)) == pytest.approx(1.0, abs=0.1)
    assert abs(float(found.c[: len(along)] @ along)) > 0.5


def test_the_axis_of_a_cell_is_the_patch_of_the_cell() -> None:
    for kind in CELLS:
        model = CharLM(ModelConfig(len(CHARS), hidden_size=12, num_layers=2, embedding_size=8, cell_type=kind))
        model.reset_parameters(8.0, 1)
        torch.nn.init.normal_(model.head.weight, generator=torch.Generator().manual_seed(2))
        chosen = STIMULI.lemma < 3
        bench = read(model).part(chosen)
        for layer, cell in ((0, 3), (1, 7)):
            axes = Direction(*(torch.eye(part.shape[-1])[cell] if part.shape[-1] else part[0, 0] for part in bench.at))
            with torch.no_grad():
                assert patch_along(bench, layer, axes) == pytest.approx(patch(bench, [(layer, cell)]), abs=1e-5)


def test_no_direction_changes_nothing() -> None:
    model = in_one_cell().model
    bench = read(model).part(STIMULI.lemma < 3)
    nothing = Direction(torch.zeros(model.config.hidden_size), torch.zeros(model.config.hidden_size))
    assert patch_along(bench, 0, nothing) == pytest.approx(bench.base, abs=1e-5)


def test_half_of_the_lemmas_exchange_their_classes() -> None:
    model = in_one_cell().model
    chosen = STIMULI.lemma < 5  # an odd one is left out
    bench = read(model).part(chosen)
    lesson = Lesson.of(bench, 0, 3, exchange=True)
    signs = {int(lemma): set(lesson.sign[lesson.twins.lemma == lemma].tolist()) for lemma in range(5)}
    assert sorted(signs.values(), key=min) == [{-1.0}, {-1.0}, {0.0}, {1.0}, {1.0}]
    assert lesson.weight.sum() == pytest.approx(1.0)
    assert (lesson.weight * lesson.sign).sum() == pytest.approx(0.0)
    assert set(Lesson.of(bench, 0, 3, exchange=False).sign.tolist()) == {1.0}


def test_das_is_the_same_twice() -> None:
    model = spread()[0].model
    bench = read(model).part(STIMULI.lemma < 6)
    lesson = Lesson.of(bench, 0, 1, exchange=False)
    with torch.no_grad():
        first, second = das(lesson), das(lesson)
    assert torch.equal(first.c, second.c)
    assert float(first.c.norm()) == pytest.approx(1.0, abs=1e-5)


def test_one_of_each_group_in_turn() -> None:
    groups = np.array([7, 7, 7, 8, 9, 8])
    assert in_turn(np.arange(6), groups).tolist() == [0, 3, 4, 1, 5, 2]


@pytest.mark.slow
def test_on_the_command_line(invoke, tmp_path: Path) -> None:
    model = in_one_cell().save(tmp_path / "planted.safetensors")
    items = write_pairs(tmp_path / "pairs.jsonl", toy_pairs())
    text = tmp_path / "ordinary.txt"
    text.write_text(ordinary_lines(), encoding="utf-8")
    given = ("probe", "-c", model, "--pairs", items, "--text", text)
    without = json.loads(invoke(*given, "--json").out)
    found = json.loads(invoke(*given, "--json", "--directions").out)
    assert without["directions"] is None
    assert {**found, "directions": None} == without  # nothing else is changed by it
    said = found["directions"]
    assert (said["layer"], said["cell"]["name"]) == (1, "1:0")
    assert [effect["name"] for effect in said["fitted"]] == list(FITS)
    assert said["fitted"][2]["selectivity"] == pytest.approx(
        said["fitted"][2]["recovery"]["value"] - said["fitted"][2]["control"]
    )
    cards = invoke(*given, "--directions", "--details").out
    assert "Cell 0 of layer 1 does 100 % of what the best direction of its layer does" in " ".join(cards.split())
    assert all(f"{name} of layer 1\n" in cards for name in FITS)
    assert "selectivity" in cards


def test_without_twins_it_is_refused(invoke, tmp_path: Path) -> None:
    model = in_one_cell().save(tmp_path / "planted.safetensors")
    items = tmp_path / "pairs.jsonl"
    items.write_text('{"sentence_good": "Fbca.", "sentence_bad": "Fbco."}\n' * 12, encoding="utf-8")
    done = invoke("probe", "-c", model, "--pairs", items, "--directions")
    assert done.code == 3
    assert "leave --directions out" in done.err

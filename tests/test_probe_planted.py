"""The probe against known truth: networks built by hand, written as model files, read through `--pairs`."""

import json
import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from planted import (
    CHARS,
    FILLERS,
    Planted,
    filler,
    ordinary_lines,
    toy_pairs,
    trained_on_random_endings,
    untrained,
    write_pairs,
)

from charlstm.checkpoint import ModelFile, save_model_file
from charlstm.corpus.vocab import Vocabulary
from charlstm.grammar.pairs import MinimalPair
from charlstm.network import reader as reader_module
from charlstm.network.model import CharLM
from charlstm.network.reader import Reader
from charlstm.network.threads import torch_threads
from charlstm.probe.causes import Bench, ablate, make_bench, memories, midway, patch, patch_both, patch_each
from charlstm.probe.effects import Twins, recovery
from charlstm.probe.evidence import probed
from charlstm.probe.pipeline import ProbeRequest, probe, read_answers
from charlstm.probe.reading import warm_state
from charlstm.probe.selectivity import confirm, discover
from charlstm.probe.statistics import auc
from charlstm.probe.stimuli import Stimuli, make_stimuli, split_lemmas

VOCABULARY = Vocabulary(CHARS)
FEMININE, MASCULINE = 0.9, -0.9


@pytest.fixture
def found(invoke, tmp_path: Path):
    """Probe a planted network through files and the command line; the JSON of it."""

    def call(network: Planted, pairs: list[Any] | None = None, neutral: float = 0.5, *more: object) -> dict[str, Any]:
        model = network.save(tmp_path / "planted.safetensors")
        items = write_pairs(tmp_path / "pairs.jsonl", pairs or toy_pairs())
        text = tmp_path / "ordinary.txt"
        text.write_text(ordinary_lines(neutral=neutral), encoding="utf-8")
        few = () if "--nulls" in more else ("--nulls", 5)
        done = invoke("probe", "-c", model, "--pairs", items, "--text", text, "--json", *few, *more)
        assert done.code == 0, done.err
        return json.loads(done.out)

    return call


def read_all(model: CharLM, stimuli: Stimuli) -> Bench:
    """All sentences, each after a newline."""
    reader = Reader(model)
    warm = warm_state(reader, torch.zeros(1, dtype=torch.int64))
    return make_bench(reader, stimuli, warm, np.ones(len(stimuli), bool))


def verdicts(result: dict[str, Any]) -> dict[int, str]:
    return {cell["cell"]: cell["verdict"] for cell in result["cells"] if cell["verdict"] != "none"}


def holder(cells: int = 1, **more: int) -> Planted:
    network = Planted(**more)
    for cell in range(cells):
        network.write(cell, {"F": FEMININE, "M": MASCULINE, "\n": 0.0})
        network.read(cell, 4.0)
    return network


def test_a_one_cell_holds_it(found) -> None:
    result = found(holder())
    assert verdicts(result) == {0: "tracks and used"}
    (cell,) = result["cells"]
    assert (cell["layer"], cell["cell"], cell["sign"]) == (1, 0, 1)
    assert cell["hold"]["value"] == 1.0
    assert result["behaviour"]["value"] == 1.0
    assert cell["ablation"]["removed"]["value"] == pytest.approx(1.0, abs=0.01)
    assert cell["ablation"]["removed_by_resampling"]["value"] == pytest.approx(1.0, abs=0.01)
    assert cell["ablation"]["twin_order"]["value"] == pytest.approx(0.5, abs=0.1)
    assert cell["patch"]["flip"] == 1.0
    assert cell["patch"]["recovery"]["value"] == pytest.approx(1.0, abs=0.01)
    assert cell["patch"]["rest_recovery"]["value"] == pytest.approx(0.0, abs=0.01)
    assert result["sets"]["smallest"]["cells"] == ["1:0"]
    assert cell["attractor_auc"]["target"] == pytest.approx(0.5, abs=0.01)
    assert cell["gates"]["kept_over_span"] == pytest.approx(1.0, abs=1e-6)
    assert cell["gates"]["cleared_at_cue"] == pytest.approx(1.0, abs=1e-6)


def test_b_overwritten_by_the_attractor(found) -> None:
    network = holder()
    network.write(0, {"f": FEMININE, "m": MASCULINE})
    result = found(network)
    assert verdicts(result) == {0: "short-range"}
    assert result["behaviour"]["by"]["attractor"]["opposite"]["value"] == 0.0


def test_b_taken_for_the_contrary_at_the_attractor(found) -> None:
    """With an attractor of the other class it looks like perfect memory at every landmark."""
    network = holder()
    network.write(0, {"f": MASCULINE, "m": FEMININE})
    result = found(network)
    assert result["cells"][0]["hold"]["value"] == 1.0
    assert result["cells"][0]["same_hold"] == 0.0
    assert verdicts(result) == {0: "short-range"}


def test_twelve_copies_are_switched_off_together(found) -> None:
    result = found(holder(cells=12, planted=12, ordinary=30))
    assert len(result["cells"]) == 8
    assert any("4 more cells" in note for note in result["notes"])
    assert verdicts(result) == dict.fromkeys(verdicts(result), "tracks")  # a twelfth of the way each
    together = result["sets"]["together"]
    assert len(together["cells"]) == 12
    assert together["ablation"]["removed"]["value"] == pytest.approx(1.0, abs=0.01)
    assert together["patch"]["recovery"]["value"] == pytest.approx(1.0, abs=0.01)
    assert len(result["sets"]["smallest"]["cells"]) == 12


def test_c_held_but_not_read(found) -> None:
    network = Planted()
    network.write(0, {"F": FEMININE, "M": MASCULINE, "\n": 0.0})
    result = found(network)
    assert verdicts(result) == {0: "tracks"}
    assert result["cells"][0]["patch"]["nats"]["value"] == pytest.approx(0.0, abs=1e-6)
    assert result["cells"][0]["ablation"]["nats"]["value"] == pytest.approx(0.0, abs=1e-6)


def test_d_one_cell_for_each_class(found) -> None:
    """Each cell speaks for its class only; the twin's value in one of them moves the odds half of the way."""
    network = Planted()
    network.write(0, {"F": 0.9, "M": 0.0, "\n": -0.9})
    network.write(1, {"M": 0.9, "F": 0.0, "\n": -0.9})
    network.read(0, 4.0)
    network.read(1, -4.0)
    result = found(network, None, 0.95)
    assert verdicts(result) == {0: "tracks and used", 1: "tracks and used"}
    for cell in result["cells"]:
        assert cell["patch"]["recovery"]["value"] == pytest.approx(0.5, abs=0.01)
        assert cell["ablation"]["twin_order"]["value"] == 1.0
    assert result["sets"]["smallest"]["cells"] == ["1:0", "1:1"]


def test_e_two_copies(found, invoke, tmp_path: Path) -> None:
    """What one copy carries is not lost without it; its patch says that the network uses it all the same."""
    result = found(holder(cells=2))
    assert verdicts(result) == {0: "tracks and used", 1: "tracks and used"}
    for cell in result["cells"]:
        assert cell["ablation"]["twin_order"]["value"] == 1.0
        assert cell["patch"]["recovery"]["value"] == pytest.approx(0.5, abs=0.01)
    together = result["sets"]["together"]
    assert together["ablation"]["removed"]["value"] == pytest.approx(1.0, abs=0.01)
    assert "other cells carry enough to keep 100 % of the twins in order" in said(invoke, tmp_path)


def said(invoke: Any, folder: Path, *more: object) -> str:
    """What the probe says in words of the network that `found` probed."""
    model, pairs, text = (folder / name for name in ("planted.safetensors", "pairs.jsonl", "ordinary.txt"))
    few = () if "--nulls" in more else ("--nulls", 5)
    return " ".join(
        invoke("probe", "-c", model, "--pairs", pairs, "--text", text, *few, "--details", *more).out.split()
    )


def test_f_spread_over_sixteen_cells(found) -> None:
    network = Planted(planted=16)
    rng = np.random.default_rng(5)
    basis, _ = np.linalg.qr(rng.normal(size=(16, 16)))  # its first direction carries the feature, two others noise
    for cell in range(16):
        carried = float(basis[cell, 0])
        network.write(cell, {"F": 0.2 * carried, "M": -0.2 * carried, "\n": 0.0})
        for k, letter in enumerate(FILLERS):
            step = 0.1 * (-1) ** k * float(basis[cell, 1 + k % 15])
            network.write(cell, {letter: step}, add=True)
        network.read(cell, 40.0 * carried)
    result = found(network)
    assert verdicts(result) == {}
    assert result["behaviour"]["value"] > 0.95
    recovery_of = {point["cells"]: point["recovery"] for point in result["sets"]["top_k"]}
    assert recovery_of[16] > 0.95
    assert recovery_of[1] < 0.5


def test_g_a_memory_that_leaks(found) -> None:
    network = Planted()
    network.keep(0, f=0.95)
    network.write(0, {"F": FEMININE, "M": MASCULINE, "\n": 0.0})
    network.write(0, {letter: 0.04 * (-1) ** k for k, letter in enumerate(FILLERS)}, add=True)
    network.read(0, 4.0)
    result = found(network)
    assert verdicts(result) == {0: "short-range"}
    by_distance = result["cells"][0]["hold_by_distance"]
    assert by_distance["12"] >= 0.95
    assert by_distance["60"] < 0.9


@pytest.mark.parametrize("forget_bias", [0.0, 1.0, 2.0])
def test_h_untrained_networks_show_nothing(forget_bias: float) -> None:
    ids = VOCABULARY.encode(ordinary_lines())
    for seed in (11, 12) if os.environ.get("SOAK") else (11,):
        request = ProbeRequest(toy_pairs(seed=seed), warm="\n", ordinary=(ids, "lines"), nulls=5, seed=seed)
        result = probe(untrained(forget_bias, seed), VOCABULARY, request)
        assert [cell.verdict.value for cell in result.cells if cell.verdict.value != "none"] == []


def test_w_a_network_trained_on_random_endings_shows_nothing() -> None:
    ids = VOCABULARY.encode(ordinary_lines())
    request = ProbeRequest(toy_pairs(), warm="\n", ordinary=(ids, "lines"), nulls=5)
    result = probe(trained_on_random_endings(0, steps=100), VOCABULARY, request)
    assert [*result.tracking, *result.driving] == []
    assert result.detectable is not None
    assert result.detectable <= 0.97


def test_i_labels_flipped_by_pair() -> None:
    network = holder()
    stimuli = make_stimuli(toy_pairs(lemmas=16), VOCABULARY)
    states = probed(read_all(network.model, stimuli), False)
    chosen = stimuli.contested
    states, lemma, label = states[chosen], stimuli.lemma[chosen], stimuli.label[chosen]
    halves = tuple(half[chosen] for half in split_lemmas(stimuli, 0))
    rng = np.random.default_rng(3)
    runs, false = 400, 0
    for _ in range(runs):
        flipped = np.isin(lemma, np.flatnonzero(rng.random(16) < 0.5))
        positive = (label == 0) ^ flipped
        found = discover(states[halves[0]], positive[halves[0]])
        candidates = confirm(states[halves[1]], positive[halves[1]], lemma[halves[1]], found, rng)
        false += min((candidate.p for candidate in candidates), default=1.0) < 0.05
    assert false / runs <= 0.05 + 2 * (0.05 * 0.95 / runs) ** 0.5


def test_j_it_reads_the_article_only(found) -> None:
    pairs = toy_pairs(cues=("FM", "GH"))
    result = found(holder(), pairs)
    kinds = result["behaviour"]["by"]["kind"]
    assert kinds["article"]["value"] == 1.0
    assert kinds["ending"]["value"] == pytest.approx(0.5, abs=0.02)


def test_k_the_whole_state_patched_is_the_twin() -> None:
    network = holder()
    with torch.no_grad():  # let the head read everything
        network.model.head.weight.add_(
            torch.randn(network.model.head.weight.shape, generator=torch.Generator().manual_seed(1))
        )
    stimuli = make_stimuli(toy_pairs(lemmas=10), VOCABULARY)
    bench = read_all(network.model, stimuli)
    nothing, whole = patch_both(bench, [])
    assert np.abs(whole - bench.base[bench.twin]).max() < 1e-5
    twins = Twins.of(bench.label, bench.twin, bench.lemma)
    assert recovery(twins, bench.base, whole) == pytest.approx(1.0, abs=1e-6)
    assert np.abs(nothing - bench.base).max() < 1e-6
    itself = replace(bench, twin=np.arange(len(bench.rows)))
    assert np.abs(patch(itself, [(0, 0), (0, 7)]) - bench.base).max() < 1e-6


def test_l_position_says_nothing_of_the_class(found) -> None:
    network = Planted()
    network.write(0, {c: 0.01 for c in CHARS if c != "\n"}, add=True)
    network.write(0, {"\n": 0.0})
    network.read(0, 4.0)
    stimuli = make_stimuli(toy_pairs(), VOCABULARY)
    states = probed(read_all(network.model, stimuli), False)
    assert np.abs(auc(states[:, :, 0, 0], stimuli.label == 0) - 0.5).max() < 0.01
    assert verdicts(found(network)) == {}


def with_long_cues(always: bool) -> list[MinimalPair]:
    """Feminine cues are eight characters longer than masculine ones; or, not `always`, as often the other way round."""
    pairs = []
    for k, pair in enumerate(toy_pairs()):
        if len(pair.prefix) != 31:  # one distance, or the places of the other landmarks would vary
            continue
        longer = {"F": "bcdehijk", "M": ""} if always or k % 2 else {"F": "", "M": "bcdehijk"}
        start = pair.attractor and pair.attractor[0] + len(longer["F"])
        middle = pair.prefix[1:]
        pairs.append(
            MinimalPair(
                f"F{longer['F']}{middle}a.",
                f"F{longer['F']}{middle}o.",
                f"M{longer['M']}{middle}o.",
                cue_end=1 + len(longer["F"]),
                condition=pair.condition,
                lemma=pair.lemma,
                label="F",
                attractor=None if start is None else (start, start + 1),
            )
        )
    return pairs


def test_o_a_cell_that_counts_passes_for_none_where_cues_of_one_class_are_longer(found) -> None:
    network = Planted()
    network.write(0, {c: 0.02 for c in CHARS if c != "\n"}, add=True)
    network.write(0, {"\n": 0.0})
    network.read(0, 8.0)
    stimuli = make_stimuli(with_long_cues(always=True), VOCABULARY)
    states = probed(read_all(network.model, stimuli), False)
    assert auc(states[:, :, 0, 0], stimuli.label == 0).min() == 1.0  # it holds the feature, as far as holding goes
    result = found(network, with_long_cues(always=True))
    assert verdicts(result) == {}
    assert any("where a landmark stands tells F from M (AUC: cue 1.00" in note for note in result["notes"])
    assert result["cells"][0]["free_hold"] is None  # no two sentences can be compared


def test_p_a_cell_that_tracks_does_so_among_cues_of_one_length_too(found) -> None:
    result = found(holder(), with_long_cues(always=False))
    assert verdicts(result) == {0: "tracks and used"}
    assert not any("where a landmark stands" in note for note in result["notes"])


def test_q_a_latch_that_is_written_anew_from_its_own_hidden_state(found) -> None:
    network = Planted()
    layer, size = network.model.stack.layer(0), network.hidden_size
    with torch.no_grad():
        layer.bias[0], layer.bias[size] = 20.0, -20.0  # cell 0 writes, and keeps nothing, at every character
        layer.weight_hh[2 * size, 0] = 4.0
        for character, sign in {"F": 20.0, "M": -20.0}.items():
            layer.weight_ih[2 * size, CHARS.index(character)] = sign
    network.read(0, 4.0)
    result = found(network)
    assert verdicts(result) == {0: "tracks and used"}
    assert result["cells"][0]["patch"]["recovery"]["value"] > 0.95
    assert result["cells"][0]["patch"]["flip"] == 1.0


def test_r_a_small_part_with_a_mean_far_off_is_not_what_carries_it(found, invoke, tmp_path: Path) -> None:
    """The mean of cell 0 on ordinary text lies far to one side: held there, it would move all choices to one ending."""
    network = Planted()
    for cell, at_rest, weight in ((0, FEMININE, 1.1), (1, 0.0, 8.0)):
        network.write(cell, {"F": FEMININE, "M": MASCULINE, "\n": at_rest})
        network.read(cell, weight)
    result = found(network, None, 0.9)
    assert verdicts(result) == {0: "tracks", 1: "tracks and used"}
    patches = {cell["cell"]: cell["patch"] for cell in result["cells"]}
    assert patches[0]["recovery"]["value"] == pytest.approx(0.12, abs=0.01)
    assert patches[0]["flip"] == 0.0
    assert patches[1]["recovery"]["value"] == pytest.approx(0.88, abs=0.01)
    assert patches[1]["flip"] == 1.0
    words = said(invoke, tmp_path)
    (about,) = (sentence for sentence in words.split(". ") if "Cell 0 of layer 1 carries the feature" in sentence)
    assert "nothing shows that the network uses it" in about
    assert "chance" not in about


def test_s_the_louder_of_two_is_used_and_backed_up(found, invoke, tmp_path: Path) -> None:
    network = Planted()
    for cell, weight in ((0, 6.0), (1, 2.0)):
        network.write(cell, {"F": FEMININE, "M": MASCULINE, "\n": 0.0})
        network.read(cell, weight)
    result = found(network)
    assert verdicts(result)[0] == "tracks and used"
    loud = result["cells"][0]
    assert loud["cell"] == 0
    assert loud["patch"]["flip"] == 1.0
    assert loud["ablation"]["twin_order"]["value"] == 1.0  # nothing is lost without it
    assert loud["ablation"]["accuracy"] == 1.0
    assert "other cells carry enough to keep 100 % of the twins in order" in said(invoke, tmp_path)


def test_t_a_head_that_always_prefers_one_ending(found, invoke, tmp_path: Path) -> None:
    network = holder()
    with torch.no_grad():
        network.model.head.bias[CHARS.index("a")] = 30.0
    result = found(network)
    assert result["behaviour"]["value"] == 0.5
    assert verdicts(result) == {0: "tracks and used"}
    (cell,) = result["cells"]
    assert cell["patch"]["recovery"]["value"] == pytest.approx(1.0, abs=0.01)
    assert cell["patch"]["nats"]["value"] > 5
    assert cell["patch"]["flip"] is None  # no twins are answered otherwise: there is no choice to flip
    assert "moves the log odds 100 % of the way" in said(invoke, tmp_path)


def test_u_a_short_task_that_untrained_networks_hold_too(found, invoke, tmp_path: Path) -> None:
    network = holder(ordinary=120)
    result = found(network, toy_pairs(distances=(2,)), 0.5, "--nulls", 9)
    assert max(result["nulls"]["hold"]) == 1.0
    assert verdicts(result) == {0: "used"}
    assert result["cells"][0]["patch"]["recovery"]["value"] == pytest.approx(1.0, abs=0.01)
    words = said(invoke, tmp_path, "--nulls", 9)
    assert "Cell 0 of layer 1 drives the answer" in words
    assert "Whether training taught it the feature cannot be told" in words


def test_v_behaviour_has_nulls_too(found, invoke, tmp_path: Path) -> None:
    """A network that learnt nothing has most twins in one order or the other, as its like have."""
    network = Planted(planted=1, seed=7)
    with torch.no_grad():
        draw = torch.Generator().manual_seed(3)
        network.model.head.weight.add_(0.05 * torch.randn(network.model.head.weight.shape, generator=draw))
    result = found(network)
    assert verdicts(result) == {}
    assert len(result["nulls"]["twin_order"]) == len(result["nulls"]["nats"]) >= 5
    assert "The network's answers are no better than those of networks that learnt nothing" in said(invoke, tmp_path)
    other = untrained(1.0, 3, hidden_size=network.hidden_size, num_layers=1)
    learnt_nothing = tmp_path / "shuffled.safetensors"
    save_model_file(learnt_nothing, ModelFile(other, VOCABULARY, {}))
    result = found(network, None, 0.5, "--nulls", 5, "--null-model", learnt_nothing)
    assert len(result["nulls"]["twin_order"]) == 6


def test_x_a_rival_that_follows_the_last_noun(found, invoke, tmp_path: Path) -> None:
    """The subject's cell is right past any noun, and outvoted past one of the other class."""
    network = holder()
    network.write(1, {"F": FEMININE, "M": MASCULINE, "f": FEMININE, "m": MASCULINE, "\n": 0.0})
    network.read(1, 6.0)
    result = found(network)
    assert verdicts(result)[0] == "tracks and used"
    assert result["behaviour"]["by"]["attractor"]["opposite"]["value"] == 0.0
    rival = result["rival"]
    assert (rival["layer"], rival["cell"], rival["last_noun_auc"]) == (1, 1, 1.0)
    without = rival["without"]
    assert (without["opposite"]["accuracy_before"], without["opposite"]["accuracy"]) == (0.0, 1.0)
    assert without["opposite"]["nats"]["value"] == pytest.approx(2 * 6.0 * np.tanh(FEMININE), rel=0.05)
    assert without["same"]["nats"]["high"] < 0 < without["opposite"]["nats"]["low"]
    words = said(invoke, tmp_path)
    assert "Cell 1 of layer 1 follows the last noun (AUC 1.00) and works against the subject" in words
    assert "past a noun of the other class from 0 % to 100 % right" in words


def test_y_a_cell_that_follows_the_last_noun_and_is_not_read_is_no_rival(found) -> None:
    network = holder()
    network.write(1, {"F": FEMININE, "M": MASCULINE, "f": FEMININE, "m": MASCULINE, "\n": 0.0})
    assert found(network)["rival"] is None
    assert found(holder())["rival"] is None


def test_z_a_cell_that_drives_the_answer_and_holds_too_little_is_named(found, invoke, tmp_path: Path) -> None:
    network = Planted()
    network.keep(0, f=0.95)
    network.write(0, {"F": FEMININE, "M": MASCULINE, "\n": 0.0})
    network.write(0, {letter: 0.04 * (-1) ** k for k, letter in enumerate(FILLERS)}, add=True)
    network.read(0, 4.0)
    assert verdicts(found(network)) == {0: "short-range"}
    words = said(invoke, tmp_path)
    assert "No cell is shown to carry the feature all the way" in words
    assert "The answer goes with cell 0 of layer 1 all the same: given its value in the twin, it moves" in words


def test_cells_are_held_exactly_at_what_is_named() -> None:
    network = holder(cells=2)
    stimuli = make_stimuli(toy_pairs(lemmas=10), VOCABULARY)
    bench = read_all(network.model, stimuli)
    value, held = torch.full((1, 1, 1), 0.3), float(np.tanh(FEMININE))
    (both,), (one,) = ablate(bench, [(0, 0), (0, 1)], [value.expand(1, 1, 2)]), ablate(bench, [(0, 0)], [value])
    at_value = float(np.tanh(0.3))
    assert both == pytest.approx(8.0 * 2 * at_value, abs=1e-4)  # `a` has the weight, `o` its negative
    assert one[bench.label == 0] == pytest.approx(8.0 * (at_value + held), abs=1e-4)
    nothing = ablate(bench, [(0, network.hidden_size - 1)], [value])
    assert np.abs(nothing - bench.base).max() < 1e-5
    memory = memories(bench, [(0, 0)])
    itself, middle, again = ablate(bench, [(0, 0)], [memory, midway(bench, memory), value])
    assert np.abs(itself - bench.base).max() < 1e-5  # its own memory changes nothing
    assert again == pytest.approx(one, abs=1e-5)
    assert middle == pytest.approx(np.where(bench.label == 0, 1, -1) * 8.0 * held, abs=1e-4)  # that of cell 1


def test_cells_patched_side_by_side_are_as_one_by_one() -> None:
    network = holder(cells=3)
    stimuli = make_stimuli(toy_pairs(lemmas=10), VOCABULARY)
    bench = read_all(network.model, stimuli)
    sets = [[(0, 0)], [(0, 1), (0, 2)], [(0, 5)], [], [(0, 0), (0, 1), (0, 2)], *([(0, k)] for k in range(6, 12))]
    some = np.flatnonzero(np.arange(len(bench.rows)) % 3 == 0)
    each = patch_each(bench, sets, some)
    assert each == pytest.approx(np.stack([patch(bench, cells)[some] for cells in sets]), abs=1e-4)


@torch.no_grad()
def test_sentences_are_read_the_same_alone_and_together() -> None:
    model = untrained(1.0, 3)
    stimuli = make_stimuli(toy_pairs(lemmas=10), VOCABULARY)
    bench = read_all(model, stimuli)
    together, answers = probed(bench, False), bench.base
    rng = random.Random(0)
    for row in rng.sample(range(len(stimuli)), 5):
        _, state = model.step(torch.zeros(1, dtype=torch.int64), model.zero_state(1))
        for place in range(int(stimuli.length[row])):
            logits, state = model.step(stimuli.ids[row, place][None], state)
            for mark in np.flatnonzero(stimuli.landmarks[row].numpy() == place):
                assert torch.allclose(state.c[:, 0], torch.from_numpy(together[row, mark]), atol=1e-5)
        log_p = logits.log_softmax(1)[0]
        odds = float(log_p[CHARS.index("a")] - log_p[CHARS.index("o")])
        after = []
        for first in "ao":
            logits, _ = model.step(torch.tensor([CHARS.index(first)]), state)
            after.append(float(logits.log_softmax(1)[0, CHARS.index(".")]))
        assert answers[row] == pytest.approx(odds + after[0] - after[1], abs=1e-4)


@torch.no_grad()
def test_experiments_go_on_from_the_end_of_the_cue() -> None:
    model, chosen = untrained(1.0, 3), [*with_long_cues(always=False), *toy_pairs(lemmas=10)]
    stimuli = make_stimuli(chosen, VOCABULARY)
    whole = read_all(model, stimuli)
    part = whole.part(stimuli.lemma < 4)
    assert set(part.rows) == set(np.flatnonzero(stimuli.lemma < 4))
    assert (stimuli.twin[part.rows] == part.rows[part.twin]).all()
    assert (part.base == whole.base[part.rows]).all()
    assert {0, 8} <= set(stimuli.cue[part.rows].tolist())
    for n in range(0, len(part.rows), 7):
        row = int(part.rows[n])
        states = [model.step(torch.zeros(1, dtype=torch.int64), model.zero_state(1))[1]]
        for place in range(int(stimuli.cue[row]) + 1):
            states.append(model.step(stimuli.ids[row, place][None], states[-1])[1])
        for found, expected in ((part.before, states[-2]), (part.at, states[-1])):
            for one, other in zip(found, expected, strict=True):
                torch.testing.assert_close(one[:, n], other[:, 0], rtol=0, atol=1e-5)


def test_every_number_of_threads_gives_the_same_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "SHARED_FROM", 0)  # or so small a network would be read by one thread
    pairs, ids = toy_pairs(lemmas=10, distances=(12,)), VOCABULARY.encode(ordinary_lines(lines=12))
    request = ProbeRequest(pairs, warm="\n", ordinary=(ids, "lines"), nulls=2)
    found = []
    for threads in (1, 2):
        with torch_threads(threads):
            found.append(json.dumps(probe(untrained(1.0, 3, hidden_size=24), VOCABULARY, request).to_dict()))
    assert found[0] == found[1]


@pytest.mark.slow
def test_m_a_trained_network_holds_on_fresh_nouns(invoke) -> None:
    """How the model came about: tests/data/README.md. Nouns of the pairs never occurred in its text."""
    model = Path(__file__).parent / "data" / "agreement-pt.safetensors"
    done = invoke("probe", "-c", model, "--seed", 3, "--nulls", 5, "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    (cell,) = (cell for cell in result["cells"] if cell["verdict"] != "none")
    assert cell["verdict"] == "tracks and used"
    assert cell["hold"]["low"] >= 0.85  # the bound of so few lemmas, even where all are right
    assert cell["patch"]["flip"] > 0.9
    assert result["behaviour"]["by"]["attractor"]["opposite"]["value"] >= 0.9
    shares = {s["name"]: (s["share"], s["twin_share"]) for s in result["sentences"]}
    assert shares["soft"][0] > 0.9 > 0.1 > shares["soft"][1]
    assert shares["hard"][0] > 0.9 > 0.1 > shares["hard"][1]


def test_n_without_twins_the_whole_sentence_decides() -> None:
    """The words that differ, *f* and *m*, are as likely as each other; the *a* that follows suits only one of them."""
    network = Planted()
    network.write(0, {"f": FEMININE, "m": MASCULINE})
    network.read(0, 8.0)
    rng = random.Random(4)
    pairs = []
    for _ in range(20):
        before, after = filler(rng, 8), filler(rng, 6)
        pairs.append(MinimalPair(f"{before} f {after}a.", f"{before} m {after}a.", label="F"))
    stimuli = make_stimuli(pairs, VOCABULARY)
    said = [{VOCABULARY.decode(ids.numpy()) for ids in side} for side in stimuli.words]
    assert said == [{"f "}, {"m "}]
    reader = Reader(network.model)
    warm = warm_state(reader, torch.from_numpy(VOCABULARY.encode("\n").astype(np.int64)))
    assert (read_answers(reader, stimuli, warm, lambda done, total: None) > 5).all()
    words = replace(stimuli, endings=stimuli.words)
    assert (np.abs(read_answers(reader, words, warm, lambda done, total: None)) < 0.1).all()

"""The probe against known truth: networks built by hand, written as model files, read through `--pairs`."""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from planted import CHARS, FILLERS, Planted, filler, ordinary_lines, toy_pairs, untrained, write_pairs

from charlstm.corpus.vocab import Vocabulary
from charlstm.grammar.pairs import MinimalPair
from charlstm.probe.causes import ablate, ablate_each, make_bench, patch, recovery
from charlstm.probe.pipeline import ProbeRequest, probe, read_stimuli
from charlstm.probe.reading import warm_state
from charlstm.probe.selectivity import confirm, discover
from charlstm.probe.statistics import auc
from charlstm.probe.stimuli import make_stimuli, split_lemmas

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
        done = invoke("probe", "-c", model, "--pairs", items, "--text", text, "--json", *more)
        assert done.code == 0, done.err
        return json.loads(done.out)

    return call


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
    assert cell["ablation"]["accuracy"] == pytest.approx(0.5, abs=0.02)
    assert cell["flip"] == 1.0
    assert cell["recovery"]["value"] == pytest.approx(1.0, abs=0.01)
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
    assert result["joint_ablation"]["accuracy"] == pytest.approx(0.5, abs=0.02)


def test_c_held_but_not_read(found) -> None:
    network = Planted()
    network.write(0, {"F": FEMININE, "M": MASCULINE, "\n": 0.0})
    result = found(network)
    assert verdicts(result) == {0: "tracks"}
    assert result["cells"][0]["ablation"]["fall"] == {"F": 0.0, "M": 0.0}


def test_d_one_cell_for_each_class(found) -> None:
    network = Planted()
    # at rest, as on most of ordinary text, both are low: a cell that is switched off speaks against its class
    network.write(0, {"F": 0.9, "M": 0.0, "\n": -0.9})
    network.write(1, {"M": 0.9, "F": 0.0, "\n": -0.9})
    network.read(0, 4.0)
    network.read(1, -4.0)
    result = found(network, None, 0.95)
    assert verdicts(result) == {0: "tracks and used", 1: "tracks and used"}
    fall = {cell["cell"]: cell["ablation"]["fall"] for cell in result["cells"]}
    assert fall == {0: {"F": 1.0, "M": 0.0}, 1: {"F": 0.0, "M": 1.0}}


def test_e_two_copies(found, invoke, tmp_path: Path) -> None:
    result = found(holder(cells=2))
    assert verdicts(result) == {0: "tracks", 1: "tracks"}
    for cell in result["cells"]:
        assert max(cell["ablation"]["fall"].values()) <= 0.02
    assert result["joint_ablation"]["accuracy"] == pytest.approx(0.5, abs=0.02)
    done = invoke(
        "probe",
        "-c",
        tmp_path / "planted.safetensors",
        "--pairs",
        tmp_path / "pairs.jsonl",
        "--text",
        tmp_path / "ordinary.txt",
    )
    assert "cell 0 of layer 1 and cell 1 of layer 1 hold it between them" in done.out.lower()


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
    recovery_of = {point["cells"]: point["recovery"] for point in result["top_k"]}
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
    for seed in (11, 12):
        request = ProbeRequest(toy_pairs(seed=seed), warm="\n", ordinary=(ids, "lines"), seed=seed)
        result = probe(untrained(forget_bias, seed), VOCABULARY, request)
        assert [cell.verdict.value for cell in result.cells if cell.verdict.value != "none"] == []


def test_i_labels_flipped_by_pair() -> None:
    network = holder()
    stimuli = make_stimuli(toy_pairs(lemmas=16), VOCABULARY)
    states, _ = read_stimuli(
        network.model, stimuli, warm_state(network.model, torch.zeros(1, dtype=torch.int64)), False
    )
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
    bench = make_bench(
        network.model,
        stimuli,
        warm_state(network.model, torch.zeros(1, dtype=torch.int64)),
        np.ones(len(stimuli), bool),
    )
    whole = patch(bench, None)
    assert np.abs(whole - bench.base[bench.twin]).max() < 1e-5
    assert recovery(bench.base, whole, bench.base[bench.twin], bench.label) == pytest.approx(1.0, abs=1e-6)
    assert np.abs(patch(bench, []) - bench.base).max() < 1e-6
    itself = type(bench)(**{**vars(bench), "twin": np.arange(len(bench.rows))})
    assert np.abs(patch(itself, [(0, 0), (0, 7)]) - bench.base).max() < 1e-6


def test_l_position_says_nothing_of_the_class(found) -> None:
    network = Planted()
    network.write(0, {c: 0.01 for c in CHARS if c != "\n"}, add=True)
    network.write(0, {"\n": 0.0})
    network.read(0, 4.0)
    stimuli = make_stimuli(toy_pairs(), VOCABULARY)
    states, _ = read_stimuli(network.model, stimuli, network.model.zero_state(1), False)
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
    states, _ = read_stimuli(network.model, stimuli, network.model.zero_state(1), False)
    assert auc(states[:, :, 0, 0], stimuli.label == 0).min() == 1.0  # it holds the feature, as far as holding goes
    result = found(network, with_long_cues(always=True))
    assert verdicts(result) == {}
    assert any("the place of a landmark tells F from M (AUC: cue 1.00" in note for note in result["notes"])
    assert result["cells"][0]["free_hold"] is None  # no two sentences can be compared


def test_p_a_cell_that_tracks_does_so_among_cues_of_one_length_too(found) -> None:
    result = found(holder(), with_long_cues(always=False))
    assert verdicts(result) == {0: "tracks and used"}
    assert not any("the place of a landmark" in note for note in result["notes"])


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
    assert result["cells"][0]["recovery"]["value"] > 0.95
    assert result["cells"][0]["flip"] == 1.0


def test_r_accuracy_at_chance_is_not_a_lost_feature(found, invoke, tmp_path: Path) -> None:
    network = Planted()
    for cell, at_rest, weight in ((0, 0.0, 2.0), (1, FEMININE, 8.0)):  # the mean of cell 1 lies far to one side
        network.write(cell, {"F": FEMININE, "M": MASCULINE, "\n": at_rest})
        network.read(cell, weight)
    result = found(network, None, 0.9)
    ablation = {cell["cell"]: cell["ablation"] for cell in result["cells"]}[1]
    assert ablation["accuracy"] < 0.6
    assert ablation["twin_order"]["value"] == 1.0
    model, text = tmp_path / "planted.safetensors", tmp_path / "ordinary.txt"
    words = invoke("probe", "-c", model, "--pairs", tmp_path / "pairs.jsonl", "--text", text).out
    assert "but leaves 100 % of the twins in order" in " ".join(words.split())
    assert "chance (5" not in " ".join(words.split()[words.split().index("Cell") :])


def test_ablation_holds_exactly_the_cells_it_names() -> None:
    network = holder(cells=2)
    stimuli = make_stimuli(toy_pairs(lemmas=10), VOCABULARY)
    bench = make_bench(network.model, stimuli, network.model.zero_state(1), np.ones(len(stimuli), bool))
    mean = np.full((1, network.hidden_size), 0.3)
    both, one = ablate(bench, [(0, 0), (0, 1)], mean), ablate(bench, [(0, 0)], mean)
    at_mean, held = float(np.tanh(0.3)), float(np.tanh(FEMININE))
    assert both == pytest.approx(8.0 * 2 * at_mean, abs=1e-4)  # `a` has the weight, `o` its negative
    assert one[bench.label == 0] == pytest.approx(8.0 * (at_mean + held), abs=1e-4)
    nothing = ablate(bench, [(0, network.hidden_size - 1)], mean)
    assert np.abs(nothing - bench.base).max() < 1e-5
    some = np.arange(len(bench.rows)) % 3 == 0
    each = ablate_each(bench, [(0, cell) for cell in range(8)], mean, some)
    assert each == pytest.approx(np.stack([ablate(bench, [(0, cell)], mean)[some] for cell in range(8)]), abs=1e-4)


@torch.no_grad()
def test_sentences_are_read_the_same_alone_and_together() -> None:
    model = untrained(1.0, 3)
    stimuli = make_stimuli(toy_pairs(lemmas=10), VOCABULARY)
    together, answers = read_stimuli(model, stimuli, model.zero_state(1), False)
    rng = random.Random(0)
    for row in rng.sample(range(len(stimuli)), 5):
        state = model.zero_state(1)
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


def test_m_a_trained_network_holds_on_fresh_nouns(invoke) -> None:
    """How the model came about: tests/data/README.md. Nouns of the pairs never occurred in its text."""
    model = Path(__file__).parent / "data" / "agreement-pt.safetensors"
    done = invoke("probe", "-c", model, "--seed", 3, "--json")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    (cell,) = (cell for cell in result["cells"] if cell["verdict"] != "none")
    assert cell["verdict"] == "tracks and used"
    assert cell["hold"]["low"] >= 0.9
    assert cell["flip"] > 0.9
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
    warm = warm_state(network.model, torch.from_numpy(VOCABULARY.encode("\n").astype(np.int64)))
    _, answers = read_stimuli(network.model, stimuli, warm, of_hidden=False)
    assert (answers > 5).all()
    assert (np.abs(read_stimuli(network.model, replace(stimuli, endings=stimuli.words), warm, False)[1]) < 0.1).all()

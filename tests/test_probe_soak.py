"""The probe against networks that learnt nothing, many of them, and against one that learnt: minutes, so `make soak`.

The short versions are `test_h_untrained_networks_show_nothing` and `test_m_a_trained_network_holds_on_fresh_nouns`.
"""

import json
import os
from pathlib import Path

import pytest
import torch
from planted import CHARS, ordinary_lines, toy_pairs, trained_on_random_endings, untrained
from test_probe_features import QUOTED, quoted_text, stretches_of

from charlstm.checkpoint import find
from charlstm.config import ModelConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.grammar import corpus_lines
from charlstm.network.model import CharLM
from charlstm.probe.defaults import PORTUGUESE
from charlstm.probe.feature_scores import score_features
from charlstm.probe.pipeline import ProbeRequest, probe
from charlstm.probe.verdict import Thresholds

pytestmark = pytest.mark.skipif(not os.environ.get("SOAK"), reason="minutes long: make soak")


@pytest.mark.parametrize("forget_bias", [0.0, 1.0, 2.0])
def test_untrained_networks_on_toy_sentences(forget_bias: float) -> None:
    vocabulary = Vocabulary(CHARS)
    ids = vocabulary.encode(ordinary_lines())
    reported = 0
    for seed in range(20):
        request = ProbeRequest(toy_pairs(seed=seed), warm="\n", ordinary=(ids, "lines"), seed=seed)
        result = probe(untrained(forget_bias, seed), vocabulary, request)
        reported += any(cell.verdict.value != "none" for cell in result.cells)
    assert reported <= 1


def test_a_hundred_untrained_networks_on_portuguese() -> None:
    text = "".join(corpus_lines("agreement-pt", 200_000, 0))
    reported, claims = 0, []
    for seed in range(100):
        pairs = PORTUGUESE.pairs(seed)
        vocabulary = Vocabulary.of(text + "".join(pair.sentence_good for pair in pairs))
        model = CharLM(ModelConfig(len(vocabulary), hidden_size=64, num_layers=2, embedding_size=32))
        model.reset_parameters((0.0, 8.0, 150.0)[seed % 3], seed)
        request = ProbeRequest(
            pairs, warm=PORTUGUESE.warm, ordinary=(vocabulary.encode(text[:30_000]), "text"), seed=seed
        )
        result = probe(model, vocabulary, request)
        claims += [(seed, cell.name, cell.verdict.value) for cell in [*result.tracking, *result.driving]]
        reported += any(cell.verdict.value != "none" for cell in result.cells)
    print(f"claims: {claims}; networks with any verdict: {reported}")
    assert not claims
    assert reported <= 5  # for a while only


def test_twenty_networks_trained_on_random_endings() -> None:
    """They read the same sentences, and remember, but nothing says that an ending has to do with a cue."""
    vocabulary = Vocabulary(CHARS)
    ids = vocabulary.encode(ordinary_lines())
    claims = []
    for seed in range(20):
        request = ProbeRequest(toy_pairs(seed=seed), warm="\n", ordinary=(ids, "lines"), seed=seed)
        result = probe(trained_on_random_endings(seed), vocabulary, request)
        claims += [(seed, cell.name, cell.verdict.value) for cell in [*result.tracking, *result.driving]]
    assert not claims


def test_untrained_networks_and_features_of_text() -> None:
    """With the bound of nine networks, the fewest that are taken."""
    stretches = stretches_of(quoted_text(16_000), "quotes", "line-position", "word-position")
    claims = []
    for seed in range(30):
        model = untrained((0.0, 1.0, 4.0)[seed % 3], 100 + seed)
        results = score_features(
            model, QUOTED, stretches, of_hidden=False, limits=Thresholds(), seed=1000 * seed, fresh=9
        )
        claims += [(seed, result.name) for result in results if result.verdict.value != "none"]
    print(f"claims: {claims}")
    assert len(claims) <= 3  # of 90


def test_a_network_trained_from_nothing(invoke) -> None:
    torch.set_num_threads(2)
    text = Path(__file__).parent.parent / "corpora" / "agreement-pt.txt"
    size = ("--steps", 1500, "--batch-size", 64, "--hidden-size", 256, "--memory", 150)
    done = invoke("train", text, "--out", "run", *size, "--optimizer", "muon", "-q")
    assert done.code == 0, done.err
    result = json.loads(invoke("probe", "-c", "run", "--seed", 7, "--json").out)
    assert result["cells"][0]["verdict"] in ("tracks", "tracks and used")
    assert result["behaviour"]["by"]["attractor"]["opposite"]["value"] >= 0.9


@pytest.mark.parametrize("name", ["portuguese", "english"])
def test_the_record_beside_a_model_that_ships_is_what_a_probe_finds(invoke, name: str) -> None:
    torch.set_num_threads(2)
    best = json.loads(invoke("probe", "-c", name, "--json").out)["cells"][0]
    record = json.loads((find.SHIPPED / name / "probe.json").read_text(encoding="utf-8"))
    assert record["found"] == {name: best[name] for name in ("layer", "cell", "verdict")}

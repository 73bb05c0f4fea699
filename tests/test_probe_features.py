"""Features of ordinary text: what they are, which cells go with them, whether the network uses these."""

import math
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from planted import CHARS, Planted, untrained

from charlstm.corpus.vocab import Vocabulary
from charlstm.network.model import CharLM
from charlstm.network.reader import Reader
from charlstm.probe import nulls
from charlstm.probe.feature_causes import (
    PAIRS,
    FeaturePatch,
    Interchange,
    find_places,
    predicted,
    read_places,
    sides,
    spans,
)
from charlstm.probe.feature_correlation import controls_of, freed
from charlstm.probe.feature_result import MIN_CORRELATION, FeatureCell, FeatureResult
from charlstm.probe.feature_scores import score_features
from charlstm.probe.feature_text import STRETCH_CHARS, Stretches
from charlstm.probe.features import FEATURES, closing_quotes
from charlstm.probe.statistics import Estimate
from charlstm.probe.verdict import FeatureEvidence, Thresholds, Verdict, judge_feature_cell
from charlstm.report import legend
from charlstm.report.features import conclusion, draw_features, rule

QUOTED = Vocabulary(CHARS.replace("G", "“").replace("H", "”"))  # G and H of a planted network stand for these


def quoted_text(characters: int, seed: int = 0) -> str:
    """Words, half of them in quotation marks; a line ends now and then."""
    rng = random.Random(seed)
    out, length = [], 0
    while length < characters:
        words = "".join(rng.choice("bcde") for _ in range(rng.randint(10, 40)))
        out.append((f"“{words}”" if rng.random() < 0.5 else words) + rng.choice(["", "", "\n"]))
        length += len(out[-1])
    return "".join(out)[:characters]


def stretches_of(text: str, *names: str, vocabulary: Vocabulary = QUOTED) -> Stretches:
    return Stretches.of_text(vocabulary.encode(text), vocabulary, names)


def inside_quotes(weights: dict[int, float], planted: tuple[int, ...] = (2,)) -> CharLM:
    """A network some of whose cells are high inside quotation marks; the head takes some for a closing mark."""
    network = Planted()
    with torch.no_grad():
        network.model.head.weight *= 0.01  # what the other cells say is faint
        for cell in planted:
            network.write(cell, {"G": 0.8, "H": -0.8})
        for cell, weight in weights.items():
            network.model.head.weight[CHARS.index("H"), cell] += weight
    return network.model


def score(model: CharLM, stretches: Stretches, vocabulary: Vocabulary = QUOTED) -> list[FeatureResult]:
    return score_features(model, vocabulary, stretches, of_hidden=False, limits=Thresholds(), seed=0, fresh=5)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("quotes", 'a "b" c', "0 0 1 1 0 0 0"),
        ("quotes", "«a“b”»c", "1 1 1 1 1 0 0"),
        ("quotes", '"a\nb', "1 1 0 0"),
        ("brackets", "a(b[c])d)e(f", "0 1 1 2 2 1 0 0 0 0 1 1"),
        ("line-position", "ab\ncd", "1 2 0 1 2"),
        ("word-position", "ab, c", "1 2 0 0 1"),
        ("capitals", "aBCd E", "0 0 1 0 0 0"),
        ("indentation", "  a b\n c", "1 2 2 2 2 0 1 1"),
        ("url", "a http://b c", "0 0 0 0 0 0 0 0 1 1 0 0"),
        ("url", "www.a b", "0 0 0 1 1 0 0"),
        (
            "season",
            "--- 500\n--- 501\n500 502\n\n--- 500\n500 1",
            " ".join(map(str, [*range(16), *range(8), 0, *range(8), *range(5)])),
        ),
        ("season", "a\nb", "0 0 0"),
    ],
)
def test_features(name: str, text: str, expected: str) -> None:
    assert FEATURES[name].values(text).astype(int).tolist() == [int(n) for n in expected.split()]


def test_what_closes_a_quotation() -> None:
    assert closing_quotes("abc“”") == {"”"}
    assert closing_quotes("abc„“") == {"“"}
    assert closing_quotes('«»"') == {"»", '"'}
    assert closing_quotes("abc") == set()


def test_a_cell_that_the_head_reads_tracks_and_is_used() -> None:
    (found,) = score(inside_quotes({2: 4.0}), stretches_of(quoted_text(20_000), "quotes"))
    best = found.cells[0]
    assert (found.verdict, best.place) == (Verdict.tracks_and_used, (0, 2))
    assert best.correlation.low > 0.85 > found.bound
    assert found.p_adjusted < 0.05
    assert best.patch is not None
    assert best.patch.recovery.low > 0.9
    assert best.patch.rest_recovery.high < 0.1
    # the logit of the closing mark is four times h, which is tanh(.8) inside and its contrary outside
    assert best.patch.nats.value == pytest.approx(4 * 2 * math.tanh(0.8), rel=0.1)
    assert best.patch.controls == 31
    assert best.patch.p == pytest.approx(1 / 32)
    assert all(cell.verdict is not Verdict.tracks_and_used for cell in found.cells[1:])


def test_a_cell_that_the_head_does_not_read_tracks() -> None:
    (found,) = score(inside_quotes({}), stretches_of(quoted_text(20_000), "quotes"))
    assert (found.verdict, found.cells[0].place) == (Verdict.tracks, (0, 2))
    assert found.cells[0].patch is None
    assert "the predictions do not depend on the feature" in found.note


def test_of_two_cells_that_track_the_one_that_the_head_reads_is_used() -> None:
    (found,) = score(inside_quotes({3: 4.0}, planted=(2, 3)), stretches_of(quoted_text(20_000), "quotes"))
    verdicts = {cell.place: cell.verdict for cell in found.cells}
    assert verdicts[0, 3] is Verdict.tracks_and_used
    assert verdicts[0, 2] is Verdict.tracks
    assert found.cells[0].place == (0, 3)
    assert [cell.patch.controls for cell in found.cells if cell.patch] == [30, 30]  # neither is a control of the other


@pytest.mark.slow
def test_an_untrained_network_shows_no_feature() -> None:
    stretches = stretches_of(quoted_text(16_000), "quotes", "word-position")
    for forget_bias in (0.0, 4.0):
        for found in score(untrained(forget_bias, 5), stretches):
            assert found.verdict is Verdict.none
            assert found.cells[0].correlation.value <= found.bound


@pytest.mark.slow
def test_the_bound_that_is_printed_decides_and_more_networks_make_it_tighter() -> None:
    """A cell that follows the feature through noise, as far above its nulls as .5 above .25."""
    network = Planted(planted=3, ordinary=61)
    network.keep(2, f=0.93)
    network.write(2, {"G": 0.8, "H": -0.8})
    network.write(2, {letter: 0.18 * (-1) ** k for k, letter in enumerate("bcde")}, add=True)
    stretches = stretches_of(quoted_text(16_000), "quotes")

    def result(fresh: int | None) -> FeatureResult:
        limits = Thresholds()
        (found,) = score_features(network.model, QUOTED, stretches, of_hidden=False, limits=limits, seed=0, fresh=fresh)
        return found

    usual, few = result(None), result(5)
    best = usual.cells[0].correlation.value
    assert usual.cells[0].place == few.cells[0].place == (0, 2)
    assert MIN_CORRELATION < usual.bound < best < few.bound < 0.7
    assert (usual.verdict, few.verdict) == (Verdict.tracks, Verdict.none)
    assert (len(usual.null), len(few.null)) == (19, 5)
    assert usual.null[:5] == few.null
    assert rule(usual).startswith(f"The bound is {usual.bound:.2f}: an r counts if it is higher. The best cells of 19")
    assert "One more would stay below the bound in 99 cases of 100." in rule(usual)
    assert f"required: more than {few.bound:.2f}" in conclusion(few, Thresholds())
    assert "follows it" in conclusion(usual, Thresholds())


def test_large_networks_are_compared_with_enough_others() -> None:
    assert nulls.default_number(10**8, 10**6, nulls.LEAST_OF_FEATURES) == nulls.LEAST_OF_FEATURES > nulls.LEAST
    assert nulls.default_number(1, 1, nulls.LEAST_OF_FEATURES) == nulls.MOST


def test_what_is_said_of_each_verdict() -> None:
    patch = FeaturePatch(Estimate(0.5, 0.4, 0.6), Estimate(1.0, 0.9, 1.1), Estimate(0.1, 0.0, 0.2), controls=30, p=0.01)
    cell = FeatureCell(0, 2, Estimate(0.6, 0.5, 0.7), 0.001, patch)
    result = FeatureResult("quotes", 0.3, [cell], [0.2, 0.25], 0.4, 0.001, apart=Estimate(2.0, 1.9, 2.1))
    limits = Thresholds()

    def said(verdict: Verdict, **more: object) -> str:
        return conclusion(replace(result, verdict=verdict, **more), limits)

    used = said(Verdict.tracks_and_used)
    assert used == (
        "quotes (inside quotation marks): cell 2 of layer 1 follows it, r 0.60 [0.50, 0.70], and the network uses "
        "it: alone it accounts for 50 % of the 2.0 nats by which the feature moves the odds of a closing quotation "
        "mark."
    )
    assert "Nothing shows that the network uses it" in said(Verdict.tracks)
    assert "cannot be told: networks that learnt nothing have such cells, too" in said(Verdict.used)
    assert "p is 0.200, and it must be less than 0.05" in said(Verdict.none, p_adjusted=0.2)
    assert "Their bound is lower than 0.3" in rule(replace(result, bound=MIN_CORRELATION))
    drawn = draw_features([result], "m; text: t", limits, True, 80, False)
    lines = [str(part) for part in drawn]
    assert max(map(len, lines)) <= 80
    names = {line[2:22].strip() for line in lines if line.startswith("  ") and line[2] != " "}
    assert {"share", "r", "p of r", "moves", "rest", "p of moves"} == names <= set(legend.FEATURES)


def test_a_feature_that_does_not_vary_or_predicts_nothing() -> None:
    vocabulary = Vocabulary("abcdefghijklmnopqrstuvwxyz .:/\n")
    model = CharLM(untrained(0.0, 0).config.replace(vocab_size=len(vocabulary)))
    model.reset_parameters(0.0, 0)
    rng = random.Random(0)
    text = "".join(
        "".join(rng.choice("abcdefgh") for _ in range(rng.randint(2, 9)))
        + rng.choice([" ", " http://www.ab.cd/", "\n"])
        for _ in range(1000)
    )
    url, quotes = score(model, stretches_of(text, "url", "quotes", vocabulary=vocabulary), vocabulary)
    assert (quotes.verdict, quotes.note, quotes.cells) == (Verdict.none, "it does not vary in this text", [])
    assert url.note == "the feature predicts no character of its own"
    assert url.apart is None


def test_a_network_that_does_not_know_what_is_predicted() -> None:
    vocabulary = Vocabulary("bcde“”")
    model = CharLM(untrained(0.0, 0).config.replace(vocab_size=len(vocabulary)))
    model.reset_parameters(0.0, 0)
    text = quoted_text(8_000).replace("\n", "")
    (found,) = score(model, stretches_of(text, "line-position", vocabulary=vocabulary), vocabulary)
    assert found.note == "the network does not know a line feed"
    assert found.apart is None
    assert not predicted("line-position", vocabulary).any()


def test_too_few_places_say_nothing_of_causes() -> None:
    text = quoted_text(8_000)  # ten stretches: five in each half
    (found,) = score(inside_quotes({2: 4.0}), stretches_of(text, "quotes"))
    assert found.verdict is Verdict.tracks
    assert found.note.startswith("too few stretches")


def test_layers_are_told_apart() -> None:
    model = untrained(0.0, 0, hidden_size=16, num_layers=2)
    (found,) = score(model, stretches_of(quoted_text(8_000), "quotes"))
    assert all(cell.cell < 16 for cell in found.cells)
    assert {cell.layer for cell in found.cells} <= {0, 1}


def test_places_match_and_leave_the_feature_as_it_is() -> None:
    text = quoted_text(16_000)
    stretches = stretches_of(text, "quotes")
    places = find_places(stretches, "quotes", QUOTED, np.random.default_rng(0))
    ids, values = stretches.ids, stretches.values["quotes"]
    assert np.bincount(places.stretch).max() == 2 * PAIRS
    assert (ids[places.stretch, places.place] == ids[places.stretch, places.other]).all()
    assert (values[places.stretch, places.place] == (places.sign > 0)).all()
    assert (values[places.stretch, places.other] == (places.sign < 0)).all()
    for b, t, span in zip(places.stretch, places.place, places.span, strict=True):
        assert 1 <= span <= 8
        assert len(set(values[b, t : t + span + 1])) == 1
    half = places.of(stretches.halves[0])
    assert set(half.stretch) == set(range(len(ids) // 2))


def test_early_and_late_of_a_clock() -> None:
    values = FEATURES["line-position"].values("abcdefghi\nab\n")[None]
    assert sides(values, FEATURES["line-position"]).tolist() == [[0, 0, -1, -1, -1, 1, 1, 1, 1, -1, 0, 0, -1]]
    vocabulary = Vocabulary("\nabcdefghi")
    stretches = Stretches.of_streams(vocabulary.encode("abcdefghi\nab\n")[None], vocabulary, ["line-position"])
    assert spans(stretches, "line-position", vocabulary).tolist() == [[8, 7, 6, 5, 4, 3, 2, 1, 0, 2, 1, 0, 0]]


def test_indentation_is_read_off_after_the_line_feed() -> None:
    vocabulary = Vocabulary("\n abcdefghijkl")
    text = "  ab\n  cd\nabcdefghijkl\nef\n"
    stretches = Stretches.of_streams(vocabulary.encode(text)[None], vocabulary, ["indentation"])
    assert spans(stretches, "indentation", vocabulary)[0, :10].tolist() == [4, 3, 2, 1, 0, 4, 3, 2, 1, 0]
    assert spans(stretches, "indentation", vocabulary)[0, 10:].tolist() == [
        0,
        0,
        0,
        0,
        8,
        7,
        6,
        5,
        4,
        3,
        2,
        1,
        0,
        2,
        1,
        0,
    ]


def test_states_are_those_of_the_places_and_exchanging_all_is_going_on_from_the_other() -> None:
    model = untrained(1.0, 3, hidden_size=12)
    model = CharLM(model.config)
    model.reset_parameters(1.0, 3)
    stretches = stretches_of(quoted_text(8_000), "quotes")
    places = find_places(stretches, "quotes", QUOTED, np.random.default_rng(0))
    ((own, other),) = read_places(Reader(model), stretches, [places])
    b, t = int(places.stretch[5]), int(places.place[5])
    state = model.zero_state(1)
    with torch.no_grad():
        for character in stretches.ids[b, : t + 1].tolist():
            state, _ = model.stack.step(model.embedding(torch.tensor([character])), state)
    torch.testing.assert_close(own.c[:, 5], state.c[:, 0])
    torch.testing.assert_close(own.h[:, 5], state.h[:, 0])
    trial = Interchange.of(Reader(model), QUOTED, stretches, "quotes", places, (own, other))
    rng = np.random.default_rng(0)
    every = [(layer, cell) for layer in range(2) for cell in range(12)]
    patch = trial.patch(every, rng)
    assert patch.recovery.value == pytest.approx(1)
    assert patch.rest_recovery.value == pytest.approx(0)
    with torch.no_grad():  # by hand: the mean probability of a closing mark after the next characters
        p = []
        for character in stretches.ids[b, t + 1 : t + 1 + int(places.span[5])].tolist():
            state, _ = model.stack.step(model.embedding(torch.tensor([character])), state)
            p.append(float(model.head(state.h[-1]).softmax(dim=1)[0, QUOTED.encode("”")[0]]))
    mean = sum(p) / len(p)
    assert trial.base[5] == pytest.approx(math.log(mean / (1 - mean)), abs=1e-4)


def test_what_is_partialled_out_leaves_nothing() -> None:
    rng = np.random.default_rng(0)
    stretches = rng.integers(0, 4, (6, 300))
    controls = controls_of(stretches)
    same = np.stack([stretches == 1, np.roll(stretches, 1, axis=1) == 2], axis=2)[:, 50:].astype(np.float32)
    assert np.abs(freed(same, controls)).max() < 1e-3


def test_the_bound_on_correlations() -> None:
    assert nulls.correlation_limit(np.array([0.4])) == 0.0  # one network says nothing of the next
    close, wide = nulls.correlation_limit(np.full(5, 0.4)), nulls.correlation_limit(np.array([0.2, 0.3, 0.4, 0.5, 0.6]))
    assert 0.4 < close < wide < 1
    z = math.atanh(0.4) + 3.747 * math.sqrt(1.2) * nulls.MIN_DEVIATION_Z  # Student's t with 4 degrees, .99
    assert close == pytest.approx(math.tanh(z), abs=1e-3)
    # one more of its kind lies below in 99 % of cases
    rng = np.random.default_rng(0)
    drawn = np.tanh(rng.normal(0.3, 0.3, (2000, 6)))
    below = np.mean(
        [last <= nulls.correlation_limit(first) for first, last in zip(drawn[:, :5], drawn[:, 5], strict=True)]
    )
    assert below > 0.98


def test_verdicts_on_features() -> None:
    used = Estimate(0.5, 0.4, 0.6)
    limits = Thresholds()

    def verdict(r: float, bound: float = 0.5, p: float = 0.01, recovery: Estimate | None = used) -> Verdict:
        return judge_feature_cell(FeatureEvidence(r, 0.3, bound, p, recovery, 0.01), limits)

    assert verdict(0.6) is Verdict.tracks_and_used
    assert verdict(0.6, recovery=None) is Verdict.tracks
    assert verdict(0.6, recovery=Estimate(0.5, -0.1, 0.9)) is Verdict.tracks
    assert verdict(0.4) is Verdict.used
    assert verdict(0.4, recovery=None) is Verdict.none
    assert verdict(0.29, bound=0.2) is Verdict.none
    assert verdict(0.6, p=0.06) is Verdict.none


def test_stretches_of_streams_have_nothing_to_do_with_each_other() -> None:
    vocabulary = Vocabulary("ab(")
    streams = np.stack([vocabulary.encode("a(b"), vocabulary.encode("aab")])
    stretches = Stretches.of_streams(streams, vocabulary, ["brackets"])
    assert stretches.values["brackets"].tolist() == [[0, 1, 1], [0, 0, 0]]
    one = Stretches.of_text(np.zeros(3 * STRETCH_CHARS, dtype=np.uint8), vocabulary, ["brackets"])
    assert one.ids.shape == (3, STRETCH_CHARS)

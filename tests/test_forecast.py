"""`charlstm forecast`: paths in the form of the series, the code that fits, scores and baselines, the command."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Invoke

import charlstm
from charlstm.checkpoint import ModelFile, save_model_file
from charlstm.config import ModelConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.errors import TextError, UsageError
from charlstm.forecasting.baselines import holt_winters, seasonal_naive, seasonal_naive_with_growth
from charlstm.forecasting.form import Form
from charlstm.forecasting.predict import change_logprobs, check_model, codes_for, compare_codes, forecast
from charlstm.forecasting.scores import crps, score_paths, score_point
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.series.code import ALPHABET, text_of
from charlstm.series.table import Series, read_series

AIRLINE = Path(__file__).parent.parent / "corpora" / "airline.csv"
KERNELS = Kernels(torch.float32)


def reader(seed: int = 0) -> ModelFile:
    """A network that knows the characters of a series, and nothing else."""
    model = CharLM(ModelConfig(len(ALPHABET), 8, 1, 4))
    model.reset_parameters(8.0, seed)
    return ModelFile(model, Vocabulary(sorted(ALPHABET)), {})


def repeater(code: int) -> ModelFile:
    """A network that nearly always writes one code: its head knows only which characters that takes."""
    content = reader()
    with torch.no_grad():
        content.model.head.weight.zero_()
        content.model.head.bias.zero_()
        for digit in f"{code:03}":
            content.model.head.bias[content.vocabulary.characters.index(digit)] = 30.0
    return content


def test_every_path_has_the_form_of_the_series_whatever_the_network() -> None:
    content, history = reader(3), [500, 470, 530]
    form = Form(history, 2, content.vocabulary)
    drawn = np.random.default_rng(1)
    written = ""
    for left in range(5 * 8, 0, -1):
        allowed = np.flatnonzero(form.allowed(left))
        chosen = int(drawn.choice(allowed))
        written += content.vocabulary.characters[chosen]
        assert form.push(chosen, left)
    assert text_of(form.codes, 2) == text_of(history, 2) + written
    assert len(form.codes) == 8


def test_a_forecast_is_what_the_codes_say() -> None:
    """A network that always writes 555 lets the airline grow by the same factor, season after season."""
    series = read_series(AIRLINE)
    found = forecast(repeater(555), series, steps=14, samples=3, season=12)
    code = found.code
    assert found.used == 144
    expected = series.values[-12:].tolist()
    for step in range(14):
        expected.append(code.value_after(expected[step], 555))
    assert np.allclose(found.paths, expected[12:])
    assert np.allclose(found.median, expected[12:])


def test_the_same_seed_gives_the_same_paths() -> None:
    series = read_series(AIRLINE)
    first, again, other = (forecast(reader(), series, 3, 20, seed=seed).paths for seed in (1, 1, 2))
    assert (first == again).all()
    assert not (first == other).all()


def test_logprobs_are_those_of_the_readable_step() -> None:
    content, codes, season = reader(5), [500, 481, 512, 499], 2
    found = change_logprobs(content.model, content.vocabulary, codes, season, KERNELS)
    text = "\n" + text_of(codes, season)
    state = content.model.zero_state(1)
    digits = [content.vocabulary.characters.index(d) for d in "0123456789"]
    expected = []
    with torch.no_grad():
        for place, character in enumerate(text[:-1]):
            one = torch.tensor([[content.vocabulary.characters.index(character)]])
            logits, state = content.model(one, state)
            following = content.vocabulary.characters.index(text[place + 1])
            logprobs = logits[0, 0, digits].log_softmax(0)
            if place % 8 in (4, 5, 6):
                expected.append(float(logprobs[digits.index(following)]))
    assert np.allclose(found, np.array(expected).reshape(-1, 3).sum(1), atol=1e-5)


def test_the_code_in_which_the_history_is_likelier_comes_first() -> None:
    """Of a series that grows by one factor, growth is always the same code: a network that expects it prefers it."""
    values = 100.0 * 1.02 ** np.arange(60)
    codes = codes_for(values, None, ())
    assert {(code.season, code.logarithmic) for code in codes} == {
        (m, log) for m in (1, 4, 7, 12) for log in (True, False)
    }
    constant = next(code for code in codes if code.season == 1 and code.logarithmic)
    expects = repeater(int(constant.codes(values)[-1]))
    readings = compare_codes(expects.model, expects.vocabulary, values, codes, KERNELS)
    assert readings[0].code.logarithmic
    nats = [reading.nats_per_value for reading in readings]
    assert nats == sorted(nats)


@pytest.mark.parametrize(
    ("values", "season", "likely", "tried"),
    [
        ([1.0] * 3, None, (), {1}),
        ([1.0] * 40, None, (12,), {1, 12}),
        ([1.0] * 30, None, (12,), {1}),
        ([1.0] * 100, None, (), {1, 4, 7, 12, 24}),
        ([1.0] * 40, 9, (12,), {9}),
    ],
)
def test_which_seasons_are_tried(
    values: list[float], season: int | None, likely: tuple[int, ...], tried: set[int]
) -> None:
    assert {code.season for code in codes_for(np.array(values), season, likely)} == tried


def test_a_series_with_zeros_is_not_read_by_its_logarithm() -> None:
    assert not any(code.logarithmic for code in codes_for(np.array([0.0, 1, 2, 3]), None, ()))
    with pytest.raises(UsageError, match="needs at least 14 values, and there are 4"):
        codes_for(np.array([0.0, 1, 2, 3]), 12, ())


@pytest.mark.parametrize("values", [[1.0, 2, 4], [0.0] * 30, [-5.0, 3, -7, 1e9, 2, 4], [1e-9, 2e-9, 1e-9, 3e-9]])
def test_small_and_odd_series_have_a_forecast(values: list[float]) -> None:
    found = forecast(reader(), Series("v", np.array(values)), 5, 7)
    assert found.paths.shape == (7, 5)
    assert np.isfinite(found.paths).all()


def test_of_a_long_series_the_end_is_read() -> None:
    assert forecast(reader(), Series("v", np.arange(10_000) % 7 + 1.0), 2, 3, season=7).used == 500


def test_a_model_of_words_reads_no_series() -> None:
    check_model(reader(), "x")
    with pytest.raises(TextError, match=r"prose: this model has never seen"):
        check_model(ModelFile(reader().model, Vocabulary("abcdefghijklm"), {}), "prose")


# scores


def test_crps_is_its_definition() -> None:
    drawn = np.random.default_rng(1)
    paths, actual = drawn.normal(size=(40, 3)), drawn.normal(size=3)
    pairs = np.abs(paths[:, None] - paths[None]).sum(axis=(0, 1)) / (40 * 39)
    assert crps(actual, paths) == pytest.approx((np.abs(paths - actual).mean(0) - pairs / 2).mean())
    assert crps(actual, np.tile(actual, (5, 1))) == pytest.approx(0.0)


def test_scores_of_the_airline_are_those_that_are_known() -> None:
    """Seasonal naive for 1960, and for the last 29 months: figures that others have published."""
    values = read_series(AIRLINE).values
    history, actual = values[:-12], values[-12:]
    naive = score_point(actual, seasonal_naive(history, 12, 12), history, 12)
    growth = seasonal_naive_with_growth(history, 12, 12)
    assert growth is not None
    assert round(naive.mase, 2) == 1.57
    assert round(score_point(actual, growth, history, 12).mase, 2) == 0.44
    history, actual = values[:-29], values[-29:]
    assert round(score_point(actual, seasonal_naive(history, 12, 29), history, 12).normalised_mae, 3) == 0.147


def test_coverage_counts_what_lies_inside() -> None:
    paths = np.tile(np.arange(11.0)[:, None], (1, 4))
    found = score_paths(np.array([5.0, 0, 10, 1]), paths, (np.full(4, 1.0), np.full(4, 9.0)), np.arange(9.0), 1)
    assert found.coverage == 0.5
    assert found.mase == pytest.approx((0 + 5 + 5 + 4) / 4)
    assert score_point(np.zeros(2), np.ones(2), np.zeros(9), 1).to_dict() == {
        "mase": None, "normalised_mae": None, "crps": 1.0, "coverage": None,
    }  # fmt: skip


def test_growth_needs_two_positive_seasons() -> None:
    assert seasonal_naive_with_growth(np.array([1.0, 2, 2]), 2, 2) is None
    assert seasonal_naive_with_growth(np.array([1.0, 1, 2, 2]), 2, 3).tolist() == [4, 4, 8]  # type: ignore[union-attr]
    assert seasonal_naive_with_growth(np.array([-1.0, 1, 2, 2]), 2, 3) is None


def test_holt_winters_is_that_of_the_library() -> None:
    pytest.importorskip("statsmodels")
    values = read_series(AIRLINE).values
    expected = holt_winters(values[:-12], 12, 12, by_factors=True)
    assert expected is not None
    assert score_point(values[-12:], expected, values[:-12], 12).mase == pytest.approx(0.34, abs=0.05)
    assert holt_winters(values[:3], 12, 4, by_factors=False) is None


# the command


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save_model_file(tmp_path / "reader.safetensors", reader())
    return tmp_path / "reader.safetensors"


def test_the_screen_fits_and_says_the_conclusion_first(invoke: Invoke, model: Path) -> None:
    done = invoke("forecast", AIRLINE, "-c", model, "--samples", 20, "--width", 80)
    assert done.code == 0, done.err
    screen = done.out.splitlines()
    assert screen[0].startswith("passengers, 1961-04: about ")
    assert max(map(len, screen)) <= 80
    assert [line.split()[0] for line in screen if line.startswith("1961-")] == [f"1961-{k:02}" for k in range(1, 5)]


def test_json_csv_and_figure(invoke: Invoke, model: Path, tmp_path: Path) -> None:
    asked = ("forecast", AIRLINE, "-c", model, "--samples", 20, "--backtest", 12, "--season", 12)
    found = json.loads(invoke(*asked, "--json").out)
    assert found["steps"][0] == "1960-01"
    assert found["what_came"][-1] == 432.0
    assert set(found["accuracy"]) >= {"network", "seasonal_naive", "with_growth"}
    assert found["accuracy"]["seasonal_naive"]["mase"] == pytest.approx(1.57, abs=0.01)
    rows = invoke(*asked, "--csv").out.splitlines()
    assert rows[0].startswith("step,what_came,median,low,high,seasonal_naive,with_growth")
    assert [float(row.split(",")[2]) for row in rows[1:]] == pytest.approx(found["median"])
    done = invoke(*asked, "--figure", "fan.svg")
    assert done.code == 0, done.err
    assert "passengers" in (tmp_path / "fan.svg").read_text(encoding="utf-8")
    assert "network" in done.out


def test_the_text_of_a_series(invoke: Invoke, model: Path) -> None:
    text = invoke("forecast", AIRLINE, "-c", model, "--text", "--season", 12).out
    assert len(text) == 132 * 8
    assert text.startswith("--- ")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("none.csv",), 3, "none.csv: No such file"),
        ((AIRLINE, "--column", "x"), 3, "no column x; there are month, passengers"),
        ((AIRLINE, "--season", 200), 2, "needs at least 202 values"),
        ((AIRLINE, "--backtest", 143), 2, "leaves 1 of 144 values"),
        ((AIRLINE, "--json", "--csv"), 2, "only one of --json and --csv"),
        ((AIRLINE, "--text", "--backtest", 4), 2, "--backtest is for a forecast, and --text makes none"),
        ((AIRLINE, "--text", "--json"), 2, "--json is for a forecast, and --text makes none"),
        ((AIRLINE, "--text", "--csv"), 2, "--csv is for a forecast, and --text makes none"),
        ((AIRLINE, "--text", "--figure", "x.svg"), 2, "--figure is for a forecast, and --text makes none"),
        ((AIRLINE, "--interval", "nan"), 2, "--interval"),
        ((AIRLINE, "--steps", 0), 2, "--steps"),
        ((AIRLINE, "--figure", "x.gif"), 2, ".svg, .png or .pdf"),
        ((AIRLINE, "-c", "english"), 3, "english: this model writes"),
        ((AIRLINE, "-c", "nowhere"), 4, "nowhere: no such file or folder"),
    ],
)
def test_what_a_person_can_get_wrong(
    invoke: Invoke, model: Path, arguments: tuple[object, ...], code: int, said: str
) -> None:
    done = invoke("forecast", *(() if "-c" in arguments else ("-c", model)), *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in " ".join(done.err.replace("│", " ").split())


def test_nothing_is_undefined_where_all_is_zero(invoke: Invoke, model: Path, tmp_path: Path) -> None:
    (tmp_path / "zero.csv").write_text("v\n" + "0\n" * 20)
    found = json.loads(invoke("forecast", "zero.csv", "-c", model, "--backtest", 4, "--json").out)
    assert found["accuracy"]["seasonal_naive"]["mase"] is None
    assert math.isfinite(found["median"][0])
    screen = invoke("forecast", "zero.csv", "-c", model, "--backtest", 4)
    assert screen.code == 0
    assert "nan" not in screen.out


def test_from_python(model: Path) -> None:
    found = charlstm.forecast(AIRLINE, steps=2, model=model, season=12, samples=10, seed=3)
    numbers = read_series(AIRLINE).values
    again = charlstm.forecast(numbers, steps=2, model=model, season=12, samples=10, seed=3)
    assert found.labels == ["1961-01", "1961-02"]
    assert (found.median == again.median).all()
    assert repr(found).startswith("<Outlook: 2 values of passengers, the last ")
    assert set(charlstm.forecast(numbers.tolist(), model=model, backtest=12, season=12).accuracy) >= {"network"}
    for wrong, said in (
        ({"series": [1, 2]}, "at least 3 numbers"),
        ({"series": ["a", "b", "c"]}, "must be a file or numbers"),
        ({"series": [1, 2, math.nan]}, "at least 3 numbers"),
        ({"series": 5}, "must be a path"),
        ({"series": [1, 2, 3], "steps": 0}, "`steps` is 0"),
        ({"series": [1, 2, 3], "interval": 100}, "`interval` is 100"),
    ):
        with pytest.raises(UsageError, match=said):
            charlstm.forecast(**{"model": model, **wrong})  # type: ignore[arg-type]

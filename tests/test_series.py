"""Number series: a code that can be read back, tables as people have them, series made by rule."""

import math
import random
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.errors import TextError
from charlstm.grammar.series import SEASONS, lines, series
from charlstm.series.code import ALPHABET, CHARACTERS_OF_VALUE, Code, text_of
from charlstm.series.table import read_series, series_in

AIRLINE = Path(__file__).parent.parent / "corpora" / "airline.csv"


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=8, max_size=60),
    st.sampled_from([1, 4, 7]),
    st.booleans(),
)
def test_a_code_is_read_back_to_within_its_rounding(numbers: list[float], season: int, logarithmic: bool) -> None:
    values = np.array(numbers)
    if logarithmic:
        values = np.exp(values / 1e5)
    code = Code.fitting(values, season, logarithmic)
    codes = code.codes(values)
    assert ((codes >= 0) & (codes <= 999)).all()
    z = np.log(values) if logarithmic else values
    for place, number in enumerate(codes.tolist()):
        if 0 < number < 999:  # what is beyond is as far as the code goes
            change = z[place + season] - z[place]
            back = code.value_after(values[place], number)
            back = math.log(back) if logarithmic else back
            assert abs(back - z[place] - change) <= 0.0043 * math.hypot(code.unit, change) + 1e-9 * (1 + abs(z[place]))


def test_values_are_known_from_the_first_season_and_the_codes() -> None:
    values = read_series(AIRLINE).values
    for logarithmic in (False, True):
        code = Code.fitting(values, 12, logarithmic)
        back = code.values(values[:12].tolist(), code.codes(values).tolist())
        assert np.abs(back - values).max() < 0.01 * values.max()  # roundings add up over eleven years


def test_the_text_says_a_change_and_the_one_a_season_before() -> None:
    text = text_of([500, 510, 520, 530], season=2)
    assert text == "--- 500\n--- 510\n500 520\n510 530\n"
    assert set(text) <= set(ALPHABET)
    assert len(text) == 4 * CHARACTERS_OF_VALUE


def test_the_unit_does_not_matter() -> None:
    values = read_series(AIRLINE).values
    assert (
        Code.fitting(values, 12, False).codes(values) == Code.fitting(values * 1e6, 12, False).codes(values * 1e6)
    ).all()


def test_densities_of_codes_add_up_to_one() -> None:
    """The slope is the number of codes in a unit of the value: codes summed over values give one for each code."""
    values = np.linspace(1.0, 9.0, 9)
    for logarithmic in (False, True):
        code = Code(1, logarithmic, 0.7)
        after = np.linspace(4.9, 5.1, 2001)
        pairs = np.array([[5.0, value] for value in after])
        slopes = np.array([code.log_slopes(pair)[0] for pair in pairs])
        low, high = (math.asinh(_change(5.0, value, logarithmic) / 0.7) * 120 for value in (4.9, 5.1))
        assert np.exp(slopes).mean() * 0.2 == pytest.approx(high - low, rel=1e-3)
    assert code.log_slopes(values).shape == (8,)


def _change(before: float, after: float, logarithmic: bool) -> float:
    return math.log(after / before) if logarithmic else after - before


@pytest.mark.parametrize("numbers", [[5.0] * 10, [0.0] * 10, [0.0, 0.0, 0.0, 7.0, 0.0, 0.0]])
def test_a_series_that_stands_still_has_a_code(numbers: list[float]) -> None:
    values = np.array(numbers)
    code = Code.fitting(values, 1, logarithmic=False)
    assert np.allclose(code.values(numbers[:1], code.codes(values).tolist()), values, rtol=0.01, atol=0.01)


def test_what_a_code_cannot_be() -> None:
    with pytest.raises(ValueError, match="not more than a season"):
        Code.fitting(np.ones(4), 4, logarithmic=False)
    with pytest.raises(ValueError, match="positive"):
        Code.fitting(np.zeros(4), 1, logarithmic=True)


# tables


def test_dates_name_the_values_and_go_on() -> None:
    found = read_series(AIRLINE)
    assert (found.name, len(found.values), found.labels[0]) == ("passengers", 144, "1949-01")
    assert found.next_labels(13)[::12] == ["1961-01", "1962-01"]
    assert found.likely_seasons == (12,)


@pytest.mark.parametrize(
    ("table", "values", "following"),
    [
        ("1\n2\n4\n", [1, 2, 4], "+1"),
        ("value\n1\n2\n4\n", [1, 2, 4], "+1"),
        ("year,price\n2001,3.5\n2002,-4\n2003,0\n", [3.5, -4, 0], "+1"),
        ("Tag;Wert\n2024-01-30;1,5\n2024-01-31;1.002,5\n2024-02-01;2\n", [1.5, 1002.5, 2], "2024-02-02"),
        ("m\tv\n2024-01-31\t1\n2024-02-29\t2\n2024-03-31\t3\n", [1, 2, 3], "2024-04-30"),
        ("q,v\n2023-Q4,1\n2024-Q1,2\n2024-Q2,3\n", [1, 2, 3], "2024-Q3"),
        ("h,v\n2024-01-01 22:00,1\n2024-01-01 23:00,2\n2024-01-02 00:00,3\n", [1, 2, 3], "2024-01-02 01:00"),
        ("d,v\n2024-01-01,1\n2024-01-02,2\n2024-01-09,3\n", [1, 2, 3], "+1"),
        ("v\n\n1\n2\n3\n\n", [1, 2, 3], "+1"),
        ('"a ""name""",b\n2020-01,1e3\n2020-02,.5\n2020-03,+7\n', [1000, 0.5, 7], "2020-04"),
        ("\ufeffv\r\n1\r\n2\r\n3\r\n", [1, 2, 3], "+1"),
    ],
)  # fmt: skip
def test_tables_as_people_have_them(table: str, values: list[float], following: str) -> None:
    found = series_in(table.removeprefix("\ufeff"), "t.csv")
    assert found.values.tolist() == values
    assert found.next_labels(1) == [following]


def test_missing_values_lie_between_their_neighbours_and_are_counted() -> None:
    found = series_in("v\nNA\n1\n2\n3\n\n4\nnan\n6\n7\n8\n9\n10\n?\n", "t.csv")
    assert found.values.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert found.filled == 1


@pytest.mark.parametrize(
    ("table", "column", "said"),
    [
        ("", None, "t.csv: the table is empty"),
        ("a,b\nx,y\n", None, "no column has numbers"),
        ("a,b\n1,5\n2,7\n9,8\n", None, "several columns have numbers; choose one with `column`: a, b"),
        ("a,b\n1,5\n2,7\n9,8\n", "c", "no column c; there are a, b"),
        ("a,b\n1,5\n2,x\n9,8\n", "b", "t.csv: row 3: 'x' is no number"),
        ("v\n1\n2\n", None, "2 values are too few"),
        ("v\n1\n1e16\n2\n", None, "row 3: 1e16 is too large"),
        ("v,w\n1,\n,\nNA,\nNA,\n5,\n6,\n", None, "are missing, more than a fifth"),
        ("v\n1\ninf\n3\n", "v", "'inf' is no number"),
    ],
)
def test_what_is_no_series_is_said(table: str, column: str | None, said: str) -> None:
    with pytest.raises(TextError) as e:
        series_in(table, "t.csv", column)
    assert said in str(e.value)
    assert "\n" not in str(e.value)


def test_a_column_by_name_or_number() -> None:
    table = "a,b\n1,5\n2,7\n9,8\n"
    assert series_in(table, "t", "b").values.tolist() == series_in(table, "t", "2").values.tolist() == [5, 7, 8]


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(TextError, match="No such file"):
        read_series(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes("preço\n1\n2\n3\n".encode("latin-1"))
    with pytest.raises(TextError, match="UTF-8"):
        read_series(tmp_path / "latin.csv")


# series made by rule


def test_series_made_by_rule_are_numbers_of_every_kind() -> None:
    drawer = np.random.default_rng(1)
    made = [series(drawer) for _ in range(300)]
    assert {season for _, season, _ in made} == set(SEASONS)
    assert all(np.isfinite(values).all() and len(values) > season for values, season, _ in made)
    assert 60 < sum(logarithmic for _, _, logarithmic in made) < 240
    assert all(values.min() > 0 for values, _, logarithmic in made if logarithmic)
    assert any(values.min() < 0 for values, _, _ in made)


def test_the_text_of_series_made_by_rule_has_their_form() -> None:
    text = "\n".join(islice(lines(random.Random(3)), 3000))
    assert set(text) == set(ALPHABET)
    for part in text.split("\n\n")[:-1]:
        codes = [line.split(" ") for line in part.splitlines()]
        seasons = sum(before == "---" for before, _ in codes)
        assert [before for before, _ in codes[seasons:]] == [code for _, code in codes[: len(codes) - seasons]]

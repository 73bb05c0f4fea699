"""The probe's statistics against brute force and known values."""

import os
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.probe.nulls import limit_of, stands_out
from charlstm.probe.selectivity import Found, confirm
from charlstm.probe.statistics import (
    EXACT_UP_TO,
    above,
    auc,
    benjamini_hochberg,
    bootstrap,
    d_prime,
    flips,
    midranks,
    permuted_auc,
)

scores = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=30)


def slow_auc(values: np.ndarray, positive: np.ndarray) -> float:
    pairs = [(a > b) + 0.5 * (a == b) for a, b in product(values[positive], values[~positive])]
    return float(np.mean(pairs)) if pairs else float("nan")


@given(scores)
def test_auc_counts_pairs(data: list[tuple[int, bool]]) -> None:
    values, positive = np.array([v for v, _ in data], dtype=float), np.array([p for _, p in data])
    assert auc(values[:, None], positive)[0] == pytest.approx(slow_auc(values, positive), nan_ok=True)


def test_auc_of_many_columns_at_once() -> None:
    rng = np.random.default_rng(0)
    values, positive = rng.integers(0, 5, (20, 3, 4)).astype(float), rng.random(20) < 0.4
    for k, m in product(range(3), range(4)):
        assert auc(values, positive)[k, m] == pytest.approx(slow_auc(values[:, k, m], positive))


def test_midranks_average_ties() -> None:
    assert midranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1.0, 3.5, 2.0]


def test_permuted_auc_is_the_auc_of_exchanged_labels() -> None:
    rng = np.random.default_rng(1)
    lemma = np.repeat(np.arange(5), 6)
    values, positive = rng.normal(size=(30, 2)), rng.random(30) < 0.5
    flip = flips(5, rng)
    assert flip.shape == (32, 5)
    assert not flip[0].any()
    got = permuted_auc(values, positive, lemma, flip)
    for row, which in enumerate(flip):
        expected = auc(values, positive ^ which[lemma])
        assert got[row] == pytest.approx(np.where(np.isnan(expected), 0.5, expected))


def test_many_lemmas_are_sampled() -> None:
    drawn = flips(EXACT_UP_TO + 8, np.random.default_rng(0))
    assert drawn.shape == (1 << EXACT_UP_TO, EXACT_UP_TO + 8)
    assert not drawn[0].any()
    assert drawn.mean() == pytest.approx(0.5, abs=0.01)


def test_bootstrap_draws_lemmas() -> None:
    rng = np.random.default_rng(2)
    lemma = np.repeat(np.arange(40), 10)
    shared = rng.normal(size=40)[lemma]  # all the variance is between lemmas
    estimate = bootstrap(lambda rows: float(shared[rows].mean()), lemma, rng, 500)
    assert estimate.low < estimate.value < estimate.high
    assert (estimate.high - estimate.low) / 2 == pytest.approx(1.96 * shared.std() / 40**0.5, rel=0.25)


def test_bootstrap_leaves_out_what_is_no_number() -> None:
    estimate = bootstrap(lambda rows: float("nan"), np.arange(4), np.random.default_rng(0), 10)
    assert np.isnan([estimate.low, estimate.high]).all()


def test_d_prime() -> None:
    assert d_prime(50, 100, 50, 100) == pytest.approx(0.0)
    assert d_prime(84, 100, 16, 100) == pytest.approx(2 * 0.9769, abs=0.02)
    assert d_prime(100, 100, 0, 100) < 10


def test_benjamini_hochberg() -> None:
    adjusted = benjamini_hochberg(np.array([0.01, 0.04, 0.03, 0.5]))
    assert adjusted == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])


def test_p_counts_the_observation() -> None:
    assert above(1.0, np.zeros(99)) == pytest.approx(0.01)
    assert above(0.5, np.array([0.5, 0.4, 0.6])) == pytest.approx(0.75)


def test_standing_out_of_null_networks() -> None:
    null = np.array([0.6, 0.62, 0.58, 0.61, 0.6])
    assert stands_out(1.0, null)
    assert not stands_out(0.63, null)
    assert not stands_out(1.0, np.ones(5))
    assert not stands_out(0.95, np.array([0.7, 0.94, 0.8, 0.9, 0.75]))
    assert stands_out(1.0, np.array([0.6, 0.7, 0.8, 0.9, 0.95]), 1 / 5000)
    assert not stands_out(1.0, np.array([0.99, 0.93, 0.97, 0.99, 0.92]), 1 / 1296)
    assert limit_of(null) > null.max()


def test_a_sixth_network_rarely_stands_out() -> None:
    rng = np.random.default_rng(4)
    draws = np.clip(0.7 + 0.08 * rng.normal(size=(2000, 6)), 0.01, 0.99)
    assert np.mean([stands_out(float(row[5]), row[:5]) for row in draws]) < 0.02


def test_p_asks_whether_anything_is_missing_at_one_landmark() -> None:
    """Twenty cells that are perfect until the target and noise there, 5 to 20 lemmas: rarely called significant."""
    rng, draws = np.random.default_rng(0), 1000 if os.environ.get("SOAK") else 60
    claims = 0
    for _ in range(draws):
        lemmas, sentences, cells = int(rng.integers(5, 21)), 3, 20
        lemma = np.repeat(np.arange(lemmas), 2 * sentences)
        positive = np.tile(np.repeat([True, False], sentences), lemmas)
        states = np.repeat(np.where(positive, 1.0, -1.0)[:, None], 4 * cells, axis=1).reshape(-1, 4, 1, cells)
        of_noun = rng.normal(size=(2 * lemmas, cells))[2 * lemma + positive]  # sentences of a noun are alike
        states[:, 3, 0] = of_noun + 0.3 * rng.normal(size=(len(lemma), cells))
        found = [Found(0, cell, 1, 1.0) for cell in range(cells)]
        claims += min(candidate.p for candidate in confirm(states, positive, lemma, found, rng)) < 0.05
    assert claims <= (0.05 * draws if draws == 1000 else 8)  # of 60, more than 8 would come once in 250 times
    held = np.repeat(np.where(positive, 1.0, -1.0)[:, None], 4, axis=1).reshape(-1, 4, 1, 1)
    assert confirm(held, positive, lemma, [Found(0, 0, 1, 1.0)], rng)[0].p < 0.05

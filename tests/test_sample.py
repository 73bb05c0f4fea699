import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from charlstm.config import ModelConfig, SampleConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.drawing.draw import AHEAD, Uniform, draw
from charlstm.drawing.rules import Allowed, Every
from charlstm.drawing.stop import StopFilter
from charlstm.network.model import CharLM
from charlstm.sample import Drawn, generate, generate_each

VOCABULARY = Vocabulary("\nabcdeé")


@pytest.fixture
def model() -> CharLM:
    model = CharLM(ModelConfig(vocab_size=len(VOCABULARY), hidden_size=12, num_layers=2, embedding_size=5))
    model.reset_parameters(0, 3)
    with torch.no_grad():
        model.head.weight.mul_(20)
    return model


def text(model: CharLM, prompt: str = "", **settings: object) -> list[str]:
    config = SampleConfig(**{"length": 40, "seed": 1, **settings})  # type: ignore[arg-type]
    out = [""] * config.num
    for d in generate(model, VOCABULARY, VOCABULARY.encode(prompt), config, opening="a"):
        out[d.stream] += d.text
    return out


LOGITS = st.lists(st.floats(-20, 20), min_size=2, max_size=12)


@settings(deadline=None)
@given(LOGITS, st.floats(0, 1, exclude_max=True), st.floats(0.01, 10), st.integers(0, 12), st.floats(0.01, 1))
def test_only_what_is_allowed_is_drawn(logits: list[float], u: float, temperature: float, k: int, p: float) -> None:
    row = torch.tensor([logits], dtype=torch.float64)
    drawn = int(draw(row.numpy(), np.array([u]), temperature, k, p)[0])
    order = row[0].sort(descending=True, stable=True).indices.tolist()
    rank = order.index(drawn)
    assert rank < (k or len(logits))
    probabilities = (row[0] / temperature).softmax(0)[order]
    kept = probabilities[: k or None]
    assert rank == 0 or kept[:rank].sum() / kept.sum() < p + 1e-9


def test_draws_follow_the_distribution() -> None:
    logits = np.tile(np.log([0.5, 0.2, 0.3]), (100_000, 1))
    u = Uniform(0).draw(100_000)
    share = np.bincount(draw(logits, u), minlength=3) / 100_000
    np.testing.assert_allclose(share, [0.5, 0.2, 0.3], rtol=0, atol=0.01)
    cold = np.bincount(draw(logits, u, temperature=0.5), minlength=3) / 100_000
    np.testing.assert_allclose(cold, np.array([0.25, 0.04, 0.09]) / 0.38, rtol=0, atol=0.01)
    nucleus = np.bincount(draw(logits, u, top_p=0.7), minlength=3) / 100_000
    np.testing.assert_allclose(nucleus, np.array([0.5, 0.0, 0.3]) / 0.8, rtol=0, atol=0.01)


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, 2**40 + 7])
def test_random_numbers_are_those_of_pytorch(seed: int) -> None:
    generator, uniform = torch.Generator().manual_seed(seed), Uniform(seed)
    for n in (1, 3, 200):
        assert uniform.draw(n).tolist() == torch.rand(n, generator=generator, dtype=torch.float64).tolist()


@pytest.mark.parametrize("n", [1, 3, 128])
def test_random_numbers_made_ahead_are_the_same(n: int) -> None:
    ahead, one_by_one = Uniform(5).steps(n), Uniform(5)
    for _ in range(2 * AHEAD + 1):
        assert next(ahead).tolist() == one_by_one.draw(n).tolist()


def test_the_largest_random_number_draws_nothing_that_is_cut_off() -> None:
    logits, u = np.random.default_rng(0).normal(scale=3, size=(5_000, 12)), np.full(5_000, np.nextafter(1, 0))
    fifth = np.sort(logits, axis=1)[:, -5]
    assert (logits[np.arange(len(u)), draw(logits, u, top_k=5)] == fifth).all()
    logits[:, 7:] = -np.inf
    assert draw(logits, u).max() < 7


def test_ties_go_to_the_lower_id() -> None:
    logits = np.zeros((1, 5))
    assert draw(logits, np.array([0.99]), temperature=0) == [0]
    assert draw(logits, np.array([0.99]), top_k=2) == [1]
    assert draw(logits, np.array([0.0])) == [0]
    assert draw(logits, np.array([0.999999])) == [4]


def test_extreme_temperatures_stay_finite() -> None:
    logits = np.array([[5.0, 90.0, -40.0]])
    assert draw(logits, np.array([0.999]), temperature=1e-6) == [1]
    assert [int(draw(logits, np.array([u]), temperature=1e6)[0]) for u in (0.1, 0.5, 0.9)] == [1, 0, 2]


def test_temperature_0_is_top_k_1(model: CharLM) -> None:
    assert text(model, "ab", temperature=0.0) == text(model, "ab", top_k=1, temperature=3.0, seed=9)


def test_same_seed_same_text(model: CharLM) -> None:
    assert text(model) == text(model)
    assert text(model) != text(model, seed=2)
    assert text(model, seed=None) != text(model, seed=None)
    several = text(model, num=3)
    assert len(set(several)) == 3
    assert several == text(model, num=3)


def test_the_prompt_is_read(model: CharLM) -> None:
    config = SampleConfig(length=1, temperature=0.0)
    prompt = "abécab"
    with torch.no_grad():
        logits, _ = model(torch.from_numpy(VOCABULARY.encode(prompt).astype("int64"))[None])
    (drawn,) = generate(model, VOCABULARY, VOCABULARY.encode(prompt), config, opening="a")
    assert drawn.text == VOCABULARY.characters[int(logits[0, -1].argmax())]
    assert drawn.logprob == pytest.approx(float(logits[0, -1].log_softmax(0).max()), abs=1e-5)


def test_without_a_prompt_it_begins_after_the_opening(model: CharLM) -> None:
    config = SampleConfig(length=20, seed=1)
    drawn = list(generate(model, VOCABULARY, VOCABULARY.encode(""), config, opening="\n\n"))
    assert drawn == list(generate(model, VOCABULARY, VOCABULARY.encode("\n\n"), config, opening="a"))


def test_stop_ends_before_its_text(model: CharLM) -> None:
    (whole,) = text(model, length=60)
    stop = whole[20:22]
    (stopped,) = text(model, length=60, stop=stop)
    assert stopped == whole[: whole.index(stop)]


@given(st.text("ab", max_size=30), st.text("ab", min_size=1, max_size=4))
def test_the_stop_filter_gives_what_split_would(text: str, stop: str) -> None:
    filter = StopFilter(stop)
    shown = ""
    for k, c in enumerate(text):
        shown += "".join(d.text for d in filter.push(Drawn(0, c, 0.0), last=k == len(text) - 1))
    assert shown == text.split(stop)[0]


def test_length_0_draws_nothing(model: CharLM) -> None:
    assert text(model, "ab", length=0) == [""]


def test_log_probabilities_are_the_models_own(model: CharLM) -> None:
    config = SampleConfig(length=5, seed=0, temperature=0.3, top_k=3)
    for d in generate(model, VOCABULARY, VOCABULARY.encode("a"), config, opening="a"):
        assert -math.inf < d.logprob < 0


def test_a_network_that_diverged_does_not_crash_the_draw() -> None:
    logits = np.array([[math.nan, math.nan, math.nan], [1.0, math.inf, 0.0]])
    assert all(0 <= i < 3 for i in draw(logits, np.array([0.5, 0.5])).tolist())


def test_a_long_prompt_is_read_piece_by_piece(model: CharLM, monkeypatch: pytest.MonkeyPatch) -> None:
    prompt, config, told = VOCABULARY.encode("abcdeé\n" * 9), SampleConfig(length=20, seed=1), []
    whole = list(generate(model, VOCABULARY, prompt, config, opening="a"))
    monkeypatch.setattr("charlstm.in_numpy.text_reader.WINDOW", 25)
    pieces = list(generate(model, VOCABULARY, prompt, config, opening="a", on_progress=lambda *done: told.append(done)))
    assert told == [(25, 63), (50, 63), (63, 63)]
    assert [d.text for d in pieces] == [d.text for d in whole]
    assert [d.logprob for d in pieces] == pytest.approx([d.logprob for d in whole], abs=1e-4)


PROMPTS = ["abcde", "", "é", "ab\nab" * 9, "e", "abcde", "dcba"]


def each(model: CharLM, prompts: list[str], **settings: object) -> list[str]:
    config = SampleConfig(**{"length": 40, "seed": 1, **settings})  # type: ignore[arg-type]
    out = [""] * (config.num * len(prompts))
    known = [VOCABULARY.encode(prompt) for prompt in prompts]
    for d in generate_each(model, VOCABULARY, known, config, opening="a"):
        out[d.stream] += d.text
    return out


@pytest.mark.parametrize("settings", [{}, {"num": 3}, {"temperature": 0.0}, {"stop": "ab"}, {"top_k": 3, "top_p": 0.9}])
def test_each_prompt_gets_the_text_that_it_gets_alone(model: CharLM, settings: dict[str, object]) -> None:
    alone = [written for prompt in PROMPTS for written in text(model, prompt, **settings)]
    assert each(model, PROMPTS, **settings) == alone
    assert len(set(alone)) > 3


def test_prompts_of_any_lengths_are_read_as_they_are_alone(model: CharLM, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []
    config = SampleConfig(length=3, seed=1)
    known = [VOCABULARY.encode(prompt) for prompt in PROMPTS]
    monkeypatch.setattr("charlstm.sample.reading.WINDOW", 7)
    drawn = list(generate_each(model, VOCABULARY, known, config, opening="a", on_progress=lambda *d: told.append(d)))
    total = sum(len(prompt) or 1 for prompt in PROMPTS)
    assert told[-1] == (total, total)
    for k, prompt in enumerate(known):
        alone = [d.logprob for d in generate(model, VOCABULARY, prompt, config, opening="a")]
        assert [d.logprob for d in drawn if d.stream == k] == pytest.approx(alone, abs=1e-4)


class OnlyThese:
    """A rule: only characters of `known`, and the text ends before `end`."""

    def __init__(self, known: str, end: str = "") -> None:
        self.mask = np.isin(list(VOCABULARY.characters), list(known))
        self.end = end
        self.left: list[int] = []

    def allowed(self, left: int) -> Allowed | None:
        self.left.append(left)
        return None if self.mask.all() else self.mask

    def push(self, drawn: int, left: int) -> bool:
        return VOCABULARY.characters[drawn] != self.end


def test_a_rule_masks_what_its_stream_may_not_write(model: CharLM) -> None:
    rules = [None, OnlyThese("ab"), OnlyThese("")]
    config = SampleConfig(length=30, seed=1, num=3, temperature=3.0)
    prompt = VOCABULARY.encode("a")
    out: list[list[Drawn]] = [[], [], []]
    for d in generate(model, VOCABULARY, prompt, config, opening="a", make_rule=rules.__getitem__):
        out[d.stream].append(d)
    free, bound, none = ("".join(d.text for d in drawn) for drawn in out)
    assert (free, none) == (text(model, "a", num=3, length=30, temperature=3.0)[0], "")
    assert len(bound) == 30
    assert set(bound) == set("ab")
    assert rules[1] is not None
    assert rules[1].left == list(range(30, 0, -1))
    assert {d.allowed_logprob for d in out[0]} == {0.0}
    with torch.no_grad():
        ids = VOCABULARY.encode("a" + bound).astype("int64")
        logits, _ = model(torch.from_numpy(ids)[None])
    mass = logits[0, :-1].log_softmax(1)[:, torch.from_numpy(rules[1].mask)].logsumexp(1)
    assert [d.allowed_logprob for d in out[1]] == pytest.approx(mass.tolist(), abs=1e-4)


def test_a_rule_ends_its_stream_and_what_was_held_back_is_shown(model: CharLM) -> None:
    (whole,) = text(model, "a", length=60)
    end = whole[30]
    config = SampleConfig(length=60, seed=1, stop=whole[whole.index(end) - 2 : whole.index(end)] + "\nx")
    drawn = generate(
        model, VOCABULARY, VOCABULARY.encode("a"), config, opening="a", make_rule=lambda _: OnlyThese("\nabcdeé", end)
    )
    assert "".join(d.text for d in drawn) == whole[: whole.index(end)]


def test_several_rules_allow_what_each_of_them_allows() -> None:
    both = Every([OnlyThese("abc", "b"), OnlyThese("bcd"), OnlyThese("\nabcdeé")])
    mask = both.allowed(1)
    assert mask is not None
    assert [c for c, m in zip(VOCABULARY.characters, mask, strict=True) if m] == ["b", "c"]
    assert both.push(VOCABULARY.characters.index("c"), 1)
    assert not both.push(VOCABULARY.characters.index("b"), 1)
    assert Every([OnlyThese("\nabcdeé")]).allowed(1) is None


def test_masks_hold_for_a_network_that_diverged(model: CharLM) -> None:
    with torch.no_grad():
        model.head.bias.fill_(math.nan)
    config = SampleConfig(length=9, seed=1)
    drawn = generate(
        model, VOCABULARY, VOCABULARY.encode("a"), config, opening="a", make_rule=lambda _: OnlyThese("bc")
    )
    assert set("".join(d.text for d in drawn)) <= set("bc")

from pathlib import Path
from typing import Any

import pytest
from conftest import small_text

from charlstm.config import TrainConfig
from charlstm.corpus import Corpus, CorpusRequest, open_corpus
from charlstm.errors import TextError, UsageError
from charlstm.settings import default_of
from charlstm.training.plan import RECIPE, dropout_for, expected_epochs, network_size, plan


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    (tmp_path / "t.txt").write_text(small_text(5000))
    return open_corpus(CorpusRequest((str(tmp_path / "t.txt"),)))


def test_what_is_given_stays(corpus: Corpus) -> None:
    given = {
        "hidden_size": 33,
        "lr": 0.5,
        "dropout": 0.25,
        "batch_size": 3,
        "steps": 7,
        "evaluations": 5,
        "cell_type": "rnn",
    }
    model, config = plan(corpus, given)
    both = {**model.to_dict(), **config.to_dict()}
    assert {name: both[name] for name in given} == given
    assert model.vocab_size == len(corpus.vocabulary)


def test_a_new_run_has_the_newest_recipe_and_help_says_so(corpus: Corpus) -> None:
    before = TrainConfig()  # as runs are that say nothing of it
    assert (before.optimizer, before.polar, before.final_lr, before.average) == ("adamw", "iteration", 0.01, 0.0)
    config = plan(corpus, {"steps": 3})[1].to_dict()
    assert {name: config[name] for name in RECIPE} == RECIPE
    assert RECIPE["polar"] == "inverses"
    for name in RECIPE.keys() - {"polar"}:
        assert default_of(TrainConfig, name) == str(RECIPE[name])


def test_without_a_budget_it_passes_over_the_text_up_to_50_times(corpus: Corpus) -> None:
    _, config = plan(corpus, {})
    assert (config.epochs, config.steps, config.time) == (50.0, None, None)
    assert config.dropout == 0.5


def test_evaluations_cost_a_fraction_of_the_training(corpus: Corpus) -> None:
    assert plan(corpus, {"steps": 1})[1].evaluations == 1
    assert plan(corpus, {"epochs": 200.0})[1].evaluations == 20
    assert plan(corpus, {"time": 60.0})[1].evaluations < 20


def test_a_short_budget_of_time_is_not_spent_on_evaluations(corpus: Corpus) -> None:
    def scored(**given: Any) -> int:
        _, config = plan(corpus, {"time": 10.0, "hidden_size": 1024, **given})
        return config.evaluations * config.valid_chars

    small = scored(hidden_size=64)
    assert scored(time=1000.0) > small > scored()  # a large network scores less text
    assert abs(scored(hidden_size=64, evaluations=8) - small) < 10  # more evaluations, each on less
    assert scored(valid_chars=7, evaluations=3) == 21


def test_a_run_that_goes_on_from_a_model_has_a_recipe_of_its_own(corpus: Corpus) -> None:
    (_, new), (_, on) = plan(corpus, {"steps": 10}), plan(corpus, {"steps": 10}, goes_on=True)
    assert (new.optimizer, on.optimizer) == ("muon", "adamw")
    assert (on.final_lr, on.average) == (0.01, 0.0)
    assert on.lr == pytest.approx(new.lr / 4)
    asked = plan(corpus, {"steps": 10, "optimizer": "muon"}, goes_on=True)[1]
    assert (asked.optimizer, asked.polar) == ("muon", "inverses")


def test_networks_and_dropout_grow_with_the_task() -> None:
    sizes = [network_size(n, {"epochs": 5.0}) for n in (10_000, 100_000, 1_000_000)]
    assert sizes == sorted(sizes)
    assert [network_size(30_000_000, {"time": t}) for t in (20.0, 600.0, 3600.0)] == [(256, 1), (512, 1), (512, 2)]
    assert [network_size(30_000_000, {"epochs": n}) for n in (1.0, 2.0)] == [(512, 1), (512, 2)]
    assert network_size(1_000_000, {"epochs": 50.0}) == network_size(1_000_000, {"time": 3600.0}) == (512, 1)
    assert [dropout_for(epochs) for epochs in (1, 8, 12, 50)] == [0.0, 0.2, 0.4, 0.5]
    assert expected_epochs(1000, {"steps": 10}, 100) == 1.0
    assert expected_epochs(1000, {"epochs": 2.5}, 100) == 2.5
    assert expected_epochs(1000, {"time": 1.0}, 100) == 30.0


@pytest.mark.parametrize(
    ("characters", "given", "expected"),
    [
        (100, {}, "two windows of `seq_len` 64 need 129"),
        (100, {"seq_len": 60}, "two windows"),
        (200, {"batch_size": 200}, "`batch_size` 200"),
        (1000, {"valid_fraction": 0.001}, "left to validate"),
    ],
)
def test_texts_that_are_too_short(tmp_path: Path, characters: int, given: dict, expected: str) -> None:
    (tmp_path / "t.txt").write_text(small_text(characters))
    fraction = given.get("valid_fraction", 0.1)
    with pytest.raises(TextError, match=expected):
        plan(open_corpus(CorpusRequest((str(tmp_path / "t.txt"),), valid_fraction=fraction)), given)


def test_a_setting_nobody_knows(corpus: Corpus) -> None:
    with pytest.raises(UsageError, match="unknown setting"):
        plan(corpus, {"hiden_size": 3})

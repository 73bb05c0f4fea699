"""The loop: exact to resume, safe from what is not finite, on time."""

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import torch
from conftest import small_text
from hypothesis import given
from hypothesis import strategies as st

from charlstm import checkpoint, evaluate
from charlstm.config import ModelConfig, TrainConfig
from charlstm.corpus import Corpus, CorpusRequest, open_corpus
from charlstm.errors import DivergedError
from charlstm.evaluate import score_stream
from charlstm.network.cells import CELLS
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.training import preview, validation
from charlstm.training import trainer as trainer_module
from charlstm.training.events import Evaluated, Event, Finished, NotSaved, RolledBack, Stepped, Trained
from charlstm.training.optim import learning_rate
from charlstm.training.speed import measure_speed
from charlstm.training.trainer import Trainer

BASE = TrainConfig(
    steps=24, batch_size=4, seq_len=16, evaluations=4, valid_chars=400, dropout=0.2, weight_dropout=0.1, lr=5e-3
)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    path = tmp_path / "small.txt"
    path.write_text(small_text(3000), encoding="utf-8")
    return open_corpus(CorpusRequest((str(path),)))


def make(corpus: Corpus, folder: Path, config: TrainConfig = BASE, cell_type: str = "lstm", **more) -> Trainer:
    folder.mkdir(exist_ok=True)
    model = CharLM(
        ModelConfig(
            vocab_size=len(corpus.vocabulary), hidden_size=12, num_layers=2, embedding_size=6, cell_type=cell_type
        )
    )
    model.reset_parameters(config.memory, config.seed)
    resumed = checkpoint.load_last(folder)
    if resumed is not None:
        model = resumed[0].model
        more["resumed"] = resumed[0]
    about = {"run_config": {"train": config.to_dict()}, "kernels": Kernels(torch.float32), "log_interval_steps": 5}
    return Trainer(model, corpus, config, folder, **{**about, **more})


E = TypeVar("E", bound=Event)


def drain(events: Iterator[Event]) -> list[Event]:
    return list(events)


def of_kind(events: list[Event], kind: type[E]) -> list[E]:
    return [e for e in events if type(e) is kind]


def losses(events: list[Event]) -> list[tuple[int, float]]:
    return [(e.step, e.loss_nats) for e in events if isinstance(e, Stepped)]


def files(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in (checkpoint.BEST, checkpoint.LAST)]


@pytest.mark.parametrize(
    ("cell_type", "optimizer", "average"),
    [*((name, "adamw", 0.0) for name in CELLS), ("lstm", "muon", 0.3), ("gru", "muon", 0.0)],
)
@pytest.mark.parametrize("stops", [(1,), (6,), (5, 11, 12, 23), tuple(range(1, 24))])
def test_interrupted_and_resumed_is_the_same_to_the_bit(
    corpus: Corpus, tmp_path: Path, cell_type: str, optimizer: str, average: float, stops: tuple[int, ...]
) -> None:
    config = BASE.replace(optimizer=optimizer, average=average)
    whole = drain(make(corpus, tmp_path / "whole", config, cell_type).run())
    pieces: list[Event] = []
    for stop in (*stops, None):
        trainer = make(corpus, tmp_path / "pieces", config, cell_type)
        pieces += drain(trainer.run(lambda: trainer.progress.step == stop))  # noqa: B023
    assert losses(pieces) == losses(whole)
    for kind, key in ((Evaluated, "valid_nats"), (Trained, "train_nats")):
        values = [[getattr(e, key) for e in of_kind(events, kind)] for events in (pieces, whole)]
        assert values[0] == values[1]
    assert files(tmp_path / "pieces") == files(tmp_path / "whole")


def test_an_evaluation_that_is_interrupted_is_made_up_for(corpus: Corpus, tmp_path: Path) -> None:
    whole = drain(make(corpus, tmp_path / "whole").run())
    asked = 0

    def during_first_evaluation() -> bool:
        nonlocal asked
        asked += trainer.progress.step == 6
        return asked > 1

    trainer = make(corpus, tmp_path / "pieces")
    pieces = drain(trainer.run(during_first_evaluation))
    assert not of_kind(pieces, Evaluated)
    pieces += drain(make(corpus, tmp_path / "pieces").run())
    assert losses(pieces) == losses(whole)
    assert files(tmp_path / "pieces") == files(tmp_path / "whole")


def test_same_seed_same_files(corpus: Corpus, tmp_path: Path) -> None:
    for name in ("a", "b"):
        drain(make(corpus, tmp_path / name).run())
    assert files(tmp_path / "a") == files(tmp_path / "b")
    drain(make(corpus, tmp_path / "c", BASE.replace(seed=1)).run())
    assert files(tmp_path / "c") != files(tmp_path / "a")


def test_it_learns(corpus: Corpus, tmp_path: Path) -> None:
    events = drain(
        make(corpus, tmp_path / "run", BASE.replace(steps=150, dropout=0.0, weight_dropout=0.0, lr=0.02)).run()
    )
    chance = math.log(len(corpus.vocabulary))
    first, last = losses(events)[0][1], losses(events)[-1][1]
    assert first == pytest.approx(chance, abs=0.2)
    assert last < 0.7 * chance
    (end,) = of_kind(events, Finished)
    assert end.reason == "budget"
    assert end.best_nats < 0.75 * chance


def test_epochs_are_passes_over_the_text(corpus: Corpus, tmp_path: Path) -> None:
    trainer = make(corpus, tmp_path / "run", BASE.replace(steps=None, epochs=1.5))
    drain(trainer.run())
    assert trainer.progress.step == math.ceil(1.5 * trainer.batches.windows_per_epoch)
    assert trainer.position_epochs == pytest.approx(1.5, abs=0.05)


class Clock:
    """Every look at it takes a hundredth of a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.01
        return self.now


def test_a_budget_of_time_ends_in_time_with_the_schedule_at_its_end(corpus: Corpus, tmp_path: Path) -> None:
    clock = Clock()
    events = drain(make(corpus, tmp_path / "run", BASE.replace(steps=None, time=5.0), clock=clock).run())
    (end,) = of_kind(events, Finished)
    assert 4.5 < end.seconds < 5.2
    assert len(of_kind(events, Evaluated)) == 4
    rates = [e.lr for e in of_kind(events, Trained)]
    assert rates[-1] < 0.1 * max(rates)


def test_the_first_evaluation_fits_into_a_budget_of_time(corpus: Corpus, tmp_path: Path, monkeypatch) -> None:
    """Where there is only one, at the end, what it takes must be known before it is timed."""
    clock = Clock()

    def slow(model, ids, kernels, **more):
        clock.now += 2.0
        return score_stream(model, ids, kernels, **more)

    monkeypatch.setattr("charlstm.training.validation.score_stream", slow)
    config = BASE.replace(steps=None, time=5.0, evaluations=1)
    ends = {}
    for name, known in (("known", 2.0), ("unknown", 0.0)):
        trainer = make(corpus, tmp_path / name, config, clock=clock, evaluation_s=known)
        (ends[name],) = of_kind(drain(trainer.run()), Finished)
    assert ends["known"].seconds < 5.3
    assert ends["unknown"].seconds > 6.9


@pytest.mark.slow
def test_a_budget_of_time_is_shared_by_the_sessions_of_a_run(corpus: Corpus, tmp_path: Path) -> None:
    config = BASE.replace(steps=None, time=5.0)
    trainer = make(corpus, tmp_path / "run", config, clock=Clock())
    drain(trainer.run(lambda: trainer.progress.fraction > 0.6))
    clock = Clock()
    (end,) = of_kind(drain(make(corpus, tmp_path / "run", config, clock=clock).run()), Finished)
    assert 1.5 < end.seconds < 2.3
    longer = config.replace(time=10.0)
    (end,) = of_kind(drain(make(corpus, tmp_path / "run", longer, clock=Clock()).run()), Finished)
    assert 4.5 < end.seconds < 5.5


def test_a_larger_budget_goes_on(corpus: Corpus, tmp_path: Path) -> None:
    drain(make(corpus, tmp_path / "run").run())
    events = drain(make(corpus, tmp_path / "run", BASE.replace(steps=32)).run())
    assert [s for s, _ in losses(events)] == list(range(25, 33))
    assert of_kind(events, Evaluated)


def test_patience_ends_a_run_that_gets_no_better(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([2.0, 1.5, 1.6, 1.7, 1.4, 9.0, 9.0, 9.0])
    score = evaluate.Score
    monkeypatch.setattr(validation, "score_stream", lambda *a, **k: score(next(scores), 100))
    config = BASE.replace(steps=80, evaluations=20, patience=3)
    events = drain(make(corpus, tmp_path / "run", config).run())
    (end,) = of_kind(events, Finished)
    assert end.reason == "patience"
    assert end.best_nats == 1.4
    assert [e.best for e in of_kind(events, Evaluated)] == [True, True, False, False, True, False, False, False]


def spoil_gradient(monkeypatch: pytest.MonkeyPatch, at_calls: set[int]) -> None:
    calls = 0
    sound = CharLM.window_loss

    def window_loss(self: CharLM, *args, **kwargs):
        nonlocal calls
        loss, state = sound(self, *args, **kwargs)
        if torch.is_grad_enabled():
            calls += 1
            if calls in at_calls:
                loss = loss * math.nan
        return loss, state

    monkeypatch.setattr(CharLM, "window_loss", window_loss)


def spoil_step(monkeypatch: pytest.MonkeyPatch, step: int, times: int) -> None:
    """Make the gradient of one step NaN, the first few times that it is taken, whatever process takes it."""
    left = times
    sound = trainer_module.guarded_step

    def guarded(model, optimizers, *how) -> bool:
        nonlocal left
        adamw = optimizers[-1]
        taken = int(next(iter(adamw.state.values()))["step"]) if adamw.state else 0
        if taken == step and left:
            left -= 1
            return False
        return sound(model, optimizers, *how)

    monkeypatch.setattr(trainer_module, "guarded_step", guarded)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize(("stops", "bad_step"), [((8,), 8), ((13, 14), 15), ((3,), 4), ((2, 3, 5), 5)])
def test_a_run_that_rolls_back_is_the_same_to_the_bit_too(
    corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stops: tuple[int, ...],
    bad_step: int,
    optimizer: str,
) -> None:
    config = BASE.replace(optimizer=optimizer)
    spoil_step(monkeypatch, bad_step, 1)
    whole = drain(make(corpus, tmp_path / "whole", config).run())
    spoil_step(monkeypatch, bad_step, 1)
    pieces: list[Event] = []
    for stop in (*stops, None):
        trainer = make(corpus, tmp_path / "pieces", config)
        pieces += drain(trainer.run(lambda: trainer.progress.step == stop))  # noqa: B023
    assert of_kind(pieces, RolledBack) == of_kind(whole, RolledBack)
    assert len(of_kind(whole, RolledBack)) == 1
    assert losses(pieces) == losses(whole)
    assert files(tmp_path / "pieces") == files(tmp_path / "whole")


def test_a_validation_that_is_not_finite_is_rolled_back_too(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = validation.score_stream
    calls = 0

    def score(*args, **kwargs):
        nonlocal calls
        calls += 1
        return evaluate.Score(math.nan, 100) if calls == 2 else sound(*args, **kwargs)

    monkeypatch.setattr(validation, "score_stream", score)
    events = drain(make(corpus, tmp_path / "run").run())
    (rolled,) = of_kind(events, RolledBack)
    assert (rolled.failed_step, rolled.step) == (12, 6)
    assert all(math.isfinite(e.valid_nats) for e in of_kind(events, Evaluated))


def test_weights_that_are_not_finite_are_not_saved(corpus: Corpus, tmp_path: Path) -> None:
    trainer = make(corpus, tmp_path / "run")

    def spoil_then_stop() -> bool:
        if trainer.progress.step == 9:
            trainer.model.head.bias.data[0] = math.inf
        return trainer.progress.step == 9

    events = drain(trainer.run(spoil_then_stop))
    assert "infinite or undefined" in of_kind(events, NotSaved)[0].problem
    assert checkpoint.load_last(tmp_path / "run")[0].resume["progress"]["step"] == 6


def test_what_is_not_finite_is_rolled_back_and_said(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil_gradient(monkeypatch, {10})
    events = drain(make(corpus, tmp_path / "run").run())
    (rolled,) = of_kind(events, RolledBack)
    assert (rolled.failed_step, rolled.step, rolled.lr_scale) == (9, 6, 0.5)
    steps = [s for s, _ in losses(events)]
    assert steps == [*range(1, 10), *range(7, 25)]
    (end,) = of_kind(events, Finished)
    assert end.reason == "budget"
    last, _ = checkpoint.load_last(tmp_path / "run")
    assert last.resume["progress"]["lr_scale"] == 0.5


def test_after_the_third_time_it_stops_and_keeps_the_best(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil_gradient(monkeypatch, set(range(8, 100)))
    events: list[Event] = []
    with pytest.raises(DivergedError, match="lower `lr`"):
        events.extend(make(corpus, tmp_path / "run").run())
    best = checkpoint.load_model_file(tmp_path / "run" / checkpoint.BEST)
    assert best.training["step"] == 6


def test_divergence_is_counted(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_gradient(monkeypatch, set(range(8, 100)))
    events: list[Event] = []
    with contextlib.suppress(DivergedError):
        for event in make(corpus, tmp_path / "run").run():
            events.append(event)  # noqa: PERF402 (what came before the error counts)
    assert [e.times for e in of_kind(events, RolledBack)] == [1, 2, 3]
    assert [e.lr_scale for e in of_kind(events, RolledBack)] == [0.5, 0.25, 0.125]
    assert of_kind(events, Finished)[0].reason == "diverged"


def test_a_full_disk_does_not_end_a_training(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    events = drain(make(corpus, tmp_path / "run").run())
    assert of_kind(events, Finished)[0].reason == "budget"
    assert "No space left" in of_kind(events, NotSaved)[0].problem


def test_without_validation_text_the_newest_is_the_best(tmp_path: Path) -> None:
    path = tmp_path / "small.txt"
    path.write_text(small_text(3000), encoding="utf-8")
    corpus = open_corpus(CorpusRequest((str(path),), valid_fraction=0.0))
    events = drain(make(corpus, tmp_path / "run").run())
    assert not of_kind(events, Evaluated)
    assert checkpoint.load_model_file(tmp_path / "run" / checkpoint.BEST).training["step"] == 24


def test_measuring_the_speed_leaves_no_trace() -> None:
    model = CharLM(ModelConfig(vocab_size=5, hidden_size=4, num_layers=1, embedding_size=3))
    model.reset_parameters(0, 0)
    before = [p.clone() for p in model.parameters()]
    random_state = torch.get_rng_state()
    assert measure_speed(model, TrainConfig(batch_size=2, seq_len=4, dropout=0.5), Kernels(torch.float32)) > 0
    assert all(map(torch.equal, before, model.parameters()))
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(random_state, torch.get_rng_state())


def test_texts_at_evaluations(corpus: Corpus, tmp_path: Path) -> None:
    events = drain(make(corpus, tmp_path / "run", sample_text=True).run())
    samples = [e.sample for e in of_kind(events, Evaluated)]
    assert all(len(s) == preview.LENGTH for s in samples)
    assert len(set(samples)) == len(samples)


def plant_nan(what: str, trainer: Trainer) -> None:
    """Spoil one number of what a trainer holds."""
    if what == "weight":
        trainer.model.stack.layers()[0].weight_hh.data[0, 0] = math.nan
    elif what == "moment":
        optimizer = trainer.run_state.optimizers[0]
        optimizer.state[next(iter(optimizer.state))]["exp_avg"].view(-1)[0] = math.nan
    else:
        trainer.run_state.carried.c[0, 0, 0] = math.nan


@pytest.mark.parametrize("what", ["weight", "moment", "state"])
def test_a_planted_nan_is_rolled_back_said_and_survived(corpus: Corpus, tmp_path: Path, what: str) -> None:
    trainer = make(corpus, tmp_path / "run")
    events = []
    for event in trainer.run():
        events.append(event)
        if isinstance(event, Stepped) and event.step == 9 and not of_kind(events, RolledBack):
            plant_nan(what, trainer)
    (rolled,) = of_kind(events, RolledBack)
    assert rolled.step == 6
    (end,) = of_kind(events, Finished)
    assert (end.reason, end.step) == ("budget", 24)
    assert math.isfinite(end.best_nats)
    for name in (checkpoint.BEST, checkpoint.LAST):
        checkpoint.load_model_file(tmp_path / "run" / name)  # which refuses what is not finite


@given(
    st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(1e-9, 1e3), st.floats(0, 1).filter(lambda w: w < 0.99)
)
def test_the_learning_rate_rises_once_then_falls_and_stays_in_its_bounds(
    a: float, b: float, final_lr: float, lr: float, warmup: float
) -> None:
    config = TrainConfig(steps=1, lr=lr, final_lr=final_lr, warmup=warmup)
    early, late = (learning_rate(x, config) for x in sorted((a, b)))
    assert 0 < early <= lr or (early == 0 and final_lr == 0)
    assert 0 <= late <= lr
    if max(a, b) < warmup:
        assert early <= late
    if min(a, b) >= warmup:
        assert late <= early
    assert learning_rate(1.0, config) == pytest.approx(lr * final_lr)

"""The mean of the weights: which it is, that it is what is scored and kept, and that training does not notice it."""

from pathlib import Path

import pytest
import torch
from conftest import small_text
from torch import Tensor

from charlstm import checkpoint
from charlstm.config import ModelConfig, TrainConfig
from charlstm.corpus import Corpus, CorpusRequest, open_corpus
from charlstm.errors import ModelFileError
from charlstm.evaluate import score_stream
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.training.averaging import Average
from charlstm.training.events import Evaluated, Stepped
from charlstm.training.trainer import Trainer

KERNELS = Kernels(torch.float32)
BASE = TrainConfig(steps=12, batch_size=4, seq_len=16, evaluations=2, valid_chars=400, average=0.25, snapshots=1)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    path = tmp_path / "small.txt"
    path.write_text(small_text(3000), encoding="utf-8")
    return open_corpus(CorpusRequest((str(path),)))


def network(characters: int = 5) -> CharLM:
    model = CharLM(ModelConfig(vocab_size=characters, hidden_size=8, num_layers=2, embedding_size=4))
    model.reset_parameters(8.0, seed=0)
    return model


def make(corpus: Corpus, folder: Path, config: TrainConfig = BASE) -> Trainer:
    folder.mkdir()
    model = network(len(corpus.vocabulary))
    return Trainer(model, corpus, config, folder, run_config={"train": config.to_dict()}, kernels=KERNELS)


def weights(model: CharLM) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def the_same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1])
def test_it_is_the_mean_with_powers_as_weights(share: float) -> None:
    """Step i counts as (i - 1) (i - 2) ... (i - m + 1), where m = 1 / share: nearly i^(m - 1)."""
    model, steps = network().double(), 40
    average, seen = Average(model, share), []
    for step in range(1, steps + 1):
        with torch.no_grad():
            model.head.bias.normal_()
        seen.append(model.head.bias.detach().clone())
        average.add(model, step)
    number = torch.arange(1, steps + 1, dtype=torch.float64)
    counts = torch.stack([number - k for k in range(1, round(1 / share))] or [torch.ones(steps)]).prod(dim=0)
    expected = (torch.stack(seen) * counts[:, None]).sum(dim=0) / counts.sum()
    with average.in_place_of(model):
        torch.testing.assert_close(model.head.bias.detach(), expected)
    assert torch.equal(model.head.bias, seen[-1])


def test_what_is_scored_and_kept_is_the_mean_and_training_does_not_notice(corpus: Corpus, tmp_path: Path) -> None:
    plain = make(corpus, tmp_path / "plain", BASE.replace(average=0.0))
    trainer = make(corpus, tmp_path / "run")
    by_hand, steps, scores = Average(trainer.model, 0.25), 0, []
    losses = [event.loss_nats for event in plain.run() if isinstance(event, Stepped)]
    for event in trainer.run():
        if isinstance(event, Stepped):
            assert event.loss_nats == losses[steps]
            steps += 1
            by_hand.add(trainer.model, steps)
        if isinstance(event, Evaluated):
            scores.append(event.valid_nats)
    assert the_same(weights(trainer.model), weights(plain.model))
    with by_hand.in_place_of(trainer.model):
        mean = weights(trainer.model)
    best = checkpoint.load_model_file(tmp_path / "run" / checkpoint.BEST).model
    assert the_same(weights(best), mean)
    assert not the_same(mean, weights(trainer.model))
    assert score_stream(best, corpus.valid[:400], KERNELS).nats_per_char == scores[-1] == min(scores)
    (snapshot,) = checkpoint.list_snapshots(tmp_path / "run")
    last = tmp_path / "run" / checkpoint.LAST
    assert the_same(weights(checkpoint.load_model_file(last).model), mean)
    assert the_same(weights(checkpoint.load_model_file(last, newest=True).model), weights(trainer.model))
    halves = {name: tensor.bfloat16().float() for name, tensor in mean.items()}  # as copies on the way are kept
    assert the_same(weights(checkpoint.load_model_file(snapshot).model), halves)


def test_the_newest_weights_come_back_whatever_happens() -> None:
    model = network()
    average = Average(model, 0.5)
    with torch.no_grad():
        model.head.bias.fill_(3.0)
    before = weights(model)
    with pytest.raises(KeyboardInterrupt), average.in_place_of(model):
        assert not the_same(weights(model), before)
        raise KeyboardInterrupt
    assert the_same(weights(model), before)


def test_going_back_takes_the_mean_back(corpus: Corpus, tmp_path: Path) -> None:
    trainer = make(corpus, tmp_path / "run")
    trainer._step()
    then = trainer.run_state.snapshot()
    trainer._step()
    assert not torch.equal(trainer.run_state.snapshot().tensors["average.head.bias"], then.tensors["average.head.bias"])
    trainer.run_state.restore(then)
    assert the_same(trainer.run_state.snapshot().tensors, then.tensors)


def test_a_save_without_the_mean_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    trainer = make(corpus, tmp_path / "run")
    trainer._step()
    snapshot = trainer.run_state.snapshot()
    del snapshot.tensors["average.head.bias"]
    trainer.files.save_last(trainer.model, snapshot, keep_previous=False)
    with pytest.raises(ModelFileError):
        checkpoint.load_last(tmp_path / "run")

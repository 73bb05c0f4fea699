import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from charlstm.config import ModelConfig, TrainConfig
from charlstm.model import CharLM
from charlstm.optim import guarded_step, learning_rate, make_optimizer, optimizer_tensors, restore_optimizer


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_the_learning_rate_stays_between_nothing_and_its_highest(progress: float, warmup: float, final: float) -> None:
    config = TrainConfig(lr=0.01, warmup=warmup, final_lr=final)
    assert 0 <= learning_rate(progress, config) <= 0.01 + 1e-12


def test_the_learning_rate_rises_then_follows_a_cosine_down() -> None:
    config = TrainConfig(lr=1.0, warmup=0.2, final_lr=0.1)
    assert learning_rate(0.1, config) == pytest.approx(0.5)
    assert learning_rate(0.2, config) == pytest.approx(1.0)
    assert learning_rate(0.6, config) == pytest.approx(0.1 + 0.9 * 0.5)
    assert learning_rate(1.0, config) == pytest.approx(0.1)
    assert learning_rate(0.0, config) > 0
    falling = [learning_rate(0.2 + 0.008 * k, config) for k in range(101)]
    assert falling == sorted(falling, reverse=True)


def model_with_gradients(scale: float = 1.0) -> CharLM:
    model = CharLM(ModelConfig(vocab_size=5, hidden_size=4, num_layers=1, embedding_size=3))
    model.reset_parameters(0, 0)
    for p in model.parameters():
        p.grad = torch.full_like(p, scale)
    return model


@pytest.mark.parametrize("bad", ["loss", "gradient"])
def test_nothing_that_is_not_finite_reaches_the_weights(bad: str) -> None:
    model = model_with_gradients()
    optimizer = make_optimizer(model, TrainConfig())
    before = {k: v.clone() for k, v in model.state_dict().items()}
    loss = torch.tensor(math.nan if bad == "loss" else 1.0)
    if bad == "gradient":
        model.head.bias.grad[2] = math.inf
    assert not guarded_step(model, optimizer, loss, 0.1, 1.0)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert not optimizer.state


def test_a_step_clips_by_norm_and_uses_the_rate() -> None:
    model = model_with_gradients(100.0)
    optimizer = make_optimizer(model, TrainConfig(weight_decay=0.0))
    before = model.head.bias.detach().clone()
    assert guarded_step(model, optimizer, torch.tensor(1.0), 0.125, 1.0)
    norm = math.sqrt(sum(float((p.grad**2).sum()) for p in model.parameters()))
    assert norm == pytest.approx(1.0, rel=1e-4)
    torch.testing.assert_close(before - model.head.bias.detach(), torch.full((5,), 0.125), rtol=1e-4, atol=0)


def test_only_matrices_decay() -> None:
    groups = make_optimizer(model_with_gradients(), TrainConfig(weight_decay=0.3)).param_groups
    assert [g["weight_decay"] for g in groups] == [0.3, 0.0]
    assert all(p.dim() == 1 for p in groups[1]["params"])


def test_an_optimiser_restored_goes_on_the_same() -> None:
    model, config = model_with_gradients(), TrainConfig()
    optimizer = make_optimizer(model, config)
    assert all((t == 0).all() for t in optimizer_tensors(model, optimizer).values())
    for _ in range(3):
        guarded_step(model, optimizer, torch.tensor(1.0), 0.01, 1.0)
    twin = model_with_gradients()
    twin.load_state_dict(model.state_dict())
    other = make_optimizer(twin, config)
    restore_optimizer(twin, other, optimizer_tensors(model, optimizer), 3)
    for m, o in ((model, optimizer), (twin, other)):
        for p in m.parameters():
            p.grad = torch.full_like(p, 0.5)
        guarded_step(m, o, torch.tensor(1.0), 0.01, 1.0)
    assert all(map(torch.equal, model.parameters(), twin.parameters()))

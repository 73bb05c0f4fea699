import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import small_text
from hypothesis import given
from hypothesis import strategies as st

from charlstm.config import ModelConfig, TrainConfig
from charlstm.network.model import CharLM
from charlstm.training.adamw import AdamW
from charlstm.training.optim import guarded_step, learning_rate, make_optimizers, optimizer_tensors, restore_optimizers


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
    optimizer = make_optimizers(model, TrainConfig())
    before = {k: v.clone() for k, v in model.state_dict().items()}
    loss = torch.tensor(math.nan if bad == "loss" else 1.0)
    if bad == "gradient":
        model.head.bias.grad[2] = math.inf
    assert not guarded_step(model, optimizer, loss, 0.1, 1.0)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert not any(o.state for o in optimizer)


def test_a_step_clips_by_norm_and_uses_the_rate() -> None:
    model = model_with_gradients(100.0)
    optimizer = make_optimizers(model, TrainConfig(weight_decay=0.0))
    before = model.head.bias.detach().clone()
    assert guarded_step(model, optimizer, torch.tensor(1.0), 0.125, 1.0)
    norm = math.sqrt(sum(float((p.grad**2).sum()) for p in model.parameters()))
    assert norm == pytest.approx(1.0, rel=1e-4)
    torch.testing.assert_close(before - model.head.bias.detach(), torch.full((5,), 0.125), rtol=1e-4, atol=0)


def test_only_matrices_decay() -> None:
    (optimizer,) = make_optimizers(model_with_gradients(), TrainConfig(weight_decay=0.3))
    groups = optimizer.param_groups
    assert [g["weight_decay"] for g in groups] == [0.3, 0.0]
    assert all(p.dim() == 1 for p in groups[1]["params"])


def test_muon_takes_the_matrices_between_hidden_states_and_adamw_the_rest() -> None:
    model = CharLM(ModelConfig(vocab_size=5, hidden_size=4, num_layers=2, embedding_size=3))
    muon, adamw = make_optimizers(model, TrainConfig(optimizer="muon"))
    names = {id(p): name for name, p in model.named_parameters()}
    hidden = {names[id(p)] for group in muon.param_groups for p in group["params"]}
    assert hidden == {"lstm.weight_hh_l0", "lstm.weight_ih_l1", "lstm.weight_hh_l1"}
    rest = {names[id(p)] for group in adamw.param_groups for p in group["params"]}
    assert rest | hidden == set(names.values())
    assert not rest & hidden


def test_a_step_of_muon_turns_every_direction_alike() -> None:
    """Singular values from 1 to 1/32 in the gradient are nearly equal in the update, which is of AdamW's size."""
    model = CharLM(ModelConfig(vocab_size=5, hidden_size=16, num_layers=1, embedding_size=3))
    model.reset_parameters(0, 0)
    torch.manual_seed(0)
    left, right = torch.linalg.qr(torch.randn(64, 16))[0], torch.linalg.qr(torch.randn(16, 16))[0]
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    weight = model.stack.layer(0).weight_hh
    weight.grad = left * torch.logspace(0, -1.5, 16) @ right
    before = weight.detach().clone()
    optimizers = make_optimizers(model, TrainConfig(optimizer="muon", weight_decay=0.0))
    assert guarded_step(model, optimizers, torch.tensor(1.0), 0.01, 1.0)
    update = (before - weight.detach()) / 0.01
    values = torch.linalg.svdvals(update)
    assert values.max() / values.min() < 4  # the gradient's: 32
    assert float(update.pow(2).mean().sqrt()) == pytest.approx(0.2, rel=0.3)


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_an_optimiser_restored_goes_on_the_same(name: str) -> None:
    model, config = model_with_gradients(), TrainConfig(optimizer=name)
    optimizer = make_optimizers(model, config)
    assert all((t == 0).all() for t in optimizer_tensors(model, optimizer).values())
    for _ in range(3):
        guarded_step(model, optimizer, torch.tensor(1.0), 0.01, 1.0)
    twin = model_with_gradients()
    twin.load_state_dict(model.state_dict())
    other = make_optimizers(twin, config)
    restore_optimizers(twin, other, optimizer_tensors(model, optimizer), 3)
    for m, o in ((model, optimizer), (twin, other)):
        for p in m.parameters():
            p.grad = torch.full_like(p, 0.5)
        guarded_step(m, o, torch.tensor(1.0), 0.01, 1.0)
    assert all(map(torch.equal, model.parameters(), twin.parameters()))


def test_it_is_the_adamw_of_pytorch_to_the_bit() -> None:
    ours, theirs = model_with_gradients(), model_with_gradients()
    optimizers: tuple[AdamW | torch.optim.AdamW, ...] = (
        AdamW([{"params": ours.parameters(), "weight_decay": 0.3}], 0.02, (0.9, 0.95)),
        torch.optim.AdamW(theirs.parameters(), lr=0.02, betas=(0.9, 0.95), weight_decay=0.3, fused=True),
    )
    for step in range(3):
        for model, optimizer in zip((ours, theirs), optimizers, strict=True):
            draw = torch.Generator().manual_seed(step)
            for p in model.parameters():
                p.grad = torch.randn(p.shape, generator=draw)
            optimizer.step()
    for p, expected in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(p, expected)


def test_nobody_waits_for_a_compiler_that_is_not_asked(tmp_path: Path) -> None:
    (tmp_path / "small.txt").write_text(small_text(3000), encoding="utf-8")
    train = (
        "import sys; from charlstm.cli.main import run; sys.argv = sys.argv[1:]; code = run()\n"
        "sys.exit(code or 'torch._dynamo' in sys.modules)"
    )
    arguments = ["charlstm", "train", "small.txt", "--hidden-size", "8", "--steps", "3", "-q"]
    assert subprocess.run([sys.executable, "-c", train, *arguments], cwd=tmp_path).returncode == 0

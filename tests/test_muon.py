"""Muon against `torch.optim.Muon`, against singular values in float64, and on matrices that are nearly nothing."""

import pytest
import torch
from torch import Tensor, nn

from charlstm.config import ModelConfig, TrainConfig
from charlstm.network.model import CharLM
from charlstm.network.threads import torch_threads
from charlstm.training import muon
from charlstm.training.muon import Muon, by_inverses, by_iteration
from charlstm.training.optim import make_optimizers


def matrix(rows: int, columns: int, smallest: float = 1e-2, seed: int = 0) -> Tensor:
    """A matrix whose singular values fall from 1 to the smallest, as those of a gradient do."""
    generator = torch.Generator().manual_seed(seed)
    left, right = (torch.linalg.qr(torch.randn(n, columns, generator=generator).double())[0] for n in (rows, columns))
    return (left * torch.logspace(0, torch.tensor(smallest).log10(), columns).double() @ right.T).float()


def by_formula(x: Tensor) -> Tensor:
    return x * (muon.CONSTANT + sum(w / (x**2 + p) for w, p in zip(muon.WEIGHTS, muon.POLES, strict=True)))


def test_the_formula_is_the_best_of_its_form() -> None:
    """By Chebyshev's theorem: its error reaches its largest value, with turning signs, as often as it can."""
    x = torch.logspace(torch.tensor(muon.SMALLEST).log10(), 0, 100_001, dtype=torch.float64)
    error = by_formula(x) - 1
    assert float(error.abs().max()) == pytest.approx(muon.ERROR, abs=1e-4)
    turns = error[error.abs() > muon.ERROR - 1e-4].sign()
    assert int((turns.diff() != 0).sum()) + 1 == 6


@pytest.mark.parametrize(("rows", "columns"), [(4, 1), (20, 5), (96, 96), (512, 200)])
def test_singular_values_become_what_the_formula_says_and_their_vectors_stay(rows: int, columns: int) -> None:
    u = matrix(rows, columns, smallest=3e-3).double()
    left, values, right = torch.linalg.svd(u, full_matrices=False)
    expected = left * by_formula(values / values.norm()) @ right
    torch.testing.assert_close(by_inverses(u), expected, rtol=0, atol=1e-9)
    assert float((by_inverses(u.float()) - expected).norm() / expected.norm()) < 0.05  # what bfloat16 rounds
    kept = torch.linalg.svdvals(by_inverses(u))[values > muon.SMALLEST * values.norm()]
    assert float((kept - 1).abs().max()) < muon.ERROR + 1e-4


def test_inverses_come_nearer_to_the_polar_factor_than_the_iteration() -> None:
    u = matrix(512, 128, smallest=5e-3)
    left, _, right = torch.linalg.svd(u, full_matrices=False)
    far = {polar: float((polar(u).float() - left @ right).norm() / 128**0.5) for polar in (by_inverses, by_iteration)}
    assert far[by_inverses] < far[by_iteration] < 0.3


@pytest.mark.parametrize("polar", [by_inverses, by_iteration])
@pytest.mark.parametrize("columns", [48, 256])
def test_the_bits_do_not_depend_on_the_number_of_threads(polar: muon.Polar, columns: int) -> None:
    u, results = matrix(4 * columns, columns), []
    for threads in (1, 2, 3):
        with torch_threads(threads):
            results.append(polar(u))
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


@pytest.mark.parametrize("polar", [by_inverses, by_iteration])
def test_a_matrix_of_few_directions_or_of_none_has_a_polar_factor(polar: muon.Polar) -> None:
    zero = torch.zeros(512, 128)
    assert not polar(zero).any()
    ones = torch.ones(512, 128)
    for u in (ones, ones * 1e-4, matrix(512, 128)[:, :1] @ matrix(512, 128)[:1]):
        factor = polar(u).float()
        assert torch.isfinite(factor).all()
        assert float(factor.norm()) < 128**0.5 / 2  # a whole matrix takes the square root of 128
        assert float((factor * u).sum() / u.norm()) > 0.5  # whatever rounding adds, it leads downhill


def test_a_matrix_of_almost_nothing_stays_small() -> None:
    u = matrix(64, 16)
    assert float(by_inverses(u * 1e-12).abs().max()) < 1e-2
    assert torch.equal(by_inverses(u * 2.0**-10), by_inverses(u))


def moved(polar: muon.Polar, steps: int = 3) -> tuple[Tensor, Tensor]:
    """A matrix after some steps of ours, and of PyTorch's Muon."""
    ours, theirs = (nn.Parameter(matrix(96, 24, seed=7)) for _ in range(2))
    settings = {"lr": 0.02, "weight_decay": 0.1}
    optimizers = (
        Muon([ours], polar=polar, **settings),
        torch.optim.Muon([theirs], momentum=0.95, adjust_lr_fn="match_rms_adamw", **settings),
    )
    for step in range(steps):
        ours.grad, theirs.grad = (matrix(96, 24, seed=step) for _ in range(2))
        for optimizer in optimizers:
            optimizer.step()
    before = matrix(96, 24, seed=7)
    return ours.detach() - before, theirs.detach() - before


def test_by_iteration_it_is_the_muon_of_pytorch_to_the_bit() -> None:
    ours, theirs = moved(by_iteration)
    assert torch.equal(ours, theirs)


def test_by_inverses_it_moves_as_far_as_the_muon_of_pytorch_and_the_same_way() -> None:
    ours, theirs = moved(by_inverses)
    assert float((ours * theirs).sum() / (ours.norm() * theirs.norm())) > 0.97
    assert float(ours.norm() / theirs.norm()) == pytest.approx(1, abs=0.15)


def test_a_run_that_does_not_say_how_goes_on_iterating() -> None:
    model = CharLM(ModelConfig(vocab_size=5, hidden_size=4, num_layers=1, embedding_size=3))
    old, _ = make_optimizers(model, TrainConfig.from_dict({"optimizer": "muon"}))
    new, _ = make_optimizers(model, TrainConfig.from_dict({"optimizer": "muon", "polar": "inverses"}))
    assert isinstance(old, Muon)
    assert isinstance(new, Muon)
    assert (old.polar, new.polar) == (by_iteration, by_inverses)

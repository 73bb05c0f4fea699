import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from charlstm.config import DynamicConfig, ModelConfig
from charlstm.errors import DivergedError
from charlstm.evaluate import (
    Stopped,
    score_dynamically,
    score_files,
    score_files_dynamically,
    score_stream,
    score_windows,
)
from charlstm.evaluate.stream import LANE_CHARS, WARM_CHARS
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM


@pytest.fixture
def model() -> CharLM:
    model = CharLM(ModelConfig(vocab_size=7, hidden_size=10, num_layers=2, embedding_size=4))
    model.reset_parameters(30, 0)
    with torch.no_grad():
        model.head.weight.mul_(10)
    return model


FP32 = Kernels(torch.float32)


def random_ids(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(7, size=n).astype(np.uint8)


@torch.no_grad()
def naive(model: CharLM, ids: np.ndarray) -> float:
    x = torch.from_numpy(ids.astype(np.int64))[None]
    logits, _ = model(x[:, :-1])
    return float(F.cross_entropy(logits[0], x[0, 1:]))


@pytest.mark.parametrize("n", [2, 3, 700])
def test_a_short_text_is_scored_in_one_piece(model: CharLM, n: int) -> None:
    ids = random_ids(n)
    score = score_stream(model, ids, FP32)
    assert score.characters == n - 1
    assert score.nats_per_char == pytest.approx(naive(model, ids), abs=1e-5)
    assert score.bits_per_char == pytest.approx(score.nats_per_char / np.log(2))


@pytest.mark.parametrize("n", [9_001, 10_000])
def test_lanes_agree_with_one_lane(model: CharLM, n: int) -> None:
    ids = random_ids(n)
    one = score_stream(model, ids, FP32, max_lanes=1)
    lanes = score_stream(model, ids, FP32)
    assert one.characters == lanes.characters == n - 1
    assert one.nats_per_char == pytest.approx(naive(model, ids), abs=1e-5)
    assert lanes.nats_per_char == pytest.approx(one.nats_per_char, abs=1e-3)


def test_the_first_lane_does_not_remember_what_it_was_warmed_on(model: CharLM) -> None:
    """A cell that never forgets would carry the padding before the text into the whole first lane."""
    with torch.no_grad():
        for layer in model.stack.layers():
            layer.bias[10:20] = 50.0
    length, warm_chars = LANE_CHARS, WARM_CHARS
    ids, begins = random_ids(3 * length + 1), (length, 2 * length)
    one = score_stream(model, ids[: length + 1], FP32, max_lanes=1)
    lanes = score_stream(model, ids, FP32, max_lanes=3)
    later = [score_stream(model, ids[b - warm_chars : b + length + 1], FP32, max_lanes=1) for b in begins]
    assert one.nats_per_char > 0
    assert lanes.characters == 3 * length
    # lane 0 alone, recovered from the total: it must be what it is in one piece
    warm = [score_stream(model, ids[b - warm_chars : b + 1], FP32, max_lanes=1) for b in begins]
    rest = sum(
        a.nats_per_char * a.characters - b.nats_per_char * b.characters for a, b in zip(later, warm, strict=True)
    )
    assert lanes.nats_per_char * lanes.characters - rest == pytest.approx(one.nats_per_char * length, rel=1e-3)


def test_it_can_be_stopped(model: CharLM) -> None:
    with pytest.raises(Stopped):
        score_stream(model, random_ids(3000), FP32, should_stop=lambda: True)


def test_windows_are_random_stretches_from_a_zero_state(model: CharLM) -> None:
    ids = random_ids(200)
    score = score_windows(model, ids, FP32, seq_len=16, batches=3, batch_size=5, seed=4)
    generator = torch.Generator().manual_seed(4)
    losses = []
    for _ in range(3):
        begins = torch.randint(len(ids) - 16, (5,), generator=generator).tolist()
        losses.append(np.mean([naive(model, ids[b : b + 17]) for b in begins]))
    assert score.nats_per_char == pytest.approx(np.mean(losses), abs=1e-5)
    assert score.characters == 3 * 5 * 16


def test_files_are_scored_each_on_its_own_and_together(model: CharLM) -> None:
    texts = [random_ids(n) for n in (700, 2, 1, 2 * LANE_CHARS + 2000, 0, 300)]
    shown: list[tuple[int, int]] = []
    found, together = score_files(model, texts, FP32, on_progress=lambda *so_far: shown.append(so_far))
    alone = [score_stream(model, ids, FP32) if len(ids) > 1 else None for ids in texts]
    for one, other in zip(found, alone, strict=True):
        assert (one and one.characters) == (other and other.characters)
        assert one is None or one.nats_per_char == pytest.approx(other.nats_per_char if other else None, rel=1e-6)
    nats = [score.nats_per_char * score.characters for score in alone if score is not None]
    assert together.characters == sum(score.characters for score in alone if score is not None)
    assert together.nats_per_char * together.characters == pytest.approx(sum(nats), rel=1e-6)
    assert shown == sorted(shown)
    with pytest.raises(ValueError, match="no text"):
        score_files(model, [random_ids(1)], FP32)


def by_hand(model: CharLM, ids: np.ndarray, how: DynamicConfig) -> float:
    """Dynamic evaluation from PyTorch's own loss and a loop over the weights."""
    model = copy.deepcopy(model)
    weights = list(model.parameters())
    trained = [w.detach().clone() for w in weights]
    squares = [torch.zeros_like(w) for w in weights]
    x = torch.from_numpy(ids.astype(np.int64))[None]
    nats, state, k = 0.0, None, 0
    for start in range(0, len(ids) - 1, how.segment):
        piece = x[:, start : start + how.segment + 1]
        logits, state = model(piece[:, :-1], state)
        loss = F.cross_entropy(logits[0], piece[0, 1:])
        nats, k, state = nats + loss.item() * (piece.shape[1] - 1), k + 1, state.detach()
        gradients = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for w, w0, square, g in zip(weights, trained, squares, gradients, strict=True):
                square.mul_(0.999).add_(0.001 * g**2)
                rms = torch.sqrt(square / (1 - 0.999**k))
                w.sub_(how.lr * g / (rms + 0.1 * rms.mean() + 1e-12))
                w.add_(how.decay * (w0 - w))
    return nats / (len(ids) - 1)


@pytest.mark.parametrize(
    "how", [DynamicConfig(10, 0.01, 0.05), DynamicConfig(64, 0.003, 0.0), DynamicConfig(7, 0.0, 0.0)]
)
def test_a_network_learns_from_what_it_has_scored(model: CharLM, how: DynamicConfig) -> None:
    ids, before = random_ids(301), {name: tensor.clone() for name, tensor in model.state_dict().items()}
    score = score_dynamically(model, ids, FP32, how)
    assert score.characters == 300
    assert score.nats_per_char == pytest.approx(by_hand(model, ids, how), abs=2e-5)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    if how.lr == 0:
        assert score.nats_per_char == pytest.approx(naive(model, ids), abs=1e-5)


def test_what_repeats_is_learnt_and_nothing_is_learnt_beforehand(model: CharLM) -> None:
    how = DynamicConfig(20, 0.01, 0.0)
    ids = np.tile(random_ids(3), 300)
    assert score_dynamically(model, ids, FP32, how).nats_per_char < 0.7 * naive(model, ids)
    first = ids[:21]  # scored before anything is learnt
    assert score_dynamically(model, first, FP32, how).nats_per_char == pytest.approx(naive(model, first), abs=1e-5)


def test_texts_do_not_learn_from_each_other(model: CharLM) -> None:
    how, texts = DynamicConfig(10, 0.01, 0.01), [random_ids(100), random_ids(1), random_ids(60)[::-1].copy()]
    seen: list[tuple[int, int]] = []
    scores, together = score_files_dynamically(model, texts, FP32, how, lambda *at: seen.append(at))
    assert scores[0] == score_dynamically(model, texts[0], FP32, how)
    assert scores[1] is None
    assert scores[2] == score_dynamically(model, texts[2], FP32, how)
    assert together.characters == 99 + 59
    assert seen[-1] == (160, 161)
    assert seen == sorted(seen)


def test_a_rate_that_is_too_high_is_named(model: CharLM) -> None:
    with pytest.raises(DivergedError, match="after 20 characters; try a lower `lr`"):
        score_dynamically(model, random_ids(300), FP32, DynamicConfig(20, 1e38, 0.0))

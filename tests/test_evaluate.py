import numpy as np
import pytest
import torch
import torch.nn.functional as F

from charlstm.config import ModelConfig
from charlstm.evaluate import Stopped, score_files, score_stream, score_windows
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

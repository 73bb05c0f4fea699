"""On a CUDA device: the fast path against the readable one, a recorded window against the same one unrecorded.

The gates as one kernel have tests of their own, which also run there: `test_fused.py`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from charlstm.config import ModelConfig
from charlstm.corpus import CorpusRequest, open_corpus
from charlstm.network.cells import CELLS, State
from charlstm.network.fusing import fused_gates
from charlstm.network.kernels import Kernels, choose_kernels
from charlstm.network.model import CharLM
from charlstm.network.scan import scan
from charlstm.training.dropout import dropout_masks
from charlstm.training.events import Evaluated, Stepped
from charlstm.training.graphed import GraphedWindow
from charlstm.training.session import new_session
from charlstm.training.trainer import Trainer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")

T, B, H, L, V = 12, 8, 32, 2, 20
CUDA = torch.device("cuda")


def network(cell_type: str, dtype: torch.dtype) -> CharLM:
    model = CharLM(ModelConfig(V, H, L, 16, cell_type))  # type: ignore[arg-type]
    model.reset_parameters(20, seed=1)
    return model.to("cuda", dtype)


def windows(number: int) -> list[tuple[Tensor, Tensor]]:
    draw = torch.Generator().manual_seed(0)
    ids = (torch.randint(V, (T + 1, B), generator=draw).cuda() for _ in range(number))
    return [(text[:-1], text[1:]) for text in ids]


@pytest.mark.parametrize("cell_type", CELLS)
def test_the_fast_path_is_the_readable_one(cell_type: str) -> None:
    model = network(cell_type, torch.float64)
    [(inputs, _)] = windows(1)
    weights = list(model.stack.parameters())
    state = model.zero_state(B)
    h, after = model.stack(model.embedding(inputs), state)
    fast, fast_after = scan(model.stack, model.embedding.weight, inputs, state, kernels=Kernels(torch.float64))
    torch.testing.assert_close(fast, h, rtol=0, atol=1e-12)
    torch.testing.assert_close(fast_after, after, rtol=0, atol=1e-12)
    expected, gradients = (torch.autograd.grad(x.square().sum(), weights) for x in (h, fast))
    torch.testing.assert_close(gradients, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("cell_type", CELLS)
def test_a_recorded_window_learns_what_it_would_unrecorded(
    cell_type: str, dropout: float, dtype: torch.dtype, fused: bool
) -> None:
    gates = fused_gates(cell_type, H, dtype, CUDA) if fused else None
    if fused and gates is None:
        pytest.skip("there are no fused gates")
    model = network(cell_type, torch.float32)
    kernels, state, graph = Kernels(dtype), model.zero_state(B), None
    for step, (inputs, targets) in enumerate(windows(4)):
        masks = dropout_masks(dropout, True, (T, B, H), L, 0, step, inputs.device)
        if graph is None:
            graph = GraphedWindow(model, Kernels(dtype, gates), inputs, targets, state, masks)
        model.zero_grad(set_to_none=True)
        loss, after = model.window_loss(inputs, targets, state, kernels=kernels, masks=masks)
        loss.backward()
        expected = [p.grad.clone() for p in model.parameters() if p.grad is not None]
        recorded_loss, recorded_after = graph(inputs, targets, state, masks)
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        tolerance = 1e-5 if dtype == torch.float32 else 2e-2
        torch.testing.assert_close(recorded_loss, loss.detach(), rtol=tolerance, atol=tolerance)
        torch.testing.assert_close(recorded_after, after.detach(), rtol=tolerance, atol=tolerance)
        torch.testing.assert_close(gradients, expected, rtol=tolerance, atol=tolerance)
        state = State(*(part.clone() for part in after.detach()))
        with torch.no_grad():  # in place, as optimisers do
            for p in model.parameters():
                p.sub_(0.1 * p.grad)


def test_a_training_learns_what_it_does_on_the_processor(corpus_file: Path, tmp_path: Path) -> None:
    request = CorpusRequest((str(corpus_file),))
    given = {"steps": 30, "batch_size": 8, "seq_len": 16, "hidden_size": 32, "evaluations": 1, "precision": "fp32"}
    losses, scores = [], []
    for device in (torch.device("cpu"), CUDA):
        folder = tmp_path / device.type
        folder.mkdir()
        session = new_session(request, open_corpus(request), partial(Path, folder), given, device)
        kernels = choose_kernels(session.model.config, device, "fp32", compiled=device.type == "cuda")
        trainer = Trainer(
            session.model, session.corpus, session.config, folder, run_config=session.run_config(), kernels=kernels
        )
        events = list(trainer.run())
        losses.append([event.loss_nats for event in events if isinstance(event, Stepped)])
        scores += [event.valid_nats for event in events if isinstance(event, Evaluated)]
    assert len(losses[0]) == 30
    torch.testing.assert_close(losses[1], losses[0], rtol=1e-3, atol=1e-3)
    assert scores[1] == pytest.approx(scores[0], abs=5e-3)

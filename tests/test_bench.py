"""`charlstm bench`: that it measures what it says."""

import csv
import io
import json
import time
from functools import partial
from pathlib import Path

import pytest
import torch
from conftest import Invoke
from torch.utils.flop_counter import FlopCounterMode

from charlstm.bench import peak_memory, sampling_speed, timing, training_speed
from charlstm.bench.peak_memory import bench_memory
from charlstm.bench.quality import bench_quality
from charlstm.bench.sampling_speed import torch_cell_step, torch_step
from charlstm.bench.timing import in_turns
from charlstm.bench.training_speed import Shape, TrainingRow, our_step, their_step
from charlstm.checkpoint import BEST, load_model_file
from charlstm.config import CellType
from charlstm.corpus import CorpusRequest, open_corpus
from charlstm.errors import CharLSTMError
from charlstm.evaluate import score_stream
from charlstm.network import kernels
from charlstm.network.cells import CELLS
from charlstm.network.compiling import CompileError
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM, to_torch
from charlstm.network.stepper import Stepper
from charlstm.training.session import Session

CPU = torch.device("cpu")
FP32 = Kernels(torch.float32)
SMALL = ["--hidden-size", 12, "--batch-size", 2, "--seq-len", 4, "--rounds", 1, "--precision", "fp32"]


@pytest.fixture(autouse=True)
def _a_small_product(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is measured on seconds of arithmetic otherwise."""
    monkeypatch.setattr(timing, "LARGE", [(64, 32, 128), (32, 64, 32)])


def model_of(shape: Shape) -> CharLM:
    model = CharLM(shape.model_config())
    model.reset_parameters(20, 0)
    return model


def test_turns_alternate_and_their_median_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    now, order = [0.0], []
    durations = {"a": iter([100.0, 1.0, 9.0, 2.0]), "b": iter([100.0, 5.0, 5.0, 6.0])}

    def run(name: str) -> None:
        order.append(name)
        now[0] += next(durations[name])

    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    assert in_turns({name: partial(run, name) for name in "ab"}, CPU, rounds=3) == {"a": 2.0, "b": 5.0}
    assert order == list("abababab")


@pytest.mark.parametrize("cell_type", CELLS)
def test_the_arithmetic_is_what_is_needed(cell_type: CellType) -> None:
    shape = Shape(hidden_size=48, num_layers=3, batch_size=4, seq_len=32, vocab_size=20, cell_type=cell_type)
    step = our_step(model_of(shape), torch.randint(20, (33, 4)), FP32)
    with FlopCounterMode(display=False) as counter:
        step()
    done = counter.get_total_flops() / (4 * 32)
    # nothing is left out; a little more is done than is needed: the table, and adding up its gradient
    assert shape.operations_per_char() < done < 1.2 * shape.operations_per_char()


@pytest.mark.parametrize("cell_type", CELLS)
def test_both_sides_train_the_same_network(cell_type: CellType, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = Shape(hidden_size=10, num_layers=2, batch_size=3, seq_len=7, vocab_size=11, cell_type=cell_type)
    model, ids, theirs = model_of(shape), torch.randint(11, (8, 3)), []
    monkeypatch.setattr(training_speed, "to_torch", lambda m: theirs.append(to_torch(m)) or theirs[0])
    our_step(model, ids, FP32)()
    their_step(model, ids, "fp32")()
    ((embedding, lstm, head),) = theirs
    for ours, right in [
        (model.embedding.weight, embedding.weight),
        (model.stack.layer(0).weight_ih, lstm.weight_ih_l0),
        (model.stack.layer(1).weight_hh, lstm.weight_hh_l1),
        (model.head.bias, head.bias),
    ]:
        torch.testing.assert_close(ours.grad, right.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("cell_type", CELLS)
def test_all_contenders_draw_from_the_same_odds(cell_type: CellType) -> None:
    model = model_of(Shape(hidden_size=10, num_layers=2, batch_size=3, seq_len=1, vocab_size=11, cell_type=cell_type))
    steps = [Stepper(model, model.zero_state(3), FP32).step, torch_step(model), torch_cell_step(model, 3)]
    with torch.no_grad():
        for k in range(5):
            ids = torch.tensor([k, 2 * k, 10 - k])
            ours, *theirs = (step(ids) for step in steps)
            for logits in theirs:
                torch.testing.assert_close(logits, ours, rtol=0, atol=1e-5)


def test_ratios_and_the_share_of_the_limit() -> None:
    shape = Shape(hidden_size=10, num_layers=1, batch_size=1, seq_len=1, vocab_size=10)
    rates = {"charlstm fp32": 10.0, "charlstm bf16": 30.0, "charlstm bf16 eager": 99.0, "nn.LSTM fp32": 5.0}
    row = TrainingRow(shape, rates, {"fp32": 1e6, "bf16": 1e6}, "")
    assert row.ratio("charlstm fp32", "nn.LSTM fp32") == 2.0
    assert row.ratio("charlstm fp32", "nn.LSTM bf16") is None
    assert row.best("charlstm") == 30.0
    assert row.share_of_limit("bf16") == pytest.approx(30 * 6 * (4 * 100 + 100) / 1e6)


def test_the_command_measures_training(invoke: Invoke, compiled_cache: Path) -> None:
    done = invoke("bench", "train", *SMALL, "--json")
    assert done.code == 0, done.err
    machine, row = map(json.loads, done.out.splitlines())
    assert machine["torch"] == torch.__version__
    assert machine["threads"] == torch.get_num_threads()
    assert row["chars_per_s"].keys() == {"charlstm fp32", "charlstm fp32 eager", "nn.LSTM fp32"}
    assert all(rate > 0 for rate in row["chars_per_s"].values())
    shown = invoke("bench", "train", *SMALL)
    assert "2 x 12" in shown.out
    assert "PyTorch" in shown.err


@pytest.mark.parametrize("cell_type", [name for name in CELLS if name != "lstm"])
def test_every_cell_type_is_measured_against_its_own(
    invoke: Invoke, cell_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "compiled_steps", no_compiler)
    monkeypatch.setattr("charlstm.cli.bench.DRAWN", 5)
    theirs = f"nn.{cell_type.upper()}"
    parts = ["train", "sample", *(() if CELLS[cell_type].pointwise else ("memory",))]  # which compiles in a child
    done = invoke("bench", *parts, *SMALL, "--cell-type", cell_type, "--json")
    assert done.code == 0, done.err
    train, *sample = map(json.loads, done.out.splitlines()[1:])
    assert train["chars_per_s"].keys() == {"charlstm fp32", f"{theirs} fp32"}
    assert (train["cell_type"], train[f"against_nn_{cell_type}"] > 0) == (cell_type, True)
    assert sample[0]["chars_per_s"].keys() == {"charlstm", "charlstm eager", theirs, f"{theirs}Cell"}
    if "memory" in parts:
        assert sample[-1]["peak_bytes"].keys() == {"charlstm", theirs}
    shown = invoke("bench", *parts[:2], *SMALL, "--cell-type", cell_type)
    assert shown.code == 0, shown.err
    assert "nn.LSTM" not in shown.out
    assert shown.out.count(theirs) >= 3


def no_compiler(*arguments: object) -> None:
    raise CompileError("not here")


def test_the_command_measures_sampling(invoke: Invoke, compiled_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = sampling_speed.choose_kernels
    monkeypatch.setattr(
        sampling_speed, "choose_kernels", lambda c, d, p, **more: compiled(c, d, p, **more) if p == "fp32" else FP32
    )
    monkeypatch.setattr("charlstm.cli.bench.DRAWN", 5)
    done = invoke("bench", "sample", *SMALL, "--json")
    assert done.code == 0, done.err
    rows = list(map(json.loads, done.out.splitlines()))[1:]
    assert [row["batch_size"] for row in rows] == [1, 64]
    ours = {"charlstm eager", "charlstm compiled", "nn.LSTM", "nn.LSTMCell"}
    assert [row["chars_per_s"].keys() for row in rows] == [ours | {"charlstm"}, ours]
    lines = invoke("bench", "sample", *SMALL).out.splitlines()
    assert any("chars/s  x nn.LSTM  x nn.LSTMCell" in line for line in lines)
    assert max(map(len, lines)) <= 80


@pytest.mark.slow
def test_the_command_measures_memory(invoke: Invoke, compiled_cache: Path) -> None:
    big = [*SMALL[:2], "--batch-size", 256, "--seq-len", 128, "--precision", "fp32", "--json"]
    done = invoke("bench", "memory", *big)
    assert done.code == 0, done.err
    peaks = json.loads(done.out.splitlines()[1])["peak_bytes"]
    held = 2 * 256 * 128 * 5 * 12 * 4  # gates and cell state of two layers
    assert all(held < peak < 40 * held for peak in peaks.values())


def test_a_process_that_fails_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peak_memory._say_peak, "__module__", "charlstm.no_such_module")
    with pytest.raises(CharLSTMError, match="could not be measured"):
        bench_memory(Shape(4, 1, 1, 2), "fp32", 1, CPU)


@pytest.mark.slow
def test_the_command_measures_quality(invoke: Invoke, corpus_file: Path) -> None:
    done = invoke("bench", "--corpus", corpus_file, "--time", "2s")
    assert done.code == 0, done.err
    points = list(csv.DictReader(io.StringIO(done.out)))
    seconds = [float(p["seconds"]) for p in points]
    assert len(points) >= 4
    assert seconds == sorted(seconds)
    assert seconds[-1] < 4  # of training, however long the measuring took
    assert float(points[-1]["nats_per_char"]) < float(points[0]["nats_per_char"])
    assert "bits/char on the validation text" in done.err


def test_quality_is_that_of_the_model_which_a_training_keeps(corpus_file: Path) -> None:
    """The mean of the weights, not those of the last step."""
    request = CorpusRequest((str(corpus_file),))
    sessions: list[Session] = []
    settings = {"time": None, "steps": 12, "hidden_size": 8, "average": 0.5, "evaluations": 1, "valid_chars": 400}
    corpus = open_corpus(request)
    for point in bench_quality(corpus, request, "lstm", 0.0, CPU, given=settings, on_start=sessions.append):
        measured = point
        kept = sessions[0].folder / BEST
        model = load_model_file(kept).model if kept.exists() else None
    assert model is not None
    assert measured.step == 12
    assert measured.nats_per_char == pytest.approx(score_stream(model, corpus.valid[:400], FP32).nats_per_char)
    with torch.no_grad():
        last = score_stream(sessions[0].model, corpus.valid[:400], FP32).nats_per_char
    assert measured.nats_per_char != pytest.approx(last)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["quality"], "--corpus"),
        (["train", "--corpus", "x.txt"], "quality"),
        (["--time", "3s"], "--corpus"),
        (["speed"], "speed"),
        (["--rounds", "0"], "rounds"),
        (["--hidden-size", "0"], "hidden-size"),
        (["--cell-type", "lsmt"], "lsmt"),
    ],
)
def test_what_cannot_be_meant_is_refused(invoke: Invoke, arguments: list[str], expected: str) -> None:
    done = invoke("bench", *arguments)
    assert done.code == 2
    assert expected in done.err
    assert invoke("bench", "--corpus", "nowhere.txt").code == 3

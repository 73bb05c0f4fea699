"""A network in NumPy gives the numbers of the network in PyTorch, and writes the same text without it."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from charlstm.checkpoint import load_model_file, read_content, shipped_by_language
from charlstm.config import CellType, ModelConfig, SampleConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.evaluate import score_stream
from charlstm.in_numpy.text_reader import WINDOW, TextReader, best_reader, on_one_thread
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM, plain_weights
from charlstm.sample import Texts, generate
from charlstm.sample.generate import go_on
from charlstm.sample.reading import read_prompts

FP32 = Kernels(torch.float32)
HOW = [{}, {"temperature": 0.3, "top_k": 4}, {"top_p": 0.8, "stop": "ab"}, {"match": "[a-f]+"}]
CELLS = get_args(CellType)
LETTERS = Vocabulary("\nabcdefghijkl")
IDS = np.random.default_rng(0).integers(0, len(LETTERS), WINDOW + 40)


def network(cell_type: CellType, num_layers: int = 2) -> CharLM:
    size = {"hidden_size": 24, "embedding_size": 7, "num_layers": num_layers}
    model = CharLM(ModelConfig(vocab_size=len(LETTERS), cell_type=cell_type, **size))
    model.reset_parameters(30, seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.2)
    return model


@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("cell_type", CELLS)
def test_it_reads_as_the_oracle_does(cell_type: CellType, num_layers: int) -> None:
    model = network(cell_type, num_layers)
    reader, state = TextReader(model.config, plain_weights(model)), model.zero_state(1)
    for part in (IDS[:1], IDS[1:30], IDS[30:31]):
        with torch.no_grad():
            for i in part:
                expected, state = model.step(torch.tensor([i]), state)
        torch.testing.assert_close(torch.from_numpy(reader.read(part)), expected[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(torch.from_numpy(np.stack(reader.h)), state.h[:, 0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(torch.from_numpy(np.stack(reader.c)), state.c[:, 0], rtol=1e-5, atol=1e-5)


def test_a_text_that_is_read_in_windows_is_read_as_a_whole() -> None:
    model, told = network("lstm"), list[tuple[int, int]]()
    one, other = (TextReader(model.config, plain_weights(model)) for _ in range(2))
    logits = one.read(IDS, lambda *done: told.append(done))
    for i in IDS:
        last = other.read(np.array([i]))
    np.testing.assert_allclose(logits, last, rtol=1e-4, atol=1e-4)
    assert told == [(WINDOW, len(IDS)), (len(IDS), len(IDS))]


def test_threads_that_write_at_a_time_put_back_how_many_numpy_takes() -> None:
    model = network("lstm")

    def write(seed: int) -> str:
        config = SampleConfig(length=60, seed=seed)
        return "".join(d.text for d in generate(model, LETTERS, IDS[:5], config, opening="\n", kernels=FP32))

    before = [library["num_threads"] for library in threadpool_info()]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(write, range(24))) == [write(seed) for seed in range(24)]
    assert [library["num_threads"] for library in threadpool_info()] == before


def test_numpy_takes_one_thread_and_the_old_number_again_after_an_error() -> None:
    def of_products() -> list[int]:
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    with threadpool_limits(2, "blas"):
        before = of_products()
        with pytest.raises(ZeroDivisionError), on_one_thread():
            assert of_products() == [1] * len(before)
            raise ZeroDivisionError
        assert of_products() == before


@pytest.mark.parametrize("cell_type", CELLS)
def test_it_scores_a_text_as_eval_does(cell_type: CellType) -> None:
    model = network(cell_type)
    nats = TextReader(model.config, plain_weights(model)).nats_per_char(IDS[:400])
    assert nats == pytest.approx(score_stream(model, IDS[:400], FP32).nats_per_char, rel=1e-5)


@pytest.mark.parametrize("cell_type", CELLS)
@pytest.mark.parametrize(
    "how", [{}, {"temperature": 0.3, "top_k": 4}, {"top_p": 0.8, "stop": "ab"}, {"match": "[a-f]+"}]
)
def test_one_text_is_the_same_whoever_writes_it(cell_type: CellType, how: dict[str, object]) -> None:
    model, prompt = network(cell_type), LETTERS.encode("abcab")
    for seed in range(5):
        config = SampleConfig(length=120, seed=seed, **how)  # type: ignore[arg-type]
        alone = list(generate(model, LETTERS, prompt, config, opening="\n", kernels=FP32))
        in_torch = list(
            go_on(model, LETTERS, lambda: read_prompts(model, [prompt], FP32, lambda *done: None), config, FP32)
        )
        assert [d.text for d in alone] == [d.text for d in in_torch]
        for ours, theirs in zip(alone, in_torch, strict=True):
            assert (ours.logprob, ours.allowed_logprob) == pytest.approx(
                (theirs.logprob, theirs.allowed_logprob), abs=1e-4
            )
        (text,) = Texts(model, LETTERS, [prompt], config, opening="\n", kernels=FP32).draw(0)
        assert text == "".join(d.text for d in alone)
        assert text.logprobs == tuple(d.logprob for d in alone)


def test_what_is_read_of_a_file_is_what_was_written_in_it() -> None:
    path = shipped_by_language()["en"]
    content, model = read_content(path), load_model_file(path).model
    assert content.config == model.config
    assert content.weights.keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        assert np.array_equal(content.weights[name], tensor.numpy())


@pytest.mark.parametrize(("text", "language"), [("Era uma vez uma menina", "pt"), ("The old man said", "en")])
def test_the_model_that_predicts_a_text_reads_it(text: str, language: str) -> None:
    contents = {key: read_content(path) for key, path in shipped_by_language().items()}
    known = [(TextReader(content.config, content.weights), content.vocabulary) for content in contents.values()]
    assert list(contents)[best_reader(known, text)] == language


def test_a_text_is_written_without_pytorch_and_is_the_same_with_it(tmp_path: Path) -> None:
    program = "import sys; from charlstm.cli.main import main\ntry: main()\nfinally: print('torch' in sys.modules)"
    command = ["sample", "--prompt", "The old ", "--length", "60", "--seed", "3", "--json", "--quiet"]
    done = subprocess.run([sys.executable, "-c", program, *command], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    written, loaded = done.stdout.splitlines()
    assert loaded == "False"
    content = load_model_file(shipped_by_language()["en"])
    prompt, config = content.vocabulary.encode("The old "), SampleConfig(length=60, seed=3)
    drawn = list(generate(content.model, content.vocabulary, prompt, config, opening=content.opening))
    assert json.loads(written)["text"] == "".join(d.text for d in drawn)
    assert json.loads(written)["logprobs"] == [d.logprob for d in drawn]

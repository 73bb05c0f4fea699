"""Every cell type through the commands; `probe` is in test_probe_cli, `bench` in test_bench."""

import json
import random
from itertools import islice
from pathlib import Path

import pytest
import torch
from conftest import Invoke

from charlstm.checkpoint import ModelFile, load_model_file, save_model_file
from charlstm.config import ModelConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.explain.equations import write_step
from charlstm.explain.gradient import WARM_CHARS, measure_reach
from charlstm.explain.memory import measure_memory
from charlstm.explain.walk import walk
from charlstm.grammar import gendered_lines
from charlstm.network.cells import CELLS
from charlstm.network.model import CharLM
from charlstm.report.console import plain_console
from charlstm.report.explain import draw_gradient, draw_memory
from charlstm.report.walk import draw_step, draw_walk

TEXT = "ab ba abba "


@pytest.mark.parametrize("cell_type", CELLS)
def test_from_training_to_text(invoke: Invoke, corpus_file: Path, cell_type: str) -> None:
    shape = ("--cell-type", cell_type, "--hidden-size", 12, "--batch-size", 4, "--seq-len", 16, "--evaluations", 2)
    assert invoke("train", corpus_file, *shape, "--steps", 30, "--out", "parts", "-q").code == 0
    resumed = invoke("train", "--resume", "parts", "--steps", 60, "-q")
    assert resumed.code == 0, resumed.err
    content = load_model_file(Path("parts/last.safetensors"))
    assert content.model.config.cell_type == cell_type
    assert all(name.startswith((f"{cell_type}.", "embedding.", "head.")) for name in content.model.state_dict())
    drawn = invoke("sample", "-c", "parts", "--length", 40, "--seed", 1, "-q")
    assert (drawn.code, drawn.out) == (0, invoke("sample", "-c", "parts", "--length", 40, "--seed", 1, "-q").out)
    assert len(drawn.out) >= 40
    scored = json.loads(invoke("eval", corpus_file, "-c", "parts", "--json").out)
    assert 0 < scored["bits_per_char"] < 5
    assert f"{cell_type}, 1 x 12 cells" in invoke("info", "parts").out
    explained = invoke("explain", "ba de\n", "-c", "parts", "--cell", "1:3", "-q")
    assert explained.code == 0, explained.err


def small(cell_type: str, characters: str = "\n ab") -> ModelFile:
    model = CharLM(ModelConfig(len(characters), 6, 2, 3, cell_type))
    model.reset_parameters(8.0, 0)
    return ModelFile(model, Vocabulary(characters), {})


def drawn(lines: list[object]) -> str:
    console = plain_console(140)
    with console.capture() as capture:
        for line in lines:
            console.print(line)
    return capture.get()


@pytest.mark.parametrize(
    ("cell_type", "words"),
    [
        (
            "lstm",
            ("c  cell state: the long memory", "blank kept (only the forget gate)", "bars show f, i and o from 0 to 1"),
        ),
        ("rnn", ("~  hidden state after each character",)),
        (
            "gru",
            ("z    update gate: what is kept", "blank kept (only the update gate)", "bars show r and z from 0 to 1"),
        ),
    ],
)
def test_a_walk_speaks_of_the_gates_that_there_are(cell_type: str, words: tuple[str, ...]) -> None:
    content = small(cell_type)
    ids = torch.from_numpy(content.vocabulary.encode(TEXT).astype("int64"))
    found = walk(content.model, ids, TEXT, content.model.zero_state(1), (1, 2))
    shown = drawn(draw_walk([found], ["a test"], False, "", 140, False))
    for part in words:
        assert part in shown
    assert ("cell state" in shown) == (cell_type == "lstm")
    assert list(found.to_dict())[5:-2] == list(content.model.cell.parts)


def test_a_gru_is_explained_like_an_lstm() -> None:
    content = small("gru")
    model = content.model
    ids = torch.from_numpy(content.vocabulary.encode(TEXT * 8).astype("int64"))
    step = write_step(model, ids[: len(TEXT)], TEXT, model.zero_state(1), (1, 2), 4)
    shown = drawn(draw_step(step, ["a test"], 100, False))
    assert "h_t = (1 - z_t) * n_t + z_t * h_{t-1}   hidden state" in shown
    assert f"its own h_{{t-1}}  what the cell held before it: {step.before:+f}" in shown
    assert step.to_dict()["h_before"] == float(step.before or 0) != 0
    memory = measure_memory(model, ids[None], "a test")
    assert "ln 2 / mean of -ln z" in drawn(draw_memory(memory, None, 100, False))
    places = ids[None, : WARM_CHARS + 11]
    drawing = draw_gradient({"gru": measure_reach(model, places, 0)}, {}, "a test", 100, False)
    assert drawn(drawing).count("gru, h") >= 1
    assert "gru, c" not in drawn(drawing)


def test_switches_need_an_output_gate(invoke: Invoke, tmp_path: Path) -> None:
    lines = "\n".join(line.text for line in islice(gendered_lines(random.Random(5)), 4000))
    save_model_file(tmp_path / "gru.safetensors", small("gru", "".join(sorted(set("\n" + lines)))))
    done = invoke("explain", "switches", "-c", tmp_path / "gru.safetensors", "--cell", "1:2")
    assert (done.code, done.out) == (2, "")
    assert "this model is a GRU and has no output gate" in done.err.splitlines()[-1]

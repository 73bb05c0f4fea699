"""The page's modules compute what charlstm computes, from the same rounded weights: run by Node, where it is there."""

import itertools
import json
import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from charlstm.checkpoint import load_model_file, shipped_models
from charlstm.config import ModelConfig
from charlstm.grammar import GRAMMARS
from charlstm.network.cells import CELLS
from charlstm.network.model import CharLM
from charlstm.view.weights import Form, pack_as, rounded

CHECKS = Path(__file__).parent / "view"
CORPORA = Path(__file__).parents[1] / "corpora"
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="no Node")


def logits_in_the_page(model: CharLM, form: Form, ids: list[int], folder: Path, plain: int) -> dict[str, np.ndarray]:
    """What the modules make of the model: with the fast product, and of the first `plain` characters without."""
    packed = pack_as(model, form)
    (folder / "weights.txt").write_text(packed.text)
    asked = {"info": packed.to_dict(), "cellType": model.cell.name, "ids": ids, "plain": plain}
    (folder / "asked.json").write_text(json.dumps(asked))
    done = subprocess.run([NODE, CHECKS / "logits.js", folder], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    print(model.config, form, done.stdout)
    found = {name: np.fromfile(folder / f"{name}.f32", np.float32) for name in ("fast", "plain", "memory")}
    return {**found, "fast": found["fast"].reshape(len(ids), -1), "plain": found["plain"].reshape(plain, -1)}


def in_python(model: CharLM, form: Form, ids: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """The logits after each character, and the state after the last, in float32 from the same rounded weights."""
    same = CharLM(model.config)
    same.load_state_dict(rounded(model, form))
    with torch.no_grad():
        logits, state = same(torch.tensor(ids)[None])
    return logits[0].numpy(), torch.cat([state.h.ravel(), state.c.ravel()]).numpy()


def trained_like(cell_type: str, vocab: int, embedding: int, hidden: int, layers: int) -> CharLM:
    model = CharLM(ModelConfig(vocab, hidden, layers, embedding, cell_type))
    model.reset_parameters(50.0, 1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model


@pytest.mark.slow
@needs_node
@pytest.mark.parametrize("name", list(shipped_models()))
def test_the_logits_of_each_model_that_ships_are_those_of_python(name: str, tmp_path: Path) -> None:
    """On text. On characters at random no float32 tells: Python's own is soon 10 away from its float64 there."""
    content = load_model_file(shipped_models()[name])
    if content.language is None:  # the model of number series
        lines = GRAMMARS["series"].lines
        assert lines is not None
        text = "\n".join(itertools.islice(lines(random.Random(1)), 200))
    else:
        text = (CORPORA / {"en": "garden.txt", "pt": "agreement-pt.txt"}[content.language]).read_text(encoding="utf-8")
    ids = content.vocabulary.encode(text[:1100], "skip")[:1000].tolist()
    assert len(ids) == 1000
    expected, state = in_python(content.model, "bfloat16", ids)
    found = logits_in_the_page(content.model, "bfloat16", ids, tmp_path, 40)
    print(name, "largest difference", np.abs(found["fast"] - expected).max(), np.abs(found["memory"] - state).max())
    assert np.abs(found["fast"] - expected).max() < 1e-3
    assert np.abs(found["plain"] - expected[:40]).max() < 1e-3
    assert (found["fast"].argmax(axis=1) == expected.argmax(axis=1)).all()


@needs_node
@pytest.mark.parametrize("form", ["bfloat16", "int8"])
@pytest.mark.parametrize("cell_type", list(CELLS))
@pytest.mark.parametrize("shape", [(5, 1, 1, 1), (5, 3, 16, 1), (7, 6, 13, 3)])
def test_every_cell_type_and_odd_sizes(cell_type: str, form: Form, shape: tuple[int, ...], tmp_path: Path) -> None:
    model = trained_like(cell_type, *shape)
    ids = [k * k % shape[0] for k in range(60)]
    expected, state = in_python(model, form, ids)
    found = logits_in_the_page(model, form, ids, tmp_path, 60)
    assert np.abs(found["fast"] - expected).max() < 1e-5
    assert np.abs(found["plain"] - expected).max() < 1e-5
    assert np.abs(found["memory"] - state).max() < 1e-5

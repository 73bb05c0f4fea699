"""Model files: exact there and back, and one line for anything that is not one."""

import hashlib
import os
import stat
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from charlstm import checkpoint
from charlstm.checkpoint import ModelFile, format, load_model_file, save_model_file
from charlstm.config import ModelConfig
from charlstm.errors import CharLSTMError, ModelFileError, UsageError
from charlstm.model import CharLM
from charlstm.vocab import Vocabulary


def content(cell_type: str = "lstm") -> ModelFile:
    model = CharLM(ModelConfig(vocab_size=4, hidden_size=3, num_layers=2, embedding_size=2, cell_type=cell_type))
    model.reset_parameters(10, 0)
    return ModelFile(model, Vocabulary('a"\\é'), {"step": 3})


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    save_model_file(tmp_path / "m.safetensors", content())
    return tmp_path / "m.safetensors"


@pytest.mark.parametrize("cell_type", ["lstm", "rnn"])
def test_there_and_back(tmp_path: Path, cell_type: str) -> None:
    path = tmp_path / "m.safetensors"
    before = content(cell_type)
    save_model_file(path, before)
    after = load_model_file(path)
    assert after.vocabulary == before.vocabulary
    assert after.training == before.training
    assert after.model.config == before.model.config
    for name, tensor in before.model.state_dict().items():
        assert torch.equal(after.model.state_dict()[name], tensor)
    again = tmp_path / "again.safetensors"
    save_model_file(again, after)
    assert again.read_bytes() == path.read_bytes()


def test_the_hash_is_that_of_the_file_with_zeros_in_its_place(sound: Path) -> None:
    data = sound.read_bytes()
    claimed = format.read_about(sound)["sha256"]
    assert data.count(claimed.encode()) == 1
    assert hashlib.sha256(data.replace(claimed.encode(), b"0" * 64)).hexdigest() == claimed


def test_bfloat16_weights_are_read_as_float32(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    before = content()
    before.model.bfloat16()
    save_model_file(path, before)
    with safe_open(path, "pt") as f:
        assert f.get_tensor("head.weight").dtype == torch.bfloat16
    after = load_model_file(path).model
    assert after.head.weight.dtype == torch.float32
    assert torch.equal(after.head.weight, before.model.head.weight.float())


def test_permissions_follow_the_umask(sound: Path) -> None:
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(sound.stat().st_mode) == 0o666 & ~mask


def test_every_changed_byte_is_noticed(sound: Path) -> None:
    raw = sound.read_bytes()
    for at in range(0, len(raw), 7):
        changed = bytearray(raw)
        changed[at] ^= 0x10
        sound.write_bytes(changed)
        with pytest.raises(ModelFileError):
            load_model_file(sound)


def test_missing_files_are_said(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="No such file"):
        load_model_file(tmp_path / "none")


def test_a_write_that_fails_leaves_the_old_file(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sound.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CharLSTMError, match="No space left"):
        save_model_file(sound, content())
    assert sound.read_bytes() == before
    assert list(sound.parent.iterdir()) == [sound]


def new_run(folder: Path) -> None:
    with checkpoint.hold_run(folder, new=True):
        checkpoint.write_run_config(folder, {})


def test_runs_are_named_after_their_corpus_and_never_twice(tmp_path: Path) -> None:
    assert checkpoint.run_folder_for("texts/My Book.txt.gz", tmp_path).name == "My-Book"
    assert checkpoint.run_folder_for("-", tmp_path).name == "stdin"
    assert checkpoint.run_folder_for("../..", tmp_path).name == "run"
    for expected in ("a", "a-2", "a-3"):
        folder = checkpoint.run_folder_for("a.txt", tmp_path)
        assert folder.name == expected
        new_run(folder)
        with pytest.raises(UsageError, match="never overwritten"):
            new_run(folder)


@pytest.mark.usefixtures("nothing_ships")
def test_which_model_is_meant(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="train one first"):
        checkpoint.find_model(None, tmp_path / "checkpoints")
    runs = tmp_path / "checkpoints"
    for age, name in ((50, "old"), (10, "new")):
        (runs / name).mkdir(parents=True)
        for file in (checkpoint.BEST, checkpoint.LAST):
            save_model_file(runs / name / file, content())
            os.utime(runs / name / file, (1e9 - age, 1e9 - age))
    (runs / "empty").mkdir()
    assert checkpoint.find_model(None, runs) == runs / "new" / checkpoint.BEST
    assert checkpoint.find_model(runs) == runs / "new" / checkpoint.BEST
    assert checkpoint.find_model(runs / "old") == runs / "old" / checkpoint.BEST
    assert checkpoint.find_model(runs / "old" / checkpoint.LAST) == runs / "old" / checkpoint.LAST
    (runs / "old" / checkpoint.BEST).unlink()
    assert checkpoint.find_model(runs / "old") == runs / "old" / checkpoint.LAST


def test_metrics_after_the_last_save_are_dropped_on_resuming(tmp_path: Path) -> None:
    path = tmp_path / checkpoint.METRICS
    metrics = checkpoint.Metrics(path)
    for step in (10, 20, 30):
        metrics.add({"event": "trained", "step": step})
    path.write_bytes(path.read_bytes() + b'{"event": "cut')
    checkpoint.Metrics(path, keep_until=20).add({"event": "trained", "step": 21})
    assert [m["step"] for m in checkpoint.read_metrics(tmp_path)] == [10, 20, 21]

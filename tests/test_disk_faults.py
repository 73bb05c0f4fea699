"""Every operation on a disk can fail, and at every one of them the process can be killed: what was saved stays."""

import errno
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from forked import finish, fork
from test_trainer import BASE, corpus, drain, make, of_kind  # noqa: F401 (a fixture)

from charlstm import checkpoint
from charlstm.config import ModelConfig
from charlstm.corpus import Corpus
from charlstm.errors import CharLSTMError
from charlstm.model import CharLM
from charlstm.train.events import Finished, NotSaved
from charlstm.vocab import Vocabulary

OPERATIONS = ("open", "write", "fsync", "close", "chmod", "replace", "unlink")
KILLED = "killed"


class FaultyDisk:
    """Counts what is done to the disk while it is installed; the operation number `at` fails.

    Args:
        fault: an `errno`, or KILLED: the process ends there, half of a write being on the disk.
        at: counted from 0; None: all goes well.
    """

    def __init__(self, fault: int | str = KILLED, at: int | None = None) -> None:
        self.fault, self.at, self.done = fault, at, list[str]()

    def install(self, patch: Callable[[Any, str, Any], None]) -> None:
        for name in OPERATIONS:
            patch(os, name, self._faulty(name, getattr(os, name)))

    def _faulty(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*arguments: Any, **more: Any) -> Any:
            self.done.append(name)
            if len(self.done) - 1 != self.at:
                return real(*arguments, **more)
            if name == "write":  # half of it is there
                real(arguments[0], arguments[1][: len(arguments[1]) // 2])
            if name == "close":  # what could not be written is said late, and the file is closed all the same
                real(*arguments)
            if self.fault == KILLED:
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError(self.fault, os.strerror(int(self.fault)))

        return operation


def content(step: int) -> checkpoint.ModelFile:
    model = CharLM(ModelConfig(vocab_size=3, hidden_size=2, num_layers=1, embedding_size=2))
    model.reset_parameters(0, step)
    tensors = {
        f"optimizer.{m}.{n}": torch.zeros_like(t)
        for n, t in model.named_parameters()
        for m in ("exp_avg", "exp_avg_sq")
    }
    tensors |= {"state.h": torch.zeros(1, 2, 2), "state.c": torch.zeros(1, 2, 2)}
    resume = {"run": {"train": {"batch_size": 2}}, "progress": {}}
    return checkpoint.ModelFile(model, Vocabulary("abc"), {"step": step}, resume, tensors)


def step_of(folder: Path) -> int:
    found = checkpoint.load_last(folder)
    assert found is not None
    return found[0].training["step"]


def save(folder: Path, fault: int | str, at: int | None) -> None:
    """Save step 3; also in a forked process."""
    with pytest.MonkeyPatch.context() as patch:
        FaultyDisk(fault, at).install(patch.setattr)
        checkpoint.save_last(folder, content(3), keep_previous=True)


def operations_of_a_save(folder: Path) -> list[str]:
    disk = FaultyDisk()
    with pytest.MonkeyPatch.context() as patch:
        disk.install(patch.setattr)
        checkpoint.save_last(folder, content(2), keep_previous=True)
    return disk.done


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    checkpoint.save_last(tmp_path, content(1), keep_previous=True)
    return tmp_path


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO, KILLED], ids=["full", "failing", "killed"])
def test_whatever_fails_in_a_save_the_one_before_it_loads(folder: Path, fault: int | str) -> None:
    operations = operations_of_a_save(folder)
    assert [operations.count(name) for name in ("write", "fsync", "replace")] == [1, 3, 3]
    for at, name in enumerate(operations):
        checkpoint.save_last(folder, content(2), keep_previous=True)
        if fault == KILLED:
            assert finish(fork(save, folder, fault, at)) == -signal.SIGKILL
        else:
            problem = ""
            try:
                save(folder, fault, at)
            except CharLSTMError as e:
                problem = str(e)
            if name == "unlink":  # of the temporary file, whose name is gone by then
                assert problem == ""
                assert step_of(folder) == 3
            else:
                assert problem.startswith(f"cannot write {folder}{os.sep}")
                assert "last.safetensors" in problem
                assert os.strerror(int(fault)) in problem
        assert step_of(folder) in (2, 3)
        with checkpoint.hold_run(folder, new=False):
            left = {path.name for path in folder.iterdir()}
        assert left <= {".lock", "last.safetensors", "previous.safetensors"}


def test_a_training_goes_on_past_any_one_fault(
    corpus: Corpus,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = drain(make(corpus, tmp_path / "whole").run())
    (end,) = of_kind(whole, Finished)
    disk = FaultyDisk()
    with monkeypatch.context() as patch:
        disk.install(patch.setattr)
        drain(make(corpus, tmp_path / "counted").run())
    for at in range(0, len(disk.done), 5):
        run = tmp_path / f"run{at}"
        trainer = make(corpus, run)
        with monkeypatch.context() as patch:
            FaultyDisk(errno.ENOSPC, at).install(patch.setattr)
            events = drain(trainer.run())
        (ours,) = of_kind(events, Finished)
        assert (ours.step, ours.reason) == (end.step, end.reason)
        assert checkpoint.load_model_file(run / checkpoint.BEST).training["step"] >= ours.best_step
        problems = [event.problem for event in of_kind(events, NotSaved)]
        assert len(problems) <= 1
        assert all("No space left" in problem and str(run) in problem for problem in problems)
        assert checkpoint.load_last(run) is not None
        for name, tensor in trainer.model.state_dict().items():
            assert torch.equal(
                tensor, checkpoint.load_model_file(tmp_path / "whole" / checkpoint.LAST).model.state_dict()[name]
            )


@pytest.mark.parametrize("at", range(10))
def test_a_run_that_cannot_begin_says_so_and_leaves_nothing(
    invoke, corpus_file: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """The settings of the run, `config.json`, are the first that is written to its folder."""
    from charlstm.checkpoint import run

    invoke("train", corpus_file, "--steps", 1, "--hidden-size", 4, "--out", "first", "-q")  # the text is encoded
    real = run.write_run_config

    def write(folder: Path, config: Any) -> None:
        with monkeypatch.context() as patch:
            FaultyDisk(errno.ENOSPC, at).install(patch.setattr)
            real(folder, config)

    monkeypatch.setattr(checkpoint, "write_run_config", write)
    result = invoke("train", corpus_file, "--steps", 1, "--hidden-size", 4, "--out", "second", "-q")
    if result.code == 0:
        assert at >= 9  # the temporary file's name cannot be removed, which nobody needs to know
        assert json.loads(Path("second/config.json").read_text())
    else:
        assert result.code == 1
        assert "cannot write second/config.json: No space left" in result.err
        assert result.err.count("\n") == 1
        monkeypatch.setattr(checkpoint, "write_run_config", real)
        if Path("second/config.json").exists():  # it was the folder that could not be synced
            assert invoke("train", "--resume", "second", "-q").code == 0
        else:
            assert not Path("second").exists()

"""Every operation on a disk can fail, and at every one of them the process can be killed: what was saved stays."""

import errno
import fcntl
import json
import os
import signal
import stat
import threading
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
from charlstm.corpus.vocab import Vocabulary
from charlstm.errors import CharLSTMError, ModelFileError
from charlstm.network.model import CharLM
from charlstm.training.events import Finished, NotSaved

OPERATIONS = ("open", "write", "fsync", "close", "chmod", "link", "replace", "unlink")
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
    assert [operations.count(name) for name in ("write", "fsync", "link", "replace")] == [1, 3, 1, 3]
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
            if name in ("link", "unlink"):  # a copy takes its place; a temporary file, whose name is gone by then
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


@pytest.mark.parametrize("links", [True, False])
def test_the_last_save_is_there_at_every_moment(folder: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    last, seen = folder / checkpoint.LAST, []

    def watched(name: str) -> Callable[..., None]:
        real = getattr(os, name)

        def operation(*arguments: Any) -> None:
            if name == "link" and not links:
                raise OSError(errno.EPERM, os.strerror(errno.EPERM))
            real(*arguments)
            seen.append(checkpoint.load_model_file(last).training["step"])

        return operation

    with monkeypatch.context() as patch:
        for name in ("link", "replace", "rename"):
            patch.setattr(os, name, watched(name))
        for step in (2, 3):
            checkpoint.save_last(folder, content(step), keep_previous=True)
    moments = 4 if links else 3
    assert seen == [1] * (moments - 1) + [2] * moments + [3]
    assert {path.name for path in folder.iterdir()} == {"last.safetensors", "previous.safetensors"}
    assert checkpoint.load_previous(folder).training["step"] == 2


def test_a_reader_finds_a_sound_save_while_another_process_saves(folder: Path) -> None:
    done, failures, loads = threading.Event(), [], 0

    def save_often() -> None:
        for step in range(200):
            checkpoint.save_last(folder, content(step), keep_previous=True)
        done.set()

    writer = threading.Thread(target=save_often)
    writer.start()
    while not done.is_set():
        loads += 1
        try:
            checkpoint.load_model_file(folder / checkpoint.LAST)
        except ModelFileError as e:
            failures.append(e)
    writer.join()
    assert failures == []
    assert loads > 50


def test_a_file_that_has_both_names_already_leaves_nothing_behind(folder: Path) -> None:
    """As after a save that failed between its last two renames: to rename one of two names of a file does nothing."""
    os.replace(folder / checkpoint.LAST, folder / "previous.safetensors")
    os.link(folder / "previous.safetensors", folder / checkpoint.LAST)
    os.link(folder / "previous.safetensors", folder / ".previous.safetensors-new")  # and of a process that was killed
    checkpoint.save_last(folder, content(2), keep_previous=True)
    assert {path.name for path in folder.iterdir()} == {"last.safetensors", "previous.safetensors"}
    assert (step_of(folder), checkpoint.load_previous(folder).training["step"]) == (2, 1)


def unable(name: str, error: int, real: Callable[..., Any]) -> Callable[..., Any]:
    """An operation that a file system does not know; `fsync folder` is that of folders alone."""

    def operation(*arguments: Any, **more: Any) -> Any:
        if name == "fsync folder" and not stat.S_ISDIR(os.fstat(arguments[0]).st_mode):
            return real(*arguments, **more)
        raise OSError(error, os.strerror(error))

    return operation


NO_LOCKS, NO_SYNC = "has no locks", "cannot sync"
POOR = [
    ("flock", errno.ENOLCK, NO_LOCKS),  # NFS without its lock server
    ("flock", errno.EOPNOTSUPP, NO_LOCKS),
    ("flock", errno.EINVAL, NO_LOCKS),
    ("flock", errno.ENOSYS, NO_LOCKS),
    ("fsync folder", errno.EINVAL, NO_SYNC),  # CIFS
    ("fsync", errno.ENOSYS, NO_SYNC),
    ("fsync", errno.EINVAL, NO_SYNC),
    ("chmod", errno.EPERM, ""),  # exFAT, WSL
    ("chmod", errno.EOPNOTSUPP, ""),
    ("link", errno.EPERM, ""),
    ("link", errno.EOPNOTSUPP, ""),
]


@pytest.mark.parametrize(("name", "error", "said"), POOR, ids=[f"{name}-{errno.errorcode[e]}" for name, e, _ in POOR])
def test_a_training_goes_on_with_what_the_file_system_can_do(
    invoke, corpus_file: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: int, said: str
) -> None:
    small = ("--steps", 8, "--hidden-size", 4, "--evaluations", 4, "--threads", 1)
    assert invoke("train", corpus_file, *small, "--out", "rich", "-q").code == 0
    monkeypatch.setenv("CHARLSTM_CACHE_DIR", "cache")  # there, too, the text is to be encoded
    owner, function = (fcntl, "flock") if name == "flock" else (os, name.split()[0])
    monkeypatch.setattr(owner, function, unable(name, error, getattr(owner, function)))
    trained = invoke("train", corpus_file, *small, "--out", "poor")
    resumed = invoke("train", "--resume", "poor", "--steps", 9)
    for result in (trained, resumed):
        assert result.code == 0, result.err
        assert "cannot write" not in result.err
        for sentence in (NO_LOCKS, NO_SYNC):
            assert result.err.count(sentence) == (sentence == said), result.err
    assert invoke("train", "--resume", "rich", "--steps", 9, "-q").code == 0
    for file in (checkpoint.BEST, checkpoint.LAST):
        assert Path("poor", file).read_bytes() == Path("rich", file).read_bytes()
    assert {path.name for path in Path("poor").iterdir()} <= {path.name for path in Path("rich").iterdir()}


@pytest.mark.slow
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

"""Copies of the model on the way: when, which, and after whatever happens to the run."""

import itertools
import math
import os
from pathlib import Path

import pytest
import torch
from test_disk_faults import FaultyDisk
from test_trainer import BASE, corpus, drain, make, of_kind, spoil_step  # noqa: F401 (a fixture)

from charlstm import checkpoint
from charlstm.corpus import Corpus
from charlstm.errors import ModelFileError
from charlstm.training.events import Finished, NotSaved, RolledBack, Stepped
from charlstm.training.plan import snapshots_due

KEEPING = BASE.replace(snapshots=7)
STEPS = [1, 2, 3, 6, 12, 24]  # at 1, 2.2, 4.6, 10, 22, 46 and 100 % of 24 steps: the first two fall on one


def kept(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / checkpoint.SNAPSHOTS).iterdir()}


def steps_kept(folder: Path) -> list[int]:
    return [checkpoint.load_model_file(path).training["step"] for path in checkpoint.list_snapshots(folder)]


def test_shares_grow_by_one_factor_from_a_hundredth_to_all() -> None:
    for number in (1, 2, 12):
        config = BASE.replace(snapshots=number)
        due = [snapshots_due(config, step / 10_000) for step in range(10_001)]
        assert (due[0], due[9_999], due[10_000]) == (0, number - 1, number)
        at = [due.index(k) for k in range(1, number + 1)]
        if number == 12:
            assert at[0] == 100
            factors = [later / earlier for earlier, later in itertools.pairwise(at)]
            assert factors == pytest.approx([100 ** (1 / 11)] * 11, rel=0.01)
    assert snapshots_due(BASE, 1.0) == 0


def test_what_is_kept(corpus: Corpus, tmp_path: Path) -> None:  # noqa: F811
    drain(make(corpus, tmp_path / "run", KEEPING).run())
    assert steps_kept(tmp_path / "run") == STEPS
    last = checkpoint.load_last(tmp_path / "run")[0]
    content = checkpoint.load_model_file(checkpoint.list_snapshots(tmp_path / "run")[-1])
    assert content.resume is None
    for name, tensor in content.model.state_dict().items():
        assert torch.equal(tensor, last.model.state_dict()[name].bfloat16().float())


def test_how_many_characters_a_model_was_learnt_from(corpus: Corpus, tmp_path: Path, monkeypatch) -> None:  # noqa: F811
    """Also past the end of the text, where windows are shorter."""
    config = KEEPING.replace(steps=100)
    trainer = make(corpus, tmp_path / "run", config)
    learnt, counts = 0, [0]
    window = trainer.batches.window

    def counted(*arguments):
        nonlocal learnt
        found = window(*arguments)
        learnt += found.inputs.numel()
        counts.append(learnt)
        return found

    monkeypatch.setattr(trainer.batches, "window", counted)
    drain(trainer.run())
    assert trainer.progress.epoch >= 2
    assert counts[100] < 100 * config.batch_size * config.seq_len
    for path in (*checkpoint.list_snapshots(tmp_path / "run"), tmp_path / "run" / checkpoint.LAST):
        training = checkpoint.load_model_file(path).training
        assert training["characters_learnt"] == counts[training["step"]]


def test_without_the_setting_nothing_is_kept(corpus: Corpus, tmp_path: Path) -> None:  # noqa: F811
    drain(make(corpus, tmp_path / "run").run())
    assert not (tmp_path / "run" / checkpoint.SNAPSHOTS).exists()
    assert checkpoint.list_snapshots(tmp_path / "run") == []


@pytest.mark.parametrize("stops", [(1,), (6, 7), (5, 11, 12, 23), tuple(range(1, 24))])
def test_interrupted_and_resumed_keeps_the_same_files(
    corpus: Corpus,  # noqa: F811
    tmp_path: Path,
    stops: tuple[int, ...],
) -> None:
    drain(make(corpus, tmp_path / "whole", KEEPING).run())
    for stop in (*stops, None):
        trainer = make(corpus, tmp_path / "pieces", KEEPING)
        drain(trainer.run(lambda: trainer.progress.step == stop))  # noqa: B023
    assert kept(tmp_path / "pieces") == kept(tmp_path / "whole")


def test_what_a_killed_run_kept_beyond_its_last_save_goes(corpus: Corpus, tmp_path: Path) -> None:  # noqa: F811
    run = tmp_path / "run"
    trainer = make(corpus, run, KEEPING)
    for event in trainer.run():
        if event.step == 13:  # killed: the last save is that of step 12
            break
    unfinished = run / checkpoint.SNAPSHOTS / ".step-00000013.safetensors-abcd_123"
    ours = run / checkpoint.SNAPSHOTS / "notes.txt"
    for path in (unfinished, ours):
        path.write_text("")
    later = run / checkpoint.SNAPSHOTS / "step-00000013.safetensors"  # as a budget of time may have it
    checkpoint.save_snapshot(run, 13, checkpoint.load_model_file(run / checkpoint.LAST))
    assert later.exists()
    trainer = make(corpus, run, KEEPING)
    drain(trainer.run(lambda: True))
    assert [path.exists() for path in (unfinished, later, ours)] == [False, False, True]
    assert steps_kept(run) == STEPS[:-1]
    drain(make(corpus, run, KEEPING).run())
    assert steps_kept(run) == STEPS


def test_a_run_that_rolls_back_keeps_nothing_of_what_was_undone(
    corpus: Corpus,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = KEEPING.replace(snapshots=30)
    folders = {}
    for name, stops in (("whole", (None,)), ("pieces", (8, 13, None))):
        spoil_step(monkeypatch, 10, 1)
        for stop in stops:
            trainer = make(corpus, tmp_path / name, config)
            for event in trainer.run(lambda: trainer.progress.step == stop):  # noqa: B023
                if isinstance(event, RolledBack):
                    assert (event.failed_step, event.step) == (10, 6)
                    assert max(steps_kept(tmp_path / name)) == 6
        folders[name] = kept(tmp_path / name)
    assert folders["pieces"] == folders["whole"]
    drain(make(corpus, tmp_path / "undisturbed", config).run())
    undisturbed = kept(tmp_path / "undisturbed")
    assert folders["whole"].keys() == undisturbed.keys()
    differs = {name for name in undisturbed if undisturbed[name] != folders["whole"][name]}
    assert differs == {name for name in undisturbed if name > "step-00000006.safetensors"}


def test_a_larger_budget_goes_on_keeping(corpus: Corpus, tmp_path: Path) -> None:  # noqa: F811
    drain(make(corpus, tmp_path / "run", KEEPING).run())
    drain(make(corpus, tmp_path / "run", KEEPING.replace(steps=60)).run())
    assert steps_kept(tmp_path / "run") == [*STEPS, 28, 60]


def test_a_budget_of_time(corpus: Corpus, tmp_path: Path) -> None:  # noqa: F811
    ticks = iter(range(10**9))
    config = KEEPING.replace(steps=None, time=5.0)
    drain(make(corpus, tmp_path / "run", config, clock=lambda: next(ticks) / 100).run())
    found = steps_kept(tmp_path / "run")
    assert len(found) == 7
    assert found == sorted(found)


@pytest.mark.parametrize("operation", ["mkdir", "replace"])
def test_a_full_disk_ends_no_training(corpus: Corpus, tmp_path: Path, monkeypatch, operation: str) -> None:  # noqa: F811
    real = getattr(os, operation)

    def full(path, *more, **options):
        if checkpoint.SNAPSHOTS in str(path):
            raise OSError(28, "No space left on device")
        return real(path, *more, **options)

    monkeypatch.setattr(os, operation, full)
    events = drain(make(corpus, tmp_path / "run", KEEPING).run())
    assert of_kind(events, Finished)[0].reason == "budget"
    problems = of_kind(events, NotSaved)
    assert [event.step for event in problems] == STEPS
    assert all("snapshots/step-" in event.problem and "No space left" in event.problem for event in problems)
    assert checkpoint.load_last(tmp_path / "run")[0].training["step"] == 24
    assert checkpoint.list_snapshots(tmp_path / "run") == []


def test_any_one_fault_costs_one_copy_at_most(corpus: Corpus, tmp_path: Path) -> None:  # noqa: F811
    disk = FaultyDisk()
    with pytest.MonkeyPatch.context() as patch:
        disk.install(patch.setattr)
        drain(make(corpus, tmp_path / "whole", KEEPING).run())
    for at in range(0, len(disk.done), 29):
        run = tmp_path / f"run{at}"
        trainer = make(corpus, run, KEEPING)
        with pytest.MonkeyPatch.context() as patch:
            FaultyDisk(28, at).install(patch.setattr)
            (end,) = of_kind(drain(trainer.run()), Finished)
        assert (end.step, end.reason) == (24, "budget")
        assert len(set(STEPS) - set(steps_kept(run))) <= 1


def test_weights_that_are_not_finite_are_not_kept(corpus: Corpus, tmp_path: Path) -> None:  # noqa: F811
    trainer = make(corpus, tmp_path / "run", KEEPING)
    problems: list[NotSaved] = []
    for event in trainer.run():
        if isinstance(event, Stepped) and event.step == 12 and not problems:
            trainer.model.head.bias.data[0] = math.nan
        problems += of_kind([event], NotSaved)
    assert [event.step for event in problems][:1] == [12]
    assert trainer.progress.rollbacks == 1
    assert steps_kept(tmp_path / "run") == STEPS


def test_the_folder_of_snapshots_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / checkpoint.SNAPSHOTS).mkdir()

    def closed(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", closed)
    with pytest.raises(ModelFileError, match="snapshots: Permission denied"):
        checkpoint.list_snapshots(tmp_path)
    checkpoint.drop_snapshots_after(tmp_path, 0)


def test_on_the_command_line(invoke, corpus_file: Path) -> None:
    small = ("--steps", 40, "--hidden-size", 4, "--batch-size", 4, "--seq-len", 16, "--evaluations", 2, "--threads", 1)
    done = invoke("train", corpus_file, *small, "--snapshots", 5, "--out", "run", "-q")
    assert done.code == 0, done.err
    assert steps_kept(Path("run")) == [1, 2, 4, 13, 40]
    shown = invoke("info", "run/snapshots/step-00000013.safetensors")
    assert "13 steps, 0.15 passes over the text, 832 characters" in shown.out
    assert invoke("train", "--resume", "run", "--snapshots", 3).code == 2
    assert invoke("train", corpus_file, *small, "--snapshots", 1001).code == 2
    assert "--snapshots N" in invoke("train", "--help").out.replace("  ", " ")

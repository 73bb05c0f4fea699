"""After a stop, in `info`, and where no run is: the command to paste, whole and quoted."""

import shlex
import signal
from pathlib import Path
from typing import Any

import pytest
from conftest import Invoke, Result, small_text

from charlstm import checkpoint
from charlstm.cli import runtime, train_run
from charlstm.cli.paste import resume_command
from charlstm.errors import Interrupted
from charlstm.interrupts import INTERRUPTS
from charlstm.settings import parse_duration, written_duration
from charlstm.training import session

SMALL = ("--hidden-size", 8, "--embedding-size", 4, "--num-layers", 1, "--batch-size", 4, "--seq-len", 16)
RUN = "my runs/it's"  # to be quoted


def pasted(text: str) -> list[str]:
    """The words of the one command in a message, as a shell reads them."""
    (line,) = (line for line in text.splitlines() if "charlstm train" in line)
    return shlex.split(line[line.index("charlstm train") :])


@pytest.fixture
def stopped(invoke: Invoke, corpus_file: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    """What was said when a run was stopped by Ctrl-C after its third step."""
    checks = iter(range(1000))

    def requested() -> bool:
        if next(checks) == 3:
            INTERRUPTS.signum = signal.SIGINT
        return INTERRUPTS.signum is not None

    with monkeypatch.context() as patch:
        patch.setattr(INTERRUPTS, "requested", requested)
        result = invoke("train", corpus_file, "--time", "59s", *SMALL, "--out", RUN, "--device", "cpu")
    INTERRUPTS.signum = None
    return result


def test_a_stop_gives_the_command_that_goes_on(invoke: Invoke, stopped: Result) -> None:
    assert stopped.code == 130
    assert "(0% of the budget) and saved. To go on:\n  charlstm train" in stopped.err
    words = pasted(stopped.err)
    assert words == ["charlstm", "train", "--resume", RUN, "--time", "59s", "--device", "cpu"]
    assert pasted(invoke("info", RUN).out) == words[:-2]
    assert "to train on:\n" in invoke("info", RUN).out
    done = invoke(*words[1:-4], "--steps", 10, "-q")
    assert (done.code, done.err) == (0, "")
    assert "to train it twice as long:\n" in invoke("info", RUN).out
    words = pasted(invoke("info", RUN).out)
    assert words == ["charlstm", "train", "--resume", RUN, "--steps", "20"]
    finished = invoke("train", "--resume", RUN)
    assert (finished.code, pasted(finished.err)) == (0, words)
    assert invoke(*words[1:], "-q").code == 0


def test_info_of_a_run_that_stopped_early(invoke: Invoke, corpus_file: Path) -> None:
    worse = ("--lr", 1e-9, "--patience", 1, "--evaluations", 20)
    assert invoke("train", corpus_file, "--steps", 40, *SMALL, *worse, "--out", "run", "-q").code == 0
    shown = invoke("info", "run").out
    last = checkpoint.load_last(Path("run"))
    assert last is not None
    assert last[0].resume is not None
    if last[0].resume["progress"]["fraction"] < 1:  # it is up to the weights
        assert "it stopped early" in shown
        assert pasted(shown) == ["charlstm", "train", "--resume", "run", "--steps", "40", "--patience", "0"]
        done = invoke(*pasted(shown)[1:], "-q")
        assert done.code == 0, done.err
        assert "twice as long" in invoke("info", "run").out


def test_info_of_a_model_that_ships_offers_no_training(invoke: Invoke) -> None:
    shown = invoke("info", "portuguese").out
    assert "to write with it:\n  charlstm sample -c portuguese\n" in shown
    assert "charlstm train" not in shown


def test_where_no_run_is_the_one_that_was_meant_is_named(invoke: Invoke, corpus_file: Path) -> None:
    none = invoke("train", "--resume", "nowhere")
    assert none.code == 4
    assert "nowhere: no such run; there is none here; to begin one: charlstm train FILE" in none.err
    assert invoke("train", corpus_file, "--steps", 1, *SMALL, "-q").code == 0
    expected = ["charlstm", "train", "--resume", "checkpoints/small"]
    for wrong, said in (
        ("small", "small: no such run; did you mean"),
        ("checkpoints/smal", "no such run; did you mean"),
        ("checkpoints", "checkpoints is not the folder of a run; the newest run in it"),
        ("elsewhere", "elsewhere: no such run; the newest run here"),
    ):
        result = invoke("train", "--resume", wrong)
        assert result.code == 4
        assert said in result.err
        assert result.err.count("\n") == 1
        assert pasted(result.err) == expected
    ships = invoke("train", "--resume", "portuguese")
    assert (ships.code, "it is a built-in model; to go on from it with a text" in ships.err) == (4, True)


def stop(*arguments: Any, **more: Any) -> None:
    raise Interrupted(signal.SIGINT)


def compile_and_stop(request: object, corpus: object, folder: object, given: object, device: object, compiling, *more):
    compiling()
    stop()


def test_ctrl_c_before_the_first_step(invoke: Invoke, corpus_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(train_run, "new_session", compile_and_stop)
        result = invoke("train", corpus_file, "--steps", 5, *SMALL)
    assert result.code == 130
    before = "before the first step: nothing was saved. The same command begins again\n"
    assert result.err.endswith(f"stopped while compiling, {before}")
    with monkeypatch.context() as patch:
        patch.setattr(runtime, "open_corpus", stop)
        assert f"stopped while reading the text, {before}" in invoke("train", corpus_file).err
    with monkeypatch.context() as patch:
        patch.setattr(session.Session, "speed", stop)
        assert f"stopped while starting, {before}" in invoke("train", corpus_file, *SMALL, "--steps", 5).err
    assert not list(Path("checkpoints").iterdir())
    assert invoke("train", corpus_file, "--steps", 2, *SMALL, "-q").code == 0
    monkeypatch.setattr(train_run, "resumed_session", stop)
    resumed = invoke("train", "--resume", "checkpoints/small", "--steps", 9)
    assert "stopped while reading the run, before the first step: the run is as it was. To go on:\n" in resumed.err
    assert pasted(resumed.err) == ["charlstm", "train", "--resume", "checkpoints/small", "--steps", "9"]


def test_a_stop_of_another_command(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charlstm.cli.corpus.corpus_lines", stop)
    result = invoke("corpus", "garden")
    assert (result.code, result.err) == (130, "stopped by Ctrl-C\n")


@pytest.mark.slow
def test_more_time_for_a_run_is_counted_from_its_beginning(invoke: Invoke, corpus_file: Path) -> None:
    assert invoke("train", corpus_file, "--time", "0.2s", *SMALL).code == 0
    (run,) = Path("checkpoints").iterdir()
    more = invoke("train", "--resume", run, "--time", "3.2s")
    assert more.code == 0, more.err
    assert "budget      3 s, about" in more.err
    assert " steps in all, " in more.err
    assert " since it was resumed, " in more.err


@pytest.mark.parametrize("budget", [("--time", "0.2s"), ("--steps", 1)])
def test_no_budget_is_said_to_take_0_seconds(invoke: Invoke, corpus_file: Path, budget: tuple[str, object]) -> None:
    result = invoke("train", corpus_file, *budget, *SMALL)
    assert result.code == 0, result.err
    assert " 0 s" not in result.err
    assert "less than 1 s" in result.err


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "0.5s"),
        (90.0, "90s"),
        (600, "10m"),
        (5400, "1h30m"),
        (86400.0, "24h"),
        (3661.0, "1h1m1s"),
        (1e-3, "0.001s"),
    ],
)
def test_a_time_is_written_as_it_is_read(seconds: float, text: str) -> None:
    assert written_duration(seconds) == text
    assert parse_duration(text) == seconds


def test_a_budget_of_passes() -> None:
    assert resume_command(Path("a b"), {"epochs": 2.5, "steps": None}, times=2) == (
        "charlstm train --resume 'a b' --epochs 5"
    )


def train_on(invoke: Invoke, text: str) -> str:
    Path("text.txt").write_text(text, encoding="utf-8")
    result = invoke("train", "text.txt", "--steps", 1, *SMALL)
    assert result.code == 0, result.err
    return " ".join(result.err.split())


def test_a_person_is_told_what_validation_cannot_tell(invoke: Invoke) -> None:
    prose = small_text(20_000)
    said = train_on(invoke, prose)
    assert "note: " not in said
    said = train_on(invoke, prose[:3000] * 7)
    assert "note: 100% of the validation text also occurs in the training text, in passages of 40 characters" in said
    words = sorted({f"{a}{b}{c}{d}" for a in "abcdefghij" for b in "aeiou" for c in "bcdfgl" for d in "aeiou"})
    said = train_on(invoke, "\n".join(words))
    assert "note: the end of the text, held out for validation, is unlike the rest: expect poor scores" in said
    assert "also stands" not in said

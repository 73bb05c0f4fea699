"""Processes really interrupted, at random moments: the right exit code, and in the end the same files as without.

`make soak` does it 200 and 50 times instead of 6 and 6, with longer runs.
"""

import json
import os
import pty
import random
import signal
import subprocess
import sys
import time
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import small_text
from forked import finish, fork, run_command, run_in_own_group, wait_for

from charlstm import checkpoint
from charlstm.errors import Interrupted
from charlstm.interrupts import Interrupts

SOAK = bool(os.environ.get("SOAK"))
KILLS, SIGNALS = (200, 50) if SOAK else (6, 6)
STEPS, EVALUATIONS, SNAPSHOTS = (300, 10, 9) if SOAK else (120, 6, 5)
TRAIN = (
    f"train text.txt --out RUN --steps {STEPS} --hidden-size 16 --embedding-size 8 --num-layers 2 --batch-size 4 "
    f"--seq-len 16 --dropout 0.1 --evaluations {EVALUATIONS} --snapshots {SNAPSHOTS} --threads 1 --device cpu"
)


class Place:
    """A folder with a text, and a run that nothing disturbed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "text.txt").write_text(small_text(20_000), encoding="utf-8")
        assert finish(self.start("whole")) == 0
        began = time.monotonic()
        assert finish(self.start("again")) == 0
        self.seconds = time.monotonic() - began
        assert self.files("again") == self.files("whole")  # same seed, same files

    def start(self, run: str, die_in_save: int | None = None):
        """Begin a run, or go on with it."""
        begun = (self.folder / run / "config.json").exists()
        command = f"train --resume {run} --device cpu" if begun else TRAIN.replace("RUN", run)
        (self.folder / "ready").unlink(missing_ok=True)
        process = fork(run_command, self.folder, command, die_in_save)
        wait_for(self.folder / "ready")
        return process

    def files(self, run: str) -> tuple[bytes, ...]:
        """The model files of a run (`previous` depends on when it was saved), and its losses."""
        lines = (self.folder / run / "metrics.jsonl").read_text().splitlines()
        losses = [
            {name: value for name, value in json.loads(line).items() if name not in ("seconds", "chars_per_s")}
            for line in lines
            if json.loads(line)["event"] in ("trained", "evaluated")
        ]
        snapshots = checkpoint.list_snapshots(self.folder / run)
        assert len(snapshots) == SNAPSHOTS
        models = [self.folder / run / name for name in (checkpoint.BEST, checkpoint.LAST)] + snapshots
        data = [name.encode() for name in sorted(os.listdir(self.folder / run / checkpoint.SNAPSHOTS))]
        data += [path.read_bytes() for path in models]
        return (*data, json.dumps([line | {"sample": None} for line in losses]).encode())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("interrupted"))


def test_killed_at_any_moment(place: Place) -> None:
    chance = random.Random(0)
    kills = in_save = runs = 0
    while (kills < KILLS or in_save < kills / 3) and runs < 10 * KILLS:
        runs += 1
        run = f"killed{runs}"
        while True:
            by_clock = chance.random() < 0.5
            process = place.start(run, die_in_save=chance.randrange(2**32) if by_clock else None)
            if not by_clock:
                process.join(chance.uniform(0, place.seconds))
                process.kill()
            code = finish(process)
            if code == 0:
                break
            assert code in (-signal.SIGKILL, -signal.SIGALRM)
            kills += 1
            in_save += (place.folder / "in-save").read_bytes() == b"1"
            checkpoint.load_last(place.folder / run)  # readable, or none yet
        assert place.files(run) == place.files("whole")
        left = {path.name for path in (place.folder / run).iterdir()}
        assert left <= {
            ".lock",
            "config.json",
            "metrics.jsonl",
            checkpoint.BEST,
            checkpoint.LAST,
            "previous.safetensors",
            checkpoint.SNAPSHOTS,
        }
    assert in_save >= kills / 3
    print(f"{kills} kills, {in_save} of them inside a save, {runs} runs")


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_at_any_moment_save_and_say_how_to_go_on(place: Place, signum: int) -> None:
    chance = random.Random(signum)
    codes = []
    for k in range(SIGNALS // 2):
        run = f"signal{signum}-{k}"
        (place.folder / "text.txt").write_text(small_text(20_000), encoding="utf-8")
        if k % 2:  # encode it anew
            for ids in (place.folder / "cache" / "corpora").glob("*/train.ids"):
                ids.unlink()
        process = place.start(run)
        process.join(chance.uniform(0, place.seconds))
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(process.pid, signum)
        codes.append(finish(process, 5))
        assert finish(place.start(run)) == 0
        assert place.files(run) == place.files("whole")
    assert set(codes) <= {128 + signum, 0}
    assert 128 + signum in codes
    assert b"Traceback" not in (place.folder / "stderr.txt").read_bytes()


def test_the_first_signal_waits_for_the_step_and_the_second_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(os, "_exit", leave)
    interrupts = Interrupts()
    interrupts.deferred = True
    interrupts._handle(signal.SIGINT, None)
    assert interrupts.requested()
    with pytest.raises(SystemExit, match="130"):
        interrupts._handle(signal.SIGINT, None)


@pytest.mark.parametrize("deferred", [False, True])
def test_a_signal_that_is_held_back_comes_at_the_end(deferred: bool) -> None:
    interrupts, reached = Interrupts(), []
    interrupts.deferred = deferred
    with nullcontext() if deferred else pytest.raises(Interrupted), interrupts.held_back():
        interrupts._handle(signal.SIGTERM, None)
        reached.append("after the signal")
    assert reached
    assert interrupts.requested()
    assert interrupts.deferred == deferred


def test_a_second_ctrl_c_loses_nothing(place: Place) -> None:
    process = place.start("impatient")
    wait_for(place.folder / "impatient" / "config.json")
    os.kill(process.pid, signal.SIGINT)
    os.kill(process.pid, signal.SIGINT)
    assert finish(process, 5) == 130
    assert finish(place.start("impatient")) == 0
    assert place.files("impatient") == place.files("whole")


def test_two_runs_cannot_spoil_each_other(place: Place) -> None:
    first = place.start("shared")
    wait_for(place.folder / "shared" / "config.json")
    os.kill(first.pid, signal.SIGSTOP)
    try:
        before = (place.folder / "shared" / "config.json").read_bytes()
        assert finish(place.start("shared")) == 2  # --resume
        assert finish(fork(run_command, place.folder, TRAIN.replace("RUN", "shared"))) == 2
        assert (place.folder / "stderr.txt").read_text().count("another charlstm is training here") == 1
        assert (place.folder / "shared" / "config.json").read_bytes() == before
    finally:
        os.kill(first.pid, signal.SIGCONT)
    first.kill()
    first.join()
    assert (place.folder / "shared" / ".lock").exists()  # and locks nothing any more
    assert finish(place.start("shared")) == 0
    assert place.files("shared") == place.files("whole")


@pytest.mark.parametrize("moment", [0.05, 0.4, 0.9])
def test_interrupted_while_starting(place: Place, moment: float) -> None:
    with start_cold(place, TRAIN.replace("RUN", f"early{moment}")) as process:
        time.sleep(moment)
        process.send_signal(signal.SIGTERM)
        # before our first line of Python runs, the system's own answer to SIGTERM is the only one there can be
        assert process.wait(timeout=20) in (143, -signal.SIGTERM)
        assert b"Traceback" not in process.stderr.read()


def start_cold(place: Place, command: str, **more: Any) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "CHARLSTM_CACHE_DIR": str(place.folder / "cache"), "OMP_NUM_THREADS": "1"}
    arguments = [sys.executable, "-m", "charlstm", *command.split()]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    return subprocess.Popen(arguments, cwd=place.folder, env=environment, **pipes)


def test_a_closed_pipe_ends_quietly(place: Place) -> None:
    with start_cold(place, "sample -c whole -n 20000 -q") as process:
        assert len(process.stdout.read(10)) == 10
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == b""


@pytest.mark.slow
def test_a_training_outlives_the_reader_of_its_events(place: Place) -> None:
    with start_cold(place, TRAIN.replace("RUN", "piped") + " --json -q") as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 0
    assert place.files("piped") == place.files("whole")


@pytest.mark.slow
def test_a_training_outlives_the_reader_of_its_messages(place: Place) -> None:
    with start_cold(place, TRAIN.replace("RUN", "headed"), stderr=subprocess.STDOUT) as process:  # 2>&1 | head -1
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 0
    assert place.files("headed") == place.files("whole")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk without space, as Linux plays it")
def test_events_that_find_no_space_end_no_training(place: Place) -> None:
    with (
        open("/dev/full", "wb") as full,
        start_cold(place, TRAIN.replace("RUN", "full") + " --json -q", stdout=full) as p,
    ):
        said = p.stderr.read().decode()
        assert p.wait(timeout=60) == 1
    warning, error = said.splitlines()
    assert warning.startswith("warning: cannot write the output: No space left on device")
    assert warning.endswith("training goes on")
    assert error.startswith("error: cannot write the output")
    assert place.files("full") == place.files("whole")


def test_ctrl_c_that_ends_the_reader_too(place: Place) -> None:
    command = TRAIN.replace("RUN", "teed").replace(f"--steps {STEPS}", "--steps 3000")
    with start_cold(place, command, stderr=subprocess.STDOUT) as process:  # 2>&1 | tee log
        while b"best so far" not in process.stdout.readline():
            pass
        process.stdout.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
    assert checkpoint.load_last(place.folder / "teed") is not None


@pytest.mark.slow
@pytest.mark.parametrize("ignored", [False, True], ids=["as a shell starts it", "nohup"])
def test_a_terminal_that_is_closed(place: Place, ignored: bool) -> None:
    run = f"closed-{ignored}"
    master, slave = pty.openpty()
    terminal = os.ttyname(slave)

    def prepare() -> None:
        if ignored:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for stream in (1, 2):  # opened by the leader of a session, it is the one whose end is told by a signal
            os.dup2(os.open(terminal, os.O_RDWR), stream)

    streams = {"stdin": subprocess.DEVNULL, "start_new_session": True, "preexec_fn": prepare}
    with start_cold(place, TRAIN.replace("RUN", run), **streams) as process:
        os.close(slave)
        sent = b""
        while b"best so far" not in sent:
            sent += os.read(master, 1 << 16)
        os.close(master)
        assert process.wait(timeout=60) == (0 if ignored else 129)
    if not ignored:
        assert checkpoint.load_last(place.folder / run) is not None
        assert finish(place.start(run)) == 0
    assert place.files(run) == place.files("whole")


def test_a_terminal_and_its_shell_may_both_say_that_it_is_closed(place: Place) -> None:
    process = place.start("twice")
    wait_for(place.folder / "twice" / "config.json")
    for _ in range(3):
        os.kill(process.pid, signal.SIGHUP)
        time.sleep(0.002)
    assert finish(process, 5) == 129
    assert checkpoint.load_last(place.folder / "twice") is not None  # saved all the same
    assert finish(place.start("twice")) == 0
    assert place.files("twice") == place.files("whole")


@pytest.mark.slow
def test_time_stands_still_while_ctrl_z_holds_it(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(small_text(20_000), encoding="utf-8")
    command = TRAIN.replace(f"--steps {STEPS}", "--time 3s").replace("RUN", "run")
    (tmp_path / "ready").unlink(missing_ok=True)
    began = time.monotonic()
    process = fork(run_in_own_group, tmp_path, command)
    wait_for(tmp_path / "run" / "metrics.jsonl")
    assert process.pid is not None
    os.kill(process.pid, signal.SIGTSTP)
    time.sleep(4)
    stopped = (tmp_path / "run" / "metrics.jsonl").read_bytes()
    time.sleep(0.5)
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == stopped
    os.kill(process.pid, signal.SIGCONT)
    assert finish(process) == 0
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    end = json.loads(lines[-1])
    assert end["event"] == "finished"
    assert end["reason"] == "budget"
    assert end["seconds"] + 4.5 < time.monotonic() - began

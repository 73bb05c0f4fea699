"""Real processes, really interrupted: the right exit code, and in the end the same files as without.

`make soak` does it 40 times instead of 3.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import small_text

TIMES = 40 if os.environ.get("CHARLSTM_SOAK") else 3
TRAIN = (
    "train text.txt --out RUN --steps 600 --hidden-size 16 --embedding-size 8 --num-layers 2 --batch-size 4 "
    "--seq-len 16 --dropout 0.1 --evaluations 10 --threads 1 --device cpu"
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("interrupted")
    (folder / "text.txt").write_text(small_text(20_000), encoding="utf-8")
    assert finish(start(folder, TRAIN.replace("RUN", "whole"))) == 0
    return folder


def start(folder: Path, command: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "CHARLSTM_CACHE_DIR": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    with open(folder / "stderr.txt", "ab") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", "charlstm", *command.split()],
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )


def finish(process: subprocess.Popen[bytes], seconds: float = 60) -> int:
    return process.wait(timeout=seconds)


def files(folder: Path) -> dict[str, bytes]:
    """The model files of a run; `previous` depends on when it was saved."""
    return {name: (folder / name).read_bytes() for name in ("best.safetensors", "last.safetensors")}


def wait_for(path: Path) -> None:
    until = time.monotonic() + 60
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.005)
    assert path.exists()


@pytest.mark.parametrize("k", range(TIMES))
def test_interrupted_at_any_moment(place: Path, k: int) -> None:
    chance = random.Random(k)
    run = f"run{k}"
    kind = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL][k % 3]
    process = start(place, TRAIN.replace("RUN", run))
    wait_for(place / run / "config.json")
    while True:
        time.sleep(chance.uniform(0, 1.2))
        process.send_signal(kind)
        code = finish(process, 20)
        if code == 0:
            break
        assert code == (-9 if kind == signal.SIGKILL else 128 + kind)
        process = start(place, f"train --resume {run} --device cpu")
        if chance.random() < 0.3:
            break  # one that goes on to the end
        time.sleep(chance.uniform(1.0, 3.0))  # past the start-up, more often than not
    if process.poll() is None:
        code = finish(process)
    assert code == 0
    ours, whole = files(place / run), files(place / "whole")
    assert ours["best.safetensors"] == whole["best.safetensors"]
    # a `last` file names its run's settings, which are the same, so it is the same too
    assert ours["last.safetensors"] == whole["last.safetensors"]


@pytest.mark.parametrize("moment", [0.05, 0.4, 0.9])
def test_interrupted_while_starting(place: Path, moment: float) -> None:
    process = start(place, TRAIN.replace("RUN", f"early{moment}"))
    time.sleep(moment)
    process.send_signal(signal.SIGTERM)
    # before our first line of Python runs, the system's own answer to SIGTERM is the only one there can be
    assert finish(process, 20) in (143, -signal.SIGTERM)
    assert b"Traceback" not in (place / "stderr.txt").read_bytes()


def test_a_closed_pipe_ends_quietly(place: Path) -> None:
    command = [sys.executable, "-m", "charlstm", "sample", "-c", "whole", "-n", "20000", "-q"]
    with subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert len(process.stdout.read(10)) == 10
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == b""


def test_a_training_outlives_the_reader_of_its_events(place: Path) -> None:
    command = [sys.executable, "-m", "charlstm", *TRAIN.replace("RUN", "piped").split(), "--json", "-q"]
    with subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 0
    assert files(place / "piped")["best.safetensors"] == files(place / "whole")["best.safetensors"]

"""Several processes that train one network: the same to the bit for every number of them, killed or not.

`make soak` kills 60 times instead of 3.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from conftest import small_text
from forked import finish, fork, run_command, run_together, wait_for
from safetensors.torch import load_file

from charlstm import checkpoint
from charlstm.config import ModelConfig, TrainConfig
from charlstm.distributed.group import Group, ProcessGroup
from charlstm.distributed.launch import Launch, launched
from charlstm.distributed.parts import Parts
from charlstm.distributed.tree import tree_sum
from charlstm.errors import TextError, UsageError
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.training.batches import Lanes, Position
from charlstm.training.learning import Learner
from charlstm.training.plan import shards_for

SOAK = bool(os.environ.get("SOAK"))
KILLS = 60 if SOAK else 3
TRAIN = (
    "train text.txt --out RUN --hidden-size 12 --embedding-size 8 --num-layers 2 --seq-len 8 --dropout 0.1 "
    "--weight-dropout 0.1 --batch-size 32 --shards 8 --evaluations 6 --device cpu --seed 5"
)
KINDS = {
    "text": f"{TRAIN} --steps 24 --optimizer muon --snapshots 5",
    "list": f"{TRAIN} --steps 8 --lines --variational --cell-type gru",
}


class Place:
    """A folder with a text, runs in it, and the processes that make them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "text.txt").write_text(small_text(20_000), encoding="utf-8")
        for kind, command in KINDS.items():
            began = time.monotonic()
            assert finish(fork(run_command, folder, command.replace("RUN", f"whole-{kind}"))) == 0
            self.seconds = time.monotonic() - began

    def start(
        self,
        command: str,
        size: int,
        *,
        die_in_save: int | None = None,
        folders: dict[int, Path] | None = None,
        **more: str,
    ) -> list[BaseProcess]:
        """Start a command in so many processes, as a launcher would.

        Args:
            die_in_save: in which the first process dies.
            folders: where some of them are, by rank, instead.
            more: variables.
        """
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        (self.folder / "ready").unlink(missing_ok=True)
        started = []
        for rank in range(size):
            launch = {"RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, **more}
            words = {name: str(value) for name, value in launch.items()}
            where = (folders or {}).get(rank, self.folder)
            started.append(fork(run_together, where, command, words, die_in_save if rank == 0 else None))
        wait_for(self.folder / "ready")
        return started

    def said(self) -> str:
        """What was written to stderr since the last time."""
        path = self.folder / "stderr.txt"
        text = path.read_text(encoding="utf-8")
        path.write_text("")
        return text

    def go_on(self, run: str, kind: str = "text") -> str:
        """The command that begins a run, or goes on with it."""
        if (self.folder / run / "config.json").exists():
            return f"train --resume {run} --device cpu"
        return KINDS[kind].replace("RUN", run)

    def files(self, run: str) -> tuple[bytes, ...]:
        """The models of a run, its state, and its losses."""
        folder = self.folder / run
        losses = [
            (event["event"], event["step"], event.get("train_nats"), event.get("valid_nats"))
            for event in checkpoint.read_metrics(folder)
            if event["event"] in ("trained", "evaluated")
        ]
        models = [folder / checkpoint.BEST, folder / checkpoint.LAST, *checkpoint.list_snapshots(folder)]
        tensors = [load_file(path) for path in models]
        return (
            json.dumps(losses).encode(),
            *(found[name].float().numpy().tobytes() for found in tensors for name in sorted(found)),
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("together"))


def codes(processes: list[BaseProcess], seconds: float = 60) -> list[int]:
    return [finish(process, seconds) for process in processes]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_the_network_is_the_same_for_every_number_of_processes(place: Place, kind: str, size: int) -> None:
    run = f"{kind}-{size}"
    place.said()
    assert codes(place.start(place.go_on(run, kind), size)) == [0] * size
    assert place.files(run) == place.files(f"whole-{kind}")
    said = place.said()
    assert said.count("for training,") == 1, said  # one process speaks


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_others_and_any_number_goes_on(place: Place) -> None:
    chance = random.Random(1)
    in_save = 0
    for k in range(KILLS):
        run, sizes = f"killed-{k}", [2, 4, 8] if SOAK else [2, 4]
        size = chance.choice(sizes)
        dies_in_save = k % 3 == 0
        processes = place.start(place.go_on(run), size, die_in_save=chance.randrange(2**32) if dies_in_save else None)
        wait_for(place.folder / run / "config.json")  # then they are connected
        if not dies_in_save:
            processes[0].join(chance.uniform(0, place.seconds))
            chance.choice(processes).kill()
        ended = codes(processes, 20)
        assert set(ended) <= {0, 1, -signal.SIGKILL, -signal.SIGALRM}, ended
        in_save += (place.folder / "in-save").read_bytes() == b"1" and ended[0] < 0
        size = chance.choice([1, *sizes])
        assert codes(place.start(place.go_on(run), size)) == [0] * size
        assert place.files(run) == place.files("whole-text")
    assert "Traceback" not in place.said()
    print(f"{KILLS} kills, {in_save} of them inside a save")


@pytest.mark.slow
def test_a_signal_to_any_process_saves_once_and_says_how_to_go_on(place: Place) -> None:
    place.said()
    command, steps = KINDS["text"].replace("RUN", "signal").replace("--steps 24", "--steps 100000"), []
    for size, signalled in ((4, 2), (2, 0)):
        metrics = place.folder / "signal" / "metrics.jsonl"
        before = len(metrics.read_bytes()) if metrics.exists() else 0
        processes = place.start(command, size)
        while not metrics.exists() or len(metrics.read_bytes()) <= before:
            time.sleep(0.01)
        pid = processes[signalled].pid
        assert pid is not None
        os.kill(pid, signal.SIGTERM)
        assert codes(processes) == [128 + signal.SIGTERM] * size
        said = place.said()
        assert said.count("stopped ") == 1, said
        assert said.count("charlstm train --resume signal") == 1, said
        found = checkpoint.load_last(place.folder / "signal")
        assert found is not None
        steps.append(found[0].training["step"])
        command = place.go_on("signal")
    assert steps[0] <= steps[1]


@pytest.mark.slow
def test_a_job_that_is_started_again_goes_on_with_its_run(place: Place) -> None:
    command = KINDS["text"].replace("RUN", "job")
    processes = place.start(command, 2, TORCHELASTIC_RUN_ID="one")
    wait_for(place.folder / "job" / checkpoint.LAST)
    processes[1].kill()
    assert codes(processes) == [1, -signal.SIGKILL]
    assert codes(place.start(command, 4, TORCHELASTIC_RUN_ID="two")) == [2] * 4  # another job: the folder is taken
    assert "exists already" in place.said()
    assert codes(place.start(command, 4, TORCHELASTIC_RUN_ID="one")) == [0] * 4
    assert place.files("job") == place.files("whole-text")


def test_a_number_of_processes_that_does_not_fit_is_said_in_one_line(place: Place) -> None:
    place.said()
    assert codes(place.start(place.go_on("three"), 3)) == [2] * 3
    said = place.said().strip()
    assert said.splitlines()[-1].startswith(
        "Error: 3 processes cannot share the 8 parts of this training alike; start "
    )
    assert said.count("rror:") == 1
    assert not (place.folder / "three").exists()


def test_processes_that_see_different_texts_do_not_begin(place: Place, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(small_text(20_000, seed=1), encoding="utf-8")
    (tmp_path / "cache").symlink_to(place.folder / "cache")
    place.said()
    command = KINDS["text"].replace("RUN", str(place.folder / "different"))
    assert codes(place.start(command, 2, folders={1: tmp_path})) == [1, 1]
    assert "error: the processes of this training differ; process 0 has text " in place.said()
    assert not (place.folder / "different").exists()


def test_what_goes_wrong_in_one_process_only_is_said_by_that_one(place: Place, tmp_path: Path) -> None:
    place.said()
    command = KINDS["text"].replace("RUN", str(place.folder / "missing"))
    assert codes(place.start(command, 2, folders={1: tmp_path})) == [1, 3]
    said = place.said() + (tmp_path / "stderr.txt").read_text()
    assert "error: process 1 of 2: text.txt: no such file or folder" in said
    assert "error: process 0 of 2 lost the others: " in said


@pytest.mark.slow
def test_the_fast_way_comes_to_the_same_network_but_for_rounding(place: Place) -> None:
    command = KINDS["text"].replace("--shards 8", "--shards 1")
    assert finish(fork(run_command, place.folder, command.replace("RUN", "fast-1"))) == 0
    assert codes(place.start(command.replace("RUN", "fast-2"), 2)) == [0, 0]
    one, two = (load_file(place.folder / f"fast-{n}" / checkpoint.LAST) for n in (1, 2))
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=0, atol=2e-4, msg=name)


@pytest.mark.slow
def test_torchrun_starts_a_job_again_whose_worker_was_killed(place: Place) -> None:
    command = KINDS["text"].replace("RUN", "torchrun").split()
    launcher = [
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        "--max-restarts=2",
        "-m",
        "charlstm",
    ]
    environment = {**os.environ, "CHARLSTM_CACHE_DIR": str(place.folder / "cache")}
    with subprocess.Popen(
        [sys.executable, *launcher, *command], cwd=place.folder, stderr=subprocess.PIPE, env=environment, text=True
    ) as job:
        wait_for(place.folder / "torchrun" / checkpoint.LAST, 120)
        (worker, *_) = sorted(Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text().split(), key=int)[-1:]
        os.kill(int(worker), signal.SIGKILL)
        _, said = job.communicate(timeout=120)
    assert job.returncode == 0, said
    assert place.files("torchrun") == place.files("whole-text")


LONG = "é" * 3_000_000


def hand_over(launch: dict[str, str]) -> None:
    """In a forked process: exit with 0 if what the first process says arrives whole, and what it raises is raised."""
    os.environ.update(launch)
    found = launched()
    assert found is not None
    group = ProcessGroup(found, torch.device("cpu"))

    def fail() -> None:
        raise TextError("`prompt` is empty", "prompt")

    arrived = group.first_does(lambda: [LONG, 1]) == [LONG, 1]
    try:
        group.first_does(fail)
    except TextError as e:
        arrived &= str(e) == "`prompt` is empty" and e.settings == ("prompt",)
    else:
        arrived = False
    group.leave()
    raise SystemExit(not arrived)


def test_what_the_first_process_says_or_raises_reaches_all() -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        launch = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(s.getsockname()[1])}
    assert codes([fork(hand_over, {"RANK": str(rank), **launch}) for rank in range(2)]) == [0, 0]


def test_a_signal_reaches_a_process_that_waits_for_the_others_to_come(place: Place) -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    store = dist.TCPStore("127.0.0.1", port, None, is_master=True, wait_for_workers=False)  # as torchrun opens it
    words = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    waits = fork(run_together, place.folder, place.go_on("alone"), {**words, "TORCHELASTIC_USE_AGENT_STORE": "True"})
    store.wait(["charlstm/0/2/came/0"])
    time.sleep(0.2)
    assert waits.pid is not None
    os.kill(waits.pid, signal.SIGTERM)
    assert finish(waits, 10) == 128 + signal.SIGTERM


class Rank(Group):
    """One of several processes, as far as it knows."""

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size = rank, size


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_every_character_of_every_lane_is_read_once_a_pass(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    config = TrainConfig(steps=1, batch_size=16, seq_len=5, shards=8)
    ids = np.arange(16 * 23 + 1, dtype=np.uint16)  # every character says where it stands
    model = CharLM(ModelConfig(len(ids), 4, 1, 4))
    read: Counter[int] = Counter()
    for rank in range(size):
        parts = Parts(Rank(rank, size), config.shards, config.batch_size)
        learner = Learner(model, config, Kernels(torch.float32), parts)
        loss_of = learner._loss

        def noted(inputs, *rest, loss_of=loss_of):
            read.update(inputs.flatten().tolist())
            return loss_of(inputs, *rest)

        monkeypatch.setattr(learner, "_loss", noted)
        lanes, position, step = Lanes(ids, config.batch_size, config.seq_len), Position(0, 0), 0
        carried = model.zero_state(config.batch_size)
        while position.epoch == 0:
            window = lanes.window(position, torch.device("cpu"))
            _, carried = learner.learn(window, carried, step)
            position, step = window.position, step + 1
    assert read == Counter(range(16 * 23))


def test_threads_of_one_process_do_not_change_the_bits(place: Place) -> None:
    command = KINDS["text"].replace("RUN", "threads") + " --threads 2"
    assert finish(fork(run_command, place.folder, command)) == 0
    assert place.files("threads") == place.files("whole-text")


def test_a_tree_sum_is_the_same_whoever_adds_which_branch() -> None:
    tensors = list(torch.randn(16, 1000, generator=torch.Generator().manual_seed(0)))
    whole = tree_sum(tensor.clone() for tensor in tensors)
    torch.testing.assert_close(whole, torch.stack(tensors).double().sum(dim=0).float(), rtol=0, atol=1e-5)
    for size in (2, 4, 8, 16):
        own = [tree_sum(t.clone() for t in tensors[k : k + 16 // size]) for k in range(0, 16, 16 // size)]
        assert torch.equal(tree_sum(own), whole)
    assert not torch.equal(torch.stack(tensors).sum(dim=0), whole)  # so that the order matters here
    with pytest.raises(ValueError, match="power of two"):
        tree_sum(tensors[:3])


def test_parts_are_shared_alike_or_not_at_all() -> None:
    for size in (1, 2, 4, 8):
        owners = [part for rank in range(size) for part in Parts(Rank(rank, size), 8, 32).own]
        assert owners == list(range(8))
    assert [Parts(Rank(rank, 3)).own for rank in range(3)] == [range(1), range(1, 2), range(2, 3)]
    with pytest.raises(UsageError, match="16 processes cannot share the 8 parts"):
        Parts(Rank(0, 16), 8, 32)
    with pytest.raises(UsageError, match="give a multiple of 3"):
        Parts(Rank(0, 3), 1, 32)


def test_there_are_as_many_parts_as_lanes_allow() -> None:
    assert [shards_for(lanes) for lanes in (1, 4, 8, 16, 24, 32, 64, 33)] == [1, 1, 2, 4, 4, 8, 8, 1]


@pytest.mark.parametrize(("shards", "batch_size", "problem"), [(3, 33, "power of two"), (8, 12, "cannot be cut")])
def test_shards_that_cannot_be_are_said(shards: int, batch_size: int, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        TrainConfig(steps=1, shards=shards, batch_size=batch_size)


def test_what_a_launcher_says() -> None:
    said = {"RANK": "3", "WORLD_SIZE": "4", "MASTER_ADDR": "here", "MASTER_PORT": "1234"}
    assert launched({}) is None
    assert launched({**said, "MASTER_PORT": ""}) is None
    assert launched(said) == Launch(3, 4, 3, 4)
    elastic = {
        "LOCAL_RANK": "1",
        "LOCAL_WORLD_SIZE": "2",
        "TORCHELASTIC_RUN_ID": "a",
        "TORCHELASTIC_RESTART_COUNT": "2",
    }
    found = launched({**said, **elastic})
    assert found == Launch(3, 4, 1, 2, "a", 2)
    assert not found.is_first
    assert not found.is_on_one_machine
    assert launched({**said, "TORCHELASTIC_RUN_ID": "none"}) == Launch(3, 4, 3, 4)
    for name, value in (("RANK", "4"), ("RANK", "-1"), ("WORLD_SIZE", "many"), ("LOCAL_RANK", "4")):
        with pytest.raises(UsageError, match="launcher"):
            launched({**said, name: value})


def test_what_processes_do_not_share_is_done_by_the_first_alone(place: Place) -> None:
    place.said()
    assert codes(place.start("info nothing.safetensors", 2)) == [4, 0]
    assert place.said().count("error:") == 1

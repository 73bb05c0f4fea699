"""All that a graphics card has to show, part by part: tests, speed beside cuDNN, sampling, a training, memory.

Each part runs in a process of its own, because an error on a GPU leaves the process useless. A part that fails or
takes too long is recorded with what it had found, and the next one begins.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import torch

from charlstm.bench.machine import PROJECT, describe_machine
from charlstm.bench.training_speed import Products, Shape
from charlstm.children import child
from charlstm.errors import CharLSTMError

TESTS = ("test_cuda.py", "test_fused.py")
TEXT = "corpora/agreement-pt.txt"
Row = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """A part, before it is measured.

    Attributes:
        name: of a function in `PARTS`, and what tells it from others of its kind.
        limit_s: how long it may take. What a part leaves of it, the later ones may use.
        asked: what the function is given.
    """

    name: str
    limit_s: float
    asked: dict[str, Any]


@dataclass
class Outcome:
    """What a part has found so far.

    Attributes:
        asked: what was to be measured.
        error: why it ended early, or what failed in it; empty where all is well.
        ended: whether that is all.
    """

    name: str
    asked: dict[str, Any]
    seconds: float = 0.0
    error: str = ""
    ended: bool = False
    rows: list[Row] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)


def parts_for(device: str, text: Path | None = None, quick: bool = False) -> list[Part]:
    """Everything, in less than eight minutes.

    Args:
        text: to train on; None: one that lies beside charlstm.
        quick: as little of everything as shows that it works.
    """
    at = {"device": device, "compiled": not quick}
    corpus = str((text or PROJECT / TEXT).absolute())
    if quick:
        return [
            Part("environment", 60, at),
            Part("tests", 60, at),
            Part("train 8", 60, {**at, "hidden_size": [8], "lanes": [2], "windows": [3], "rounds": 1}),
            Part("sample", 60, {**at, "hidden_size": [8], "streams": [1], "length": 3, "rounds": 1}),
            Part("quality", 60, {**at, "text": corpus, "time": 1.0, "given": {"hidden_size": 8, "num_layers": 1}}),
            Part("memory", 60, {**at, "shapes": [[8, 64, 16]]}),
        ]
    speed = {**at, "lanes": [64, 256], "windows": [128, 256], "rounds": 3}
    return [
        Part("environment", 20, at),
        Part("tests", 90, at),
        *(
            Part(f"train {H}", limit_s, {**speed, "hidden_size": [H]})
            for H, limit_s in ((512, 40), (1024, 45), (2048, 60))
        ),
        Part("quality", 165, {**at, "text": corpus, "time": 120.0, "given": {}}),
        Part("sample", 25, {**at, "hidden_size": [512, 2048], "streams": [1, 64], "length": 200, "rounds": 3}),
        Part("memory", 30, {**at, "shapes": [[512, 64, 128], [2048, 256, 256]]}),
    ]


def measure(parts: Sequence[Part]) -> Iterator[Outcome]:
    """Measure one part after the other; each outcome comes as often as there is something new in it."""
    due = time.monotonic()
    for part in parts:
        due += part.limit_s
        yield from _measure_one(part, due)


def _measure_one(part: Part, due: float) -> Iterator[Outcome]:
    began, outcome = time.monotonic(), Outcome(part.name, part.asked)
    yield outcome
    with child(_run_part, part.name, json.dumps(part.asked)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        said: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        errors: list[str] = []
        readers = [
            threading.Thread(target=_read, args=(process.stdout, said.put), daemon=True),
            threading.Thread(target=_read, args=(process.stderr, errors.append), daemon=True),
        ]
        for reader in readers:
            reader.start()
        try:
            while (line := said.get(timeout=max(0.0, due - time.monotonic()))) is not None:
                outcome.rows.append(json.loads(line))
                outcome.seconds = round(time.monotonic() - began, 1)
                yield outcome
            code = process.wait(timeout=max(1.0, due - time.monotonic()))
            readers[1].join(timeout=1.0)
            last = [line.strip() for line in errors if line is not None and line.strip()]
            if code != 0:
                outcome.error = last[-1] if last else f"it ended with {code}"
        except (queue.Empty, subprocess.TimeoutExpired):
            outcome.error = f"stopped after {time.monotonic() - began:.0f} s: its time was up"
    outcome.error = outcome.error or next((row["error"] for row in outcome.rows if row.get("error")), "")
    outcome.seconds, outcome.ended = round(time.monotonic() - began, 1), True
    yield outcome


def rows_of(parts: Sequence[Mapping[str, Any]], bench: str) -> list[Row]:
    """The rows of one kind, by their "bench", from parts as they lie in the file."""
    return [row for part in parts for row in part["rows"] if row.get("bench") == bench]


def _read(pipe: IO[str], take: Callable[[Any], None]) -> None:
    with suppress(ValueError, OSError):  # it is closed when the process is ended
        for line in pipe:
            take(line)
    take(None)


def _run_part(name: str, asked: str) -> None:
    """In a child process: a part's rows, each as a line of standard output; all else goes to standard error."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        for row in PARTS[name.partition(" ")[0]](json.loads(asked)):
            out.write(json.dumps(row) + "\n")
            out.flush()


def environment(asked: dict[str, Any]) -> Iterator[Row]:
    """What the figures mean nothing without."""
    device = torch.device(asked["device"])
    about = describe_machine(device)
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        about |= {
            "driver": _driver(),
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
            "memory_bytes": card.total_memory,
            "capability": f"{card.major}.{card.minor}",
            "multiprocessors": card.multi_processor_count,
        }
    with suppress(ImportError):
        import triton

        about["triton"] = triton.__version__
    yield about


def _driver() -> str | None:
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    asked = [program, *(f"--{what}" for what in ("query-gpu=driver_version", "format=csv,noheader"))]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=10)  # noqa: S603
    return done.stdout.partition("\n")[0].strip() or None


class Counts:
    """A plugin of pytest: how many tests passed, failed, were left out; and what failed."""

    def __init__(self) -> None:
        self.passed = self.skipped = 0
        self.failed: list[Row] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        """A test has got so far."""
        if report.failed:
            reason = str(report.longreprtext).strip().rpartition("\n")[2]
            self.failed.append({"test": report.nodeid, "error": f"{report.nodeid}: {reason}"})
        self.passed += report.passed and report.when == "call"
        self.skipped += report.skipped


def tests(asked: dict[str, Any]) -> Iterator[Row]:
    """The tests of what runs on a GPU. A warning that another version of PyTorch gives is no failure here."""
    import pytest

    files = [PROJECT / "tests" / name for name in TESTS]
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise CharLSTMError(f"there is no {missing[0]}: tests do not come with an installed charlstm")
    counts = Counts()
    with redirect_stdout(sys.stderr):
        code = pytest.main([*map(str, files), "-W", "default", "-p", "no:cacheprovider"], plugins=[counts])
    yield from counts.failed
    error = "" if code == 0 or counts.failed else f"pytest ended with {int(code)}"
    yield {"passed": counts.passed, "skipped": counts.skipped, "failed": len(counts.failed), "error": error}


def training(asked: dict[str, Any]) -> Iterator[Row]:
    """Learning from windows of many shapes, charlstm and PyTorch's layers in turns."""
    from charlstm.bench.training_speed import bench_training

    device = torch.device(asked["device"])
    precisions: list[Products] = ["tf32", "bf16"] if device.type == "cuda" else ["fp32"]
    for H in asked["hidden_size"]:
        for shape in (Shape(H, 2, lanes, window) for lanes in asked["lanes"] for window in asked["windows"]):
            try:
                row = bench_training(shape, device, precisions, asked["rounds"], compiled=asked["compiled"])
            except RuntimeError as e:  # memory, mostly: a smaller shape may still fit
                yield {**asdict(shape), "error": str(e).partition("\n")[0]}
                if device.type == "cuda":
                    torch.cuda.empty_cache()
            else:
                yield row.to_dict()


def sampling(asked: dict[str, Any]) -> Iterator[Row]:
    """Characters drawn one after the other."""
    from charlstm.bench.sampling_speed import bench_sampling

    for H in asked["hidden_size"]:
        shape = Shape(H, 2, 1, asked["length"])
        for streams in asked["streams"]:
            drawn = replace(shape, batch_size=streams)
            yield bench_sampling(
                drawn, torch.device(asked["device"]), asked["rounds"], compiled=asked["compiled"]
            ).to_dict()


def quality(asked: dict[str, Any]) -> Iterator[Row]:
    """A training by the clock, as `charlstm train --time` does it: how well it predicts, and how fast it was."""
    from charlstm.bench.quality import Point, bench_quality
    from charlstm.corpus import CorpusRequest, open_corpus
    from charlstm.training.session import Session

    device = torch.device(asked["device"])
    about: Row = {}

    def on_start(session: Session) -> None:
        about["model"], about["train"] = session.model.config.to_dict(), session.config.to_dict()
        about["kernel"] = session.kernels.name(session.model.config, session.config.batch_size, device)

    request, last = CorpusRequest((asked["text"],)), None
    for point in bench_quality(
        open_corpus(request), request, "lstm", asked["time"], device, given=asked["given"], on_start=on_start
    ):
        last = point
        yield point.to_dict()
    assert isinstance(last, Point)
    peak = torch.cuda.max_memory_reserved(device) if device.type == "cuda" else None
    rate = last.characters / max(last.seconds, 1e-9)
    yield {**about, "text": Path(asked["text"]).name, "chars_per_s": rate, "peak_bytes": peak}


def memory(asked: dict[str, Any]) -> Iterator[Row]:
    """The most that a training takes, each side in a process of its own."""
    from charlstm.bench.peak_memory import bench_memory

    device = torch.device(asked["device"])
    precision: Products = "bf16" if device.type == "cuda" else "fp32"
    for H, lanes, window in asked["shapes"]:
        threads = torch.get_num_threads()
        yield bench_memory(Shape(H, 2, lanes, window), precision, threads, device, asked["compiled"]).to_dict()


PARTS: dict[str, Callable[[dict[str, Any]], Iterator[Row]]] = {
    "environment": environment,
    "tests": tests,
    "train": training,
    "sample": sampling,
    "quality": quality,
    "memory": memory,
}

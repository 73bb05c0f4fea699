"""A long run takes no more memory, disk or metrics at its end than at its beginning. 20,000 steps in `make soak`."""

import gc
import json
import os
from pathlib import Path

import pytest
from conftest import small_text

from charlstm.training.running import LOG_LINES

STEPS = 20_000 if os.environ.get("SOAK") else 2_000
SHAPE = [
    "--hidden-size",
    "8",
    "--embedding-size",
    "4",
    "--batch-size",
    "2",
    "--seq-len",
    "4",
    "--evaluations",
    "4",
    "--threads",
    "1",
]
EVENTS = 3 * 4 + 10  # other than steps: evaluations, roll-backs, ends


def resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def disk_bytes(run: Path) -> int:
    return sum(path.stat().st_size for path in run.iterdir() if path.name != "metrics.jsonl")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="measures memory as Linux tells it")
def test_memory_disk_and_metrics_stay_flat(invoke) -> None:
    Path("text.txt").write_text(small_text(4_000), encoding="utf-8")
    run, metrics = Path("run"), Path("run/metrics.jsonl")
    assert invoke("train", "text.txt", "--steps", STEPS // 4, "--out", "run", "-q", *SHAPE).code == 0
    assert invoke("train", "--resume", "run", "--steps", STEPS // 2, "-q").code == 0  # what is loaded once is loaded
    memory, disk = resident_bytes(), disk_bytes(run)
    assert invoke("train", "--resume", "run", "--steps", STEPS, "-q").code == 0
    assert resident_bytes() - memory < 4 << 20
    assert abs(disk_bytes(run) - disk) < 1000  # of the descriptions: what is told of a run grows by digits
    lines = metrics.read_text().splitlines()
    assert json.loads(lines[-1])["step"] == STEPS
    assert len(lines) <= 3 * LOG_LINES + EVENTS  # three budgets: as many lines for each as for the first
    assert {path.name for path in run.iterdir()} <= {
        ".lock",
        "best.safetensors",
        "config.json",
        "last.safetensors",
        "metrics.jsonl",
        "previous.safetensors",
    }

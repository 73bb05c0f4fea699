"""Peak memory of training, each side in a process of its own: the peak of a process never comes down again."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import torch

from charlstm.bench.training_speed import MEMORY_CHARS, Products, Shape, our_step, their_step
from charlstm.children import child
from charlstm.errors import CharLSTMError
from charlstm.network.kernels import choose_kernels
from charlstm.network.model import CharLM

WINDOWS = 3


@dataclass(frozen=True)
class MemoryRow:
    """One shape, measured: bytes beyond what Python and PyTorch take, by side."""

    shape: Shape
    precision: str
    peak_bytes: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {"bench": "memory", **asdict(self.shape), "precision": self.precision, "peak_bytes": self.peak_bytes}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MemoryRow:
        """The other way round."""
        return cls(Shape.from_dict(data), data["precision"], data["peak_bytes"])


def bench_memory(
    shape: Shape, precision: Products, threads: int, device: torch.device, compiled: bool = True
) -> MemoryRow:
    """Measure one shape: memory of the processor or, on a GPU, of the GPU.

    Raises CharLSTMError where a process does not say how much it took.
    """
    peaks = {}
    for side in ("charlstm", shape.torch_name):
        asked = {"side": side, "shape": asdict(shape), "precision": precision, "threads": threads}
        request = json.dumps({**asked, "device": str(device), "compiled": compiled})
        with child(_say_peak, request) as process:
            out, err = process.communicate()
        if process.returncode != 0:
            last = err.strip().rpartition("\n")[2]
            raise CharLSTMError(f"the memory of {side} could not be measured: {last or process.returncode}")
        peaks[side] = int(out)
    return MemoryRow(shape, precision, peaks)


def _say_peak(request: str) -> None:
    """In a child process: `peak_of_training`, on standard output."""
    asked = json.loads(request)
    torch.set_num_threads(asked["threads"])
    shape, device = Shape(**asked["shape"]), torch.device(asked["device"])
    sys.stdout.write(str(peak_of_training(asked["side"], shape, asked["precision"], device, asked["compiled"])))


def peak_of_training(side: str, shape: Shape, precision: Products, device: torch.device, compiled: bool) -> int:
    """How far a few windows raise the peak of this process, in bytes."""
    model = CharLM(shape.model_config())
    model.reset_parameters(MEMORY_CHARS, seed=0)
    model.to(device)
    kernels = choose_kernels(model.config, device, "bf16" if precision == "bf16" else "fp32", compiled=compiled)
    ids = torch.zeros(shape.seq_len + 1, shape.batch_size, dtype=torch.int64, device=device)
    before = peak_bytes(device)
    step = our_step(model, ids, kernels) if side == "charlstm" else their_step(model, ids, precision)
    for _ in range(WINDOWS):
        step()
    return peak_bytes(device) - before


def peak_bytes(device: torch.device) -> int:
    """The most that this process has held so far; on a GPU, what PyTorch has taken of its memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    with suppress(OSError), open("/proc/self/status", encoding="ascii") as lines:
        # not getrusage: on Linux that one begins with what the parent process held
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

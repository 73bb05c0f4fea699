"""Training: characters a second, forward and backward through embedding, stack, head and loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from charlstm.bench.timing import float32_products, in_turns, large_product
from charlstm.config import CellType, ModelConfig
from charlstm.network.buffers import BufferPool
from charlstm.network.cells import CELLS
from charlstm.network.kernels import Kernels, choose_kernels
from charlstm.network.model import CharLM, to_torch
from charlstm.training.graphed import GraphedWindow

Products = Literal["fp32", "tf32", "bf16"]  # how matrices are multiplied; tf32 only on a GPU

MEMORY_CHARS = 150.0
PRECISIONS: dict[Products, torch.dtype] = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16}
GPU_RUNS = 4  # windows a turn


@dataclass(frozen=True)
class Shape:
    """What is trained."""

    hidden_size: int
    num_layers: int
    batch_size: int
    seq_len: int
    vocab_size: int = 65
    cell_type: CellType = ModelConfig.cell_type

    def model_config(self) -> ModelConfig:
        """The network; its embedding is as wide as its layers, which favours neither side."""
        H = self.hidden_size
        return ModelConfig(self.vocab_size, H, self.num_layers, min(H, 64), self.cell_type)

    @property
    def torch_name(self) -> str:
        """What it is compared with: "nn.LSTM"."""
        return f"nn.{CELLS[self.cell_type].torch_name}"

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Shape:
        """The shape in a row of JSON. Raises TypeError where it is not whole."""
        return cls(**{field.name: data[field.name] for field in fields(cls) if field.name in data})

    def operations_per_char(self) -> float:
        """Floating-point operations that learning from a character takes.

        Two for each weight that a character is multiplied by, going forward, and twice that going back. The first
        layer's input is looked up in a table and costs none.
        """
        H = self.hidden_size
        weights = len(CELLS[self.cell_type].rows) * H * H * (2 * self.num_layers - 1) + self.vocab_size * H
        return 6.0 * weights


@dataclass(frozen=True)
class TrainingRow:
    """One shape, measured.

    Attributes:
        chars_per_s: of each contender, by name.
        limit_operations_per_s: of the largest product measured in the same turns, by precision.
        problem: why the steps were not compiled, or empty.
    """

    shape: Shape
    chars_per_s: dict[str, float]
    limit_operations_per_s: dict[str, float]
    problem: str

    def best(self, whose: str) -> float:
        """The better rate of a side, "charlstm" or PyTorch's name; of charlstm's without "eager"."""
        return max(v for name, v in self.chars_per_s.items() if name.startswith(whose) and "eager" not in name)

    def ratio(self, ours: str, theirs: str) -> float | None:
        """How many times as fast as another contender one is; None where one was not measured."""
        rates = self.chars_per_s
        return rates[ours] / rates[theirs] if ours in rates and theirs in rates else None

    def share_of_limit(self, precision: str) -> float | None:
        """The arithmetic done, as a share of what the largest product does in the same time."""
        rate = self.chars_per_s.get(f"charlstm {precision}")
        if rate is None:
            return None
        return rate * self.shape.operations_per_char() / self.limit_operations_per_s[precision]

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "bench": "train",
            **asdict(self.shape),
            "chars_per_s": self.chars_per_s,
            f"against_nn_{self.shape.cell_type}": self.best("charlstm") / self.best(self.shape.torch_name),
            "share_of_limit": {p: share for p in PRECISIONS if (share := self.share_of_limit(p)) is not None},
            "limit_operations_per_s": self.limit_operations_per_s,
            "problem": self.problem or None,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TrainingRow:
        """The other way round."""
        return cls(
            Shape.from_dict(data), data["chars_per_s"], data["limit_operations_per_s"], str(data["problem"] or "")
        )


def bench_training(
    shape: Shape,
    device: torch.device,
    precisions: list[Products],
    rounds: int,
    on_round: Callable[[int, int], None] = lambda done, total: None,
    on_compile: Callable[[], None] = lambda: None,
    compiled: bool = True,
) -> TrainingRow:
    """Measure one shape.

    Args:
        precisions: each is measured for both sides. On the processor all take turns; on a GPU one after the other, so
            that the memory of their recorded windows is not held at once.
        compiled: whether to compile the steps, where that can be done.
    """
    model = CharLM(shape.model_config())
    model.reset_parameters(MEMORY_CHARS, seed=0)
    model.to(device)
    ids = torch.randint(
        shape.vocab_size, (shape.seq_len + 1, shape.batch_size), generator=torch.Generator().manual_seed(0)
    ).to(device)
    rates: dict[str, float] = {}
    limits: dict[str, float] = {}
    problem, on_gpu = "", device.type == "cuda"
    together = [[precision] for precision in precisions] if on_gpu else [precisions]
    for k, group in enumerate(together):
        contenders: dict[str, Callable[[], object]] = {}
        operations: dict[str, float] = {}
        for precision in group:
            kernels = choose_kernels(
                model.config,
                device,
                "bf16" if precision == "bf16" else "fp32",
                compiled=compiled,
                on_compile=on_compile,
            )
            problem = problem or kernels.problem
            steps = {f"charlstm {precision}": our_step(model, ids, kernels)}
            if kernels.compiled is not None:
                steps[f"charlstm {precision} eager"] = our_step(model, ids, Kernels(kernels.compute_dtype))
            steps[f"{shape.torch_name} {precision}"] = their_step(model, ids, precision)
            steps[f"limit {precision}"], operations[precision] = multiplying(precision, device)
            contenders |= {name: with_products(precision, step) for name, step in steps.items()}

        def show(done: int, total: int, before: int = k) -> None:
            on_round(before * total + done, len(together) * total)

        seconds = in_turns(contenders, device, rounds, show, GPU_RUNS if on_gpu else 1)
        limits |= {precision: done / seconds[f"limit {precision}"] for precision, done in operations.items()}
        characters = shape.batch_size * shape.seq_len
        rates |= {name: characters / s for name, s in seconds.items() if not name.startswith("limit")}
    return TrainingRow(shape, rates, limits, problem)


def multiplying(precision: Products, device: torch.device) -> tuple[Callable[[], object], float]:
    """The limit: `large_product`."""
    with float32_products(precision == "tf32"):
        return large_product(PRECISIONS[precision], device)


def with_products(precision: Products, step: Callable[[], object]) -> Callable[[], None]:
    """The same step, with float32 matrices multiplied as asked for, whatever PyTorch does by itself."""

    def run() -> None:
        with float32_products(precision == "tf32"):
            step()

    return run


def our_step(model: CharLM, ids: Tensor, kernels: Kernels) -> Callable[[], object]:
    """Learning from one window, as `charlstm train` does it, up to the optimiser: recorded, on a GPU."""
    pool, graph = BufferPool(), None

    def step() -> None:
        nonlocal graph
        state = model.zero_state(ids.shape[1])
        if model.device.type == "cuda":
            graph = graph or GraphedWindow(model, kernels, ids[:-1], ids[1:], state)
            graph(ids[:-1], ids[1:], state)
            return
        model.zero_grad(set_to_none=True)
        loss, _ = model.window_loss(ids[:-1], ids[1:], state, kernels=kernels, pool=pool)
        loss.backward()

    return step


def their_step(model: CharLM, ids: Tensor, precision: Products) -> Callable[[], object]:
    """The same network in PyTorch's own layers; bfloat16 by autocast, as its users have it.

    On a GPU the layers are cuDNN's, with all weights in one piece of memory (`flatten_parameters`).
    """
    embedding, layers, head = to_torch(model)
    layers.flatten_parameters()  # cuDNN would copy them at every call, if moving them had not done it
    parameters = [p for module in (embedding, layers, head) for p in module.parameters()]

    def step() -> None:
        for p in parameters:
            p.grad = None
        with torch.autocast(ids.device.type, torch.bfloat16, enabled=precision == "bf16"):
            h, _ = layers(embedding(ids[:-1]))
            loss = F.cross_entropy(head(h).flatten(0, 1), ids[1:].flatten())
        loss.backward()

    return step

"""Sampling: characters a second, drawn one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from charlstm.bench.timing import in_turns
from charlstm.bench.training_speed import MEMORY_CHARS, Shape
from charlstm.checkpoint.moments import is_hidden_matrix
from charlstm.config import Precision
from charlstm.drawing.draw import Uniform, draw
from charlstm.in_numpy.functions import Array
from charlstm.in_numpy.text_reader import TextReader, on_one_thread
from charlstm.network.kernels import Kernels, choose_kernels
from charlstm.network.model import CharLM, plain_weights, to_torch
from charlstm.network.stepper import Stepper

Step = Callable[[Array], Array]  # ids (B) -> logits (B, V)
TensorStep = Callable[[Tensor], Tensor]  # the same of tensors
ALONE, LIMIT = "charlstm", "reading the weights"


@dataclass(frozen=True)
class SamplingRow:
    """One network and number of streams, measured: characters a second of all streams together, by contender."""

    shape: Shape
    chars_per_s: dict[str, float]
    weights_per_s: float | None = None  # how often one core can read the weights in a second; measured for one stream

    @property
    def share_of_limit(self) -> float | None:
        """What one text reaches of that: every character needs these weights once."""
        return None if self.weights_per_s is None else self.chars_per_s[ALONE] / self.weights_per_s

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        shape = {name: value for name, value in asdict(self.shape).items() if name != "seq_len"}
        measured = {"chars_per_s": self.chars_per_s, "weights_per_s": self.weights_per_s}
        return {"bench": "sample", **shape, **measured}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SamplingRow:
        """The other way round, without the length."""
        return cls(Shape.from_dict({**data, "seq_len": 1}), data["chars_per_s"], data["weights_per_s"])


@torch.no_grad()
def bench_sampling(
    shape: Shape,
    device: torch.device,
    rounds: int,
    on_round: Callable[[int, int], None] = lambda done, total: None,
    on_compile: Callable[[], None] = lambda: None,
    compiled: bool = True,
) -> SamplingRow:
    """Measure one network; all contenders draw alike, at temperature 1.

    Args:
        shape: `batch_size` streams of `seq_len` characters a turn.
        compiled: whether to compile the steps, where that can be done.
    """
    model = CharLM(shape.model_config())
    model.reset_parameters(MEMORY_CHARS, seed=0)
    model.to(device)
    dtype = model.head.weight.dtype
    ways = {"charlstm eager": Kernels(dtype)}
    fast: list[tuple[str, Precision]] = [("charlstm compiled", "fp32"), ("charlstm compiled bf16", "bf16")]
    for name, precision in fast:
        kernels = choose_kernels(model.config, device, precision, compiled=compiled, on_compile=on_compile)
        if kernels.compiled is not None:
            ways[name] = kernels
    B = shape.batch_size
    steppers: dict[str, TensorStep] = {
        name: Stepper(model, model.zero_state(B), kernels).step for name, kernels in ways.items()
    }
    steppers |= {shape.torch_name: torch_step(model), f"{shape.torch_name}Cell": torch_cell_step(model, B)}
    steps = {name: of_arrays(stepper, device) for name, stepper in steppers.items()}
    alone = B == 1 and device.type == "cpu"
    if alone:
        steps = {ALONE: step_alone(model), **steps}
    loops = {name: drawing_loop(step, B, shape.seq_len) for name, step in steps.items()}
    if alone:
        loops[LIMIT] = reading_loop(model, shape.seq_len)
    seconds = in_turns(loops, device, rounds, on_round)
    rates = {name: B * shape.seq_len / s for name, s in seconds.items()}
    return SamplingRow(shape, {name: rate for name, rate in rates.items() if name != LIMIT}, rates.get(LIMIT))


def drawing_loop(step: Step, num: int, length: int) -> Callable[[], None]:
    """So many characters of so many streams, each drawn from what `step` makes of the one before."""

    def loop() -> None:
        ids = np.zeros(num, dtype=np.int64)
        for u in islice(Uniform(seed=0).steps(num), length):
            ids = draw(step(ids), u)

    return loop


def of_arrays(step: TensorStep, device: torch.device) -> Step:
    """A step of PyTorch's, from NumPy's arrays to NumPy's arrays."""

    def step_of_arrays(ids: Array) -> Array:
        logits: Array = step(torch.from_numpy(ids).to(device)).float().cpu().numpy()
        return logits

    return step_of_arrays


def reading_loop(model: CharLM, times: int) -> Callable[[], None]:
    """Read what a character needs of the weights, so many times: a product of each with itself, on one thread.

    All but the embedding and the first layer's W_ih, of which a table holds the rows of every character.
    """
    needed = [w for name, w in plain_weights(model).items() if is_hidden_matrix(name) or name == "head.weight"]
    weights = [w.ravel() for w in needed]

    def loop() -> None:
        with on_one_thread():
            for _ in range(times):
                for w in weights:
                    np.dot(w, w)

    return loop


def step_alone(model: CharLM) -> Step:
    """As `charlstm sample` computes one text."""
    reader = TextReader(model.config, plain_weights(model))
    return lambda ids: reader.read(ids)[None]


def torch_step(model: CharLM) -> TensorStep:
    """The same network by calls of PyTorch's layers for one character each."""
    embedding, layers, head = to_torch(model)
    state: Any = None

    def step(ids: Tensor) -> Tensor:
        nonlocal state
        h, state = layers(embedding(ids)[None], state)
        logits: Tensor = head(h[0])
        return logits

    return step


def torch_cell_step(model: CharLM, num: int) -> TensorStep:
    """The same network by `torch.nn.LSTMCell` or the like, one a layer."""
    embedding, layers, head = to_torch(model)
    cells, kind = [], getattr(nn, f"{model.cell.torch_name}Cell")
    for k in range(model.config.num_layers):
        cell = kind(layers.input_size if k == 0 else layers.hidden_size, layers.hidden_size).to(model.device)
        cell.load_state_dict(
            {name: layers.get_parameter(f"{name}_l{k}").detach() for name, _ in cell.named_parameters()}
        )
        cells.append(cell)
    states: list[Any] = [None for _ in cells]

    def step(ids: Tensor) -> Tensor:
        x = embedding(ids)
        for k, cell in enumerate(cells):
            states[k] = cell(x, states[k])
            x = states[k][0] if isinstance(states[k], tuple) else states[k]
        logits: Tensor = head(x)
        return logits

    return step

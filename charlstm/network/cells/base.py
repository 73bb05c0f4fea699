"""What a cell type is: all that the rest of charlstm may ask of one.

A cell type is one class in one file of this folder. Nobody outside compares its name: what it has and lacks, its class
says.

    Legend: B lanes (batch), T window, E embedding, H hidden, L layers, V vocabulary,
    G blocks of H rows in the weights of a layer (one a gate).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from charlstm.in_numpy.cells import Layout
from charlstm.network.buffers import BufferPool
from charlstm.network.cells.pointwise import GateFunctions, Pointwise, scripted
from charlstm.network.cells.written import Equation, Terms

Gates = Mapping[str, Tensor]  # the gates of one layer at one step by their letter, each (B, H)


class State(NamedTuple):
    """What a stack carries from one character to the next. Where there is no cell state, c is (L, B, 0)."""

    h: Tensor  # (L, B, H) hidden state
    c: Tensor  # (L, B, H) cell state

    def detach(self) -> State:
        """The same numbers, cut off from the graph: where truncated back-propagation stops."""
        return State(self.h.detach(), self.c.detach())


class Layer(NamedTuple):
    """The weights of one layer."""

    weight_ih: Tensor  # (G*H, E or H)
    weight_hh: Tensor  # (G*H, H)
    bias: Tensor  # (G*H), or more blocks where the class says so


class Part(NamedTuple):
    """A gate or a state, for people."""

    name: str
    role: str
    low: float = 0.0  # the least that it can be: 0 for a share, -1 for what has a sign, -inf for what has no limit


class Cell(ABC):
    """A cell type.

    Attributes:
        layout: its name, the blocks of its weights and of its bias, and whether it has a cell state, which then carries
            its memory; else the hidden state does.
        label: what it is called in a sentence: "an LSTM".
        parts: its gates and states, by letter, in the order in which they are computed and read.
        keep_gate: the letter of the gate that is the share of its memory that a cell keeps; "" without one.
        write_gate: what people call the share of the candidate that it writes.
        candidate: the letter of what would be written.
        output_gate: the letter of the gate that is the share that it shows; "" without one.
        torch_name: what the same is called in `torch.nn`; for one step, with "Cell" after it.
    """

    layout: ClassVar[Layout]
    label: ClassVar[str]
    parts: ClassVar[Mapping[str, Part]]
    keep_gate: ClassVar[str] = ""
    write_gate: ClassVar[str] = ""
    candidate: ClassVar[str] = ""
    output_gate: ClassVar[str] = ""
    torch_name: ClassVar[str]

    # its layout

    @property
    def name(self) -> str:
        """As `--cell-type` and the model file have it."""
        return self.layout.name

    @property
    def rows(self) -> tuple[str, ...]:
        """The blocks of H rows of its weights, by letter, in their order."""
        return self.layout.rows

    @property
    def bias_rows(self) -> tuple[str, ...]:
        """Those of its bias; the same, unless a gate has two."""
        return self.layout.bias_rows

    @property
    def has_cell_state(self) -> bool:
        """Whether it has a cell state."""
        return self.layout.has_cell_state

    # the mathematics

    def step(self, x: Tensor, h: Tensor, c: Tensor, layer: Layer) -> tuple[Tensor, Tensor, Gates]:
        """One layer over one character: x (B, E), h and c (B, H) -> the new h, the new c, the gates."""
        return self.gated(x @ layer.weight_ih.T, h @ layer.weight_hh.T, layer.bias, h, c)

    @abstractmethod
    def gated(self, z_x: Tensor, z_h: Tensor, bias: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Gates]:
        """All of a step but its two products, to be read: W_ih x and W_hh h, (B, G*H) each -> as `step`.

        Without a cell state, c (B, 0) comes out as it went in.
        """

    def hold(self, value: Tensor, gates: Gates) -> State:
        """What h and c are after a step in cells whose memory is held at a value: an ablation.

        Args:
            value: of any shape, one number a cell.
            gates: those of the same cells at this step.
        """
        return State(value, value[..., :0])

    @abstractmethod
    def reset_bias(self, bias: Tensor, memory_chars: float, generator: torch.Generator) -> None:
        """Set the bias (G*H), which is zero, to what training begins with: memories of up to so many characters."""

    # what is fast

    @property
    def pointwise(self) -> Mapping[str, Pointwise]:
        """The gates of a step, "forward", and their gradients, "backward", where they can be compiled; else nothing."""
        return {}

    @property
    def fused(self) -> GateFunctions | None:
        """The same functions, each as one Triton kernel for a GPU; None where nobody has written them.

        Raises:
            ImportError: where there is no Triton.
        """
        return None

    @abstractmethod
    def scan(
        self,
        x: Tensor,
        ids: Tensor | None,
        layer: Layer,
        h: Tensor,
        c: Tensor,
        *,
        compute_dtype: torch.dtype,
        gates: GateFunctions | None,
        pool: BufferPool,
        keep: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One layer over a window, with gradients derived by hand.

        Args:
            x, ids: what the layer reads, as in `InputPart`.
            h, c: (B, H), where the window before this one ended.
            compute_dtype: the type of the matrix products.
            gates: faster ones, or whole windows; None: as they stand.
            pool: where buffers come from.
            keep: whether a backward pass will follow.

        Returns:
            h of every step (T, B, H) in the type of the products; h and c after the last, in the weights' type.
        """

    @abstractmethod
    def stepping(
        self, bias: Tensor, h: Tensor, c: Tensor, shown: Tensor, gates: GateFunctions | None
    ) -> Callable[[Tensor, Tensor], None]:
        """A function for one step after the other, from h and c (B, H), which stay as they are.

        It is called with W_ih x_t and W_hh h_{t-1}, both (B, G*H), and writes h_t into `shown`; all three are in the
        type of the products.
        """

    # what it is compared with

    def bias_to_torch(self, bias: Tensor) -> tuple[Tensor, Tensor]:
        """`bias_ih` and `bias_hh` of PyTorch's layers, (G*H) each."""
        return bias, torch.zeros_like(bias)

    def bias_from_torch(self, bias_ih: Tensor, bias_hh: Tensor) -> Tensor:
        """The other way round: what is only ever added is one."""
        return bias_ih + bias_hh

    # what probe and explain read

    def memory_of(self, state: State) -> Tensor:
        """The state that carries the memory, (L, B, H)."""
        memory: Tensor = getattr(state, self.memory)
        return memory

    def kept(self, gates: Gates) -> Tensor:
        """The share of its memory that a cell keeps, 0 to 1. KeyError without `keep_gate`."""
        return gates[self.keep_gate]

    def write_share(self, gates: Gates) -> Tensor:
        """The share of the candidate that is written, 0 to 1."""
        raise NotImplementedError(f"{self.label} has no gate that says what is written")

    def written(self, gates: Gates) -> Tensor:
        """What is added to the memory."""
        return self.write_share(gates) * gates[self.candidate]

    @abstractmethod
    def equations(self, terms: Terms, memory: float) -> list[Equation]:
        """One step of one cell in numbers, every line right to its last digit.

        Args:
            terms: what the pre-activations are sums of.
            memory: what the cell held before the step.
        """

    # what follows

    @property
    def eager(self) -> GateFunctions:
        """The functions in `pointwise`, not compiled."""
        forward, backward = (scripted(self.pointwise[name].function) for name in ("forward", "backward"))
        return GateFunctions(forward, backward)

    @property
    def memory(self) -> str:
        """The letter of the state that carries the memory."""
        return "c" if self.has_cell_state else "h"

    @property
    def shares(self) -> str:
        """The letters of its gates that go from 0 to 1."""
        return "".join(letter for letter, part in self.parts.items() if part.low == 0)

    @property
    def gates(self) -> str:
        """The letters of all its gates."""
        return "".join(letter for letter in self.parts if letter not in "ch")


def fill_with_log_memories(bias: Tensor, memory_chars: float, generator: torch.Generator) -> bool:
    """Biases log m of a gate that keeps, so that a cell remembers about m characters. Whether there is room for any.

    m is log-uniform between 1 and M - 1, with M = `memory_chars`: as many cells for 1 to 10 characters as for
    10 to 100. (Tallec & Ollivier 2018, section 3, have it uniform, which leaves hardly a cell for what is near.)
    M <= 2 gives biases of 1 instead (Jozefowicz et al. 2015).
    """
    if memory_chars <= 2:
        bias.fill_(1.0)
        return False
    bias.uniform_(0.0, math.log(memory_chars - 1.0), generator=generator)
    return True

"""How far gradients reach back: why an LSTM, and not an RNN.

Training changes what a network did k characters ago by the gradient that arrives there. It is the product of one
Jacobian a character; where each makes it smaller it vanishes, where each makes it larger it explodes (Hochreiter 1991;
Bengio, Simard & Frasconi 1994). Here it is measured:

    change(k)   the root mean square, over places in a text, of ||d h_t / d h_{t-k}|| / sqrt(L H): what a small
                random change of size 1 in the hidden states has become after k characters
    memory(k)   the same for the states that gates keep, ||d c_t / d c_{t-k}||: the LSTM's memory pipeline
    loss(k)     the same of ||d loss_t / d (h, c)_{t-k}||: what truncated back-propagation hands on

||.|| is the Frobenius norm: for a random vector v of signs, E ||v J||^2 = ||J||^2 (Hutchinson 1990), so that a few
backward passes measure its square without bias.

Beside it, what theory says. In a plain RNN one step multiplies by diag(1 - h^2) W_hh; as long as a change points in no
particular direction it grows by the root mean square of that (the mean-field rate: Poole et al. 2016). In an LSTM what
is kept along the cell states alone is the product of the forget gates; in a GRU, whose hidden state is its memory, that
of the update gates.

Legend: B places, K characters back, L layers, H hidden, R random vectors.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from charlstm.network.cells import Cell, Gates, State
from charlstm.network.model import CharLM
from charlstm.probe.statistics import Floats, without_nan

WARM_CHARS = 32  # read before the first state that is looked at
TINY = 1e-150  # the square of what is less is nothing to float64
VECTORS = 8  # R; as many as there are cells, and the norm is exact


@dataclass(frozen=True)
class Reach:
    """How far the gradients of one network reach. Index k of each curve is k characters back.

    Attributes:
        change, memory, loss: (K + 1) as above; `memory` is None without gates, and `change` without a cell state.
            `loss` is relative to k = 0.
        theory_rate: without gates, by which factor theory lets `change` grow a character; else None.
        theory_memory: (K + 1) with gates, what those that keep leave alone of `memory`; else None.
        keep_gate: their letter.
    """

    change: Floats
    loss: Floats
    memory: Floats | None
    theory_rate: float | None
    theory_memory: Floats | None
    keep_gate: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object: what lasts longer than was looked is null."""
        curves = {name: getattr(self, name) for name in ("change", "loss", "memory", "theory_memory")}
        result: dict[str, Any] = without_nan(
            {
                **{name: None if curve is None else curve.tolist() for name, curve in curves.items()},
                "half_life": {name: half_of(curve) for name, curve in curves.items() if curve is not None},
                "rate": rate_of(self.change),
                "theory_rate": self.theory_rate,
            }
        )
        return result


def half_of(curve: Floats) -> float:
    """After how many characters a curve has come down to half of where it began, for the first time; infinite if not.

    Between two characters by the straight line between the logarithms. NaN for a curve that begins at nothing.
    """
    if curve[0] <= 0:
        return math.nan
    below = np.flatnonzero(curve <= curve[0] / 2)
    if len(below) == 0:
        return math.inf
    k = int(below[0])
    before, after = (float(np.log2(max(x / curve[0], 1e-300))) for x in curve[k - 1 : k + 1])
    return k - 1 + (before + 1) / (before - after)


def rate_of(curve: Floats) -> float:
    """By which factor a curve changes a character, from the first one back to the last: the geometric mean.

    To the last one at which the curve is still a number that can be told from nothing. NaN if there is no second one.
    """
    seen = np.flatnonzero(curve > TINY)
    last = int(seen[-1]) if len(seen) else 0
    return float((curve[last] / curve[1]) ** (1 / (last - 1))) if last > 1 else math.nan


def measure_reach(model: CharLM, ids: Tensor, seed: int, vectors: int = VECTORS) -> Reach:
    """How far gradients reach in a network: ids (B, WARM_CHARS + K + 1), each row a place in a text.

    The last character of a row is only predicted. Computed in float64 on the CPU, by automatic differentiation of the
    readable steps.
    """
    model = copy.deepcopy(model).cpu().double()
    ids = ids.cpu()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        state = model.zero_state(len(ids))
        for column in ids[:, :WARM_CHARS].T:
            state, _ = model.stack.step(model.embedding(column), state)
    states, gates = [State(*(part.requires_grad_() for part in state))], []
    for column in ids[:, WARM_CHARS:-1].T:
        new, gate = model.stack.step(model.embedding(column), states[-1])
        states.append(new)
        gates.append(gate)
    loss = torch.nn.functional.cross_entropy(model.head(states[-1].h[-1]), ids[:, -1], reduction="sum")
    cell = model.cell
    a_state = 2 if cell.has_cell_state else 1  # parts
    wanted = [part for state in states for part in state[:a_state]]
    # the loss does not see the last cell states, only the hidden ones
    of_loss = torch.autograd.grad(loss, wanted, retain_graph=True, allow_unused=True, materialize_grads=True)
    norms = torch.stack(
        [
            torch.cat([part.flatten(2).square().sum(dim=2) for part in of_loss[k : k + a_state]]).sum(dim=0)
            for k in range(0, len(of_loss), a_state)
        ]
    )  # (K + 1, B), squared
    at_loss = _backwards(norms.mean(dim=1).sqrt())
    change = _frobenius([state.h for state in states], vectors, generator)
    memory = _frobenius([state.c for state in states], vectors, generator) if cell.has_cell_state else change
    return Reach(
        change=change,
        loss=at_loss / max(at_loss[0], np.finfo(float).tiny),
        memory=memory if cell.keep_gate else None,
        theory_rate=None if cell.gates else _mean_field_rate(model, states[1:]),
        theory_memory=_product_of_gates(cell, gates) if cell.keep_gate else None,
        keep_gate=cell.keep_gate,
    )


def _backwards(curve: Tensor) -> Floats:
    """From the last character to the first."""
    return curve.flip(0).detach().numpy()


def _frobenius(parts: Sequence[Tensor], vectors: int, generator: torch.Generator) -> Floats:
    """The root mean square of ||d last / d part|| / sqrt(L H) for each part (L, B, H), from the last to the first."""
    last = parts[-1]
    L, B, H = last.shape
    n = L * H
    if vectors >= n:  # every direction there is: no chance in it
        rows = math.sqrt(n) * torch.eye(n, dtype=last.dtype)
        signs = [row.view(L, 1, H).expand(L, B, H) for row in rows]
    else:
        signs = [torch.randint(0, 2, (L, B, H), generator=generator).to(last.dtype) * 2 - 1 for _ in range(vectors)]
    square = torch.zeros(len(parts), dtype=last.dtype)
    for sign in signs:
        grads = torch.autograd.grad((last * sign).sum(), parts, retain_graph=True)
        square += torch.stack([grad.square().sum() for grad in grads])
    return _backwards((square / (len(signs) * B * n)).sqrt())


@torch.no_grad()
def _mean_field_rate(model: CharLM, states: Sequence[State]) -> float:
    """The largest over layers: the slowest to fade is what is left."""
    rates = []
    for k, layer in enumerate(model.stack.layers()):
        slope = torch.stack([1 - state.h[k].square() for state in states]).square().mean(dim=(0, 1))  # (H)
        rates.append(float((slope * layer.weight_hh.square().sum(dim=1)).mean().sqrt()))
    return max(rates)


@torch.no_grad()
def _product_of_gates(cell: Cell, gates: Sequence[Sequence[Gates]]) -> Floats:
    """The root mean square over cells and places of the product of the last k gates that keep, k = 0 .. K."""
    f = torch.stack([torch.stack([cell.kept(layer) for layer in step]) for step in reversed(gates)])  # (K, L, B, H)
    kept = f.cumprod(dim=0).square().mean(dim=(1, 2, 3)).sqrt()
    return np.concatenate([[1.0], kept.numpy()])


def untrained(model: CharLM, memory_chars: float, seed: int) -> CharLM:
    """A network of the same shape with fresh weights, as a training begins with."""
    fresh = copy.deepcopy(model)
    fresh.reset_parameters(memory_chars, seed)
    return fresh


@torch.no_grad()
def with_recurrent_weight(model: CharLM, w_rec: float) -> CharLM:
    """The same plain RNN with W_hh times a number: fresh, all its singular values are then that number."""
    scaled = copy.deepcopy(model)
    for layer in scaled.stack.layers():
        layer.weight_hh.mul_(w_rec)
    return scaled

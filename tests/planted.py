"""Networks built by hand, whose cells are known, and toy sentences for them.

F M  cue      f m  attractor      a o  target      G H  another cue, which stands for a noun without an article
other small letters: fillers      newline and full stop begin and end a sentence
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from pathlib import Path

import torch

from charlstm.checkpoint import ModelFile, save_model_file
from charlstm.config import ModelConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.grammar.pairs import MinimalPair
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM

FILLERS = "bcdehijklnpqrstuvwxyz"
CHARS = "\n .FMGHfmao" + FILLERS
OPEN = 20.0  # a gate's pre-activation that means 1, and its negative 0
DISTANCES = (12, 30, 60)


def atanh(value: float) -> float:
    return math.atanh(max(-0.999999, min(0.999999, value)))


class Planted:
    """One layer. The first cells are for planting; the others are ordinary untrained ones that the head ignores."""

    def __init__(self, planted: int = 4, ordinary: int = 28, seed: int = 0) -> None:
        V, H = len(CHARS), planted + ordinary
        self.hidden_size, self.planted = H, planted
        self.model = CharLM(ModelConfig(vocab_size=V, embedding_size=V, hidden_size=H, num_layers=1))
        generator = torch.Generator().manual_seed(seed)
        layer = self.model.stack.layer(0)
        with torch.no_grad():
            self.model.embedding.weight.copy_(torch.eye(V))
            for gate in range(4):
                rows = slice(gate * H + planted, (gate + 1) * H)
                layer.weight_ih[rows] = torch.randn(ordinary, V, generator=generator)
                layer.weight_hh[rows, planted:] = torch.randn(ordinary, ordinary, generator=generator) / ordinary**0.5
            layer.bias[H + planted : 2 * H] = 1.0
        for cell in range(planted):
            self.keep(cell)

    def _gate(self, name: str, cell: int) -> int:
        return "ifgo".index(name) * self.hidden_size + cell

    @torch.no_grad()
    def keep(self, cell: int, f: float | None = None) -> None:
        """The cell keeps what it has (`f`: that share of it a character), writes nothing, and shows all."""
        bias = self.model.stack.layer(0).bias
        bias[self._gate("i", cell)] = -OPEN
        bias[self._gate("f", cell)] = OPEN if f is None else math.log(f / (1 - f))
        bias[self._gate("o", cell)] = OPEN

    @torch.no_grad()
    def write(self, cell: int, values: Mapping[str, float], add: bool = False) -> None:
        """At each of these characters the cell becomes the value, or (`add`) grows by it."""
        weight_ih, bias = self.model.stack.layer(0).weight_ih, self.model.stack.layer(0).bias
        for character, value in values.items():
            column = CHARS.index(character)
            weight_ih[self._gate("i", cell), column] = 2 * OPEN
            weight_ih[self._gate("g", cell), column] = atanh(value)
            if not add:
                weight_ih[self._gate("f", cell), column] = -OPEN - bias[self._gate("f", cell)]

    @torch.no_grad()
    def read(self, cell: int, weight: float) -> None:
        """The head takes the cell for `a` and against `o`."""
        self.model.head.weight[CHARS.index("a"), cell] += weight
        self.model.head.weight[CHARS.index("o"), cell] -= weight

    def save(self, path: Path) -> Path:
        save_model_file(path, ModelFile(self.model, Vocabulary(CHARS), {}))
        return path


def filler(rng: random.Random, length: int) -> str:
    return "".join(rng.choice(FILLERS) for _ in range(length))


def toy_pairs(
    lemmas: int = 24, seed: int = 0, cues: tuple[str, ...] = ("FM",), distances: tuple[int, ...] = DISTANCES
) -> list[MinimalPair]:
    """Every lemma with some distances and three attractors. `cues`: feminine and masculine, in turn by lemma."""
    rng = random.Random(seed)
    pairs = []
    for lemma in range(lemmas):
        feminine, masculine = tuple(cues[lemma % len(cues)])
        for distance in distances:
            for condition, attractor in (("none", ""), ("same", "f"), ("opposite", "m")):
                first = filler(rng, distance // 2)
                middle = first + attractor + filler(rng, distance - len(first) - len(attractor))
                start = 1 + len(first)
                pairs.append(
                    MinimalPair(
                        f"{feminine}{middle}a.",
                        f"{feminine}{middle}o.",
                        twin=f"{masculine}{middle}o.",
                        cue_end=1,
                        condition=condition,
                        lemma=f"L{lemma}",
                        kind="article" if feminine == "F" else "ending",
                        label="F",
                        attractor=(start, start + 1) if attractor else None,
                    )
                )
    return pairs


def ordinary_lines(lines: int = 120, seed: int = 1, neutral: float = 0.5) -> str:
    """Text for the measures on ordinary text; `neutral`: the share of lines without any cue."""
    rng = random.Random(seed)
    out = []
    for _ in range(lines):
        body = filler(rng, 30)
        if rng.random() >= neutral:
            body = rng.choice("FM") + body[:10] + rng.choice("fm") + body[10:20] + rng.choice("ao")
        out.append(body + ".\n")
    return "".join(out)


def write_pairs(path: Path, pairs: list[MinimalPair]) -> Path:
    path.write_text("".join(pair.to_json() + "\n" for pair in pairs), encoding="utf-8")
    return path


def untrained(forget_bias: float, seed: int, hidden_size: int = 64, num_layers: int = 2) -> CharLM:
    """A network with fresh weights and one forget bias for all cells."""
    model = CharLM(ModelConfig(len(CHARS), hidden_size=hidden_size, num_layers=num_layers, embedding_size=16))
    model.reset_parameters(0.0, seed)
    with torch.no_grad():
        for layer in model.stack.layers():
            layer.bias[hidden_size : 2 * hidden_size] = forget_bias
    return model


def trained_on_random_endings(seed: int, steps: int = 200, hidden_size: int = 48) -> CharLM:
    """A network trained on sentences with cues, attractors and endings, each ending drawn whatever the cue."""
    rng = random.Random(seed)
    lines = [
        rng.choice("FM") + filler(rng, 6) + rng.choice("fm") + filler(rng, 6) + rng.choice("ao") + ".\n"
        for _ in range(4000)
    ]
    vocabulary = Vocabulary(CHARS)
    ids = torch.tensor(vocabulary.encode("".join(lines)).astype("int64"))[: 32 * 2000].view(32, -1).T
    model = CharLM(ModelConfig(len(CHARS), hidden_size=hidden_size, num_layers=1, embedding_size=16))
    model.reset_parameters(30.0, seed)
    optimizer, state = torch.optim.AdamW(model.parameters(), lr=1e-2), model.zero_state(32)
    for step in range(steps):
        at = step * 48 % (len(ids) - 49)
        optimizer.zero_grad()
        window = ids[at : at + 49]
        loss, state = model.window_loss(window[:-1], window[1:], state.detach(), kernels=Kernels(torch.float32))
        loss.backward()
        optimizer.step()
    return model

"""Text out: a stream of characters, drawn one at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from charlstm.config import SampleConfig
from charlstm.corpus.vocab import Ids, Vocabulary
from charlstm.network.cells import State
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.network.scan import scan
from charlstm.network.stepper import Stepper
from charlstm.shown import Shown

LONG_TEXT = 100_000  # characters: about a minute, so that compiling pays
WINDOW = 4096  # characters of a prompt that are read at once: memory does not grow with its length


@dataclass(frozen=True)
class Drawn:
    """One character of one stream.

    Attributes:
        stream: which one, from 0.
        text: the character.
        logprob: its log-probability in nats under the model itself (temperature 1, nothing cut off).
    """

    stream: int
    text: str
    logprob: float


class Sample(Shown, str):
    """A text that a model wrote: an ordinary string that knows how it was made.

    Attributes:
        prompt: what it goes on from; not part of it.
        seed: with which the same model, given the same settings, writes the same text again.
        logprobs: the log-probability of each character, in nats, under the model itself.
    """

    prompt: str
    seed: int
    logprobs: tuple[float, ...]

    def __new__(cls, text: str, prompt: str = "", seed: int = 0, logprobs: Iterable[float] = ()) -> Sample:
        """Make it of its text."""
        made = super().__new__(cls, text)
        made.prompt, made.seed, made.logprobs = prompt, seed, tuple(logprobs)
        return made

    @property
    def bits_per_char(self) -> float:
        """How improbable the model finds its own text; NaN for one without characters."""
        return -math.fsum(self.logprobs) / len(self.logprobs) / math.log(2) if self.logprobs else math.nan


def draw(logits: Tensor, u: Tensor, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> Tensor:
    """Draw an id from every row of logits by inverting its cumulative distribution.

    Args:
        logits: (B, V).
        u: (B) uniform numbers in [0, 1): one draw each, so that equal numbers give equal text.
        temperature: logits are divided by it; 0 takes the likeliest.
        top_k: only the k likeliest; 0: all. A tie goes to the lower id.
        top_p: only the likeliest that together reach a probability p (Holtzman et al. 2020).

    Returns:
        (B) ids.
    """
    logits = logits.double()
    if temperature == 0 or top_k == 1:
        return logits.argmax(dim=1)
    logits, order = logits.sort(dim=1, descending=True, stable=True)
    # the largest becomes 0 first, so that a tiny temperature cannot overflow
    p = ((logits - logits[:, :1]) / temperature).softmax(dim=1)
    if top_k:
        p[:, top_k:] = 0.0
    if top_p < 1:
        p[(p.cumsum(dim=1) - p) / p.sum(dim=1, keepdim=True) >= top_p] = 0.0
    cumulative = p.cumsum(dim=1)
    place = torch.searchsorted(cumulative, u.double()[:, None] * cumulative[:, -1:], right=True)
    # Rounding must not carry u = 0.999... beyond what is allowed; a network that diverged allows nothing (NaN).
    last = ((p > 0).sum(dim=1, keepdim=True) - 1).clamp(min=0)
    return order.gather(1, place.minimum(last)).squeeze(1)


def generate(
    model: CharLM,
    vocabulary: Vocabulary,
    prompt: Ids,
    config: SampleConfig,
    *,
    opening: str,
    kernels: Kernels | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Drawn]:
    """Draw `config.num` streams of `config.length` characters, all in one batch.

    Args:
        prompt: what the streams go on from. Without one: `opening`, and a state that remembers nothing.
        opening: what parts of the training text begin after.
        kernels: how it is computed; None: products in the type of the weights, gates not compiled.
        on_progress: called with characters read and characters in all, while a long prompt is read.

    Yields:
        Characters as they are drawn, stream by stream within a step. A stream ends before `config.stop`.
    """
    start = vocabulary.encode(opening) if len(prompt) == 0 else prompt
    generator = torch.Generator()
    if config.seed is None:
        generator.seed()
    else:
        generator.manual_seed(config.seed)
    stops = [_StopFilter(config.stop) for _ in range(config.num)]
    kernels = kernels or Kernels(model.head.weight.dtype)
    with torch.no_grad():
        logits, state = _read(model, start, config.num, kernels, on_progress)
        stepper = Stepper(model, state, kernels)
        for step in range(config.length):
            u = torch.rand(config.num, generator=generator, dtype=torch.float64)
            logits = logits.float().cpu()
            ids = draw(logits, u, config.temperature, config.top_k, config.top_p)
            logprobs = logits.log_softmax(dim=1).gather(1, ids[:, None])[:, 0].tolist()
            for stream, character in enumerate(vocabulary.decode(ids.numpy())):
                for text, logprob in stops[stream].push(character, logprobs[stream], last=step == config.length - 1):
                    yield Drawn(stream, text, logprob)
            if all(s.ended for s in stops):
                return
            if step < config.length - 1:
                logits = stepper.step(ids.to(model.device))


def _read(
    model: CharLM, ids: Ids, num: int, kernels: Kernels, on_progress: Callable[[int, int], None]
) -> tuple[Tensor, State]:
    """Read a prompt once; the logits (num, V) and state after it, for `num` streams."""
    state = model.zero_state(1)
    for start in range(0, len(ids), WINDOW):
        window = torch.from_numpy(ids[start : start + WINDOW].astype(np.int64)).to(model.device)[:, None]
        h, state = scan(model.stack, model.embedding.weight, window, state, kernels=kernels)
        if len(ids) > WINDOW:
            on_progress(min(start + WINDOW, len(ids)), len(ids))
    logits = model.head(h[-1].to(model.head.weight.dtype)).expand(num, -1)
    return logits, State(state.h.repeat(1, num, 1), state.c.repeat(1, num, 1))


class _StopFilter:
    """Holds back what may be the beginning of the stop text, until it is known not to be."""

    def __init__(self, stop: str | None) -> None:
        self.stop = stop or ""
        self.held: list[tuple[str, float]] = []
        self.ended = False

    def push(self, character: str, logprob: float, last: bool) -> list[tuple[str, float]]:
        """Take a character; give those that may be shown now."""
        if self.ended:
            return []
        self.held.append((character, logprob))
        text = "".join(c for c, _ in self.held)
        if self.stop and text.endswith(self.stop):
            shown, self.held, self.ended = self.held[: -len(self.stop)], [], True
            return shown
        keep = 0 if last else max((n for n in range(1, len(self.stop)) if text.endswith(self.stop[:n])), default=0)
        shown = self.held[: len(self.held) - keep]
        self.held = self.held[len(self.held) - keep :]
        return shown

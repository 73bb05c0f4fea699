"""How well a model predicts each of many texts, every one on its own: read side by side, those of one length together.

The numbers are those of one text read alone, character by character, to rounding: a sum over a line differs by less
than a millionth of itself.

Legend: B lanes, T window, N rows, H hidden, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from charlstm.checkpoint import ModelFile
from charlstm.corpus.vocab import Ids, OnUnknown
from charlstm.network.buffers import BufferPool
from charlstm.network.cells import State
from charlstm.network.head_loss import MAX_LOGITS
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.network.scan import scan

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

MAX_LANES = 128
WINDOW = 64


@dataclass(frozen=True)
class Characters:
    """What a model said of each character of a text that was scored, before it read it: (N) each.

    Attributes:
        logprobs: the log-probability of the character, nats.
        ranks: 1 for the likeliest of all characters; equally likely ones share the smaller rank.
        entropies: how unsure the model was: the entropy of what it said of all characters, nats.
    """

    logprobs: Floats
    ranks: Ints
    entropies: Floats


@dataclass(frozen=True)
class TextScore:
    """How well one text was predicted.

    Attributes:
        nats: minus the log-probability of the text.
        characters: how many were scored.
        each: the same by characters; None unless asked for.
    """

    nats: float
    characters: int
    each: Characters | None = None

    def __repr__(self) -> str:
        mean = "" if math.isnan(self.bits_per_char) else f", {self.bits_per_char:.4f} bits/char"
        return f"<TextScore: {self.nats:.4f} nats{mean}, over {self.characters:,} characters>"

    @property
    def nats_per_char(self) -> float:
        """The mean over its characters; NaN without any."""
        return self.nats / self.characters if self.characters else math.nan

    @property
    def bits_per_char(self) -> float:
        """The same in bits."""
        return self.nats_per_char / math.log(2)


@torch.no_grad()
def score_texts(
    model: CharLM,
    texts: Sequence[Ids],
    kernels: Kernels,
    *,
    given: int = 1,
    per_char: bool = False,
    on_progress: Callable[[int], None] = lambda characters: None,
) -> list[TextScore]:
    """Score texts, each from a zero state; in the order in which they come.

    Args:
        texts: ids. The first `given` of each are read and not scored: what a text begins after.
        kernels: how it is computed.
        given: at least 1.
        per_char: keep what was said of every character.
        on_progress: called with the number of characters read since the last call.
    """
    order = sorted(range(len(texts)), key=lambda k: -len(texts[k]))  # the longest first
    found: list[TextScore | None] = [None] * len(texts)
    for start in range(0, len(order), MAX_LANES):
        lanes = order[start : start + MAX_LANES]
        scores = _score_lanes(model, [texts[k] for k in lanes], kernels, given, per_char, on_progress)
        for k, score in zip(lanes, scores, strict=True):
            found[k] = score
    return [score for score in found if score is not None]


def _score_lanes(
    model: CharLM,
    texts: Sequence[Ids],
    kernels: Kernels,
    given: int,
    per_char: bool,
    on_progress: Callable[[int], None],
) -> list[TextScore]:
    """The scores of texts that are read side by side, the longest first: those that still read are a prefix."""
    lengths = np.array([len(text) for text in texts])
    scored = (lengths - given).clip(0)
    nats = np.zeros(len(texts))
    each = [Characters(*(np.zeros(n, kind) for kind in (np.float32, np.int32, np.float32))) for n in scored]
    each = each if per_char else []
    state, pool = model.zero_state(len(texts)), BufferPool()
    for start in range(0, int(lengths.max()) - 1, WINDOW):
        B = int((lengths - 1 > start).sum())
        T = min(WINDOW, int(lengths.max()) - 1 - start)
        if state.h.shape[1] > B:
            state, pool = State(state.h[:, :B].contiguous(), state.c[:, :B].contiguous()), BufferPool()
        ids = np.zeros((T + 1, B), dtype=np.int64)
        for lane, text in enumerate(texts[:B]):
            part = text[start : start + T + 1]
            ids[: len(part), lane] = part
        inputs, targets = torch.from_numpy(ids[:-1]).to(model.device), torch.from_numpy(ids[1:]).to(model.device)
        h, state = scan(model.stack, model.embedding.weight, inputs, state, kernels=kernels, pool=pool)
        rows = _rows(model, h.flatten(0, 1), targets.flatten(), per_char)
        logprobs, *others = (part.reshape(T, B) for part in rows)
        places = start + 1 + np.arange(T)[:, None]  # (T, 1) of the targets
        nats[:B] -= np.where((places >= given) & (places < lengths[:B]), logprobs, 0.0).sum(axis=0, dtype=np.float64)
        for lane, of_lane in enumerate(each[:B]):
            first, last = max(given, start + 1), min(start + 1 + T, int(lengths[lane]))
            if first < last:
                here, there = slice(first - start - 1, last - start - 1), slice(first - given, last - given)
                parts = (of_lane.logprobs, of_lane.ranks, of_lane.entropies)
                for into, values in zip(parts, (logprobs, *others), strict=True):
                    into[there] = values[here, lane]
        on_progress(int((lengths[:B] - 1 - start).clip(max=T).sum()))
    return [
        TextScore(float(total) + 0.0, int(n), each[k] if per_char else None)
        for k, (total, n) in enumerate(zip(nats, scored, strict=True))
    ]


def _rows(model: CharLM, h: Tensor, targets: Tensor, per_char: bool) -> list[npt.NDArray[np.generic]]:
    """Log-probabilities of the targets and, if asked for, ranks and entropies: h (N, H), targets (N) -> (N) each."""
    weight, bias = model.head.weight, model.head.bias
    w = weight.to(h.dtype)
    found: list[tuple[Tensor, ...]] = []
    size = max(1, MAX_LOGITS // len(bias))
    for start in range(0, len(h), size):
        rows = slice(start, start + size)
        log_p = F.linear(h[rows], w).to(bias.dtype).add_(bias).log_softmax(dim=1)  # (N, V)
        of_target = log_p.gather(1, targets[rows, None])
        if per_char:
            ranks = (log_p > of_target).sum(dim=1, dtype=torch.int32) + 1
            found.append((of_target[:, 0], ranks, -(log_p.exp() * log_p).sum(dim=1)))
        else:
            found.append((of_target[:, 0],))
    return [torch.cat(part).cpu().numpy() for part in zip(*found, strict=True)]


def score_lines(
    content: ModelFile,
    lines: Sequence[Ids],
    kernels: Kernels,
    *,
    newline: bool = False,
    per_char: bool = False,
    on_progress: Callable[[int], None] = lambda characters: None,
) -> list[TextScore]:
    """Score texts that begin where the network begins a line: after the model's opening, from a zero state.

    Args:
        content: the model.
        lines: ids, as `readable_ids` gives them; one without any has a score of 0 nats.
        newline: also score the line feed after each, which the model must know.
        kernels, per_char, on_progress: as for `score_texts`.
    """
    opening = content.vocabulary.encode(content.opening)
    end = content.vocabulary.encode("\n" if newline else "")
    texts = [np.concatenate([opening, line, end]) for line in lines]
    return score_texts(content.model, texts, kernels, given=len(opening), per_char=per_char, on_progress=on_progress)


def readable_ids(contents: Sequence[ModelFile], text: str, on_unknown: OnUnknown, what: str) -> list[Ids]:
    """The ids of one text for one or two models, which are to read the same characters.

    Args:
        contents: the models.
        text: in the form of the first model's corpus (`ModelFile.normalize`).
        on_unknown: what becomes of characters that one of them has never seen.
        what: what the text is, for messages.

    Raises:
        UnknownCharacterError: with "error"; names the character.
    """
    first, *others = contents
    ids = first.vocabulary.encode(text, on_unknown, what)
    for other in others:
        theirs = other.vocabulary.encode(
            other.normalize(first.vocabulary.decode(ids)), on_unknown, f"{what}, for the other model"
        )
        common = first.vocabulary.encode(
            other.vocabulary.decode(theirs), "error" if on_unknown == "error" else "skip", what
        )
        return [common, other.vocabulary.encode(first.vocabulary.decode(common), "skip")]
    return [ids]

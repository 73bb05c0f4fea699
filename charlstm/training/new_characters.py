"""A network that is to go on, with rows for the characters that are new to it.

Characters are matched by character: the vocabulary is that of the model, then what is new in the text. A new character
begins as its nearest known one (`é` as `e`), shared by how often each occurs in the text; one that resembles none
begins at the frequency that it has in the text, in every context.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from charlstm.checkpoint import ModelFile
from charlstm.corpus import Corpus
from charlstm.corpus.vocab import Vocabulary
from charlstm.network.model import CharLM

READ_LANES, READ_CHARS = 32, 64  # what is read to see how large the logits of known characters are
RARE = 0.5  # how often a character occurs that only the old text has


@torch.no_grad()
def starting_network(content: ModelFile, corpus: Corpus) -> CharLM:
    """The network of a model with rows of their own for the characters that are new in a text.

    Args:
        content: the model.
        corpus: the text, in a vocabulary that begins with the model's.
    """
    known, vocabulary = len(content.vocabulary), corpus.vocabulary
    model = CharLM(content.model.config.replace(vocab_size=len(vocabulary)))
    weights = content.model.state_dict()
    grown = ("embedding.weight", "head.weight", "head.bias")
    model.load_state_dict({**model.state_dict(), **{name: w for name, w in weights.items() if name not in grown}})
    embedding, head = model.embedding.weight, model.head
    for name in grown:
        model.get_parameter(name)[:known].copy_(weights[name])
    embedding[known:] = embedding[:known].mean(0)  # and a zero row in the head, until a nearest one is found
    counts = np.maximum(np.array(corpus.counts, dtype=np.float64), RARE)
    usual = usual_logsumexp(content, corpus) if known < len(vocabulary) else 0.0
    for k in range(known, len(vocabulary)):
        near = nearest_in_use(content.vocabulary, vocabulary.characters[k], counts)
        if near is None:
            head.bias[k] = usual + math.log(counts[k] / counts.sum())
        else:
            embedding[k], head.weight[k] = embedding[near], head.weight[near]
            head.bias[k] = head.bias[near] + math.log(min(1.0, counts[k] / counts[near]))
    return model


def nearest_in_use(known: Vocabulary, character: str, counts: np.ndarray[Any, np.dtype[np.float64]]) -> int | None:
    """The id of the known character that resembles a new one and occurs most often in the text, if there is one."""
    ids = [int(known.encode(near)[0]) for near in known.nearest(character)[:5]]
    return max(ids, key=lambda k: counts[k]) if ids else None


def usual_logsumexp(content: ModelFile, corpus: Corpus) -> float:
    """The mean log of the sum of the exponentials of the logits, over the beginning of a text.

    A new character with a zero row in the head and log p more than this as its bias has about the probability p.
    """
    ids = corpus.train[: 10 * READ_LANES * READ_CHARS]
    ids = ids[ids < len(content.vocabulary)][: READ_LANES * READ_CHARS]
    if len(ids) < READ_CHARS:
        ids = np.resize(content.vocabulary.encode(content.opening) if len(ids) == 0 else ids, READ_CHARS)
    lanes = len(ids) // READ_CHARS
    read = torch.from_numpy(ids[: lanes * READ_CHARS].reshape(lanes, READ_CHARS).astype(np.int64))
    logits, _ = content.model(read)
    return float(logits.logsumexp(-1).mean())

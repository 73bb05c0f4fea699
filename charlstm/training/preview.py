"""A few lines that the network writes while it learns, for people to look at."""

from __future__ import annotations

from charlstm.config import SampleConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.network.model import CharLM
from charlstm.sample import generate

LENGTH = 160


def preview(model: CharLM, vocabulary: Vocabulary, opening: str, seed: int) -> str:
    """A short text without a prompt. Equal weights and seeds, equal texts: it draws from no state of the run.

    Args:
        opening: what it begins after.
    """
    config = SampleConfig(length=LENGTH, seed=seed)
    return "".join(d.text for d in generate(model, vocabulary, vocabulary.encode(""), config, opening=opening))

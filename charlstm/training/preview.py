"""A few lines that the network writes while it learns, for people to look at."""

from __future__ import annotations

from charlstm.config import SampleConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.network.model import CharLM
from charlstm.sample import draw_lines, generate

LENGTH, LINES = 160, 5


def preview(model: CharLM, vocabulary: Vocabulary, opening: str, seed: int, lines: bool = False) -> str:
    """A short text without a prompt. Equal weights and seeds, equal texts: it draws from no state of the run.

    Args:
        opening: what it begins after.
        lines: write a few lines, each on its own.
    """
    config = SampleConfig(length=LENGTH, seed=seed)
    nothing = vocabulary.encode("")
    if lines:
        few = draw_lines(model, vocabulary, nothing, config.replace(lines=LINES), opening=opening)
        return "\n".join(few.lines)
    return "".join(d.text for d in generate(model, vocabulary, nothing, config, opening=opening))

"""Texts from prompts, as `LanguageModel` gives them."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator, Sequence

from charlstm.checkpoint import ModelFile
from charlstm.config import SampleConfig
from charlstm.corpus.vocab import Ids
from charlstm.errors import UsageError
from charlstm.sample import Sample, in_blocks


def prompts_of(given: Iterable[str]) -> list[str]:
    """Several prompts. Raises UsageError for a text, which is a list of its characters by mistake, and for no list."""
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise UsageError(f"`prompts` is {reprlib.repr(given)}; it must be a list of texts", "prompts")
    return list(given)


def write_each(content: ModelFile, prompts: Sequence[Ids], config: SampleConfig) -> Iterator[Sample]:
    """`config.num` texts that go on from each prompt, in order. Raises UsageError for a pattern that cannot be met."""
    drawn = in_blocks(content.model, content.vocabulary, prompts, config, opening=content.opening)
    before = (content.vocabulary.decode(ids) for ids in prompts)
    assert config.seed is not None
    seed = config.seed
    return (Sample.of(text, prompt, seed) for prompt, texts in zip(before, drawn, strict=True) for text in texts)

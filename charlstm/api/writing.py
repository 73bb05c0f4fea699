"""What a `LanguageModel` writes: texts from prompts."""

from __future__ import annotations

import reprlib
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

from charlstm.api.arguments import AnyPath, number_of, path_of, plain, text_of, unknown_of
from charlstm.checkpoint import ModelFile
from charlstm.config import SampleConfig
from charlstm.corpus import CorpusRequest, open_corpus
from charlstm.corpus.vocab import Ids, OnUnknown
from charlstm.errors import TextError, UsageError
from charlstm.sample import Sample, draw_lines, generate, in_blocks
from charlstm.training.record import training_corpus

MAX_RANDOM_SEED = 2**32


class Writer:
    """What of a `LanguageModel` writes text.

    Attributes:
        content: the network with its vocabulary, as its file has it.
        path: of its file; None: it has none.
    """

    content: ModelFile
    path: Path | None

    @overload
    def generate(
        self,
        prompt: str = "",
        length: int = SampleConfig.length,
        temperature: float = SampleConfig.temperature,
        *,
        num: None = None,
        top_k: int = SampleConfig.top_k,
        top_p: float = SampleConfig.top_p,
        stop: str | None = None,
        match: str | None = None,
        seed: int | None = None,
        on_unknown: OnUnknown = "error",
    ) -> Sample: ...

    @overload
    def generate(
        self,
        prompt: str = "",
        length: int = SampleConfig.length,
        temperature: float = SampleConfig.temperature,
        *,
        num: int,
        top_k: int = SampleConfig.top_k,
        top_p: float = SampleConfig.top_p,
        stop: str | None = None,
        match: str | None = None,
        seed: int | None = None,
        on_unknown: OnUnknown = "error",
    ) -> list[Sample]: ...

    def generate(
        self,
        prompt: str = "",
        length: int = SampleConfig.length,
        temperature: float = SampleConfig.temperature,
        *,
        num: int | None = None,
        top_k: int = SampleConfig.top_k,
        top_p: float = SampleConfig.top_p,
        stop: str | None = None,
        match: str | None = None,
        seed: int | None = None,
        on_unknown: OnUnknown = "error",
    ) -> Sample | list[Sample]:
        """Text that goes on from a prompt, without the prompt.

        Args:
            prompt: without one, the text begins where a paragraph of the training text would.
            length: characters to write.
            temperature: lower is safer, higher is bolder; 0 takes the likeliest character every time.
            num: so many texts, as a list; None: one, as a string.
            top_k, top_p: draw from the k likeliest characters; from the likeliest that together reach p.
            stop: end before this text.
            match: a regular expression that the text matches as a whole, as with `re.fullmatch`: at every character
                what cannot lead to a match within `length` is ruled out. A text that matches ends where the model
                draws what cannot lead to another match.
            seed: same seed, same text; None: a new one, which is an attribute of what comes back.
            on_unknown: what becomes of characters of the prompt that the model has never seen.

        Returns:
            a string (`Sample`), or a list of them. In a notebook it is shaded by how probable each character was.

        Raises:
            UsageError: for a setting out of range, and a `match` that is invalid or that no text can match.
            UnknownCharacterError: for a prompt with a character that the model has never seen.
        """
        limits = {"length": length, "temperature": temperature, "top_k": top_k, "top_p": top_p, "stop": stop}
        config = self._sample_config(seed=seed, num=1 if num is None else num, match=match, **limits)
        samples = list(write_each(self.content, [self._encode(prompt, on_unknown, "prompt")], config))
        return samples[0] if num is None else samples

    def generate_each(
        self,
        prompts: Iterable[str],
        length: int = SampleConfig.length,
        temperature: float = SampleConfig.temperature,
        *,
        num: int = 1,
        top_k: int = SampleConfig.top_k,
        top_p: float = SampleConfig.top_p,
        stop: str | None = None,
        match: str | None = None,
        seed: int | None = None,
        on_unknown: OnUnknown = "error",
    ) -> Iterator[Sample]:
        """The texts that `generate` gives for each prompt with the same seed, faster: many prompts at a time.

        Arguments and errors as for `generate`; errors come before the first text, and name the prompt by its place.

        Returns:
            an iterator over `num` texts for every prompt, in order; memory does not grow with the number of prompts.
        """
        limits = {"length": length, "temperature": temperature, "top_k": top_k, "top_p": top_p, "stop": stop}
        config = self._sample_config(seed=seed, num=num, match=match, **limits)
        named = ((f"prompts[{k}]", prompt) for k, prompt in enumerate(prompts_of(prompts)))
        return write_each(self.content, [self._encode(prompt, on_unknown, name) for name, prompt in named], config)

    def stream(
        self,
        prompt: str = "",
        length: int = SampleConfig.length,
        temperature: float = SampleConfig.temperature,
        *,
        top_k: int = SampleConfig.top_k,
        top_p: float = SampleConfig.top_p,
        stop: str | None = None,
        match: str | None = None,
        seed: int | None = None,
        on_unknown: OnUnknown = "error",
    ) -> Iterator[str]:
        """The same text, character by character, as it is drawn. Arguments and errors as for `generate`."""
        limits = {"length": length, "temperature": temperature, "top_k": top_k, "top_p": top_p, "stop": stop}
        config = self._sample_config(seed=seed, match=match, **limits)
        known = self._encode(prompt, on_unknown, "prompt")
        drawn = generate(self.content.model, self.content.vocabulary, known, config, opening=self.content.opening)
        return (character.text for character in drawn)

    def sample_lines(
        self,
        num: int = 20,
        prompt: str = "",
        temperature: float = SampleConfig.temperature,
        *,
        novel: bool = False,
        training_text: AnyPath | None = None,
        length: int = SampleConfig.length,
        top_k: int = SampleConfig.top_k,
        top_p: float = SampleConfig.top_p,
        seed: int | None = None,
        on_unknown: OnUnknown = "error",
    ) -> list[Sample]:
        """Lines, each drawn on its own from its beginning to its newline: names, titles. None of them is blank.

            names = charlstm.train("names.txt", lines=True, time="1m").sample_lines(20, novel=True)

        Args:
            num: how many.
            prompt: what each begins with; not part of what comes back.
            temperature, top_k, top_p, seed, on_unknown: as for `generate`.
            novel: leave out lines that the training text has, and lines that are equal to one before them.
            training_text: a file to look them up in; None: the text that the model was trained on.
            length: no line has more characters after the prompt.

        Returns:
            `num` strings, or fewer if 100 times as many draws were not enough.

        Raises:
            UsageError: for a setting out of range.
            TextError: for a model that knows no newline, a prompt of more than one line, or, with `novel`, a training
                text that is not at hand.
            UnknownCharacterError: for a prompt with a character that the model has never seen.
        """
        limits = {"length": length, "temperature": temperature, "top_k": top_k, "top_p": top_p}
        lines = number_of(num, "num", 1, 65_536, whole=True)
        config = self._sample_config(seed=seed, match=None, lines=lines, novel=novel, **limits)
        corpus = None
        if config.novel and training_text is not None:
            corpus = open_corpus(CorpusRequest((str(path_of(training_text, "training_text")),), valid_fraction=0.0))
        elif config.novel:
            corpus = training_corpus(self.content, self.path or Path("this model"))
        found = draw_lines(
            self.content.model,
            self.content.vocabulary,
            self._encode(prompt, on_unknown, "prompt"),
            config,
            opening=self.content.opening,
            known=corpus.has_lines if corpus else None,
        )
        return found.lines

    def _sample_config(self, seed: int | None, match: str | None, **settings: Any) -> SampleConfig:
        config = SampleConfig(seed=plain(seed), match=match, **{name: plain(value) for name, value in settings.items()})
        changes: dict[str, Any] = {} if match is None else {"match": self.content.normalize(match)}
        return config.replace(seed=secrets.randbelow(MAX_RANDOM_SEED) if seed is None else config.seed, **changes)

    def _encode(self, text: str, on_unknown: OnUnknown, name: str = "text") -> Ids:
        normalized = self.content.normalize(text_of(text, name))
        ids = self.content.vocabulary.encode(normalized, unknown_of(on_unknown), name)
        if len(ids) == 0 and name == "text":
            known = "the model knows none of its characters" if text else "it is empty"
            raise TextError(f"`text`: {known}; give at least one character", "text")
        return ids


def prompts_of(given: Iterable[str]) -> list[str]:
    """Several prompts. Raises UsageError for a text, which is a list of its characters by mistake, and for no list."""
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise UsageError(f"`prompts` is {reprlib.repr(given)}; it must be a list of texts", "prompts")
    return list(given)


def write_each(content: ModelFile, prompts: Sequence[Ids], config: SampleConfig) -> Iterator[Sample]:
    """`config.num` texts that go on from each prompt, in order. Raises UsageError for a pattern that cannot be met."""
    return in_blocks(content.model, content.vocabulary, prompts, config, opening=content.opening)

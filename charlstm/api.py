"""charlstm from Python: `charlstm.load(path)`, then `.generate(...)` and `.score(text)`."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any, Literal

import torch

from charlstm.checkpoint import ModelFile, find_model, load_model_file, save_model_file
from charlstm.config import LANGUAGES, Language, SampleConfig
from charlstm.corpus.vocab import OnUnknown, Vocabulary
from charlstm.errors import TextError, UsageError
from charlstm.evaluate import Score, score_stream
from charlstm.network.kernels import choose_kernels, worth_compiling
from charlstm.network.model import CharLM
from charlstm.sample import generate

SAVED_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class LanguageModel:
    """A network with its vocabulary.

    Attributes:
        model: the network (`charlstm.network.model.CharLM`, a `torch.nn.Module`).
        vocabulary: its characters.
        training: where it comes from.
        language: of its text, "pt" or "en"; None where its file does not say.
    """

    def __init__(self, content: ModelFile) -> None:
        self.content = content
        self.model: CharLM = content.model
        self.vocabulary: Vocabulary = content.vocabulary
        self.training: dict[str, Any] = content.training
        self.language: Language | None = content.language

    def generate(
        self,
        prompt: str = "",
        length: int = 1000,
        temperature: float = 0.8,
        *,
        top_k: int = 0,
        top_p: float = 1.0,
        stop: str | None = None,
        seed: int | None = None,
        on_unknown: OnUnknown = "error",
    ) -> str:
        """Text that goes on from a prompt, without the prompt.

        Raises:
            UsageError: for a setting out of range.
            UnknownCharacterError: for a prompt with a character that the model has never seen.
        """
        config = SampleConfig(length, temperature, top_k, top_p, 1, seed, stop)
        ids = self.vocabulary.encode(self.content.normalize(prompt), on_unknown, "prompt")
        drawn = generate(self.model, self.vocabulary, ids, config, opening=self.content.opening)
        return "".join(d.text for d in drawn)

    def score(self, text: str, *, on_unknown: OnUnknown = "error") -> Score:
        """Nats and bits a character over characters 2..N of a text, from a zero state.

        Raises:
            UnknownCharacterError: for a character that the model has never seen.
            TextError: for fewer than two characters.
        """
        ids = self.vocabulary.encode(self.content.normalize(text), on_unknown)
        if len(ids) < 2:
            raise TextError(f"{len(ids)} characters to score; at least 2 are needed")
        config = self.model.config
        kernels = choose_kernels(config, self.model.device, compiled=worth_compiling(config, len(ids)))
        return score_stream(self.model, ids, kernels)

    def save(
        self,
        path: str | PathLike[str],
        precision: Literal["fp32", "bf16"] = "fp32",
        *,
        language: Language | None = None,
    ) -> None:
        """Write the model to a file.

        Args:
            path: the file.
            precision: of the numbers in it; "bf16" halves the file and keeps 8 significant bits of each.
            language: of its text, "pt" or "en": what a probe without pairs takes its own from; None: as it is.

        Raises:
            CharLSTMError: if it cannot be written.
            UsageError: for another precision or language.
        """
        if precision not in SAVED_TYPES:
            raise UsageError(f"precision is {precision!r}; it must be one of {', '.join(SAVED_TYPES)}")
        if language not in (None, *LANGUAGES):
            raise UsageError(f"language is {language!r}; it must be one of {', '.join(LANGUAGES)}")
        training = self.training if language is None else {**self.training, "language": language}
        content = ModelFile(self.model, self.vocabulary, training)
        save_model_file(Path(path), content, SAVED_TYPES[precision])


def load(path: str | PathLike[str] | None = None, device: str = "cpu") -> LanguageModel:
    """The model in a file, in the folder of a run, the newest in a folder of runs, or one that ships, by its name.

    Args:
        path: a file or folder, or else the name of a model that ships (`portuguese`, `english`); None: the newest
            run in `checkpoints/`, or else `portuguese`.
        device: where it goes.

    Raises:
        ModelFileError: if there is none, or it is not sound.
    """
    content = load_model_file(find_model(None if path is None else Path(path)))
    content.model.to(device)
    return LanguageModel(content)

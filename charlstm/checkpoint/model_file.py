"""What a model file means: a network with its vocabulary, and, in a run's `last` file, all that resuming needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from charlstm.checkpoint.format import Shapes, read_about, read_file, write_file
from charlstm.checkpoint.moments import moments_of
from charlstm.config import LANGUAGES, Language, ModelConfig
from charlstm.corpus.vocab import Vocabulary, normalize
from charlstm.errors import CharLSTMError, ModelFileError, TextError, UsageError
from charlstm.in_numpy.cells import LAYOUTS
from charlstm.in_numpy.functions import Array, quietly
from charlstm.in_numpy.shapes import state_shapes, tensor_shapes

if TYPE_CHECKING:  # imported when a network is built: what a file holds is known without torch
    import torch
    from torch import Tensor

    from charlstm.network.model import CharLM

MAX_OPENING = 8  # characters
# How large a sum may be, float32 ending at 3e38: before an activation, and before the softmax, where billions of losses
# are added up. In a network that learns they stay below thousands.
MAX_SUM, MAX_LOGIT = 1e37, 1e28
TOO_LARGE = "its weights are so large that its results would be infinite or undefined"


class Described:
    """What a model file says of its network.

    Attributes:
        vocabulary: its characters.
        training: where it comes from: corpus sha256, step, epoch, losses, versions, seed, language.
        sha256: the hash in the file, checked when it was read; empty for what was not read from one.
    """

    vocabulary: Vocabulary
    training: dict[str, Any]
    sha256: str

    def normalize(self, text: str) -> str:
        """A text as the model's corpus holds it."""
        return normalize(text, self.composed)

    @property
    def composed(self) -> bool:
        """Whether the model's corpus was brought into normal form C."""
        return bool(self.training.get("composed", True))

    @property
    def opening(self) -> str:
        """What a text without a prompt begins after: a blank line, a newline or, without them, one character."""
        characters = self.vocabulary.characters
        return str(self.training.get("opening", "\n" if "\n" in characters else characters[0]))

    @property
    def lines(self) -> bool:
        """Whether it was trained on a list: every line a text of its own, from a zero state and after a newline."""
        return bool(self.training.get("lines", False))

    @property
    def corpus_sha256(self) -> str:
        """The name of its encoded corpus; a file may say anything, so only hexadecimal digits count: else "none"."""
        name = str(self.training.get("corpus_sha256", ""))
        return name if len(name) == 64 and all(c in "0123456789abcdef" for c in name) else "none"

    @property
    def language(self) -> Language | None:
        """The language of its text, one of `LANGUAGES`; None where the file does not say."""
        language: Language | None = self.training.get("language")
        return language


@dataclass
class Content(Described):
    """The content of a model file as it stands there, which is known without PyTorch.

    Attributes:
        config: what the network is.
        weights: its tensors by name, in float32.
        resume: what a run needs to go on, besides the tensors; None in a file for use only.
        tensors: optimiser moments, carried state, and the mean of the weights if these are the newest; empty in a file
            for use only.
    """

    config: ModelConfig
    weights: dict[str, Array]
    vocabulary: Vocabulary
    training: dict[str, Any]
    resume: dict[str, Any] | None = None
    tensors: dict[str, Array] = field(default_factory=dict)
    sha256: str = ""


@dataclass
class ModelFile(Described):
    """The content of a model file, with its network.

    Attributes:
        model: the network, on the CPU, in float32.
        resume, tensors: as in `Content`.
    """

    model: CharLM
    vocabulary: Vocabulary
    training: dict[str, Any]
    resume: dict[str, Any] | None = None
    tensors: dict[str, Tensor] = field(default_factory=dict)
    sha256: str = ""


def save_model_file(path: Path, content: ModelFile, dtype: torch.dtype | None = None) -> None:
    """Write a model file. Raises CharLSTMError if it cannot be written; the old one is then untouched.

    Args:
        path: the file.
        content: what to write.
        dtype: the type of the numbers in the file; bfloat16 takes half the room of float32; None: as they are.
    """
    about: dict[str, Any] = {
        "config": content.model.config.to_dict(),
        "vocabulary": list(content.vocabulary.characters),
        "training": content.training,
    }
    if content.resume is not None:
        about["resume"] = content.resume
    from charlstm.network.model import plain_weights

    if overflows(content.model.config, plain_weights(content.model)):  # what is written can be read
        raise CharLSTMError(f"{path} is not written: {TOO_LARGE}")
    tensors = {**content.model.state_dict(), **content.tensors}
    if dtype is not None:
        tensors = {name: tensor.to(dtype) for name, tensor in tensors.items()}
    write_file(path, tensors, about)


def read_content(path: Path, newest: bool = False) -> Content:
    """Read a model file, without building a network. Raises ModelFileError for anything that is not a sound one.

    Args:
        newest: of a training that takes the mean of the weights, the newest ones, from which it goes on; otherwise
            the mean, which is what it scores and keeps as its best.
    """
    tensors, about = read_file(path, _expected_shapes)
    config = ModelConfig.from_dict(about["config"])
    weights = {name: tensors.pop(name) for name in tensor_shapes(config)}
    if not newest:
        weights = {name: tensors.pop(mean_of(name), weight) for name, weight in weights.items()}
    if overflows(config, weights):
        raise ModelFileError(f"{path}: {TOO_LARGE}")
    vocabulary, training = Vocabulary(about["vocabulary"]), about["training"]
    return Content(config, weights, vocabulary, training, about.get("resume"), tensors, about["sha256"])


def load_model_file(path: Path, newest: bool = False) -> ModelFile:
    """Read a model file and build its network. Raises ModelFileError for anything that is not a sound one.

    Args:
        newest: as `read_content` has it.
    """
    return with_network(read_content(path, newest))


def mean_of(name: str) -> str:
    """The name of the mean of a weight over a training, in the file of its state."""
    return f"average.{name}"


def with_network(content: Content) -> ModelFile:
    """The content of a model file, with its network."""
    import torch

    from charlstm.network.model import CharLM

    with torch.device("meta"):
        model = CharLM(content.config)
    weights, tensors = (
        {name: torch.from_numpy(tensor) for name, tensor in arrays.items()}
        for arrays in (content.weights, content.tensors)
    )
    model.load_state_dict(weights, assign=True)
    model.requires_grad_(True)
    return ModelFile(model, content.vocabulary, content.training, content.resume, tensors, content.sha256)


@quietly
def overflows(config: ModelConfig, weights: Mapping[str, Array]) -> bool:
    """Whether a network of finite weights could compute something that is not finite.

    States are between -1 and 1, so a row of weights says how large its sum can be.
    """
    x, layout = np.abs(weights["embedding.weight"]).max(), LAYOUTS[config.cell_type]
    for k in range(config.num_layers):
        from_input, from_hidden, bias = (
            np.abs(weights[f"{layout.name}.{part}_l{k}"]) for part in ("weight_ih", "weight_hh", "bias")
        )
        sums = (from_input.sum(axis=1) * x + from_hidden.sum(axis=1)).reshape(len(layout.rows), -1)
        biases = bias.reshape(len(layout.bias_rows), -1)  # a gate may have two: all of a cell are more than enough
        if not (sums.max(axis=0) + biases.sum(axis=0)).max() < MAX_SUM:
            return True
        x = np.float32(1.0)
    head = np.abs(weights["head.weight"]).sum(axis=1) + np.abs(weights["head.bias"])
    return not bool(head.max() < MAX_LOGIT)


def describe_model_file(path: Path) -> dict[str, Any]:
    """Config, vocabulary, training and state of a model file as JSON has them, after checking all of it."""
    load_model_file(path)
    return read_about(path)


def _expected_shapes(about: Mapping[str, Any]) -> Shapes:
    """The tensors that a file must hold, from its inner JSON, which is checked on the way."""
    known = {"config", "format", "resume", "sha256", "training", "vocabulary"}
    if extra := about.keys() - known:
        raise ModelFileError(f"it has an unknown entry: {sorted(extra)[0]!a}")
    if not isinstance(about["config"], dict) or not isinstance(about["training"], dict):
        raise ModelFileError("its config or training is not an object")
    characters = about["vocabulary"]
    if not isinstance(characters, list) or not all(isinstance(c, str) for c in characters):
        raise ModelFileError("its vocabulary is not a list of characters")
    try:
        config = ModelConfig.from_dict(about["config"])
        Vocabulary(characters)
    except (UsageError, TextError) as e:
        raise ModelFileError(str(e)) from None
    opening = about["training"].get("opening", characters[0])
    if not isinstance(opening, str) or not 0 < len(opening) <= MAX_OPENING or not set(opening) <= set(characters):
        raise ModelFileError("its opening is not a short text in its vocabulary")
    if about["training"].get("language") not in (None, *LANGUAGES):
        raise ModelFileError(f"its language is not one of {', '.join(LANGUAGES)}")
    if about["training"].get("lines", False) and "\n" not in characters:
        raise ModelFileError("it was trained on lines, but knows no newline")
    if len(characters) != config.vocab_size:
        raise ModelFileError(f"{len(characters):,} characters, but a vocab_size of {config.vocab_size:,}")
    shapes = tensor_shapes(config)
    if "resume" not in about:
        return shapes
    train = about["resume"]["run"]["train"]
    batch_size, optimizer = train["batch_size"], train.get("optimizer", "adamw")
    if type(batch_size) is not int or not 1 <= batch_size <= 65_536:
        raise ModelFileError("its batch_size is invalid")
    moments = {
        f"optimizer.{moment}.{name}": shape for name, shape in shapes.items() for moment in moments_of(name, optimizer)
    }
    means = {mean_of(name): shape for name, shape in shapes.items() if train.get("average", 0.0)}
    state = {f"state.{name}": shape for name, shape in state_shapes(config, batch_size).items()}
    return {**shapes, **moments, **means, **state}

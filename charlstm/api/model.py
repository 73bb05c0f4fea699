"""`LanguageModel`, and `load`, which finds one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
import torch

from charlstm.api import probing
from charlstm.api.arguments import AnyPath, CellName, cell_of, choice_of, number_of, path_of, plain, text_of
from charlstm.api.writing import Writer
from charlstm.checkpoint import ModelFile, find_model, is_run, load_model_file, name_of, save_model_file
from charlstm.config import LANGUAGES, Language
from charlstm.corpus.vocab import Ids, OnUnknown, Vocabulary
from charlstm.errors import TextError, UsageError
from charlstm.evaluate import Score, bits_per_char, score_stream
from charlstm.explain.activations import Activations, read_activations
from charlstm.explain.memory import longest_memory
from charlstm.explain.walk import OPEN, Walk, walk_cells
from charlstm.grammar.pairs import MinimalPair
from charlstm.in_numpy.shapes import num_parameters
from charlstm.network.devices import find_device
from charlstm.network.kernels import choose_kernels, worth_compiling
from charlstm.network.model import CharLM
from charlstm.probe.reading import state_after
from charlstm.probe.result import ProbeResult
from charlstm.probe.verdict import Thresholds
from charlstm.progress import unheard
from charlstm.report.bars import Stages
from charlstm.scoring import TextScore, score_lines

SAVED_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class LanguageModel(Writer):
    """A network with its vocabulary.

    Attributes:
        model: the network (`charlstm.network.model.CharLM`, a `torch.nn.Module`).
        vocabulary: its characters.
        training: where it comes from.
        language: of its text, "pt" or "en"; None where its file does not say.
        path: its file; None for one that was made of a content alone.
    """

    def __init__(self, content: ModelFile, path: Path | None = None) -> None:
        self.content = content
        self.model: CharLM = content.model
        self.vocabulary: Vocabulary = content.vocabulary
        self.training: dict[str, Any] = content.training
        self.language: Language | None = content.language
        self.path = path

    @property
    def folder(self) -> Path | None:
        """The folder of its run, which `train(resume=...)` takes; None if it is not in one."""
        return self.path.parent if self.path is not None and is_run(self.path.parent) else None

    def __repr__(self) -> str:
        config, best = self.model.config, self.training.get("best_valid_nats")
        layers = f"{config.num_layers} layer{'s' * (config.num_layers > 1)} of {config.hidden_size:,} cells"
        parts = [
            f"{config.cell_type}, {layers}",
            f"{num_parameters(config):,} parameters",
            f"{len(self.vocabulary):,} characters",
            *([LANGUAGES[self.language]] if self.language else []),
            *([f"{bits_per_char(best):.3f} bits/char on its validation text"] if isinstance(best, float) else []),
        ]
        name = "" if self.path is None else f" {name_of(self.path)!r}"
        return f"<LanguageModel{name}: {', '.join(parts)}>"

    @overload
    def score(self, text: str, *, on_unknown: OnUnknown = "error") -> Score: ...

    @overload
    def score(
        self,
        text: list[str] | tuple[str, ...],
        *,
        newline: bool = False,
        per_char: bool = False,
        on_unknown: OnUnknown = "error",
    ) -> list[TextScore]: ...

    def score(
        self,
        text: str | list[str] | tuple[str, ...],
        *,
        newline: bool = False,
        per_char: bool = False,
        on_unknown: OnUnknown = "error",
    ) -> Score | list[TextScore]:
        """How likely the model finds a text, or each of several.

        Args:
            text: one text, read as `charlstm eval` reads it: from a zero state, its first character not scored. Or
                several, each read as `charlstm score` reads a line: after the model's opening, all of it scored.
            newline: of several texts, also score the line feed after each.
            per_char: of several texts, keep the log-probability, rank and entropy of every character: `.each`.
            on_unknown: what becomes of characters that the model has never seen.

        Returns:
            a `Score`, or a list with a `TextScore` for each text.

        Raises:
            UnknownCharacterError: for a character that the model has never seen.
            TextError: for one text of fewer than two characters.
            UsageError: for `newline` or `per_char` with one text.
        """
        config = self.model.config
        if isinstance(text, list | tuple):
            lines = [self._encode(line, on_unknown, f"text {k}") for k, line in enumerate(_listed(text), 1)]
            if newline and "\n" not in self.vocabulary:
                raise TextError("`newline`: the model has never seen a newline; leave it out", "newline")
            kernels = choose_kernels(
                config, self.model.device, "fp32", compiled=worth_compiling(config, sum(map(len, lines)))
            )
            return score_lines(self.content, lines, kernels, newline=bool(newline), per_char=bool(per_char))
        for name, value in (("newline", newline), ("per_char", per_char)):
            if value:
                raise UsageError(f"`{name}` goes with a list of texts; give [text]", name)
        ids = self._encode(text, on_unknown)
        if len(ids) < 2:
            raise TextError(f"{len(ids)} characters to score; at least 2 are needed")
        kernels = choose_kernels(config, self.model.device, compiled=worth_compiling(config, len(ids)))
        return score_stream(self.model, ids, kernels)

    def activations(
        self,
        text: str,
        *,
        gates: Sequence[str] | None = None,
        layers: Sequence[int] | None = None,
        warm: str = "",
        on_unknown: OnUnknown = "error",
    ) -> Activations:
        """Every gate and state of every cell at every character: `activations["f"][t, layer, cell]`.

        Args:
            text: T characters.
            gates: the letters to keep, as "fi" or ["c"]; None: f, i, g, o, c and h for an LSTM.
            layers: which to keep, counted from 1; None: all.
            warm: read before the text; without it the network begins in a zero state.
            on_unknown: what becomes of characters that the model has never seen.

        Returns:
            numpy arrays (T, L, H) by letter, in the type of the weights (float32).

        Raises:
            UsageError: for a gate or layer that the model does not have.
            UnknownCharacterError: for a character that the model has never seen.
            TextError: for an empty text, or one whose arrays would not fit into half of the memory.
        """
        ids = self._encode(text, on_unknown)
        return read_activations(
            self.model,
            _tensor(ids),
            self.vocabulary.decode(ids),
            state_after(self.content, text_of(warm, "warm"), on_unknown, "warm"),
            gates=_names(gates, "gates"),
            layers=None if layers is None else [number_of(n, "layers", 1, 64, whole=True) for n in _listed(layers)],
        )

    def explain(
        self,
        text: str,
        cell: CellName | None = None,
        *,
        open_from: float = OPEN,
        warm: str | None = None,
        on_unknown: OnUnknown = "error",
    ) -> Walk:
        """Follow one cell over a text: its gates, and what they do to its memory. `charlstm explain` shows the same.

        Args:
            text: what is read.
            cell: "2:73" or (2, 73), layers counted from 1 and cells from 0; None: the one that a probe of this model
                found, or else the one that remembers longest.
            open_from: from here on a gate is open.
            warm: read before the text; None: what the probe reads before each sentence.
            on_unknown: what becomes of characters that the model has never seen.

        Returns:
            a `Walk`: its numbers by letter, what each character did to the memory. In a notebook it is a picture.

        Raises:
            UsageError: for a cell that is not there.
            UnknownCharacterError: for a character that the model has never seen.
        """
        open_from = number_of(open_from, "open_from", 0, 1)
        ids = self._encode(text, on_unknown)
        place = None if cell is None else cell_of(cell, self.model.config)
        if warm is None:
            state = state_after(self.content, probing.usual_warm(self.content))
        else:
            state = state_after(self.content, text_of(warm, "warm"), on_unknown, "warm")
        place = place or probing.found_cell(self.content, self.path) or longest_memory(self.content, unheard)
        known = self.vocabulary.decode(ids)
        characters = self.vocabulary.characters
        return walk_cells(self.model, _tensor(ids), known, state, [place], open_from, characters=characters)[0]

    def probe(
        self,
        pairs: int | AnyPath | Sequence[AnyPath] | Sequence[MinimalPair] | None = None,
        *,
        cells: Sequence[CellName] = (),
        directions: bool = False,
        state: Literal["c", "h"] = "c",
        text: AnyPath | None = None,
        warm: str | None = None,
        hold: float = Thresholds.hold,
        gap: float = Thresholds.gap,
        alpha: float = Thresholds.alpha,
        recovery: float = Thresholds.recovery,
        nulls: int | None = None,
        null_models: Sequence[LanguageModel] = (),
        seed: int = 0,
        progress: bool | None = None,
    ) -> ProbeResult:
        """Find the cells that carry a feature, and prove it by experiment. `charlstm probe` shows the same.

        Args:
            pairs: a file of minimal pairs, several as one set, or the pairs themselves; a number: so many of the
                usual ones; None: all of the usual ones, held-out pairs in the language of the model (gender in
                Portuguese, number in English).
            cells: to report whatever they do, as ["2:73"].
            directions: compare the best cell with directions of its layer, too.
            state: look at the cell state c, or at the hidden state h.
            text: a file of ordinary text; None: text sampled from the model, always the same.
            warm: neutral text that is read before every sentence.
            hold, gap, alpha, recovery: what a claim asks for, as with the command.
            nulls: how many re-initialised networks to compare with; None: 5 to 19, fewer for larger networks.
            null_models: models that learnt nothing of the feature, to compare with, too.
            seed: of the pairs, the split, the tests and the null networks.
            progress: show a bar; None: in a notebook, and in a terminal.

        Returns:
            a `ProbeResult`; it prints its conclusion in words.

        Raises:
            UsageError: for an invalid argument.
            TextError: for pairs that this model cannot read, or that cannot be probed.
        """
        request = probing.Request(
            pairs, cells, directions, state, text, warm, (hold, gap, alpha, recovery), nulls,
            [model.content if isinstance(model, LanguageModel) else model for model in _listed(null_models)], seed,
        )  # fmt: skip
        with Stages(quiet=progress is False, forced=bool(progress)) as stages:
            return probing.run(self.content, request, stages.update)

    def save(
        self,
        path: AnyPath,
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
        choice_of(precision, "precision", SAVED_TYPES)
        if language is not None:
            choice_of(language, "language", LANGUAGES)
        training = self.training if language is None else {**self.training, "language": language}
        content = ModelFile(self.model, self.vocabulary, training)
        save_model_file(path_of(path, "path"), content, SAVED_TYPES[precision])


def _tensor(ids: Ids) -> torch.Tensor:
    return torch.from_numpy(ids.astype(np.int64))


def _listed(values: Any) -> list[Any]:
    """Several values, or one."""
    return [plain(v) for v in values] if isinstance(values, Sequence | np.ndarray | range) else [values]


def _names(values: Any, name: str) -> list[str] | None:
    if values is None:
        return None
    if not isinstance(values, Sequence) or not all(isinstance(value, str) for value in values):
        raise UsageError(f"`{name}` is {values!r}; it must be letters, as 'fi' or ['f', 'i']", name)
    return list(values)


def load(path: AnyPath | None = None, device: str = "cpu") -> LanguageModel:
    """The model in a file, in the folder of a run, the newest in a folder of runs, or one that ships, by its name.

    Args:
        path: a file or folder, or else the name of a model that ships (`portuguese`, `english`); None: the newest
            run in `checkpoints/`, or else `portuguese`.
        device: where it goes: "cpu", "cuda", "mps"; "auto" is the fastest that is here.

    Raises:
        ModelFileError: if there is none, or it is not sound.
        UsageError: for a device that is not here.
    """
    found = find_model(None if path is None else path_of(path, "path"))
    machine = find_device(device)
    content = load_model_file(found)
    content.model.to(machine)
    return LanguageModel(content, found)

"""Going on from a model with another text: what the training begins with, and what was known before it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from charlstm import checkpoint
from charlstm.checkpoint import ModelFile
from charlstm.config import ModelConfig, TrainConfig
from charlstm.corpus import Corpus, CorpusRequest
from charlstm.distributed.parts import WHOLE, Parts
from charlstm.errors import CharLSTMError, TextError, UsageError
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.progress import OnProgress
from charlstm.settings import settings_of
from charlstm.training.kept import as_json, request_of, text_again
from charlstm.training.mixing import old_lanes
from charlstm.training.validation import score_valid

MAX_LINEAGE = 50


@dataclass(frozen=True)
class Source:
    """A model to go on from.

    Attributes:
        content: what is in its file.
        path: the file.
        name: the name of a model that ships, or the path.
        sha256: of the file.
        licence: of the weights, with what it asks for; None where it is not known.
    """

    content: ModelFile
    path: Path
    name: str
    sha256: str
    licence: str | None

    @property
    def characters(self) -> str:
        """What it knows, by id."""
        return "".join(self.content.vocabulary.characters)

    @property
    def shape(self) -> dict[str, Any]:
        """The settings of its network, without the size of its vocabulary."""
        return {name: getattr(self.content.model.config, name) for name in settings_of(ModelConfig)}

    def lineage(self) -> tuple[dict[str, Any], ...]:
        """What the run will have come from: the model, and what that came from in turn."""
        # the hash of a model file stands where its last key `sha256` is, so this one has another name
        own = {"name": self.name, "file_sha256": self.sha256, "licence": self.licence}
        before = self.content.training.get("started_from")
        return (own, *(before if isinstance(before, list) else ()))[:MAX_LINEAGE]


def open_source(where: Path) -> Source:
    """The model that a path or a name means, as for all commands. Raises ModelFileError."""
    path = checkpoint.find_model(where)
    content = checkpoint.load_model_file(path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    name = checkpoint.name_of(path)
    return Source(content, path, name, sha256, checkpoint.licence_of(path, content.training))


def check_given(source: Source, given: Mapping[str, Any]) -> None:
    """Raise UsageError for settings that a model has brought along already, and otherwise."""
    for name, own in source.shape.items():
        if name in given and given[name] != own:
            raise UsageError(
                f"`{name}` {given[name]} contradicts {source.name}, whose network has {own}: leave it out, or leave "
                "`start_from` out to train a new network",
                name,
                "start_from",
            )
    if "memory" in given:
        raise UsageError(
            f"`memory` says how the cells of a new network begin, and those of {source.name} have learnt already: "
            "leave it out",
            "memory",
        )


def check_together(given: Mapping[str, Any], starts: bool, keep_text: bool) -> None:
    """Raise UsageError for what only goes with a model to start from, or not with a list."""
    for name, is_given in (("keep", bool(given.get("keep"))), ("keep_text", keep_text)):
        if is_given and not starts:
            raise UsageError(
                f"`{name}` is about the text of an earlier model, and no model is named: name it as `start_from`",
                name,
                "start_from",
            )
        if is_given and given.get("lines"):
            raise UsageError(
                f"`{name}` is about an old text beside the new one, but `lines` reads a list alone: give only one",
                name,
                "lines",
            )


@dataclass(frozen=True)
class OldText:
    """What the model had learnt from.

    Attributes:
        request: where it came from.
        corpus: its ids, in a vocabulary that the new one begins with or is.
    """

    request: CorpusRequest
    corpus: Corpus


def open_old_text(
    source: Source,
    named: CorpusRequest | None,
    corpus: Corpus,
    open_text: Callable[[CorpusRequest], Corpus],
    on_progress: OnProgress,
    processes: int | None,
) -> tuple[OldText | None, str]:
    """The old text, as named or as the run of the model recorded it; or None, and why.

    Args:
        named: None where the person named none.
        corpus: the new text.
        open_text: encodes a text.
        processes: as `open_corpus` takes them, for a text that a run recorded.
    """
    if named is not None:
        request = replace(named, characters="".join(corpus.vocabulary.characters))
        return OldText(request, open_text(request)), ""
    folder, advice = source.path.parent, "" if corpus.lines else "; name it as `keep_text`"  # which no list takes
    if not (folder / checkpoint.CONFIG).is_file():
        return None, f"the text that {source.name} learnt from is not here{advice}"
    try:
        request, sha256 = request_of(checkpoint.read_run_config(folder)["corpus"])
        old = text_again(request, sha256, on_progress, processes=processes)
    except (CharLSTMError, KeyError, TypeError, ValueError, AttributeError) as e:
        reason = str(e) if isinstance(e, TextError) else "its record is damaged"
        return None, f"the text of the run {folder} cannot be had ({reason}){advice}"
    if not source.characters.startswith("".join(old.vocabulary.characters)):
        return None, f"the text of the run {folder} has other characters than {source.name}{advice}"
    return OldText(request, old), ""


def open_texts(
    source: Source,
    request: CorpusRequest,
    keep_text: tuple[str, ...],
    given: Mapping[str, Any],
    open_text: Callable[[CorpusRequest], Corpus],
    on_progress: OnProgress,
    processes: int | None,
) -> tuple[CorpusRequest, Corpus, Start]:
    """The request, with the characters of the model; the text, in the vocabulary of the run; and how the run starts.

    Args:
        source: the model.
        request: for the text.
        keep_text: the files of the old text, read as the new one is; empty: that of the run.
        given: settings that the person gave.
        open_text: encodes a text.
        processes: as `open_corpus` takes them, for a text that a run recorded.
    """
    request = replace(request, characters=source.characters)
    corpus = open_text(request)
    fraction = given.get("valid_fraction", TrainConfig.valid_fraction)
    named_old = replace(request, files=keep_text, valid_files=(), valid_fraction=fraction) if keep_text else None
    old, why = open_old_text(source, named_old, corpus, open_text, on_progress, processes)
    if old is not None and named_old is not None:
        corpus = corpus.widened(old.corpus.vocabulary)
    new = "".join(corpus.vocabulary.characters[len(source.content.vocabulary) :])
    return request, corpus, Start(source.lineage(), new, old=old, why_no_old=why)


@dataclass(frozen=True)
class Start:
    """What a run that went on from a model keeps of its beginning.

    Attributes:
        lineage: that model, and those that it came from: name, `file_sha256` and licence of each.
        new_characters: those that it had never seen.
        before_nats, old_before_nats: its nats a character on the validation text and on the end of the old one; None:
            not known.
        old: the old text.
        why_no_old: why there is none.
    """

    lineage: tuple[dict[str, Any], ...]
    new_characters: str
    before_nats: float | None = None
    old_before_nats: float | None = None
    old: OldText | None = None
    why_no_old: str = ""

    @property
    def name(self) -> str:
        """Of the model."""
        return str(self.lineage[0]["name"])

    @property
    def licence(self) -> str | None:
        """Of its weights, and so of those that come of them."""
        licence = self.lineage[0].get("licence")
        return None if licence is None else str(licence)

    def to_dict(self) -> dict[str, Any]:
        """As the run keeps it."""
        about = {name: value for name, value in vars(self).items() if name != "old"}
        return {**about, "lineage": list(self.lineage), "old": self.old and as_json(self.old.request, self.old.corpus)}


def start_of(about: Mapping[str, Any], needs_old: bool, on_progress: OnProgress, processes: int | None) -> Start:
    """The start of a run that goes on, from what it kept; `processes` as `open_corpus` takes them.

    Raises:
        TextError: if the old text is gone, and the run needs it.
        KeyError, TypeError, ValueError: if the record is damaged.
    """
    scores = {name: about[name] for name in ("before_nats", "old_before_nats")}
    if not all(x is None or (type(x) is float and math.isfinite(x)) for x in scores.values()):
        raise ValueError("a score is invalid")
    lineage, why, new = about["lineage"], about["why_no_old"], about["new_characters"]
    if not (isinstance(lineage, list) and lineage and all(isinstance(a["name"], str) for a in lineage)):
        raise TypeError("lineage")
    if not isinstance(why, str) or not isinstance(new, str):
        raise TypeError("why_no_old")
    old = None
    if about["old"] is not None:
        request, sha256 = request_of(about["old"])
        try:
            old = OldText(request, text_again(request, sha256, on_progress, processes=processes))
        except TextError as e:
            if needs_old:
                raise TextError(f"the old text that this run also reads cannot be had ({e}): restore it") from None
            why = f"the old text cannot be had ({e})"
    return Start(tuple(lineage), new, **scores, old=old, why_no_old=why)


def check_old(start: Start, config: TrainConfig) -> None:
    """Raise UsageError or TextError unless there is as much old text as the run is to read."""
    if config.keep == 0:
        return
    if start.old is None:
        raise UsageError(f"`keep` reads old text, and {start.why_no_old}", "keep", "keep_text")
    lanes, n = old_lanes(config), len(start.old.corpus.train)
    if n <= lanes:
        raise TextError(f"the old text is too short for {lanes} lanes: {n:,} characters; lower `keep`", "keep")


def score_before(
    start: Start,
    source: Source,
    model: CharLM,
    corpus: Corpus,
    config: TrainConfig,
    kernels: Kernels,
    parts: Parts = WHOLE,
) -> Start:
    """The same, with the scores on both texts before any training.

    The new text is scored with the network that the run begins with; the old one with the model as it was, which had
    no probability to spare for new characters, unless it has some itself.
    """
    old = None if start.old is None else start.old.corpus
    own = source.content.model.to(model.device)
    knows_all = old is not None and not (old.valid >= own.config.vocab_size).any()
    reader = own if knows_all else model
    return replace(
        start,
        before_nats=nats_on(model, corpus, config, kernels, parts=parts),
        old_before_nats=None if old is None else nats_on(reader, old, config, kernels, parts=parts),
        why_no_old=start.why_no_old or ("" if old is None or len(old.valid) > 1 else "it has no end to validate on"),
    )


def nats_on(
    model: CharLM,
    corpus: Corpus,
    config: TrainConfig,
    kernels: Kernels,
    should_stop: Callable[[], bool] = lambda: False,
    parts: Parts = WHOLE,
) -> float | None:
    """Nats a character on a validation text, as much of it as evaluations read; None for one that is too short.

    Raises Stopped.
    """
    if min(len(corpus.valid), config.valid_chars or len(corpus.valid)) < 2:
        return None
    return score_valid(model, corpus, config, kernels, should_stop, parts).nats_per_char

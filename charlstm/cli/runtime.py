"""What commands do alike: the machine, the model that is meant, messages."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from charlstm.config import LANGUAGES, Language
from charlstm.corpus import Corpus, CorpusRequest, open_corpus
from charlstm.corpus.sources import STDIN
from charlstm.distributed.launch import launched
from charlstm.errors import TextError
from charlstm.progress import OnProgress
from charlstm.report.console import say

if TYPE_CHECKING:  # imported when a command runs: --help must not load torch
    import torch

    from charlstm.checkpoint import Content, ModelFile


def read_stdin(encoding: str = "utf-8", what: str = "-") -> str:
    """All of standard input as text. Raises TextError if there is none, or it is not in the encoding."""
    if sys.stdin is None:
        raise TextError(f"{what}: standard input is closed")
    try:
        return sys.stdin.buffer.read().decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as e:
        raise TextError(f"{what}: byte {e.start} of standard input: expected {encoding} ({e.reason})") from None
    except UnicodeError as e:
        raise TextError(f"{what}: standard input: expected {encoding} ({e})") from None


def stdin() -> BinaryIO | None:
    """Standard input, if there is one."""
    return sys.stdin.buffer if sys.stdin is not None else None


def shown_name(name: str) -> str:
    """What to call a text in a message: `-` is standard input."""
    return "standard input" if name == STDIN else name


def locate_texts(names: Sequence[str], quiet: bool) -> tuple[str, ...]:
    """The same names, with a file for each that means a text that comes with charlstm; stderr says which these are.

    Raises TextError for a name that is close to that of such a text, but is nothing.
    """
    from charlstm.grammar import GRAMMARS, located
    from charlstm.report.bars import Stages

    with Stages(quiet) as bar:
        files = located(names, bar.update)
    for name, file in zip(names, files, strict=True):
        if quiet or name not in GRAMMARS:
            continue
        if file == name:
            say(f"text: {name} in this folder, not the built-in text of that name")
        else:
            say(f"text: {name}, built in ({GRAMMARS[name].summary})")
    return files


def open_text(request: CorpusRequest, quiet: bool, on_progress: OnProgress, threads: int | None) -> Corpus:
    """The text of a request; stderr says which of its names mean a built-in one."""
    files, valid_files = (locate_texts(names, quiet) for names in (request.files, request.valid_files))
    return open_corpus(replace(request, files=files, valid_files=valid_files), stdin(), on_progress, threads)


def prepare_machine(device: str, threads: int | None) -> torch.device:
    """Set the number of threads; the device that `--device` means. Raises UsageError for one that is not here.

    Of processes that were started together, each gets a card of its own.
    """
    import torch

    from charlstm.network.devices import find_device

    if threads is not None:
        torch.set_num_threads(threads)
    found, launch = find_device(device), launched()
    if launch is not None and found.type == "cuda" and found.index is None:
        found = find_device(f"cuda:{launch.local_rank}")
        torch.cuda.set_device(found)
    return found


def say_compiling(quiet: bool) -> None:
    """Say on stderr that the steps are being compiled."""
    if not quiet:
        say("compiling the steps of the network for this machine, which takes three seconds, once")


def choose_model(checkpoint: Path | None, quiet: bool) -> tuple[Content, Path]:
    """What is in the model file that `--checkpoint` means, and the file; which one it is goes to stderr."""
    from charlstm.checkpoint import find_model, read_content

    path = find_model(checkpoint)
    return told(read_content(path), path, checkpoint, quiet)


def told(content: Content, path: Path, checkpoint: Path | None, quiet: bool) -> tuple[Content, Path]:
    """A model and its file, which is not looked up again: another run may be the newest by now."""
    if not quiet:
        say_model(path, checkpoint, "your newest run")
    return content, path


def choose_model_for(
    text: str, checkpoint: Path | None, quiet: bool, any_that_reads: bool = False
) -> tuple[Content, Path]:
    """As `choose_model`; where only models that ship are left, the one that predicts a text best.

    Without a text it is the one in the language of the person's locale.

    Args:
        text: what it is to read.
        any_that_reads: whether to take, instead of the newest run, a model that ships if the run has never seen a
            character of the text and that one knows them all; this is said.
    """
    from charlstm.checkpoint import find_model, is_shipped, read_content, shipped_by_language
    from charlstm.in_numpy.text_reader import TextReader, best_reader

    path, instead_of = find_model(checkpoint), ""
    shipped = shipped_by_language()
    readers: dict[Path, Content] = {}
    if checkpoint is not None or not is_shipped(path):
        if checkpoint is not None or not any_that_reads:
            return told(read_content(path), path, checkpoint, quiet)
        own = read_content(path)
        unknown = unknown_in(own, text)
        if unknown:
            contents = {file: read_content(file) for file in shipped.values()}
            readers = {file: content for file, content in contents.items() if unknown_in(content, text) is None}
        if not unknown or not readers:
            return told(own, path, checkpoint, quiet)
        instead_of = cannot_read(path, unknown)
    elif text:
        readers = {file: read_content(file) for file in shipped.values()}
    if readers:
        known = [(TextReader(content.config, content.weights), content.vocabulary) for content in readers.values()]
        path, content = list(readers.items())[best_reader(known, text)]
        why = "it predicts this text better than the others"
    else:
        language = locale_language()
        path = shipped.get(language) or find_model(None)
        content, why = read_content(path), f"its language is {LANGUAGES[language]}, like your locale"
    if not quiet:
        say_model(path, None, "", (f"; {why}" if len(readers or shipped) > 1 else "") + instead_of)
    return content, path


def load_model(checkpoint: Path | None, device: torch.device, quiet: bool) -> tuple[ModelFile, Path]:
    """The model that `choose_model` chooses, with its network on the device."""
    content, path = choose_model(checkpoint, quiet)
    return build(content, device), path


def load_model_for(
    text: str, checkpoint: Path | None, device: torch.device, quiet: bool, any_that_reads: bool = False
) -> tuple[ModelFile, Path]:
    """The model that `choose_model_for` chooses, with its network on the device."""
    content, path = choose_model_for(text, checkpoint, quiet, any_that_reads)
    return build(content, device), path


def build(content: Content, device: torch.device) -> ModelFile:
    """What is in a model file, with its network on the device."""
    from charlstm.checkpoint import with_network

    built = with_network(content)
    built.model.to(device)
    return built


def unknown_in(content: Content, text: str) -> str | None:
    """The first character of a text that a model has never seen."""
    return next((character for character in content.normalize(text) if character not in content.vocabulary), None)


def cannot_read(path: Path, character: str) -> str:
    """What to add to the name of a model that was taken instead of the newest run."""
    from charlstm.corpus.vocab import describe

    return f"; your newest run, {path}, has never seen {describe(character)}"


def locale_language() -> Language:
    """Portuguese where the person's locale is Portuguese, else English; by the variables that POSIX names, in order."""
    chosen = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    return "pt" if chosen.lower().startswith("pt") else "en"


def say_model(path: Path, given: Path | None, why: str, why_shipped: str = "") -> None:
    """Say on stderr which model was chosen, unless it was given by its very name.

    Args:
        path: its file.
        given: what `--checkpoint` said.
        why: what a run was chosen for.
        why_shipped: what to add to that a model ships.
    """
    from charlstm.checkpoint import CONFIG, is_shipped, name_of

    if say_hidden(given, path) or path == given:
        return
    if is_shipped(path):
        why = f"built in{why_shipped}"
    elif given is not None:
        why = ""
    elif not path.with_name(CONFIG).is_file():
        why = "it was put here"
    say(f"model: {name_of(path)}" + (f" ({why})" if why else ""))


def say_hidden(given: Path | None, path: Path) -> bool:
    """Say on stderr that a file or folder here has the name of a model that ships, and was taken; whether it was."""
    from charlstm.checkpoint import hides_shipped, shipped_models

    hides = hides_shipped(given, path)
    if hides:
        assert given is not None
        shipped = shipped_models()[given.as_posix()]
        say(f"model: {path} in this folder; for the built-in model of that name, give {shipped}")
    return hides

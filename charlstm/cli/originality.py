"""`charlstm originality`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from charlstm.cli.options import Checkpoint, Debug, Encoding, Glob, Json, Quiet, option
from charlstm.cli.runtime import locate_texts, read_stdin, shown_name
from charlstm.config import TEXT
from charlstm.corpus import CorpusRequest, check_encoding, find_texts, open_corpus, read_chunks
from charlstm.corpus.sources import STDIN
from charlstm.errors import TextError
from charlstm.originality import MIN_COPY, Copied, Index, Places, Stretch, find_copies, open_index
from charlstm.report.console import print_json, say

if TYPE_CHECKING:
    from charlstm.progress import OnProgress

TrainingText = Annotated[
    list[str] | None,
    option(
        "--training-text",
        help="The text to look for copies of; may be repeated. [default: what the model was trained on]",
        metavar="FILE",
        show_default=False,
        rich_help_panel=TEXT,
    ),
]
MinCopy = Annotated[
    int,
    option("--min-copy", help="Count stretches of at least this many characters.", metavar="N", min=1, max=10**9),
]


def originality(
    files: Annotated[
        list[str],
        typer.Argument(help="Text files, folders, globs, or - for standard input.", show_default=False),
    ],
    checkpoint: Checkpoint = None,
    lines: Annotated[bool, option("--lines", help="Every line is a text of its own.", rich_help_panel=TEXT)] = False,
    min_copy: MinCopy = MIN_COPY,
    training_text: TrainingText = None,
    glob: Glob = None,
    encoding: Encoding = "utf-8",
    quiet: Quiet = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what a text copies from the training text, word for word.

    For every text: the longest stretch that the training text has, too; where it stands there; and the share of the
    characters that are in copied stretches. The search is exact. The training text is that of the model, if it is still
    in the cache or where the run read it; --training-text names another.

        charlstm originality story.txt -c checkpoints/novel
        charlstm originality names.txt --lines --training-text all-names.txt --min-copy 8
    """
    check_encoding(encoding)
    from charlstm.report.bars import Stages

    with Stages(quiet or json) as stages:
        index = training_index(checkpoint, training_text or (), encoding, quiet or json, stages.update)
        texts = read_texts(files, glob or (), encoding, index.corpus.normalize, lines)
        if not texts:
            raise TextError(f"{', '.join(map(shown_name, files))}: there is no text in it")
        contents = [text for _, _, text in texts]
        found = find_copies(index, contents, min_copy, lambda done, total: stages.update("comparing", done, total))
    places = Places(index.corpus)
    if json:
        for (name, number, _), copied in zip(texts, found, strict=True):
            print_json({"file": name, **({"line": number} if lines else {}), **as_json(copied, places)})
        return
    from charlstm.report.originality import draw_copies, draw_lines
    from charlstm.report.screen import show

    if lines:
        numbered = [(number, copied) for (_, number, _), copied in zip(texts, found, strict=True)]
        show(lambda width, colour: draw_lines(numbered, width, colour))
        if not quiet:
            say(summary(found))
        return
    for (name, _, _), copied in zip(texts, found, strict=True):
        shown = shown_name(name)
        show(lambda width, colour, n=shown, c=copied: draw_copies(n, c, places, width, colour))  # type: ignore[misc]


def training_index(
    checkpoint: Path | None, given: Sequence[str], encoding: str, quiet: bool, on_progress: OnProgress
) -> Index:
    """The index of the text that `--training-text` names, or else of what the model was trained on."""
    if given:
        return given_index(given, encoding, True, quiet, on_progress)
    import torch

    from charlstm.cli.runtime import load_model
    from charlstm.training.record import training_corpus

    content, path = load_model(checkpoint, torch.device("cpu"), quiet)
    return open_index(training_corpus(content, path, on_progress), on_progress)


def given_index(given: Sequence[str], encoding: str, normalize: bool, quiet: bool, on_progress: OnProgress) -> Index:
    """The index of the text that `--training-text` names."""
    request = CorpusRequest(locate_texts(given, quiet), encoding=encoding, normalize=normalize, valid_fraction=0.0)
    return open_index(open_corpus(request, None, on_progress), on_progress)


def read_texts(
    files: list[str], globs: Sequence[str], encoding: str, normalize: bool, lines: bool
) -> list[tuple[str, int, str]]:
    """The texts, each with the name of its file and its line there; with `lines` a text a line, empty ones left out."""
    read = [
        (str(path), read_stdin(encoding) if path == Path(STDIN) else "".join(read_chunks(path, encoding, normalize)))
        for path in find_texts(files, globs)
    ]
    if not lines:
        return [(name, 1, text) for name, text in read if text]
    return [
        (name, number, line)
        for name, text in read
        for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1)
        if line
    ]


def as_json(copied: Copied, places: Places) -> dict[str, Any]:
    """What a text copies, as an object."""
    return {
        "characters": len(copied.text),
        "min_copy": copied.min_copy,
        "share": copied.share,
        "longest": stretch_as_json(copied, copied.longest, places) if copied.longest else None,
        "stretches": [stretch_as_json(copied, stretch, places) for stretch in copied.stretches],
    }


def stretch_as_json(copied: Copied, stretch: Stretch, places: Places) -> dict[str, Any]:
    """A stretch, with its passage and its place: characters and lines count from 1."""
    place = places.find(stretch.place, stretch.length)
    return {
        "character": stretch.start + 1,
        "characters": stretch.length,
        "passage": copied.text[stretch.start : stretch.end],
        "in_training_text": {"file": place.file or None, "line": place.line, "character": place.character},
    }


def summary(found: list[Copied]) -> str:
    """All lines in a sentence."""
    whole = sum(copied.longest is not None and copied.longest.length == len(copied.text) for copied in found)
    return f"{len(found):,} lines; the training text has {whole:,} of them as they are"

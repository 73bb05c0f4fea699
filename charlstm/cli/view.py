"""`charlstm view`."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from charlstm.cli.options import TEXT, Checkpoint, Debug, Json, Quiet, Threads, check_new_file, option
from charlstm.errors import UsageError
from charlstm.report.console import print_json, say

if TYPE_CHECKING:  # imported when the command runs: --help must not load torch
    from charlstm.checkpoint import ModelFile


def view(
    checkpoint: Checkpoint = None,
    text: Annotated[
        str | None,
        option(
            "--text",
            help="The text to begin with. [default: the sentence of the girl and João, or one that suits the model]",
            rich_help_panel=TEXT,
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        Path | None,
        option(
            "--file",
            help="Ordinary text to look cells up in: the beginning of this file. [default: what the model writes]",
            rich_help_panel=TEXT,
            show_default=False,
        ),
    ] = None,
    cell: Annotated[
        str | None,
        option(
            "--cell",
            help="The cell to begin with, as layer:cell (2:73). [default: the one that charlstm probe found, else the "
            "one that remembers longest]",
            show_default=False,
        ),
    ] = None,
    pairs: Annotated[
        Path | None,
        option(
            "--pairs",
            help="Sentences of your own with their twins: minimal pairs, as for charlstm probe.",
            rich_help_panel=TEXT,
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, option("--out", help="The page. [default: MODEL-NAME.html, here]", show_default=False)
    ] = None,
    open_it: Annotated[bool, option("--open", help="Open the page in your browser.")] = False,
    threads: Threads = None,
    quiet: Quiet = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write one HTML page in which the model itself runs, offline.

    Type in it, and watch the cells: it shows a cell over a sentence and its twin, what each gate does at each
    character, and how the ending changes when a cell is held still or takes its value in the twin.

        charlstm view --open
        charlstm view -c checkpoints/mine --text "Once upon a time" --out mine.html
    """
    if text is not None and pairs is not None:
        raise UsageError("--text and --pairs: give one of the two")
    if out is not None:
        check_new_file("--out", out, ".html", ".htm")
    from charlstm.cli.explain.inputs import items_for
    from charlstm.cli.probe.options import parse_cells
    from charlstm.cli.runtime import load_model, load_model_for, prepare_machine
    from charlstm.explain.memory import longest_memory
    from charlstm.files.atomic import write_atomically
    from charlstm.grammar.pairs import read_pairs
    from charlstm.probe.found_cells import recall, recall_judged
    from charlstm.progress import unheard
    from charlstm.report.bars import Stages
    from charlstm.view.content import (
        Shown,
        ordinary_text,
        page_data,
        sentences_for,
        shown_name,
        text_of_its_own,
        typed_text,
    )
    from charlstm.view.page import assemble
    from charlstm.view.weights import pack

    quiet = quiet or json
    machine = prepare_machine("cpu", threads)
    content, path = (
        load_model(checkpoint, machine, quiet) if text is None else load_model_for(text, checkpoint, machine, quiet)
    )
    place = parse_cells([cell] if cell else None, content.model.config)
    sentences, before = sentences_for(content, None if pairs is None else read_pairs(pairs))
    if text is not None:
        sentences = [typed_text(content, text), *sentences]
    usual = items_for(None, content.language)
    for items in (usual,) if pairs is None else (items_for(pairs, content.language), usual):
        judged, found = recall_judged(content, path, items.key), recall(content, path, items.key)[1]
        if judged is not None:
            break
    packed = pack(content.model)
    with Stages(quiet) as stages:
        ordinary = ordinary_text(content, file, stages.update)
    longest = partial(longest_memory, content, unheard, "".join(ordinary.passages))
    chosen = place[0] if place else (found.layer, found.cell) if found else longest()
    data = page_data(
        content,
        path,
        sentences=sentences or [Shown("its own", text_of_its_own(ordinary))],
        before=before,
        ordinary=ordinary,
        judged=judged,
        cell=chosen,
    )
    page = assemble(data, packed)
    target = out or free_name(shown_name(path))
    write_atomically(target, page)
    if json:
        about = {"bytes": len(page), "weights": packed.form, "exact": packed.exact, "probed": judged is not None}
        print_json({"page": str(target), "checkpoint": str(path), **about})
    else:
        if not quiet:
            tell(content, packed.form, packed.exact, judged is not None)
        print_page(target, len(page))
    if open_it:
        open_page(target)


def free_name(model: str) -> Path:
    """A name in the current folder after a model's: NAME.html, NAME-2.html, ... None that is taken."""
    stem = re.sub(r"[^\w-]+", "-", model).strip("-") or "model"
    page, n = Path(f"{stem}.html"), 1
    while page.exists() or page.is_symlink():
        n += 1
        page = Path(f"{stem}-{n}.html")
    return page


def tell(content: ModelFile, form: str, exact: bool, probed: bool) -> None:
    """Say on stderr what the weights in the page are, and what it lacks."""
    say(f"weights: {form}, {'exactly those of the model' if exact else 'rounded from those of the model'}")
    if not probed:
        say("cells: none was judged yet; run charlstm probe on this model, and write the page again")


def print_page(page: Path, size: int) -> None:
    """The path of the page and its size, on stdout."""
    import sys

    from charlstm.report.text import printable

    sys.stdout.write(f"{printable(str(page), keep='')}  {size / 1e6:.1f} MB\n")
    sys.stdout.flush()


def open_page(page: Path) -> None:
    """Open a page in the person's browser; say so if there is none."""
    import webbrowser

    if not webbrowser.open(page.resolve().as_uri()):
        say(f"no browser was found; open {page} in one")

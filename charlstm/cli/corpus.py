"""`charlstm corpus`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from charlstm.cli.options import OUTPUT, Debug, Json, Quiet, option
from charlstm.errors import UsageError
from charlstm.files.atomic import cannot_write, new_text_file
from charlstm.grammar import GRAMMARS, corpus_lines, minimal_pairs
from charlstm.report.console import print_json, say

DEFAULT_CHARS = 1_000_000


class CorpusName(StrEnum):
    """The corpora that can be generated."""

    agreement_pt = "agreement-pt"
    agreement_en_cs = "agreement-en-cs"


def corpus(
    name: Annotated[
        CorpusName,
        typer.Argument(
            help="; ".join(f"{name}: {grammar.summary}" for name, grammar in GRAMMARS.items()) + ".",
            show_default=False,
        ),
    ],
    chars: Annotated[
        int | None,
        option("--chars", help="Characters to write, in whole lines. [default: 1,000,000]", min=1, show_default=False),
    ] = None,
    pairs: Annotated[
        int | None,
        option(
            "--pairs",
            help="In place of the corpus, write so many held-out minimal pairs, as probe --pairs reads them.",
            min=1,
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, option("--seed", help="Same seed, same bytes.", min=0, max=2**63 - 1)] = 0,
    out: Annotated[
        Path | None,
        option("--out", "-o", help="Write to this file. [default: stdout]", rich_help_panel=OUTPUT, show_default=False),
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a corpus made by rule, whose agreement is known, or its pairs."""
    if chars is not None and pairs is not None:
        raise UsageError("--chars and --pairs: give one of them, the corpus or the pairs")
    if json and out is None and pairs is None:
        raise UsageError("--json: a corpus is text; give --out FILE and the object will say what was written")
    if pairs is not None:
        lines: Iterator[str] = (pair.to_json() + "\n" for pair in minimal_pairs(name.value, pairs, seed))
    else:
        lines = corpus_lines(name.value, chars if chars is not None else DEFAULT_CHARS, seed)
    if out is None:
        for line in lines:
            sys.stdout.write(line)
        return
    try:
        with new_text_file(out) as f:
            characters = sum(f.write(line) for line in lines)
    except FileExistsError:
        raise UsageError(f"--out {out}: there is a file already; it is never overwritten: give another name") from None
    except OSError as e:
        raise cannot_write(out, e) from None
    if json:
        print_json({"out": str(out), "corpus": name.value, "characters": characters, "seed": seed})
    elif not quiet:
        say(f"{out}: {characters:,} characters")

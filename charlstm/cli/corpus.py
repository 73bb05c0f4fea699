"""`charlstm corpus`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from charlstm.cli.options import OUTPUT, Debug, Json, Quiet, option, parse_finite
from charlstm.corpus import read_chunks
from charlstm.errors import UsageError
from charlstm.files.atomic import cannot_write, new_text_file
from charlstm.grammar import GRAMMARS, corpus_lines, minimal_pairs, mixed_lines
from charlstm.report.console import print_json, say

DEFAULT_CHARS = 1_000_000
DEFAULT_SHARE = 0.2


class CorpusName(StrEnum):
    """The corpora that can be generated."""

    agreement_pt = "agreement-pt"
    agreement_pt_open = "agreement-pt-open"
    agreement_en = "agreement-en"
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
    into: Annotated[
        Path | None,
        option(
            "--into",
            help="In place of the corpus, write this text, with sentences of the corpus between its own.",
            show_default=False,
        ),
    ] = None,
    share: Annotated[
        float | None,
        option(
            "--share",
            help="With --into: what the sentences take of all characters. [default: 0.2]",
            min=0.01,
            max=0.9,
            callback=parse_finite,
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
    """Write a practice text, or sentence pairs to probe with.

    What a network learns from sentences made by rule serves for prose if they stand in it:

        charlstm corpus agreement-pt --into prose.txt --out train.txt
        charlstm train train.txt
    """
    chosen = [name for name, value in (("--chars", chars), ("--pairs", pairs), ("--into", into)) if value is not None]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)}: give one of them, the corpus, its pairs or a text to mix it into")
    if share is not None and into is None:
        raise UsageError("--share: of what? It goes with --into")
    if json and out is None and pairs is None:
        raise UsageError("--json: a corpus is text; give --out FILE and the object will say what was written")
    if pairs is not None:
        lines: Iterator[str] = (pair.to_json() + "\n" for pair in minimal_pairs(name.value, pairs, seed))
    elif into is not None:
        if GRAMMARS[name.value].sentences is None:
            able = " or ".join(other for other, grammar in GRAMMARS.items() if grammar.sentences)
            raise UsageError(f"--into: the lines of {name.value} cannot stand in prose; take {able}")
        lines = mixed_lines(name.value, lines_of(into), DEFAULT_SHARE if share is None else share, seed)
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


def lines_of(path: Path) -> Iterator[str]:
    """The lines of a text file, without their ends. Raises TextError for one that cannot be read."""
    rest = ""
    for chunk in read_chunks(path):
        *whole, rest = (rest + chunk).split("\n")
        yield from whole
    if rest:
        yield rest

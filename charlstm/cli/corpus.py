"""`charlstm corpus`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from charlstm.cli.options import OUTPUT, Debug, Json, Quiet, option, parse_finite, writing_new
from charlstm.corpus import read_chunks
from charlstm.errors import TextError, UsageError
from charlstm.files.atomic import new_text_file
from charlstm.grammar import GRAMMARS, corpus_lines, minimal_pairs, mixed_lines
from charlstm.report.console import print_json, say

DEFAULT_SHARE = 0.2


class CorpusName(StrEnum):
    """The texts that can be written."""

    garden = "garden"
    agreement_pt = "agreement-pt"
    agreement_pt_open = "agreement-pt-open"
    agreement_pt_prose = "agreement-pt-prose"
    agreement_en = "agreement-en"
    agreement_en_cs = "agreement-en-cs"
    series = "series"


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
        option(
            "--chars",
            help="Characters to write, in whole lines. [default: 1,000,000; garden: 317,227]",
            min=1,
            show_default=False,
        ),
    ] = None,
    pairs: Annotated[
        int | None,
        option(
            "--pairs",
            help="Write this many minimal pairs instead, for probe --pairs. Their words never occur in the text.",
            min=1,
            show_default=False,
        ),
    ] = None,
    into: Annotated[
        Path | None,
        option(
            "--into",
            help="Mix sentences into the text in this file, and write the result.",
            show_default=False,
        ),
    ] = None,
    share: Annotated[
        float | None,
        option(
            "--share",
            help="With --into: the sentences' share of all characters. [default: 0.2]",
            min=0.01,
            max=0.9,
            callback=parse_finite,
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        option(
            "--seed",
            help="The same seed writes the same text. [default: 0; garden: 1997]",
            min=0,
            max=2**63 - 1,
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        option("--out", "-o", help="Write to this file. [default: stdout]", rich_help_panel=OUTPUT, show_default=False),
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a practice text, or sentence pairs to probe with.

    The texts are written by rule, so all agreement in them is known. charlstm train takes them by name, too. To teach
    a network both prose and agreement, mix the sentences into prose with --into.

        charlstm corpus garden --out garden.txt
        charlstm corpus agreement-pt --into prose.txt --out train.txt
        charlstm corpus agreement-pt --pairs 300 --out pairs.jsonl
    """
    chosen = [name for name, value in (("--chars", chars), ("--pairs", pairs), ("--into", into)) if value is not None]
    if len(chosen) > 1:
        raise UsageError(f"give only one of {', '.join(chosen)}")
    if share is not None and into is None:
        raise UsageError("--share needs --into FILE, the text to mix the sentences into")
    if json and out is None and pairs is None:
        raise UsageError("--json needs --out FILE: the text goes to the file, and stdout gets an object about it")
    grammar = GRAMMARS[name.value]
    alone = pairs is None and into is None
    seed = seed if seed is not None else grammar.seed if alone else 0
    if pairs is not None:
        if grammar.pairs is None:
            able = ", ".join(other for other, grammar in GRAMMARS.items() if grammar.pairs)
            raise UsageError(f"--pairs: {name.value} has none; take one of {able}")
        lines: Iterator[str] = (pair.to_json() + "\n" for pair in minimal_pairs(name.value, pairs, seed))
    elif into is not None:
        if grammar.sentences is None:
            able = ", ".join(other for other, grammar in GRAMMARS.items() if grammar.sentences)
            raise UsageError(f"--into: {name.value} has no sentences to mix into prose; take one of {able}")
        try:
            lines = mixed_lines(name.value, lambda: lines_of(into), DEFAULT_SHARE if share is None else share, seed)
        except ValueError as e:
            raise TextError(f"{into}: {e}") from None
    elif grammar.lines is None:
        raise UsageError(f"{name.value} needs --into FILE, the prose that its sentences are made of and go into")
    else:
        lines = corpus_lines(name.value, chars if chars is not None else grammar.characters, seed)
    if out is None:
        for line in lines:
            sys.stdout.write(line)
        return
    with writing_new("--out", out), new_text_file(out) as f:
        characters = sum(f.write(line) for line in lines)
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

"""Prompts of a file: read and checked before anything is written, then written from in blocks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from charlstm.cli.runtime import read_stdin, shown_name
from charlstm.cli.sample_texts import about_text, blocks, counted
from charlstm.corpus import read_chunks
from charlstm.corpus.sources import STDIN
from charlstm.errors import TextError, UsageError
from charlstm.report.console import print_json

if TYPE_CHECKING:  # imported when the command runs: --help must not load torch
    from charlstm.distributed.group import Group
    from charlstm.sample import Texts

WRITTEN = ("sample", "seed", "text", "logprobs", "allowed_logprobs")  # what is said of every text


class PromptsFormat(StrEnum):
    """What a line of a file of prompts is."""

    auto = "auto"
    text = "text"
    jsonl = "jsonl"


@dataclass(frozen=True)
class Prompt:
    """A prompt of a file.

    Attributes:
        text: what the model goes on from.
        source: the file and the line.
        fields: what else its line says, for the output.
    """

    text: str
    source: str
    fields: dict[str, Any]


def read_prompts(name: str, kind: PromptsFormat) -> list[Prompt]:
    """The prompts of a file, or of standard input (`-`): a line each.

    Args:
        kind: auto: JSON lines where the name ends in `.jsonl` (or `.jsonl.gz`), else text.

    Raises:
        TextError: for a file that is missing, not text, or has no prompts, and for a line that is no JSON object with a
            prompt; names the line.
        UsageError: for an empty name.
    """
    if not name:
        raise UsageError("--prompts: the name of the file is empty")
    if name == STDIN:
        name, whole = shown_name(name), read_stdin(what="--prompts").replace("\r\n", "\n")
    else:
        whole = "".join(_chunks(Path(name)))
    lines = whole.removesuffix("\n").split("\n") if whole else []
    sources = (f"{name}, line {number}" for number in range(1, len(lines) + 1))
    if kind is PromptsFormat.jsonl or (kind is PromptsFormat.auto and re.search(r"\.jsonl(\.gz)?$", name, re.I)):
        prompts = [_from_json(line, source) for line, source in zip(lines, sources, strict=True) if line.strip()]
    else:
        prompts = [Prompt(line, source, {}) for line, source in zip(lines, sources, strict=True)]
    if not prompts:
        raise TextError(f"{name}: no prompts in it; give one a line")
    return prompts


def _chunks(path: Path) -> Iterator[str]:
    try:
        yield from read_chunks(path, "utf-8", normalize=False)
    except TextError as e:
        if "encoding" in e.settings:  # there is no such option here
            raise TextError(str(e).partition(";")[0] + "; prompts are read in UTF-8") from None
        raise


def _from_json(line: str, source: str) -> Prompt:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no number of JSON")

    try:
        found = json.loads(line, parse_constant=refuse)
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise TextError(f"{source}: a lone surrogate, which is no character") from None
    except (ValueError, RecursionError) as e:
        raise TextError(f"{source}: not JSON ({str(e).partition(';')[0]})") from None
    if not isinstance(found, dict) or not isinstance(found.get("prompt"), str):
        raise TextError(f'{source}: expected an object with a prompt, such as {{"prompt": "Once"}}')
    taken = next((name for name in WRITTEN if name in found), None)
    if taken is not None:
        raise TextError(f'{source}: the output has a "{taken}" of its own; give that of the input another name')
    return Prompt(found["prompt"], source, found)


def write_from_each(group: Group, prompts: Sequence[Prompt], texts: Texts, json: bool, quiet: bool) -> None:
    """Write texts from every prompt: an object a text, in the order of the prompts, as soon as a block is done.

    Args:
        group: the processes that draw; the first one writes.
        texts: of these prompts.
        json: give the log-probabilities, too.
    """
    num, total, written = texts.config.num, len(prompts) * texts.config.num, 0
    with counted(total, quiet) as count, closing(blocks(group, texts, None, json)) as drawn:
        for block in drawn:
            for n, kept in enumerate(block, written):
                about = about_text(n % num, kept.text, texts.config, json)
                print_json({**prompts[n // num].fields, **about})
            written += len(block)
            count(written)

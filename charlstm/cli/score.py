"""`charlstm score`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from charlstm.cli.options import (
    OUTPUT,
    Checkpoint,
    Debug,
    Device,
    DeviceOption,
    Encoding,
    ExactPrecision,
    Glob,
    Json,
    Quiet,
    Threads,
    Unknown,
    UnknownOption,
    option,
    parse_path,
)
from charlstm.cli.runtime import load_model, locate_texts, prepare_machine, say_compiling, shown_name
from charlstm.corpus import check_encoding, find_texts, read_lines
from charlstm.corpus.sources import STDIN
from charlstm.errors import TextError, UsageError
from charlstm.report.console import say

if TYPE_CHECKING:  # imported when the command runs: --help must not load torch
    import torch

    from charlstm.checkpoint import ModelFile
    from charlstm.corpus.vocab import Ids, OnUnknown
    from charlstm.network.kernels import Kernels
    from charlstm.report.scores import ScoredLine
    from charlstm.scoring import TextScore

FIRST_CHARS, CHUNK_CHARS = 1 << 13, 1 << 18  # what is read before it is scored: at first little, so that output begins
LONG_LINE = 1_000_000  # characters


class Line(NamedTuple):
    """A line of a file, with its ids for each model."""

    file: str
    number: int
    ids: list[Ids]


def score(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Text files, folders, globs, a built-in text such as garden, or - for standard input.",
            show_default=False,
        ),
    ],
    checkpoint: Checkpoint = None,
    against: Annotated[
        Path | None,
        option(
            "--against",
            help="Compare with this model: the log odds of a line, in nats, are positive where the first model finds "
            "it likelier.",
            parser=parse_path,
            metavar="MODEL",
            show_default=False,
        ),
    ] = None,
    newline: Annotated[
        bool, option("--newline", help="Also score the newline after each line: that it ends there.")
    ] = False,
    per_char: Annotated[
        bool,
        option(
            "--per-char", help="Give the log-probability, rank and entropy of every character.", rich_help_panel=OUTPUT
        ),
    ] = False,
    tsv: Annotated[
        bool, option("--tsv", help="Write columns separated by tabs, for a spreadsheet.", rich_help_panel=OUTPUT)
    ] = False,
    glob: Glob = None,
    encoding: Encoding = "utf-8",
    unknown: UnknownOption = Unknown.error,
    device: DeviceOption = Device.auto,
    precision: ExactPrecision = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Score each line of a text on its own, in nats and bits.

    The score says how likely the model finds the line. Each line begins where the network begins a line of its training
    text: from a zero state, after the blank line or newline that the model file names as its opening. The newline at
    its end is not scored unless you ask for it. On a terminal you see a table; in a pipe or a file, or with --json,
    each line is a JSON object.

        charlstm score names.txt -c checkpoints/names > scores.jsonl
        charlstm score letters.txt -c english --against checkpoints/austen
        charlstm score poem.txt --per-char --tsv > characters.tsv
    """
    if json and tsv:
        raise UsageError("--json and --tsv exclude each other; leave one of them out")
    check_encoding(encoding)
    machine = prepare_machine(device.value, threads)
    contents = [load_model(checkpoint, machine, quiet or json)[0]]
    if against is not None:
        contents.append(load_other(against, machine, quiet or json))
    for content in contents if newline else ():
        if "\n" not in content.vocabulary:
            raise TextError("--newline: the model has never seen a newline; leave --newline out")
    paths = find_texts(locate_texts(files, quiet or json), glob or ())
    size = sum(path.stat().st_size for path in paths if path != Path(STDIN))

    from charlstm.report.bars import Bar
    from charlstm.scoring import score_lines

    kernels = [kernels_for(content, machine, precision, size, quiet or json) for content in contents]
    write, end = writer(json, tsv, per_char, against is not None)
    with Bar("score", quiet or sys.stdout.isatty() or Path(STDIN) in paths, unit="B") as bar:
        read = 0

        def show(bytes_read: int) -> None:
            nonlocal read
            read += bytes_read
            if 0 < read < size:
                bar.show(read, size)

        lines = read_files(paths, contents, encoding, unknown.value, show)
        for chunk in in_chunks(lines):
            if not quiet:
                warn_of_long(chunk)
            scores = [
                score_lines(content, [line.ids[k] for line in chunk], kernels[k], newline=newline, per_char=per_char)
                for k, content in enumerate(contents)
            ]
            for line, *found in zip(chunk, *scores, strict=True):
                write(scored(line, contents[0], found))
            sys.stdout.flush()
    end()


def load_other(against: Path, machine: torch.device, quiet: bool) -> ModelFile:
    """The model to compare with, on the device; which one it is goes to stderr."""
    from charlstm.checkpoint import find_model, load_model_file, name_of

    path = find_model(against)
    content = load_model_file(path)
    content.model.to(machine)
    if not quiet:
        say(f"against: {name_of(path)}")
    return content


def kernels_for(content: ModelFile, machine: torch.device, precision: str, size: int, quiet: bool) -> Kernels:
    """How a model reads so many bytes."""
    from charlstm.network.kernels import choose_kernels, worth_compiling

    return choose_kernels(
        content.model.config,
        machine,
        "bf16" if precision == "bf16" else "fp32",  # auto: a line has the same score alone and among others
        compiled=worth_compiling(content.model.config, size),
        on_compile=lambda: say_compiling(quiet),
    )


def read_files(
    paths: Sequence[Path],
    contents: Sequence[ModelFile],
    encoding: str,
    on_unknown: OnUnknown,
    on_bytes: Callable[[int], None],
) -> Iterator[Line]:
    """The lines of files, in order. Raises TextError."""
    from charlstm.scoring import readable_ids

    for path in paths:
        stream, name = None, shown_name(str(path))
        if path == Path(STDIN):
            if sys.stdin is None:
                raise TextError("standard input is closed")
            stream = sys.stdin.buffer
        number = 0
        for number, line in enumerate(read_lines(path, encoding, contents[0].composed, on_bytes, stream), 1):
            yield Line(str(path), number, readable_ids(contents, line, on_unknown, f"{name}, line {number}"))
        if number == 0:
            say(f"note: {name} is empty: there is nothing to score")


def in_chunks(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Lines in lists of about as many characters; what precedes an error is given before it is raised."""
    held: list[Line] = []
    characters, limit = 0, FIRST_CHARS
    try:
        for line in lines:
            held.append(line)
            characters += len(line.ids[0]) + 1
            if characters >= limit:
                yield held
                held, characters, limit = [], 0, min(2 * limit, CHUNK_CHARS)
    except TextError:
        if held:
            yield held
        raise
    if held:
        yield held


def warn_of_long(lines: Iterable[Line]) -> None:
    """Say of a line that may be a whole text that there is a faster way."""
    for line in lines:
        if len(line.ids[0]) >= LONG_LINE:
            say(
                f"note: line {line.number} of {line.file} has {len(line.ids[0]):,} characters and is read in one "
                "piece; charlstm eval scores a long text many times as fast"
            )


def scored(line: Line, content: ModelFile, found: Sequence[TextScore]) -> ScoredLine:
    """A line with what each model says of it."""
    from charlstm.report.scores import ScoredLine

    return ScoredLine(line.file, line.number, content.vocabulary.decode(line.ids[0]), *found)


def writer(
    json: bool, tsv: bool, per_char: bool, against: bool
) -> tuple[Callable[[ScoredLine], None], Callable[[], None]]:
    """How a line is written to stdout, and what is written after the last one."""
    from charlstm.report.console import plain_console
    from charlstm.report.scores import Columns, Screen, json_pieces

    columns = Columns(per_char, against)
    if tsv:
        sys.stdout.write("\t".join(columns.names()) + "\n")
        return lambda line: sys.stdout.writelines("\t".join(row) + "\n" for row in columns.rows(line)), lambda: None
    if json or not sys.stdout.isatty():
        return lambda line: sys.stdout.writelines(json_pieces(line)), lambda: None
    screen = Screen(columns, plain_console().width)
    sys.stdout.write(screen.heading() + "\n")
    return (
        lambda line: sys.stdout.writelines(row + "\n" for row in screen.show(line)),
        lambda: None if per_char else sys.stdout.writelines([screen.end() + "\n"]),
    )

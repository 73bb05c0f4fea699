"""`charlstm eval`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from charlstm.cli.options import (
    Checkpoint,
    Debug,
    Device,
    DeviceOption,
    Encoding,
    Glob,
    Json,
    PrecisionOption,
    Quiet,
    Threads,
    Unknown,
    UnknownOption,
    option,
    parse_finite,
)
from charlstm.cli.runtime import load_model, locate_texts, prepare_machine, read_stdin, say_compiling
from charlstm.corpus import check_encoding, check_globs, find_files, read_chunks
from charlstm.corpus.lines import LineReader, held_out_lines, line_lengths
from charlstm.corpus.vocab import Ids, OnUnknown
from charlstm.errors import TextError
from charlstm.report.console import print_json

if TYPE_CHECKING:  # imported when the command runs: --help must not load torch
    from charlstm.checkpoint import ModelFile

WINDOWS = "Protocol windows"


class Protocol(StrEnum):
    """How a text is scored."""

    stream = "stream"
    lines = "lines"
    windows = "windows"


def evaluate(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Text files, folders, globs, a built-in text such as garden, or - for standard input.",
            show_default=False,
        ),
    ],
    checkpoint: Checkpoint = None,
    protocol: Annotated[
        Protocol | None,
        option(
            "--protocol",
            help="stream: read the text once, from start to end; lines: each line from zero; windows: random windows "
            "from zero, as nanoGPT. [default: lines for a model trained with --lines, else stream]",
            show_default=False,
        ),
    ] = None,
    valid_fraction: Annotated[
        float,
        option(
            "--valid-fraction",
            help="Score only this share of each file, at its end, which train keeps for validation.",
            min=0,
            max=1,
            callback=parse_finite,
        ),
    ] = 1.0,
    seq_len: Annotated[
        int, option("--seq-len", help="Characters in a window.", min=1, max=65536, rich_help_panel=WINDOWS)
    ] = 64,
    batches: Annotated[int, option("--batches", help="Number of batches.", min=1, rich_help_panel=WINDOWS)] = 200,
    batch_size: Annotated[
        int, option("--batch-size", help="Windows in a batch.", min=1, max=65536, rich_help_panel=WINDOWS)
    ] = 32,
    seed: Annotated[
        int, option("--seed", help="Random seed: where the windows lie.", min=0, max=2**63 - 1, rich_help_panel=WINDOWS)
    ] = 0,
    glob: Glob = None,
    encoding: Encoding = "utf-8",
    unknown: UnknownOption = Unknown.error,
    device: DeviceOption = Device.auto,
    precision: PrecisionOption = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Measure how well a model predicts a text, in bits per character.

    Several files count as one text. Nats per character are given, too: 1 bit is 0.693 nats.

        charlstm eval novel.txt -c checkpoints/novel --valid-fraction 0.1
        charlstm eval novel.txt -c checkpoints/novel --protocol windows --json
    """
    check_encoding(encoding)
    from charlstm.evaluate import score_lines, score_stream, score_windows
    from charlstm.network.kernels import choose_kernels, worth_compiling

    machine = prepare_machine(device.value, threads)
    content, path = load_model(checkpoint, machine, quiet or json)
    protocol = protocol or (Protocol.lines if content.lines else Protocol.stream)
    read = read_list if protocol is Protocol.lines else read_ids
    ids = read(locate_texts(files, quiet or json), glob or (), content, encoding, unknown.value, valid_fraction)
    config = content.model.config
    characters = batches * batch_size * seq_len if protocol is Protocol.windows else len(ids)
    kernels = choose_kernels(
        config,
        machine,
        precision,
        compiled=worth_compiling(config, characters),
        on_compile=lambda: say_compiling(quiet or json),
    )
    if protocol is Protocol.stream:
        if len(ids) < 2:
            raise TextError(f"{', '.join(files)}: {len(ids)} characters to score, but scoring needs at least 2")
        from charlstm.report.bars import Bar

        with Bar("score", quiet) as bar:
            score = score_stream(content.model, ids, kernels, on_progress=bar.show)
    elif protocol is Protocol.lines:
        from charlstm.report.bars import Bar

        if len(ids) == 0:
            raise TextError(f"{', '.join(files)}: there is no line to score")
        newline = int(content.vocabulary.encode("\n")[0])
        with Bar("score", quiet) as bar:
            score = score_lines(content.model, ids, newline, kernels, on_progress=bar.show)
    else:
        if len(ids) < seq_len + 1:
            raise TextError(f"{', '.join(files)}: {len(ids):,} characters are too few for --seq-len {seq_len}")
        score = score_windows(
            content.model, ids, kernels, seq_len=seq_len, batches=batches, batch_size=batch_size, seed=seed
        )
    if json:
        print_json({**score.to_dict(), "protocol": protocol.value, "checkpoint": str(path)})
    else:
        sys.stdout.write(
            f"{score.nats_per_char:.4f} nats/char  {score.bits_per_char:.4f} bits/char  "
            f"{score.characters:,} characters scored\n"
        )


def read_ids(
    files: Sequence[str],
    globs: Sequence[str],
    content: ModelFile,
    encoding: str,
    on_unknown: OnUnknown,
    fraction: float,
) -> Ids:
    """The ids of the texts, one after the other; of each only the share at its end. Raises TextError."""
    check_globs(files, globs)
    texts: list[Ids] = []
    for name in files:
        if name == "-":
            text = content.normalize(read_stdin(encoding))
            texts.append(content.vocabulary.encode(text, on_unknown, name))
            continue
        for path in find_files([name], globs):
            pieces, offset = [np.zeros(0, dtype=content.vocabulary.id_type)], 0
            for text in read_chunks(path, encoding, content.composed):
                pieces.append(content.vocabulary.encode(text, on_unknown, str(path), offset))
                offset += len(text)
            texts.append(np.concatenate(pieces))
    # the same split as `train` makes
    return np.concatenate([ids[int(len(ids) * (1 - fraction)) :] for ids in texts])


def read_list(
    files: Sequence[str],
    globs: Sequence[str],
    content: ModelFile,
    encoding: str,
    on_unknown: OnUnknown,
    fraction: float,
) -> Ids:
    """The ids of the lines of texts, each ended by a newline; a smaller share than 1: those that `train` holds out.

    Raises:
        TextError: for a text that cannot be read, or a model without newlines.
    """
    check_globs(files, globs)
    newline = content.vocabulary.encode("\n", what="the end of a line")[0]
    reader, pieces = LineReader(), [np.zeros(0, dtype=content.vocabulary.id_type)]
    for name in files:
        for path in [Path(name)] if name == "-" else find_files([name], globs):
            offset = 0
            chunks: Iterable[str] = read_chunks(path, encoding, content.composed)  # lazy: - is no file
            if name == "-":
                chunks = [content.normalize(read_stdin(encoding))]
            for text in reader.read(chunks, path):
                pieces.append(content.vocabulary.encode(text, on_unknown, str(path), offset))
                offset += len(text)
    ids = np.concatenate(pieces)
    if fraction == 1:
        return ids
    lengths = line_lengths(ids, int(newline))
    return ids[np.repeat(held_out_lines(reader.marks, fraction), lengths)]

"""`charlstm eval`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
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
from charlstm.corpus.vocab import Ids, OnUnknown
from charlstm.errors import TextError
from charlstm.report.console import print_json

if TYPE_CHECKING:  # imported when the command runs: --help must not load torch
    from charlstm.checkpoint import ModelFile

WINDOWS = "Protocol windows"


class Protocol(StrEnum):
    """How a text is scored."""

    stream = "stream"
    windows = "windows"


def evaluate(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Files, folders (*.txt and *.txt.gz in them), globs; - is standard input.", show_default=False
        ),
    ],
    checkpoint: Checkpoint = None,
    protocol: Annotated[
        Protocol,
        option(
            "--protocol",
            help="stream: every character once, state carried; windows: random windows from zero, as nanoGPT.",
        ),
    ] = Protocol.stream,
    valid_fraction: Annotated[
        float,
        option(
            "--valid-fraction",
            help="Score only this share at the end of every file, as train keeps it.",
            min=0,
            max=1,
            callback=parse_finite,
        ),
    ] = 1.0,
    seq_len: Annotated[
        int, option("--seq-len", help="Characters a window.", min=1, max=65536, rich_help_panel=WINDOWS)
    ] = 64,
    batches: Annotated[int, option("--batches", help="Batches of windows.", min=1, rich_help_panel=WINDOWS)] = 200,
    batch_size: Annotated[
        int, option("--batch-size", help="Windows a batch.", min=1, max=65536, rich_help_panel=WINDOWS)
    ] = 32,
    seed: Annotated[
        int, option("--seed", help="Of the places of the windows.", min=0, max=2**63 - 1, rich_help_panel=WINDOWS)
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
    """Score how well a model predicts a text, in nats and bits a character.

    Several files are scored one after the other as one text.
    """
    check_encoding(encoding)
    from charlstm.evaluate import score_stream, score_windows
    from charlstm.network.kernels import choose_kernels, worth_compiling

    machine = prepare_machine(device.value, threads)
    content, path = load_model(checkpoint, machine, quiet or json)
    ids = read_ids(locate_texts(files, quiet or json), glob or (), content, encoding, unknown.value, valid_fraction)
    config = content.model.config
    characters = len(ids) if protocol is Protocol.stream else batches * batch_size * seq_len
    kernels = choose_kernels(
        config,
        machine,
        precision,
        compiled=worth_compiling(config, characters),
        on_compile=lambda: say_compiling(quiet or json),
    )
    if protocol is Protocol.stream:
        if len(ids) < 2:
            raise TextError(f"{', '.join(files)}: {len(ids)} characters to score; at least 2 are needed")
        from charlstm.report.bars import Bar

        with Bar("score", quiet) as bar:
            score = score_stream(content.model, ids, kernels, on_progress=bar.show)
    else:
        if len(ids) < seq_len + 1:
            raise TextError(f"{', '.join(files)}: {len(ids):,} characters do not fill a window of --seq-len {seq_len}")
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

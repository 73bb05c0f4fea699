"""`charlstm eval`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
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
from charlstm.config import DynamicConfig
from charlstm.corpus import check_encoding, find_texts, read_chunks
from charlstm.corpus.lines import LineReader, held_out_lines, line_lengths
from charlstm.corpus.sources import STDIN
from charlstm.corpus.vocab import Ids, OnUnknown
from charlstm.errors import TextError
from charlstm.report.console import print_json

if TYPE_CHECKING:  # imported when the command runs: --help must not load torch
    from charlstm.checkpoint import ModelFile
    from charlstm.evaluate import Score

WINDOWS, DYNAMIC = "Protocol windows", "Protocol dynamic"


class Protocol(StrEnum):
    """How a text is scored."""

    stream = "stream"
    lines = "lines"
    windows = "windows"
    dynamic = "dynamic"


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
            "from zero, as nanoGPT; dynamic: as stream, learning from what it has read. [default: lines for a model "
            "trained with --lines, else stream]",
            show_default=False,
        ),
    ] = None,
    valid_fraction: Annotated[
        float,
        option(
            "--valid-fraction",
            help="Score only this share of each file, at its end, or of the lines: what train keeps for validation.",
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
    segment: Annotated[
        int,
        option(
            "--segment",
            help="Characters that are scored, then learnt from.",
            min=1,
            max=65536,
            rich_help_panel=DYNAMIC,
        ),
    ] = DynamicConfig.segment,
    lr: Annotated[
        float,
        option("--lr", help="Learning rate.", min=0, max=1e3, callback=parse_finite, rich_help_panel=DYNAMIC),
    ] = DynamicConfig.lr,
    decay: Annotated[
        float,
        option(
            "--decay",
            help="Share of the way back to the trained weights after each segment.",
            min=0,
            max=1,
            callback=parse_finite,
            rich_help_panel=DYNAMIC,
        ),
    ] = DynamicConfig.decay,
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

    Several files are scored each on its own, and all together: a table, or with --json one object each; that of all
    has no file. Nats per character are given, too: 1 bit is 0.693 nats.

        charlstm eval novel.txt -c checkpoints/novel --valid-fraction 0.1
        charlstm eval chapters/*.txt -c english
        charlstm eval novel.txt -c checkpoints/novel --protocol windows --json
    """
    check_encoding(encoding)
    from charlstm.evaluate import score_files, score_files_dynamically, score_lists, score_windows
    from charlstm.network.kernels import choose_kernels, worth_compiling

    machine = prepare_machine(device.value, threads)
    content, path = load_model(checkpoint, machine, quiet or json)
    protocol = protocol or (Protocol.lines if content.lines else Protocol.stream)
    read = read_lists if protocol is Protocol.lines else read_texts
    texts = read(locate_texts(files, quiet or json), glob or (), content, encoding, unknown.value, valid_fraction)
    names, ids = [name for name, _ in texts], [text for _, text in texts]
    config = content.model.config
    in_windows = protocol is Protocol.windows
    windowed = batches * batch_size * seq_len * (1 + (len(texts) if len(texts) > 1 else 0))
    characters = windowed if in_windows else sum(map(len, ids))
    if protocol is Protocol.lines and not characters:
        raise TextError(f"{', '.join(files)}: there is no line to score")
    least = seq_len + 1 if in_windows else 2
    check_length(files, sum(map(len, ids)) if in_windows else max(map(len, ids)), least)
    kernels = choose_kernels(
        config,
        machine,
        precision,
        compiled=worth_compiling(config, characters),
        on_compile=lambda: say_compiling(quiet or json),
    )
    model = content.model
    scores: list[Score | None]
    if in_windows:
        how = {"seq_len": seq_len, "batches": batches, "batch_size": batch_size, "seed": seed}
        together = score_windows(model, np.concatenate(ids), kernels, **how)
        scores = [score_windows(model, one, kernels, **how) if len(one) >= least else None for one in ids]
        scores = scores if len(texts) > 1 else [together]
    else:
        from charlstm.report.bars import Bar

        with Bar("score", quiet) as bar:
            if protocol is Protocol.lines:
                newline = int(content.vocabulary.encode("\n")[0])
                scores, together = score_lists(model, ids, newline, kernels, on_progress=bar.show)
            elif protocol is Protocol.dynamic:
                learning = DynamicConfig(segment, lr, decay)
                scores, together = score_files_dynamically(model, ids, kernels, learning, on_progress=bar.show)
            else:
                scores, together = score_files(model, ids, kernels, on_progress=bar.show)
    show(names, scores, together, json, {"protocol": protocol.value, "checkpoint": str(path)})


def check_length(files: Sequence[str], characters: int, least: int) -> None:
    """Raise TextError for a text that is too short to be scored."""
    if characters >= least:
        return
    if least == 2:
        raise TextError(f"{', '.join(files)}: {characters} characters to score, but scoring needs at least 2")
    raise TextError(f"{', '.join(files)}: {characters:,} characters are too few for --seq-len {least - 1}")


def show(
    names: Sequence[str], scores: Sequence[Score | None], together: Score, json: bool, about: dict[str, str]
) -> None:
    """One file in a line, several in a table; or an object each, and one for all.

    Args:
        names, scores: of the files; None is too short to be scored.
        together: of all of them.
        json: whether objects are wanted, and `about` what else is in them.
    """
    several = len(names) > 1
    if json:
        nothing = {"nats_per_char": None, "bits_per_char": None, "characters": 0}
        for name, score in zip(names, scores, strict=True):
            print_json({**(nothing if score is None else score.to_dict()), **about, "file": name})
        if several:
            print_json({**together.to_dict(), **about, "file": None, "files": len(names)})
        return
    if not several:
        learnt = ", each learnt from afterwards" if about["protocol"] == Protocol.dynamic else ""
        sys.stdout.write(
            f"{together.nats_per_char:.4f} nats/char  {together.bits_per_char:.4f} bits/char  "
            f"{together.characters:,} characters scored{learnt}\n"
        )
        return
    from charlstm.report.console import plain_console
    from charlstm.report.tables import table

    named = [*zip(names, scores, strict=True), (f"all {len(names):,} files", together)]
    rows = [
        (name, "-", "too short", "0")
        if score is None
        else (name, f"{score.nats_per_char:.4f}", f"{score.bits_per_char:.4f}", f"{score.characters:,}")
        for name, score in named
    ]
    plain_console().print(table(rows, ("file", "nats/char", "bits/char", "characters scored")))


def read_texts(
    files: Sequence[str],
    globs: Sequence[str],
    content: ModelFile,
    encoding: str,
    on_unknown: OnUnknown,
    fraction: float,
) -> list[tuple[str, Ids]]:
    """The files and their ids; of each only the share at its end. Raises TextError."""
    texts = read_files(files, globs, content, encoding, on_unknown, lambda chunks, path: chunks)
    # the same split as `train` makes
    return [(name, ids[int(len(ids) * (1 - fraction)) :]) for name, ids in texts]


def read_files(
    files: Sequence[str],
    globs: Sequence[str],
    content: ModelFile,
    encoding: str,
    on_unknown: OnUnknown,
    form: Callable[[Iterable[str], Path], Iterable[str]],
) -> list[tuple[str, Ids]]:
    """The files, and the ids of what `form` makes of the chunks of each. Raises TextError for what cannot be read."""
    texts: list[tuple[str, Ids]] = []
    for path in find_texts(files, globs):
        pieces, offset = [np.zeros(0, dtype=content.vocabulary.id_type)], 0
        chunks: Iterable[str] = read_chunks(path, encoding, content.composed)  # lazy: - is no file
        if path == Path(STDIN):
            chunks = [content.normalize(read_stdin(encoding))]
        for text in form(chunks, path):
            pieces.append(content.vocabulary.encode(text, on_unknown, str(path), offset))
            offset += len(text)
        texts.append((str(path), np.concatenate(pieces)))
    return texts


def read_lists(
    files: Sequence[str],
    globs: Sequence[str],
    content: ModelFile,
    encoding: str,
    on_unknown: OnUnknown,
    fraction: float,
) -> list[tuple[str, Ids]]:
    """The files and the ids of their lines, each ended by a newline.

    Args:
        fraction: a smaller share than 1 gives the lines that `train` holds out, which follow from those of all files.

    Raises:
        TextError: for a text that cannot be read, or a model without newlines.
    """
    newline = int(content.vocabulary.encode("\n", what="the end of a line")[0])
    reader = LineReader()
    texts = read_files(files, globs, content, encoding, on_unknown, reader.read)
    if fraction == 1:
        return texts
    held, lists = held_out_lines(reader.marks, fraction), []
    for name, ids in texts:
        lengths = line_lengths(ids, newline)
        lists.append((name, ids[np.repeat(held[: len(lengths)], lengths)]))
        held = held[len(lengths) :]
    return lists

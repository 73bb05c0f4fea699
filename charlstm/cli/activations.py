"""`charlstm activations`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from charlstm.cli.explain.given import GivenText
from charlstm.cli.options import (
    OUTPUT,
    TEXT,
    Checkpoint,
    Debug,
    Device,
    DeviceOption,
    Encoding,
    Json,
    Quiet,
    Threads,
    Unknown,
    UnknownOption,
    check_new_file,
    option,
    writing_new,
)
from charlstm.errors import UsageError
from charlstm.report.console import print_json, say


def activations(
    text: Annotated[
        str | None, typer.Argument(help="The text to read; - is standard input.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        option("--out", "-o", help="The .npz file to write.", rich_help_panel=OUTPUT, show_default=False),
    ] = None,
    file: Annotated[
        Path | None, option("--file", help="Read the text from a file.", rich_help_panel=TEXT, show_default=False)
    ] = None,
    checkpoint: Checkpoint = None,
    gates: Annotated[
        str | None,
        option(
            "--gates",
            help="Which gates and states, by letter: fic. [default: all of them]",
            metavar="LETTERS",
            show_default=False,
        ),
    ] = None,
    layers: Annotated[
        str | None,
        option(
            "--layers",
            help="Which layers, counted from 1: 1,2. [default: all of them]",
            metavar="NUMBERS",
            show_default=False,
        ),
    ] = None,
    warm: Annotated[
        str,
        option(
            "--warm",
            help="Text to read before the text. [default: none, the network begins in a zero state]",
            rich_help_panel=TEXT,
            show_default=False,
        ),
    ] = "",
    unknown: UnknownOption = Unknown.error,
    encoding: Encoding = "utf-8",
    device: DeviceOption = Device.auto,
    threads: Threads = None,
    quiet: Quiet = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write every gate and state over a text to a .npz file.

    For an LSTM the file holds the arrays f, i, g, o, c and h (forget gate, input gate, candidate, output gate, cell
    state, hidden state), each of shape (characters, layers, cells), and beside them text and layers.
    numpy.load("x.npz", allow_pickle=False) reads it.

        charlstm activations "A menina está cansada." -o x.npz
        charlstm activations --file story.txt --gates fc --layers 2 -o story.npz
    """
    given = GivenText(text, file, encoding)
    given.check(None)
    if not given.is_given:
        raise UsageError("give a TEXT, or --file FILE")
    if out is None:
        raise UsageError("--out FILE is missing: the .npz file to write")
    check_new_file("--out", out, ".npz")
    chosen_layers = parse_layers(layers)
    chosen_gates = None if gates is None else [letter for letter in gates if letter not in ", "]
    from charlstm.cli.explain.inputs import encode
    from charlstm.cli.runtime import load_model_for, prepare_machine
    from charlstm.explain.activations import read_activations
    from charlstm.probe.reading import state_after
    from charlstm.report.bars import Stages

    machine = prepare_machine(device.value, threads)
    read = given.read(composed=False)  # `encode` brings it into the form of the model's corpus
    content, path = load_model_for(read, checkpoint, machine, quiet or json)
    ids = encode(content, read, unknown.value, given.name, quiet or json)
    known = content.vocabulary.decode(ids.numpy())
    with Stages(quiet or json) as stages:
        found = read_activations(
            content.model,
            ids,
            known,
            state_after(content, warm, unknown.value, "--warm"),
            gates=chosen_gates,
            layers=chosen_layers,
            on_progress=stages.update,
        )
    with writing_new("--out", out):
        found.save(out)
    shape, size = found.shape, out.stat().st_size
    if json:
        about = {"out": str(out), "checkpoint": str(path), "arrays": list(found), "shape": list(shape)}
        print_json({**about, "layers": list(found.layers), "dtype": str(found[next(iter(found))].dtype), "bytes": size})
    elif not quiet:
        size_of = f"{shape[0]:,} characters x {shape[1]} layer{'s' * (shape[1] > 1)} x {shape[2]:,} cells"
        say(f"{out}: {', '.join(found)}, {'each ' * (len(found) > 1)}{size_of}; {size:,} bytes")


def parse_layers(text: str | None) -> list[int] | None:
    """`1,2` -> [1, 2]. Raises UsageError."""
    if text is None:
        return None
    parts = text.replace(" ", "").split(",")
    if not all(part.isdecimal() and len(part) <= 4 for part in parts):
        raise UsageError(f"--layers {text}: write numbers with commas, as 1,2")
    return [int(part) for part in parts]

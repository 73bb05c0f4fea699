"""`charlstm bench`."""

from __future__ import annotations

import csv
import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from charlstm.cli.options import (
    Debug,
    Device,
    DeviceOption,
    Json,
    PrecisionOption,
    Quiet,
    Threads,
    in_typers_terms,
    option,
)
from charlstm.cli.runtime import locate_texts, prepare_machine, say_compiling
from charlstm.config import CellType, ModelConfig
from charlstm.errors import UsageError
from charlstm.report.console import print_json, say
from charlstm.settings import parse_duration

if TYPE_CHECKING:
    import torch

    from charlstm.bench.training_speed import Products, Shape


class What(StrEnum):
    """What is measured."""

    train = "train"
    sample = "sample"
    memory = "memory"
    quality = "quality"


STREAMS = (1, 64)  # one text, and as many as fill the processor
DRAWN = 200  # characters a stream and turn
FILES = "Quality"
SHAPE = "Shape"


def bench(
    what: Annotated[
        list[What] | None,
        typer.Argument(help="[default: train sample memory; quality with --corpus]", show_default=False),
    ] = None,
    hidden_size: Annotated[
        list[int] | None,
        option(
            "--hidden-size",
            help="Cells per layer; may be repeated. [default: 128 256 512]",
            min=1,
            max=16384,
            show_default=False,
            rich_help_panel=SHAPE,
        ),
    ] = None,
    cell_type: Annotated[
        CellType, option("--cell-type", help="Type of cell.", rich_help_panel=SHAPE)
    ] = ModelConfig.cell_type,
    num_layers: Annotated[
        int, option("--num-layers", help="Number of layers.", min=1, max=64, rich_help_panel=SHAPE)
    ] = 2,
    batch_size: Annotated[
        int,
        option("--batch-size", help="Lanes of text read side by side.", min=1, max=65536, rich_help_panel=SHAPE),
    ] = 64,
    seq_len: Annotated[
        int, option("--seq-len", help="Characters in a window.", min=1, max=65536, rich_help_panel=SHAPE)
    ] = 128,
    rounds: Annotated[
        int, option("--rounds", help="How many times to measure each; the median counts.", min=1, max=1000)
    ] = 5,
    corpus: Annotated[
        Path | None, option("--corpus", help="A text to train on, for quality.", rich_help_panel=FILES)
    ] = None,
    time: Annotated[
        float | None,
        option(
            "--time",
            help="How long to train, for quality. [default: 2m]",
            parser=in_typers_terms(parse_duration),
            metavar="DURATION",
            show_default=False,
            rich_help_panel=FILES,
        ),
    ] = None,
    device: DeviceOption = Device.auto,
    precision: PrecisionOption = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Measure training and sampling speed on this machine.

    train, sample: characters per second, compared with PyTorch's own layers; sample writes one text and 64 at once.
    memory: the peak memory of a training. quality: bits/char against seconds of training on a text, as CSV.

        charlstm bench train --hidden-size 512
        charlstm bench --corpus garden --time 2m
    """
    chosen = list(dict.fromkeys(what or ([What.quality] if corpus else [What.train, What.sample, What.memory])))
    if (What.quality in chosen) != (corpus is not None):
        raise UsageError("quality needs a text: give --corpus FILE" if corpus is None else "--corpus is for quality")
    if time is not None and corpus is None:
        raise UsageError("--time is only for quality: give --corpus FILE, too")
    machine = prepare_machine(device.value, threads)
    from charlstm.bench.machine import describe_machine
    from charlstm.bench.training_speed import Shape
    from charlstm.network.products import bf16_multiplier
    from charlstm.report.bench import machine_report

    about = describe_machine(machine)
    if json:
        print_json({"bench": "machine", **about})
    else:
        say(machine_report(about))
    both = precision == "auto" and bf16_multiplier(machine) is not None
    one: Products = "bf16" if precision == "bf16" else "fp32"
    precisions: list[Products] = ["fp32", "bf16"] if both else [one]
    shapes = [Shape(H, num_layers, batch_size, seq_len, cell_type=cell_type) for H in hidden_size or (128, 256, 512)]
    for part in chosen:
        if part is What.train:
            train(shapes, machine, precisions, rounds, quiet, json)
        elif part is What.sample:
            sample(shapes, machine, rounds, quiet, json)
        elif part is What.memory:
            memory(shapes, precisions, about["threads"], machine, json)
        else:
            assert corpus is not None
            quality(corpus, cell_type, time or 120.0, machine, quiet, json)


def train(
    shapes: list[Shape], machine: torch.device, precisions: list[Products], rounds: int, quiet: bool, json: bool
) -> None:
    """Measure training, and print it."""
    from charlstm.bench.training_speed import bench_training
    from charlstm.report.bars import Bar
    from charlstm.report.bench import draw_training_speed
    from charlstm.report.screen import show

    rows = []
    for shape in shapes:
        with Bar(f"train {shape.num_layers} x {shape.hidden_size}", quiet) as bar:
            row = bench_training(shape, machine, precisions, rounds, bar.show, on_compile=lambda: say_compiling(quiet))
        if row.problem:
            say(f"note: the steps are not compiled: {row.problem}")
        rows.append(row)
        if json:
            print_json(row.to_dict())
    if not json:
        show(partial(draw_training_speed, rows, rounds))


def sample(shapes: list[Shape], machine: torch.device, rounds: int, quiet: bool, json: bool) -> None:
    """Measure sampling, and print it."""
    from dataclasses import replace

    from charlstm.bench.sampling_speed import bench_sampling
    from charlstm.report.bars import Bar
    from charlstm.report.bench import draw_sampling_speed
    from charlstm.report.screen import show

    rows = []
    for shape in shapes:
        for streams in STREAMS:
            with Bar(f"sample {shape.num_layers} x {shape.hidden_size}", quiet) as bar:
                drawn = replace(shape, batch_size=streams, seq_len=DRAWN)
                rows.append(bench_sampling(drawn, machine, rounds, bar.show, on_compile=lambda: say_compiling(quiet)))
            if json:
                print_json(rows[-1].to_dict())
    if not json:
        show(partial(draw_sampling_speed, rows, rounds))


def memory(shapes: list[Shape], precisions: list[Products], threads: int, machine: torch.device, json: bool) -> None:
    """Measure memory, and print it."""
    from charlstm.bench.peak_memory import bench_memory
    from charlstm.report.bench import draw_peak_memory
    from charlstm.report.screen import show

    rows = [bench_memory(shape, precision, threads, machine) for shape in shapes for precision in precisions]
    if json:
        for row in rows:
            print_json(row.to_dict())
    else:
        show(partial(draw_peak_memory, rows))


def quality(file: Path, cell_type: CellType, time_s: float, machine: torch.device, quiet: bool, json: bool) -> None:
    """Train on a text; a line for every point, and the curve on stderr."""
    from charlstm.bench.quality import Point, bench_quality
    from charlstm.corpus import CorpusRequest, open_corpus
    from charlstm.report.bench import draw_quality
    from charlstm.report.screen import show_message

    request = CorpusRequest(locate_texts([str(file)], quiet or json))
    text = open_corpus(request)
    points: list[Point] = []
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for point in bench_quality(text, request, cell_type, time_s, machine, on_compile=lambda: say_compiling(quiet)):
        data = point.to_dict()
        if json:
            print_json(data)
        else:
            del data["bench"]
            if not points:
                writer.writerow(data)
            writer.writerow(f"{value:.4f}" if isinstance(value, float) else value for value in data.values())
            sys.stdout.flush()
        points.append(point)
    if points and not json and not quiet:
        show_message(partial(draw_quality, points))

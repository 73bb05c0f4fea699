"""`charlstm explain walk`, the default."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from charlstm.cli.explain.given import GivenText
from charlstm.cli.explain.options import CellOrLongest, Pairs, Text, TextFile
from charlstm.cli.groups import refuse_name
from charlstm.cli.options import (
    Checkpoint,
    Debug,
    Device,
    DeviceOption,
    Encoding,
    Json,
    Quiet,
    Svg,
    Threads,
    Unknown,
    UnknownOption,
    Width,
    check_picture,
    option,
    parse_finite,
)
from charlstm.cli.probe.options import Warm


def walk(
    ctx: typer.Context,
    text: Text = None,
    file: TextFile = None,
    checkpoint: Checkpoint = None,
    cell: CellOrLongest = None,
    pairs: Pairs = None,
    open_from: Annotated[
        float, option("--open", help="From here on a gate is open.", min=0, max=1, callback=parse_finite)
    ] = 0.5,
    warm: Warm = None,
    unknown: UnknownOption = Unknown.error,
    encoding: Encoding = "utf-8",
    width: Width = None,
    svg: Svg = None,
    device: DeviceOption = Device.auto,
    threads: Threads = None,
    quiet: Quiet = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show one cell over a text: its gates, and what they do to its memory, character by character.

    This is what charlstm explain does when no other view is named.

        charlstm explain "A menina que o João viu está cansada."
        charlstm explain walk --file story.txt --cell 1:12 --open 0.8
    """
    refuse_name(ctx, text)
    check_picture(svg)
    given = GivenText(text, file, encoding)
    given.check(svg)
    from charlstm.cli.explain.output import put_out
    from charlstm.cli.explain.reading import read_text
    from charlstm.cli.runtime import prepare_machine
    from charlstm.explain.walk import walk as walk_over
    from charlstm.report.walk import draw_walk

    machine = prepare_machine(device.value, threads)
    reading = read_text(given, checkpoint, cell, pairs, warm, unknown.value, machine, quiet or json)
    found = walk_over(reading.content.model, reading.ids, reading.text, reading.state, reading.place, open_from)
    put_out("walk", partial(draw_walk, found, reading.about), {**reading.data, **found.to_dict()}, width, svg, json)

"""`charlstm explain step`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from charlstm.cli.explain.given import GivenText
from charlstm.cli.explain.options import CellOrLongest, Pairs, Text, TextFile
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
)
from charlstm.cli.probe.options import Warm


def step(
    at: Annotated[int, option("--at", help="Which character of the text, from 1.", min=1)],
    text: Text = None,
    file: TextFile = None,
    checkpoint: Checkpoint = None,
    cell: CellOrLongest = None,
    pairs: Pairs = None,
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
    """Write one step out as equations, each right to its last digit.

    Every line shows its numbers in full, so that you can check it by hand.

        charlstm explain step "A menina que o João viu está cansada." --at 9
        charlstm explain step --at 3 --cell 1:12
    """
    check_picture(svg)
    given = GivenText(text, file, encoding)
    given.check(svg)
    from charlstm.cli.explain.output import put_out
    from charlstm.cli.explain.reading import read_text
    from charlstm.cli.runtime import prepare_machine
    from charlstm.explain.equations import write_step
    from charlstm.report.walk import draw_step

    machine = prepare_machine(device.value, threads)
    cells, ends = [] if cell is None else [cell], {"--at": at}
    reading = read_text(given, checkpoint, cells, pairs, warm, unknown.value, machine, quiet or json, at, ends)
    [place] = reading.places
    found = write_step(reading.content.model, reading.ids, reading.text, reading.state, place, at - 1)
    put_out("step", partial(draw_step, found, reading.about), {**reading.data, **found.to_dict()}, width, svg, json)

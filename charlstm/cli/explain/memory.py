"""`charlstm explain memory`."""

from __future__ import annotations

from functools import partial

from charlstm.cli.explain.given import GivenText
from charlstm.cli.explain.options import OrdinaryText, TextFile
from charlstm.cli.options import (
    Checkpoint,
    Debug,
    Device,
    DeviceOption,
    Encoding,
    FigureFile,
    Json,
    Quiet,
    Threads,
    Unknown,
    UnknownOption,
    Width,
    check_figure,
)


def memory(
    text: OrdinaryText = None,
    file: TextFile = None,
    checkpoint: Checkpoint = None,
    unknown: UnknownOption = Unknown.error,
    encoding: Encoding = "utf-8",
    width: Width = None,
    figure: FigureFile = None,
    device: DeviceOption = Device.auto,
    threads: Threads = None,
    quiet: Quiet = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show how long each cell remembers: the half-life of what it holds, by the gate that keeps.

    Without a text it reads what the model writes from a fixed seed.

        charlstm explain memory
        charlstm explain memory --file story.txt --checkpoint checkpoints/story
    """
    check_figure(figure)
    given = GivenText(text, file, encoding)
    given.check(figure)
    import numpy as np

    from charlstm.cli.explain.inputs import encode, needs_gates
    from charlstm.cli.explain.output import put_out_chart
    from charlstm.cli.runtime import load_model, load_model_for, prepare_machine
    from charlstm.explain.memory import measure_memory
    from charlstm.probe.defaults import defaults_of
    from charlstm.probe.found_cells import recall
    from charlstm.probe.ordinary import to_lanes
    from charlstm.probe.texts import ordinary_text
    from charlstm.report.bars import Stages
    from charlstm.report.explain import draw_memory, memory_chart

    machine = prepare_machine(device.value, threads)
    if given.is_given:
        read = given.read(composed=False)  # `encode` brings it into the form of the model's corpus
        is_strict = unknown is Unknown.error
        content, path = load_model_for(read, checkpoint, machine, quiet or json, any_that_reads=is_strict)
    else:
        content, path = load_model(checkpoint, machine, quiet or json)
    needs_gates(content)
    if given.is_given:
        source = given.name
        ids = encode(content, read, unknown.value, source, quiet or json).numpy()
    else:
        with Stages(quiet or json) as stages:
            known, source = ordinary_text(content, None, stages.update)
        ids = known.astype(np.int64)
    usual = defaults_of(content.language).name
    _, found = recall(content, path, usual)  # shown where it is known; nothing here needs it
    probed = None if found is None else (found.layer, found.cell)
    measured = measure_memory(content.model, to_lanes(ids), source)
    data = {"checkpoint": str(path), "probed": probed and {"layer": probed[0] + 1, "cell": probed[1]}}
    draw, chart = partial(draw_memory, measured, probed), memory_chart(measured)
    put_out_chart("memory", draw, chart, {**data, **measured.to_dict()}, width, figure, quiet, json)

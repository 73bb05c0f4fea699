"""`charlstm explain distance`."""

from __future__ import annotations

from functools import partial

from charlstm.cli.explain.options import Against, Pairs, Seed
from charlstm.cli.options import (
    Checkpoint,
    Debug,
    Device,
    DeviceOption,
    FigureFile,
    Json,
    Quiet,
    Threads,
    Width,
    check_figure,
)
from charlstm.errors import TextError


def distance(
    checkpoint: Checkpoint = None,
    against: Against = None,
    pairs: Pairs = None,
    width: Width = None,
    figure: FigureFile = None,
    seed: Seed = 0,
    device: DeviceOption = Device.auto,
    threads: Threads = None,
    quiet: Quiet = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show agreement against distance: how many pairs are right, by how far back the cue is.

    Without options: the LSTM and the plain RNN that ship, on held-out pairs of agreement-pt.

        charlstm explain distance
        charlstm explain distance --checkpoint checkpoints/mine --pairs pairs.jsonl
    """
    check_figure(figure)
    from charlstm.cli.explain.inputs import cannot_read, items_for
    from charlstm.cli.explain.networks import networks
    from charlstm.cli.explain.output import put_out_chart
    from charlstm.cli.runtime import prepare_machine
    from charlstm.explain.distance import accuracy_by_distance
    from charlstm.report.explain import distance_chart, draw_distance

    machine = prepare_machine(device.value, threads)
    contents = networks(checkpoint, against, quiet or json)
    items = items_for(pairs, next(iter(contents.values())).language, seed)
    found = {}
    for name, content in contents.items():
        if problem := cannot_read(content, items, "give another model, or other --pairs"):
            raise TextError(f"{name}: {problem}")
        model, warm = content.model.to(machine), content.normalize(items.warm)
        found[name] = accuracy_by_distance(model, content.vocabulary, items.pairs, warm, seed)
    data = {"items": items.name, "networks": {name: part.to_dict() for name, part in found.items()}}
    draw, chart = partial(draw_distance, found, items.name), distance_chart(found, items.name)
    put_out_chart("distance", draw, chart, data, width, figure, quiet, json)

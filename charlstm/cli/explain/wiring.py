"""`charlstm explain wiring`."""

from __future__ import annotations

from functools import partial

from charlstm.cli.explain.options import CellOrLongest, Pairs, Seed
from charlstm.cli.options import (
    Checkpoint,
    Debug,
    Device,
    DeviceOption,
    Json,
    Quiet,
    Svg,
    Threads,
    Width,
    check_picture,
)
from charlstm.config import cell_in_words
from charlstm.errors import TextError


def wiring(
    checkpoint: Checkpoint = None,
    cell: CellOrLongest = None,
    pairs: Pairs = None,
    width: Width = None,
    svg: Svg = None,
    seed: Seed = 0,
    device: DeviceOption = Device.auto,
    threads: Threads = None,
    quiet: Quiet = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show how a cell is written and read: what drives its gates, and what reads it.

    Weights first, then what each source adds at the cue, where the cell is written, and before the deciding character,
    where it is read: beyond its mean on ordinary text, and beyond the twin.

        charlstm explain wiring
        charlstm explain wiring --checkpoint comparison/lstm --cell 2:12
    """
    check_picture(svg)
    from charlstm.cli.explain.inputs import choose_cell, items_for, needs_gates
    from charlstm.cli.explain.output import put_out
    from charlstm.cli.probe.model import model_for
    from charlstm.cli.runtime import prepare_machine
    from charlstm.explain.memory import longest_memory
    from charlstm.explain.wiring import measure_wiring
    from charlstm.probe.ordinary import to_lanes
    from charlstm.probe.reading import state_after
    from charlstm.probe.texts import ordinary_text
    from charlstm.report.bars import Stages
    from charlstm.report.wiring import draw_wiring

    quiet = quiet or json
    machine = prepare_machine(device.value, threads)
    content, path, _ = model_for(
        checkpoint,
        machine,
        lambda content: [items_for(pairs, content.language).pairs],
        own_items=pairs is not None,
        quiet=quiet,
    )
    items = items_for(pairs, content.language)
    if any(pair.twin is None for pair in items.pairs):
        raise TextError(f"{items.name}: a cell is looked at in a sentence and its twin; give pairs that have twins")
    needs_gates(content, output_gate=True)
    otherwise = partial(longest_memory, content)
    place, chosen = choose_cell(cell, content, path, items, otherwise, "the one that remembers longest", quiet)
    with Stages(quiet) as stages:
        ids, source = ordinary_text(content, None, stages.update)
    found = measure_wiring(
        content.model, content.vocabulary, items.pairs, state_after(content, items.warm), to_lanes(ids), place, seed
    )
    about = f"{cell_in_words(*place)}: {chosen}. Ordinary text: {source}"
    data = {"checkpoint": str(path), "chosen": chosen, "items": items.name, "text": source, **found.to_dict()}
    put_out("wiring", partial(draw_wiring, found, about), data, width, svg, json)

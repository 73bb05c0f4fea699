"""`charlstm explain switches`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from charlstm.cli.explain.options import Pairs, Seed, cell_option
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
from charlstm.errors import TextError

NUM_PAIRS = 400


def switches(
    checkpoint: Checkpoint = None,
    cell: Annotated[str | None, cell_option("tells the gender best")] = None,
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
    """Show what the gates do where the gender changes, from one line of agreement-en-cs to the next.

    It needs a model that was trained on what charlstm corpus agreement-en-cs writes.

        charlstm explain switches --checkpoint checkpoints/czech
        charlstm explain switches --checkpoint checkpoints/czech --cell 1:82
    """
    check_picture(svg)
    from charlstm.cli.explain.inputs import choose_cell, items_for, needs_gates
    from charlstm.cli.explain.output import put_out
    from charlstm.cli.probe.model import model_for
    from charlstm.cli.runtime import prepare_machine
    from charlstm.explain.switches import CORPUS, best_at_gender, measure_switches
    from charlstm.grammar import minimal_pairs
    from charlstm.probe.pair_sets import own_pairs
    from charlstm.report.switches import draw_switches

    quiet = quiet or json
    items = (
        own_pairs(minimal_pairs(CORPUS, NUM_PAIRS, 0), f"held-out pairs of {CORPUS}")
        if pairs is None
        else items_for(pairs, None)
    )
    machine = prepare_machine(device.value, threads)
    try:
        content, path, _ = model_for(checkpoint, machine, lambda _: [items.pairs], own_items=True, quiet=quiet)
    except TextError:
        train_one = f"train one on what charlstm corpus {CORPUS} writes"
        raise TextError(f"no model here knows the characters of {items.name}; {train_one}") from None
    needs_gates(content, output_gate=True)
    place, chosen = choose_cell(
        cell,
        content,
        path,
        items,
        lambda on_progress: best_at_gender(content.model, content.vocabulary, seed),
        "the one that tells the speaker's gender best, on other lines",
        quiet,
    )
    found = measure_switches(content.model, content.vocabulary, place, seed)
    data = {"checkpoint": str(path), "chosen": chosen, **found.to_dict()}
    put_out("switches", partial(draw_switches, found, chosen), data, width, svg, json)

"""`charlstm explain walk`, the default."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from charlstm.cli.explain.given import GivenText
from charlstm.cli.explain.options import MAX_CHARS, CellsOrLongest, Pairs, Text, TextFile
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
from charlstm.errors import UsageError

LONG = 200  # characters: a longer text is shown in brief
BEGINNING = 400  # and so many of them


def walk(
    ctx: typer.Context,
    text: Text = None,
    file: TextFile = None,
    checkpoint: Checkpoint = None,
    cell: CellsOrLongest = None,
    brief: Annotated[
        bool, option("--brief", help="Show only the text and the rows under it, not a line for each character.")
    ] = False,
    first: Annotated[
        int | None,
        option("--from", help="The first character to show, from 1; what is before it is read, too.", min=1),
    ] = None,
    last: Annotated[int | None, option("--to", help="The last character to show.", min=1)] = None,
    pairs: Pairs = None,
    open_from: Annotated[
        float, option("--open", help="From which value on a gate counts as open.", min=0, max=1, callback=parse_finite)
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
    """Show one cell over a text, or several: the gates, what they do to the memory, what the network expects next.

    This is what charlstm explain does when no other view is named. Of a text of more than 200 characters it shows the
    beginning in brief, unless you say what you want to see.

        charlstm explain "A menina que o João viu está cansada." --brief
        charlstm explain --file story.txt --from 200 --to 300 --cell 2:7 --cell 1:9
    """
    refuse_name(ctx, text)
    check_picture(svg)
    given = GivenText(text, file, encoding)
    given.check(svg)
    if first is not None and last is not None and first > last:
        raise UsageError(f"--from {first} --to {last}: the first character must not come after the last")
    from charlstm.cli.explain.output import put_out_all
    from charlstm.cli.explain.reading import read_text
    from charlstm.cli.runtime import prepare_machine
    from charlstm.explain.walk import walk_cells
    from charlstm.report.walk import draw_walk

    machine = prepare_machine(device.value, threads)
    as_asked = brief or json or first is not None or last is not None
    until = last if as_asked else BEGINNING
    ends = {"--from": first, "--to": last}
    reading = read_text(given, checkpoint, cell or [], pairs, warm, unknown.value, machine, quiet or json, until, ends)
    start = first or 1
    walks = walk_cells(
        reading.content.model,
        reading.ids,
        reading.text,
        reading.state,
        reading.places,
        open_from,
        start=start,
        characters=reading.content.vocabulary.characters,
    )
    shortly = brief or (not as_asked and reading.length > LONG)
    note = what_is_shown(start, len(reading.text), reading.length, shortly and not brief)
    draw = partial(draw_walk, walks, reading.about, shortly, note)
    put_out_all("walk", draw, [{**reading.data, **found.to_dict()} for found in walks], width, svg, json)


def what_is_shown(first: int, last: int, length: int, unasked: bool) -> str:
    """Which characters of how many are shown, and how to see the others; nothing where it is all of them."""
    which = f"Characters {first:,} to {last:,} of {length:,}"
    if not unasked:
        return "" if (first, last) == (1, length) else f"{which}."
    if last == length:
        return "In brief, because the text is long; for a line a character, add --from 1."
    end = f" --to {MAX_CHARS}" if length > MAX_CHARS else ""
    return f"{which}, in brief. For all of them, add --brief{end}; for a line a character, --from 1{end}."

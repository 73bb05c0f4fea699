"""`charlstm explain`."""

from __future__ import annotations

import typer

from charlstm.cli.explain_options import (
    Against,
    At,
    Back,
    Cell,
    DistanceView,
    GradientView,
    MemoryView,
    Open,
    Pairs,
    Seed,
    SwitchesView,
    Text,
    TextFile,
    View,
    choose_view,
)
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
    Verbose,
    Width,
    check_picture,
    was_typed,
)
from charlstm.cli.probe_options import Warm
from charlstm.errors import UsageError
from charlstm.report.console import print_json

# options that only some views understand, and their parameters; in a variable they may stand for other commands
PARTIAL = {
    "--against": "against",
    "--back": "back",
    "--open": "open_from",
    "--cell": "cell",
    "--pairs": "pairs",
    "--unknown": "unknown",
    "--warm": "warm",
}


def explain(
    ctx: typer.Context,
    text: Text = None,
    file: TextFile = None,
    checkpoint: Checkpoint = None,
    cell: Cell = None,
    at: At = None,
    memory: MemoryView = False,
    gradient: GradientView = False,
    distance: DistanceView = False,
    switches: SwitchesView = False,
    against: Against = None,
    back: Back = 100,
    pairs: Pairs = None,
    open_from: Open = 0.5,
    warm: Warm = None,
    unknown: UnknownOption = Unknown.error,
    width: Width = None,
    svg: Svg = None,
    encoding: Encoding = "utf-8",
    seed: Seed = 0,
    device: DeviceOption = Device.auto,
    threads: Threads = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """See the gates work: one cell over a text, character by character.

    Other views: one step as equations (--at), how long cells remember (--memory), how far gradients reach back
    (--gradient), agreement against distance (--distance), a change of gender from line to line (--switches).
    """
    chosen = {
        View.step: at is not None,
        View.memory: memory,
        View.gradient: gradient,
        View.distance: distance,
        View.switches: switches,
    }
    typed = [name for name, parameter in PARTIAL.items() if was_typed(ctx, parameter)]
    if text is not None or file is not None:
        typed.append("a text")
    view = choose_view(chosen, typed)
    if text is not None and file is not None:
        raise UsageError("TEXT and --file: give one of the two")
    check_picture(svg)
    if svg is not None and file is not None and svg.resolve() == file.resolve():
        raise UsageError(f"--svg {svg}: that is the text; give another name")
    from charlstm.cli.explain_request import Request
    from charlstm.cli.explain_views import VIEWS
    from charlstm.cli.runtime import prepare_machine
    from charlstm.report.screen import as_svg, save_svg, show

    request = Request(
        text=text,
        file=file,
        encoding=encoding,
        checkpoint=checkpoint,
        cell=cell,
        at=at,
        against=against,
        back=back,
        pairs=pairs,
        open_from=open_from,
        warm=warm,
        unknown=unknown.value,
        seed=seed,
        device=prepare_machine(device.value, threads),
        quiet=quiet or json,
    )
    shown = VIEWS[view](request)
    if svg is not None:
        save_svg(svg, as_svg(shown.draw, shown.title, width))
    if json:
        print_json({"view": view.name, **shown.data})
    else:
        show(shown.draw, width)

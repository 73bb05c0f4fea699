"""`charlstm forecast`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from charlstm.cli.options import (
    OUTPUT,
    Debug,
    Device,
    DeviceOption,
    FigureFile,
    Json,
    Quiet,
    Threads,
    Width,
    check_figure,
    option,
    parse_finite,
)
from charlstm.config import MAX_PATHS, MAX_SEASON, MAX_SEED, MAX_STEPS
from charlstm.errors import UsageError

MODEL = Path("series")  # the one that ships


def forecast(
    file: Annotated[
        Path,
        typer.Argument(
            help="A CSV file, with a column of dates or without.", show_default=False, metavar="FILE", readable=False
        ),
    ],
    column: Annotated[
        str | None,
        option("--column", help="The column to forecast. [default: the only one of numbers]", show_default=False),
    ] = None,
    steps: Annotated[int, option("--steps", help="Values to forecast.", min=1, max=MAX_STEPS)] = 4,
    season: Annotated[
        int | None,
        option(
            "--season",
            help="Values in a season, 1 for none. [default: what the dates say, or what the network finds]",
            min=1,
            max=MAX_SEASON,
            show_default=False,
        ),
    ] = None,
    samples: Annotated[
        int, option("--samples", help="Ways to go on, drawn by the network.", min=2, max=MAX_PATHS)
    ] = 200,
    interval: Annotated[
        float,
        option("--interval", help="Per cent of them that low and high hold.", min=1, max=99.9, callback=parse_finite),
    ] = 80.0,
    backtest: Annotated[
        int | None,
        option(
            "--backtest",
            help="Hold the last N values out, forecast them, and score the forecast.",
            min=1,
            max=MAX_STEPS,
            show_default=False,
        ),
    ] = None,
    checkpoint: Annotated[
        Path, option("--checkpoint", "-c", help="The model: a file, a run, or a built-in model.")
    ] = MODEL,
    seed: Annotated[int, option("--seed", help="The same seed gives the same forecast.", min=0, max=MAX_SEED)] = 0,
    text: Annotated[
        bool,
        option("--text", help="Write the series as the text that the network reads, and forecast nothing."),
    ] = False,
    width: Width = None,
    figure: FigureFile = None,
    csv: Annotated[bool, option("--csv", help="Write the table as CSV.", rich_help_panel=OUTPUT)] = False,
    device: DeviceOption = Device.auto,
    threads: Threads = None,
    quiet: Quiet = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Say what comes next in a number series, and how sure that is.

    A network that reads digits goes on from the series many times. The table has the median and an interval, next to
    what simple methods say: the last season again, the same with growth, and Holt-Winters. Try --backtest first: it
    tells how good the forecast would have been.

        charlstm forecast corpora/airline.csv --steps 4
        charlstm forecast sales.csv --column revenue --backtest 12
    """
    check_figure(figure)
    if json and csv:
        raise UsageError("give only one of --json and --csv")
    about_forecasts = {
        "--backtest": backtest is not None,
        "--json": json,
        "--csv": csv,
        "--figure": figure is not None,
    }
    for name, given in about_forecasts.items():
        if text and given:
            raise UsageError(f"{name} is for a forecast, and --text makes none: leave out one of the two")
    from charlstm.series.table import read_series

    series = read_series(file, column)
    from charlstm.checkpoint import find_model, load_model_file, name_of
    from charlstm.cli.runtime import prepare_machine
    from charlstm.forecasting.predict import as_text, check_model
    from charlstm.forecasting.result import look_ahead
    from charlstm.report.bars import Bar
    from charlstm.report.console import print_json, say
    from charlstm.report.forecast import as_csv, as_dict, draw_forecast, forecast_chart
    from charlstm.report.screen import show

    machine = prepare_machine(device.value, threads)
    path = find_model(checkpoint)
    content = load_model_file(path)
    check_model(content, name_of(path))
    content.model.to(machine)
    if text:
        sys.stdout.write(as_text(content, series, season))
        return
    with Bar("forecast", quiet) as bar:
        outlook = look_ahead(
            content,
            series,
            name=name_of(path),
            steps=steps,
            samples=samples,
            percent=interval,
            season=season,
            backtest=backtest,
            seed=seed,
            on_progress=bar.show,
        )
    if figure is not None:
        from charlstm.report.figures import save_figure

        save_figure(figure, forecast_chart(outlook))
        if not quiet:
            say(f"figure: {figure}")
    if json:
        print_json(as_dict(outlook))
    elif csv:
        sys.stdout.write(as_csv(outlook))
    else:
        show(partial(draw_forecast, outlook), width)

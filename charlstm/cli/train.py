"""`charlstm train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from charlstm.cli.options import (
    ConfigFile,
    Debug,
    Device,
    DeviceOption,
    Encoding,
    Glob,
    Json,
    Normalize,
    Quiet,
    Threads,
    ValidFiles,
    Verbose,
    option,
    parse_path,
    run_option,
    was_in_variable,
    was_typed,
)
from charlstm.cli.settings import with_settings
from charlstm.cli.training_settings import chosen_settings
from charlstm.config import GOING_ON, ModelConfig, TrainConfig, check_changes
from charlstm.corpus import request_with
from charlstm.errors import UsageError


@with_settings(ModelConfig, TrainConfig)
def train(
    ctx: typer.Context,
    corpus: Annotated[
        list[str] | None,
        typer.Argument(
            help="Text files, folders, globs, a built-in text such as garden, or - for standard input.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, run_option("--out", "-o", help="Folder of the run. [default: checkpoints/NAME of the text]")
    ] = None,
    resume: Annotated[
        Path | None,
        run_option("--resume", help="Continue this run; a larger budget may be given, in all."),
    ] = None,
    start_from: Annotated[
        Path | None,
        option(
            "--from",
            help="Go on from this model with another text: a model file, a run, or a built-in model such as english. "
            "The defaults are then --optimizer adamw, --final-lr 0.01 and --average 0.",
            parser=parse_path,
            metavar="MODEL",
            show_default=False,
            rich_help_panel=GOING_ON,
        ),
    ] = None,
    keep_text: Annotated[
        list[str] | None,
        option(
            "--keep-text",
            help="The old text: how much of it is forgotten is measured. [default: that of the run]",
            metavar="FILE",
            show_default=False,
            rich_help_panel=GOING_ON,
        ),
    ] = None,
    config: ConfigFile = None,
    valid: ValidFiles = None,
    glob: Glob = None,
    encoding: Encoding = "utf-8",
    normalize: Normalize = True,
    device: DeviceOption = Device.auto,
    threads: Threads = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    debug: Debug = False,
    **settings: Any,
) -> None:
    """Train a network on your text.

    A text and a budget of --time, --epochs or --steps are enough: all else has a default that fits them. Without a
    budget, training reads about 20 million characters. It stops early when validation no longer improves. Ctrl-C saves
    the run, and --resume continues it. --from begins with what a model has learnt from another text. --lines takes
    every line of a list as a text of its own.

        charlstm train novel.txt --time 10m
        charlstm train src --glob '*.py' --time 30m
        charlstm train names.txt --lines --time 1m
        charlstm train letters.txt --from english --time 5m
        charlstm train --resume checkpoints/novel --time 30m
    """
    if resume is not None and was_typed(ctx, "start_from"):
        raise UsageError(
            "`resume` continues a run, and `start_from` begins a new one: give one of the two", "resume", "start_from"
        )
    if resume is None and not corpus:
        raise typer.BadParameter("give a text to train on, or --resume RUN", param_hint="CORPUS")
    chosen = chosen_settings(ctx, settings, config, goes_on=resume is not None)
    from charlstm.cli.train_run import GoOn, Output, start_new, start_resumed

    output = Output(quiet=quiet, verbose=verbose, json=json)
    if resume is None:
        said_how = was_typed(ctx, "normalize") or was_in_variable(ctx, "normalize")
        go_on = GoOn(start_from, tuple(keep_text or ()), said_how)
        request = request_with(chosen, corpus or (), valid or (), encoding, normalize, glob or ())
        start_new(request, out, chosen, device.value, threads, output, go_on)
    else:
        names = ("out", "valid", "glob", "encoding", "normalize", "config", "keep_text")
        others = [name for name in names if was_typed(ctx, name)]
        check_changes([*chosen, *others])
        start_resumed(resume, tuple(corpus or ()), chosen, device.value, threads, output)

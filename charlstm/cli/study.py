"""`charlstm study`."""

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
    option,
    run_option,
    was_typed,
)
from charlstm.cli.settings import with_settings
from charlstm.cli.training_settings import chosen_settings, typed_settings
from charlstm.config import ModelConfig, TrainConfig
from charlstm.corpus import request_with
from charlstm.errors import UsageError

PROBE = "Probe"
HELPS = {
    "steps": "Train each seed for this many steps.",
    "epochs": "Passes over the text, for each seed.",
    "time": "Train each seed for this long.",
    "evaluations": "Validations in each training.",
    "snapshots": "Save N copies of each model on the way.",
    "seed": "Seed of the first training.",
}


@with_settings(ModelConfig, TrainConfig, without=("keep",), helps=HELPS)
def study(
    ctx: typer.Context,
    corpus: Annotated[
        list[str] | None,
        typer.Argument(
            help="Text files, folders, globs, a built-in text such as agreement-pt, or - for standard input.",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[
        int,
        option("--seeds", help="Train so many networks: with --seed, --seed + 1, and so on.", min=1, max=1000),
    ] = 5,
    pairs: Annotated[
        list[Path] | None,
        option(
            "--pairs",
            help="Your own minimal pairs, as charlstm probe takes them; may be repeated. [default: held-out pairs of "
            "agreement-pt, or of agreement-en with --language en, if the text has their characters]",
            metavar="FILE",
            rich_help_panel=PROBE,
            show_default=False,
        ),
    ] = None,
    nulls: Annotated[
        int | None,
        option(
            "--nulls",
            help="How many networks that learnt nothing to compare each model with. [default: 5 to 19, fewer for "
            "larger networks]",
            min=2,
            max=1000,
            rich_help_panel=PROBE,
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, run_option("--out", "-o", help="Folder of the study. [default: checkpoints/NAME-study]")
    ] = None,
    resume: Annotated[Path | None, run_option("--resume", help="Go on with this study.")] = None,
    config: ConfigFile = None,
    valid: ValidFiles = None,
    glob: Glob = None,
    encoding: Encoding = "utf-8",
    normalize: Normalize = True,
    device: DeviceOption = Device.auto,
    threads: Threads = None,
    quiet: Quiet = False,
    json: Json = False,
    debug: Debug = False,
    **settings: Any,
) -> None:
    """Train over several seeds, probe each: one table for all.

    For whoever must report more than one run: mean, standard deviation, in how many seeds a cell qualified. The budget
    (--time, --steps or --epochs) is that of each seed. Every seed is a run of its own in the folder of the study;
    study.json there has all figures, settings, versions and hashes. After a stop, the same command or --resume goes on.

        charlstm study agreement-pt --seeds 5 --language pt --memory 150 --time 3m
        charlstm study train.txt --seeds 10 --pairs pairs.jsonl --steps 20000
        charlstm study --resume checkpoints/agreement-pt-study
    """
    from charlstm.cli.study_run import Output, begin, go_on

    output = Output(quiet, json)
    if resume is not None:
        names = ("seeds", "nulls", "out", "valid", "glob", "encoding", "normalize", "config")
        others = sorted([*typed_settings(ctx, settings), *(name for name in names if was_typed(ctx, name))])
        if others:
            raise UsageError(
                "`resume` goes on with a study as it began; leave out " + ", ".join(f"`{name}`" for name in others),
                "resume",
                *others,
            )
        go_on(resume, tuple(corpus or ()), tuple(pairs or ()), device.value, threads, output)
        return
    if not corpus:
        raise typer.BadParameter("give a text to train on, or --resume STUDY", param_hint="CORPUS")
    chosen = chosen_settings(ctx, settings, config)
    if chosen.get("keep"):
        raise UsageError(
            f"{config}: keep is for a training that goes on from a model; a study begins anew: leave it out"
        )
    request = request_with(chosen, corpus, valid or (), encoding, normalize, glob or ())
    begin(request, out, chosen, seeds, tuple(pairs or ()), nulls, device.value, threads, output)

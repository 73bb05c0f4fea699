"""`charlstm train`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from charlstm.cli.options import (
    MACHINE,
    TEXT,
    Debug,
    Device,
    DeviceOption,
    Encoding,
    Json,
    PrecisionName,
    Quiet,
    Threads,
    Verbose,
    option,
    parse_duration,
    parse_finite,
)
from charlstm.config import BUDGETS, ModelConfig, TrainConfig, read_config_file
from charlstm.corpus import CorpusRequest, check_encoding
from charlstm.errors import UsageError

NETWORK, BUDGET, LEARNING, RUN = "Network", "Budget", "Learning", "Run"


class CellTypeName(StrEnum):
    """Which network."""

    lstm = "lstm"
    rnn = "rnn"


def setting(name: str, *names: str, help: str, low: float | None = None, high: float | None = None, **more: Any) -> Any:
    """An option whose default depends on the corpus, the budget or the config file."""
    return option(name, *names, help=help, min=low, max=high, show_default=False, **more)


def train(
    corpus: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files, folders (*.txt and *.txt.gz in them), globs; - is standard input.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None,
        setting(
            "--out", "-o", help="Folder of the run. [default: checkpoints/NAME of the corpus]", rich_help_panel=RUN
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        setting(
            "--resume", help="Go on with a run; needs nothing else. A larger budget may be given.", rich_help_panel=RUN
        ),
    ] = None,
    config: Annotated[
        Path | None, setting("--config", help="Settings by name in a .toml or .json file.", rich_help_panel=RUN)
    ] = None,
    seed: Annotated[
        int | None,
        setting("--seed", help="Same seed, same model. [default: 0]", low=0, high=2**63 - 1, rich_help_panel=RUN),
    ] = None,
    steps: Annotated[
        int | None, setting("--steps", help="Learn from so many windows.", low=1, rich_help_panel=BUDGET)
    ] = None,
    epochs: Annotated[
        float | None,
        setting("--epochs", help="Pass over the text so many times.", callback=parse_finite, rich_help_panel=BUDGET),
    ] = None,
    time: Annotated[
        float | None,
        setting(
            "--time",
            parser=parse_duration,
            metavar="90s|3m|2h",
            help="Train for so long; the learning rate comes down in time. [default: passes by the size of the corpus]",
            rich_help_panel=BUDGET,
        ),
    ] = None,
    patience: Annotated[
        int | None,
        setting(
            "--patience",
            help="Stop after so many evaluations that are not better; 0: never. [default: 8]",
            low=0,
            rich_help_panel=BUDGET,
        ),
    ] = None,
    evaluations: Annotated[
        int | None,
        setting(
            "--evaluations", help="How many times to validate, spread over the budget.", low=1, rich_help_panel=BUDGET
        ),
    ] = None,
    cell_type: Annotated[
        CellTypeName | None,
        setting(
            "--cell-type",
            help="lstm, or rnn: a plain tanh network to compare with. [default: lstm]",
            rich_help_panel=NETWORK,
        ),
    ] = None,
    num_layers: Annotated[
        int | None,
        setting(
            "--num-layers",
            "-L",
            help="Layers. [default: by corpus and budget]",
            low=1,
            high=64,
            rich_help_panel=NETWORK,
        ),
    ] = None,
    hidden_size: Annotated[
        int | None,
        setting(
            "--hidden-size",
            "-H",
            help="Cells a layer. [default: by corpus and budget]",
            low=1,
            high=16384,
            rich_help_panel=NETWORK,
        ),
    ] = None,
    embedding_size: Annotated[
        int | None,
        setting(
            "--embedding-size", help="Numbers a character. [default: 64]", low=1, high=16384, rich_help_panel=NETWORK
        ),
    ] = None,
    memory: Annotated[
        float | None,
        setting(
            "--memory",
            metavar="CHARS",
            help="Characters that cells remember at first (chrono initialisation); 0: forget bias 1. [default: 8]",
            low=0,
            callback=parse_finite,
            rich_help_panel=NETWORK,
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        setting(
            "--batch-size",
            help="Lanes read side by side. [default: by corpus]",
            low=1,
            high=65536,
            rich_help_panel=LEARNING,
        ),
    ] = None,
    seq_len: Annotated[
        int | None,
        setting(
            "--seq-len",
            help="Characters that the error travels back. [default: by corpus]",
            low=1,
            high=65536,
            rich_help_panel=LEARNING,
        ),
    ] = None,
    lr: Annotated[
        float | None,
        setting(
            "--lr", help="Highest learning rate. [default: by size]", callback=parse_finite, rich_help_panel=LEARNING
        ),
    ] = None,
    warmup: Annotated[
        float | None,
        setting(
            "--warmup",
            help="Share of the budget over which the rate rises.",
            low=0,
            high=1,
            callback=parse_finite,
            rich_help_panel=LEARNING,
        ),
    ] = None,
    weight_decay: Annotated[
        float | None, setting("--weight-decay", help="AdamW's.", low=0, callback=parse_finite, rich_help_panel=LEARNING)
    ] = None,
    clip_norm: Annotated[
        float | None,
        setting(
            "--clip-norm", help="Norm that gradients are clipped to.", callback=parse_finite, rich_help_panel=LEARNING
        ),
    ] = None,
    dropout: Annotated[
        float | None,
        setting(
            "--dropout",
            help="Share of outputs dropped between layers and before the head. [default: by passes over the text]",
            low=0,
            high=0.95,
            callback=parse_finite,
            rich_help_panel=LEARNING,
        ),
    ] = None,
    variational: Annotated[
        bool | None,
        setting(
            "--variational/--no-variational",
            help="Drop the same outputs over a whole window.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    weight_dropout: Annotated[
        float | None,
        setting(
            "--weight-dropout",
            help="Share of recurrent weights dropped for a window.",
            low=0,
            high=0.95,
            callback=parse_finite,
            rich_help_panel=LEARNING,
        ),
    ] = None,
    valid: Annotated[
        list[str] | None,
        setting("--valid", help="Texts to validate on. [default: the end of every file]", rich_help_panel=TEXT),
    ] = None,
    valid_fraction: Annotated[
        float | None,
        setting(
            "--valid-fraction",
            help="Share of every file kept for validation. [default: 0.1]",
            callback=parse_finite,
            rich_help_panel=TEXT,
        ),
    ] = None,
    encoding: Encoding = "utf-8",
    normalize: Annotated[
        bool,
        option("--normalize/--no-normalize", help="Bring the text into Unicode normal form C.", rich_help_panel=TEXT),
    ] = True,
    device: DeviceOption = Device.auto,
    precision: Annotated[
        PrecisionName | None,
        setting(
            "--precision", help="Type of the matrix products; auto: bf16 where it is faster.", rich_help_panel=MACHINE
        ),
    ] = None,
    threads: Threads = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a network on a text.

    Without a budget it passes over the text about 20 million characters' worth, between 1 and 50 times, and
    stops early when validation no longer gets better. The size of the network follows from the corpus and the
    budget. Ctrl-C saves; --resume goes on, bit for bit with --steps and --epochs.
    """
    given: dict[str, Any] = {
        "steps": steps,
        "epochs": epochs,
        "time_s": time,
        "patience": patience,
        "evaluations": evaluations,
        "cell_type": cell_type and cell_type.value,
        "num_layers": num_layers,
        "hidden_size": hidden_size,
        "embedding_size": embedding_size,
        "memory_chars": memory,
        "batch_size": batch_size,
        "seq_len": seq_len,
        "lr": lr,
        "warmup": warmup,
        "weight_decay": weight_decay,
        "clip_norm": clip_norm,
        "dropout": dropout,
        "variational": variational,
        "weight_dropout": weight_dropout,
        "valid_fraction": valid_fraction,
        "precision": precision and precision.value,
        "seed": seed,
    }
    given = {name: value for name, value in given.items() if value is not None}
    check_settings(given)
    if resume is None and not corpus:
        raise typer.BadParameter("give a text to train on, or --resume RUN", param_hint="CORPUS")
    if resume is None and out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--out {out}: there is something already; an existing run is never overwritten")
    if config is not None:
        from_file = read_config_file(config)
        if any(budget in given for budget in BUDGETS):  # a budget that is typed replaces the one in the file
            from_file = {name: value for name, value in from_file.items() if name not in BUDGETS}
        given = {**from_file, **given}
        check_settings(given)
    from charlstm.cli.training import Output, start_new, start_resumed

    output = Output(quiet=quiet, verbose=verbose, json=json)
    if resume is None:
        fraction = 0.0 if valid else given.get("valid_fraction", TrainConfig.valid_fraction)
        request = CorpusRequest(tuple(corpus or ()), tuple(valid or ()), check_encoding(encoding), normalize, fraction)
        start_new(request, out, given, device.value, threads, output)
    else:
        refuse_changes(given, out, valid)
        start_resumed(resume, tuple(corpus or ()), given, device.value, threads, output)


def check_settings(given: dict[str, Any]) -> None:
    """Raise UsageError for a setting that is unknown or out of range, before any file is opened."""
    network = ModelConfig.__dataclass_fields__.keys() - {"vocab_size"}
    ModelConfig.from_dict({"vocab_size": 2, **{name: value for name, value in given.items() if name in network}})
    TrainConfig.from_dict({name: value for name, value in given.items() if name not in network})


def refuse_changes(given: dict[str, Any], out: Path | None, valid: list[str] | None) -> None:
    """Raise UsageError for options that a resumed run cannot take."""
    fixed = sorted(given.keys() - {"steps", "epochs", "time_s", "patience"})
    fixed += ["out"] * (out is not None) + ["valid"] * bool(valid)
    if fixed:
        raise UsageError(
            f"--resume goes on with what the run began with; only the budget may change, not {', '.join(fixed)}"
        )

"""`charlstm train`."""

from __future__ import annotations

from typing import Any

import typer

from charlstm.cli.options import (
    Debug,
    Device,
    DeviceOption,
    Encoding,
    Json,
    Quiet,
    Threads,
    Verbose,
    parse_duration,
    was_typed,
)
from charlstm.cli.train_options import (
    BatchSizeOption,
    CellTypeOption,
    ClipNormOption,
    ConfigOption,
    CorpusArgument,
    DropoutOption,
    EmbeddingSizeOption,
    EpochsOption,
    EvaluationsOption,
    HiddenSizeOption,
    LrOption,
    MemoryOption,
    NormalizeOption,
    NumLayersOption,
    OptimizerOption,
    OutOption,
    PatienceOption,
    PrecisionOption,
    ResetOption,
    ResumeOption,
    SeedOption,
    SeqLenOption,
    StepsOption,
    TimeOption,
    ValidFractionOption,
    ValidOption,
    VariationalOption,
    WarmupOption,
    WeightDecayOption,
    WeightDropoutOption,
)
from charlstm.config import BUDGETS, ModelConfig, TrainConfig, read_config_file
from charlstm.corpus import CorpusRequest, check_encoding
from charlstm.errors import UsageError

OPTION_OF = {"time_s": "time", "memory_chars": "memory"}  # settings that their options call otherwise


def train(
    ctx: typer.Context,
    corpus: CorpusArgument = None,
    out: OutOption = None,
    resume: ResumeOption = None,
    config: ConfigOption = None,
    seed: SeedOption = None,
    steps: StepsOption = None,
    epochs: EpochsOption = None,
    time: TimeOption = None,
    patience: PatienceOption = None,
    evaluations: EvaluationsOption = None,
    cell_type: CellTypeOption = None,
    num_layers: NumLayersOption = None,
    hidden_size: HiddenSizeOption = None,
    embedding_size: EmbeddingSizeOption = None,
    memory: MemoryOption = None,
    batch_size: BatchSizeOption = None,
    seq_len: SeqLenOption = None,
    reset: ResetOption = None,
    lr: LrOption = None,
    warmup: WarmupOption = None,
    weight_decay: WeightDecayOption = None,
    clip_norm: ClipNormOption = None,
    optimizer: OptimizerOption = None,
    dropout: DropoutOption = None,
    variational: VariationalOption = None,
    weight_dropout: WeightDropoutOption = None,
    valid: ValidOption = None,
    valid_fraction: ValidFractionOption = None,
    encoding: Encoding = "utf-8",
    normalize: NormalizeOption = True,
    device: DeviceOption = Device.auto,
    precision: PrecisionOption = None,
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
        "reset": reset,
        "lr": lr,
        "warmup": warmup,
        "weight_decay": weight_decay,
        "clip_norm": clip_norm,
        "optimizer": optimizer and optimizer.value,
        "dropout": dropout,
        "variational": variational,
        "weight_dropout": weight_dropout,
        "valid_fraction": valid_fraction,
        "precision": precision and precision.value,
        "seed": seed,
    }
    given = {name: value for name, value in given.items() if value is not None}
    typed = {name for name in given if not from_environment(ctx, OPTION_OF.get(name, name))}
    if typed & set(BUDGETS):  # a budget that is typed replaces one that is not
        given = {name: value for name, value in given.items() if name in typed or name not in BUDGETS}
    if resume is not None:  # the environment is for new runs
        given = {name: value for name, value in given.items() if name in typed or name in BUDGETS}
    check_settings(given)
    if resume is None and not corpus:
        raise typer.BadParameter("give a text to train on, or --resume RUN", param_hint="CORPUS")
    if config is not None:
        setting_of = {option: setting for setting, option in OPTION_OF.items()}
        from_file = {setting_of.get(name, name): value for name, value in read_config_file(config).items()}
        if isinstance(from_file.get("time_s"), str):
            from_file["time_s"] = parse_duration(from_file["time_s"])
        if any(budget in given for budget in BUDGETS):
            from_file = {name: value for name, value in from_file.items() if name not in BUDGETS}
        given = {**from_file, **given}
        check_settings(given)
    from charlstm.cli.train_run import Output, start_new, start_resumed

    output = Output(quiet=quiet, verbose=verbose, json=json)
    if resume is None:
        fraction = 0.0 if valid else given.get("valid_fraction", TrainConfig.valid_fraction)
        request = CorpusRequest(tuple(corpus or ()), tuple(valid or ()), check_encoding(encoding), normalize, fraction)
        start_new(request, out, given, device.value, threads, output)
    else:
        others = [n for n in ("out", "valid", "encoding", "normalize", "config") if was_typed(ctx, n)]
        refuse_changes([*given, *others])
        start_resumed(resume, tuple(corpus or ()), given, device.value, threads, output)


def check_settings(given: dict[str, Any]) -> None:
    """Raise UsageError for a setting that is unknown or out of range, before any file is opened."""
    network = ModelConfig.__dataclass_fields__.keys() - {"vocab_size"}
    ModelConfig.from_dict({"vocab_size": 2, **{name: value for name, value in given.items() if name in network}})
    TrainConfig.from_dict({name: value for name, value in given.items() if name not in network})


def refuse_changes(names: list[str]) -> None:
    """Raise UsageError for settings that a resumed run cannot take."""
    fixed = sorted(set(names) - {*BUDGETS, "patience"})
    if fixed:
        raise UsageError(
            f"--resume goes on with what the run began with; only the budget may change, not {', '.join(fixed)}"
        )


def from_environment(ctx: typer.Context, parameter: str) -> bool:
    """Whether a parameter of the command has its value from a variable."""
    source = ctx.get_parameter_source(parameter)
    return source is not None and source.name == "ENVIRONMENT"

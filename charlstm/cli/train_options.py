"""The options of `charlstm train`, one each."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from charlstm.cli.options import MACHINE, TEXT, PrecisionName, option, parse_duration, parse_finite

NETWORK, BUDGET, LEARNING, RUN = "Network", "Budget", "Learning", "Run"


class CellTypeName(StrEnum):
    """Which network."""

    lstm = "lstm"
    rnn = "rnn"
    gru = "gru"


class OptimizerName(StrEnum):
    """Which optimiser."""

    adamw = "adamw"
    muon = "muon"


def setting(name: str, *names: str, help: str, low: float | None = None, high: float | None = None, **more: Any) -> Any:
    """An option whose default depends on the corpus, the budget or the config file."""
    return option(name, *names, help=help, min=low, max=high, show_default=False, **more)


def parse_path(text: str) -> Path:
    """A path, which nothing is not: an empty variable must not mean the current folder. Raises typer.BadParameter."""
    if not text:
        raise typer.BadParameter("is empty; give the name of a folder")
    return Path(text)


CorpusArgument = Annotated[
    list[str] | None,
    typer.Argument(help="Files, folders (*.txt and *.txt.gz in them), globs; - is standard input.", show_default=False),
]
OutOption = Annotated[
    Path | None,
    setting(
        "--out",
        "-o",
        parser=parse_path,
        metavar="PATH",
        help="Folder of the run. [default: checkpoints/NAME of the corpus]",
        rich_help_panel=RUN,
    ),
]
ResumeOption = Annotated[
    Path | None,
    setting(
        "--resume",
        parser=parse_path,
        metavar="PATH",
        help="Go on with a run; needs nothing else. A larger budget may be given.",
        rich_help_panel=RUN,
    ),
]
ConfigOption = Annotated[
    Path | None, setting("--config", help="Settings by name in a .toml or .json file.", rich_help_panel=RUN)
]
SeedOption = Annotated[
    int | None,
    setting("--seed", help="Same seed, same model. [default: 0]", low=0, high=2**63 - 1, rich_help_panel=RUN),
]
StepsOption = Annotated[
    int | None, setting("--steps", help="Learn from so many windows.", low=1, rich_help_panel=BUDGET)
]
EpochsOption = Annotated[
    float | None,
    setting("--epochs", help="Pass over the text so many times.", callback=parse_finite, rich_help_panel=BUDGET),
]
TimeOption = Annotated[
    float | None,
    setting(
        "--time",
        parser=parse_duration,
        metavar="90s|3m|2h",
        help="Train for so long; the learning rate comes down in time. [default: passes by the size of the corpus]",
        rich_help_panel=BUDGET,
    ),
]
PatienceOption = Annotated[
    int | None,
    setting(
        "--patience",
        help="Stop after so many evaluations that are not better; 0: never. [default: 8]",
        low=0,
        rich_help_panel=BUDGET,
    ),
]
EvaluationsOption = Annotated[
    int | None,
    setting("--evaluations", help="How many times to validate, spread over the budget.", low=1, rich_help_panel=BUDGET),
]
CellTypeOption = Annotated[
    CellTypeName | None,
    setting(
        "--cell-type",
        help="lstm, or rnn: a plain tanh network to compare with. [default: lstm]",
        rich_help_panel=NETWORK,
    ),
]
NumLayersOption = Annotated[
    int | None,
    setting(
        "--num-layers",
        "-L",
        help="Layers. [default: by corpus and budget]",
        low=1,
        high=64,
        rich_help_panel=NETWORK,
    ),
]
HiddenSizeOption = Annotated[
    int | None,
    setting(
        "--hidden-size",
        "-H",
        help="Cells a layer. [default: by corpus and budget]",
        low=1,
        high=16384,
        rich_help_panel=NETWORK,
    ),
]
EmbeddingSizeOption = Annotated[
    int | None,
    setting("--embedding-size", help="Numbers a character. [default: 64]", low=1, high=16384, rich_help_panel=NETWORK),
]
MemoryOption = Annotated[
    float | None,
    setting(
        "--memory",
        metavar="CHARS",
        help="Characters that cells remember at first (chrono initialisation); 0: forget bias 1. [default: 8]",
        low=0,
        callback=parse_finite,
        rich_help_panel=NETWORK,
    ),
]
BatchSizeOption = Annotated[
    int | None,
    setting(
        "--batch-size",
        help="Lanes read side by side. [default: by corpus]",
        low=1,
        high=65536,
        rich_help_panel=LEARNING,
    ),
]
SeqLenOption = Annotated[
    int | None,
    setting(
        "--seq-len",
        help="Characters that the error travels back. [default: by corpus]",
        low=1,
        high=65536,
        rich_help_panel=LEARNING,
    ),
]
ResetOption = Annotated[
    float | None,
    setting(
        "--reset",
        help="Chance of a lane to begin a window from a zero state, as samples do. [default: 0.02]",
        low=0,
        high=1,
        callback=parse_finite,
        rich_help_panel=LEARNING,
    ),
]
LrOption = Annotated[
    float | None,
    setting("--lr", help="Highest learning rate. [default: by size]", callback=parse_finite, rich_help_panel=LEARNING),
]
WarmupOption = Annotated[
    float | None,
    setting(
        "--warmup",
        help="Share of the budget over which the rate rises.",
        low=0,
        high=1,
        callback=parse_finite,
        rich_help_panel=LEARNING,
    ),
]
WeightDecayOption = Annotated[
    float | None,
    setting(
        "--weight-decay",
        help="Of matrices, per step and learning rate.",
        low=0,
        callback=parse_finite,
        rich_help_panel=LEARNING,
    ),
]
OptimizerOption = Annotated[
    OptimizerName | None,
    setting(
        "--optimizer",
        help="adamw; or muon, for the matrices between hidden states: fewer, slower steps. [default: adamw]",
        rich_help_panel=LEARNING,
    ),
]
ClipNormOption = Annotated[
    float | None,
    setting("--clip-norm", help="Norm that gradients are clipped to.", callback=parse_finite, rich_help_panel=LEARNING),
]
DropoutOption = Annotated[
    float | None,
    setting(
        "--dropout",
        help="Share of outputs dropped between layers and before the head. [default: by passes over the text]",
        low=0,
        high=0.95,
        callback=parse_finite,
        rich_help_panel=LEARNING,
    ),
]
VariationalOption = Annotated[
    bool | None,
    setting(
        "--variational/--no-variational",
        help="Drop the same outputs over a whole window.",
        rich_help_panel=LEARNING,
    ),
]
WeightDropoutOption = Annotated[
    float | None,
    setting(
        "--weight-dropout",
        help="Share of recurrent weights dropped for a window.",
        low=0,
        high=0.95,
        callback=parse_finite,
        rich_help_panel=LEARNING,
    ),
]
ValidOption = Annotated[
    list[str] | None,
    setting("--valid", help="Texts to validate on. [default: the end of every file]", rich_help_panel=TEXT),
]
ValidFractionOption = Annotated[
    float | None,
    setting(
        "--valid-fraction",
        help="Share of every file kept for validation. [default: 0.1]",
        callback=parse_finite,
        rich_help_panel=TEXT,
    ),
]
NormalizeOption = Annotated[
    bool,
    option("--normalize/--no-normalize", help="Bring the text into Unicode normal form C.", rich_help_panel=TEXT),
]
PrecisionOption = Annotated[
    PrecisionName | None,
    setting("--precision", help="Type of the matrix products; auto: bf16 where it is faster.", rich_help_panel=MACHINE),
]

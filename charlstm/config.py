"""What a network, a training and a sample are made with: frozen, checked on creation, to and from JSON and TOML.

A setting is one field here and nothing else: options, config files, variables, `--help` and docs/cli.md are made of it.
"""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from charlstm.errors import UsageError
from charlstm.files.atomic import read_regular
from charlstm.settings import Config, parse_duration, setting, settings_of

CellType = Literal["lstm", "rnn", "gru"]
Precision = Literal["auto", "fp32", "bf16"]
Optimizer = Literal["adamw", "muon"]
Polar = Literal["iteration", "inverses"]
Language = Literal["pt", "en"]  # of a text: those that there are pairs to probe in

LANGUAGES: dict[str, str] = {"pt": "Portuguese", "en": "English"}

MAX_SEED = 2**63 - 1
MAX_CONFIG_FILE = 1 << 20  # bytes
MAX_CELL_NAME = 40  # characters
MAX_SHARDS = 1024
MAX_STEPS, MAX_PATHS, MAX_SEASON = 10_000, 100_000, 1000  # of a forecast: values, ways to go on, values in a season
BUDGETS = ("steps", "epochs", "time")

# what a setting is about: the groups of `--help`
BUDGET, NETWORK, LEARNING = "Budget", "Network", "Learning (rarely needed)"
REGULARISATION = "Regularisation (rarely needed)"
TEXT, DRAWING, MACHINE = "Text", "Drawing", "Machine"
GOING_ON = "Going on from a model"


@dataclass(frozen=True)
class ModelConfig(Config):
    """The shape of a network."""

    vocab_size: int = setting(dataclasses.MISSING, 2, 65_536)
    hidden_size: int = setting(
        256, 1, 16_384, help="Cells per layer.", unit="N", short="H", default="fits text and budget", panel=NETWORK
    )
    num_layers: int = setting(
        2,
        1,
        64,
        help="Number of layers.",
        unit="N",
        short="L",
        default="fits text and budget",
        panel=NETWORK,
    )
    embedding_size: int = setting(64, 1, 16_384, help="Size of the character embedding.", unit="N", panel=NETWORK)
    cell_type: CellType = setting("lstm", help="lstm, gru, or rnn (plain tanh).", unit="TYPE", panel=NETWORK)


@dataclass(frozen=True)
class TrainConfig(Config):
    """How a network is trained. At most one of steps, epochs and time (seconds): the budget, which a run has."""

    steps: int | None = setting(None, 1, 10**12, help="Train for this many steps.", unit="N", panel=BUDGET)
    epochs: float | None = setting(
        None,
        1e-6,
        1e6,
        help="Passes over the text.",
        unit="PASSES",
        panel=BUDGET,
        default="1 to 50",
    )
    time: float | None = setting(
        None,
        0.1,
        1e9,
        help="Train for this long.",
        unit="90s|3m|2h",
        parse=parse_duration,
        panel=BUDGET,
    )
    patience: int = setting(
        8, 0, 10**6, help="Stop after N evaluations without gain; 0: never.", unit="N", panel=BUDGET
    )
    evaluations: int = setting(
        20,
        1,
        10**6,
        help="Validations in the whole run.",
        unit="N",
        panel=BUDGET,
        default="up to 20",
    )
    snapshots: int = setting(
        0,
        0,
        1000,
        help="Save N copies of the model on the way.",
        unit="N",
        panel=BUDGET,
    )
    # Tallec & Ollivier 2018
    memory: float = setting(
        8.0,
        0.0,
        1e6,
        help="How far back cells remember at first (chrono initialisation); 0: forget bias 1.",
        unit="CHARS",
        panel=NETWORK,
    )
    batch_size: int = setting(
        64,
        1,
        65_536,
        help="Lanes of text read side by side.",
        unit="LANES",
        default="fits text",
        panel=LEARNING,
    )
    seq_len: int = setting(
        128,
        1,
        65_536,
        help="Window of backpropagation.",
        unit="CHARS",
        default="fits text",
        panel=LEARNING,
    )
    # what these are in new runs stands in `training.plan.RECIPE`; runs that do not say are of an earlier version
    optimizer: Optimizer = setting("adamw", help="muon or adamw.", unit="TYPE", default="muon", panel=LEARNING)
    polar: Polar = setting("iteration")  # how Muon makes singular values equal
    lr: float = setting(
        4e-3,
        1e-9,
        1e3,
        help="Peak learning rate.",
        unit="RATE",
        default="fits hidden size",
        panel=LEARNING,
    )
    warmup: float = setting(0.03, 0.0, 1.0, help="Share of the budget for warm-up.", unit="SHARE", panel=LEARNING)
    final_lr: float = setting(
        0.01, 0.0, 1.0, help="Final rate as a share of the peak.", unit="SHARE", default="0.1", panel=LEARNING
    )
    beta2: float = setting(0.99, 0.0, 0.999999, help="Adam's beta2.", unit="SHARE", panel=LEARNING)
    average: float = setting(
        0.0,
        0.0,
        1.0,
        help="Score and keep the mean of the weights over this last share of the training; 0: the newest.",
        unit="SHARE",
        default="0.2",
        panel=LEARNING,
    )
    clip_norm: float = setting(1.0, 1e-9, 1e9, help="Clip gradients to this norm.", unit="NORM", panel=LEARNING)
    shards: int = setting(
        1,
        1,
        MAX_SHARDS,
        help="Parts of the lanes, computed apart and added in a fixed order: same network for 1, 2, 4 ... processes.",
        unit="N",
        default="8 under torchrun, else 1",
        panel=LEARNING,
    )
    reset: float = setting(
        0.02,
        0.0,
        1.0,
        help="Chance that a lane starts a window from a zero state.",
        unit="CHANCE",
        panel=LEARNING,
    )
    dropout: float = setting(
        0.0,
        0.0,
        0.95,
        help="Share of outputs to drop.",
        unit="SHARE",
        default="fits passes",
        panel=REGULARISATION,
    )
    # one mask for a whole window: Gal & Ghahramani 2016
    variational: bool = setting(False, help="Drop the same outputs throughout a window.", panel=REGULARISATION)
    # on W_hh: Merity et al. 2017
    weight_dropout: float = setting(
        0.0, 0.0, 0.95, help="Share of recurrent weights to drop.", unit="SHARE", panel=REGULARISATION
    )
    weight_decay: float = setting(
        0.01, 0.0, 10.0, help="Weight decay of the matrices.", unit="RATE", panel=REGULARISATION
    )
    valid_fraction: float = setting(
        0.1, 0.0, 0.9, help="Share of each file, or of the lines, to validate on.", unit="SHARE", panel=TEXT
    )
    valid_chars: int = setting(
        200_000, 0, 2**62, help="Validate on at most this many characters; 0: all.", unit="CHARS", panel=TEXT
    )
    lines: bool = setting(False, help="Every line is a text of its own: a list of names, say.", panel=TEXT)
    language: Language | None = setting(None, help="Language of the text, for probe.", panel=TEXT)
    keep: float = setting(
        0.0, 0.0, 0.9, help="Share of what is read that comes from the old text.", unit="SHARE", panel=GOING_ON
    )
    seed: int = setting(0, 0, MAX_SEED, help="Random seed: same seed, same model.", unit="N", panel=MACHINE)
    precision: Precision = setting("auto", help="fp32, bf16, or auto: the faster.", unit="TYPE", panel=MACHINE)

    def __post_init__(self) -> None:
        super().__post_init__()
        if sum(getattr(self, budget) is not None for budget in BUDGETS) > 1:
            raise UsageError("give only one of `steps`, `epochs` and `time`", *BUDGETS)
        if self.shards & (self.shards - 1):
            raise UsageError(f"`shards` is {self.shards}; it must be a power of two", "shards")
        if self.batch_size % self.shards:
            raise UsageError(
                f"`batch_size` {self.batch_size} cannot be cut into {self.shards} `shards`; give a multiple",
                "batch_size",
                "shards",
            )
        if self.valid_chars == 1:
            raise UsageError("valid_chars is 1; it must be 0 (all) or at least 2: the first character is not scored")


@dataclass(frozen=True)
class SampleConfig(Config):
    """How text is drawn from a network."""

    length: int = setting(1000, 0, 10**12, help="Characters to write.", unit="CHARS", short="n", panel=TEXT)
    temperature: float = setting(
        0.8,
        0.0,
        1e6,
        help="Lower is safer, higher is bolder; 0: always the likeliest character.",
        unit="T",
        short="t",
        panel=DRAWING,
    )
    top_k: int = setting(
        0, 0, 65_536, help="Draw from the K likeliest characters; 0: from all.", unit="K", panel=DRAWING
    )
    top_p: float = setting(
        1.0,
        1e-9,
        1.0,
        help="Draw from the likeliest characters, until their probabilities add up to P.",
        unit="P",
        panel=DRAWING,
    )
    num: int = setting(1, 1, 10_000_000, help="Number of texts to write.", unit="N", panel=TEXT)
    seed: int | None = setting(
        None,
        0,
        MAX_SEED,
        help="Random seed: same seed, same text.",
        unit="N",
        default="a new one",
        panel=DRAWING,
    )
    lines: int | None = setting(
        None, 1, 65_536, help="Write N lines, each on its own, and nothing else.", unit="N", panel=TEXT
    )
    novel: bool = setting(False, help="Write no line that the training text has, and none twice.", panel=TEXT)
    stop: str | None = setting(None, help="Stop before writing this text.", unit="TEXT", panel=TEXT)
    match: str | None = setting(
        None, help="Write only what matches this regular expression, as a whole.", unit="REGEX", panel=TEXT
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lines is None and self.novel:
            raise UsageError("`novel` leaves out whole lines: give `lines`, too", "novel", "lines")
        for name, other in (("num", self.num != 1), ("stop", self.stop is not None), ("match", self.match is not None)):
            if self.lines is not None and other:
                raise UsageError(
                    f"give only one of `lines` and `{name}`: a line is a text, and ends at a newline", "lines", name
                )


@dataclass(frozen=True)
class DynamicConfig:
    """How a network learns from a text that it scores (`evaluate.dynamic`).

    Attributes:
        segment: so many characters are scored, and then learnt from in one step.
        lr: the size of a step, before it is divided by the root mean square of the gradients so far.
        decay: the share of the way back to the trained weights after each step.
    """

    segment: int = 64
    lr: float = 1e-3
    decay: float = 1e-3


def parse_cell(name: str, config: ModelConfig) -> tuple[int, int]:
    """`2:110` -> (1, 110): layers count from 1, cells from 0. Raises UsageError for none of the network's cells."""
    shown = name if len(name) <= MAX_CELL_NAME else f"{name[:MAX_CELL_NAME]}..."
    layer, colon, cell = name.partition(":")
    if not (colon and layer.isdecimal() and cell.isdecimal()):
        raise UsageError(f"`cell` {shown}: write layer:cell, as in 2:110", "cell")
    # a number of many digits is none of ours, and Python reads none of more than 4,300
    place = (int(layer) - 1, int(cell)) if len(name) <= MAX_CELL_NAME else (-1, -1)
    if not (0 <= place[0] < config.num_layers and place[1] < config.hidden_size):
        layers, cells = f"layers 1 to {config.num_layers}", f"cells 0 to {config.hidden_size - 1}"
        raise UsageError(f"`cell` {shown}: this model has {layers}, {cells}", "cell")
    return place


def cell_in_words(layer: int, cell: int) -> str:
    """A cell, both numbers from 0, as a person says it: "cell 73 of layer 2"."""
    return f"cell {cell} of layer {layer + 1}"


def check_changes(names: Collection[str]) -> None:
    """Raise UsageError for settings that a run cannot take that goes on."""
    fixed = sorted(set(names) - {*BUDGETS, "patience"})
    if fixed:
        raise UsageError(
            "`resume` continues a run with the settings that it began with; only the budget may change, not "
            + ", ".join(f"`{name}`" for name in fixed),
            "resume",
            *fixed,
        )


def check_together(chosen: Mapping[str, Any]) -> None:
    """Raise UsageError for settings of a training that are out of range, unknown, or do not go together.

    Before any text is opened: how many characters there are is not asked.
    """
    network = settings_of(ModelConfig)
    ModelConfig.from_dict({"vocab_size": 2, **{name: value for name, value in chosen.items() if name in network}})
    TrainConfig.from_dict({name: value for name, value in chosen.items() if name not in network})


def read_config_file(path: Path) -> dict[str, Any]:
    """The settings in a `.json` or `.toml` file. Raises UsageError for one that cannot be read."""
    try:
        text = read_regular(path, MAX_CONFIG_FILE).decode("utf-8-sig")
        if not text:
            raise UsageError(f"{path}: the file is empty")
        data = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as e:
        raise UsageError(f"{path}: {e.strerror}") from None
    except (ValueError, RecursionError) as e:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        reason = str(e).partition(";")[0]  # of a number of 5,000 digits Python says how to change Python
        raise UsageError(f"{path}: invalid {kind}: {reason}") from None
    if not isinstance(data, dict):
        raise UsageError(f"{path}: expected settings by name, such as hidden_size")
    return data

"""What a network, a training and a sample are made with: frozen, checked on creation, to and from JSON and TOML.

A field's `limits` are inclusive. Comparisons are written so that NaN fails them.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import json
import math
import reprlib
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from charlstm.errors import UsageError
from charlstm.files.atomic import read_regular

CellType = Literal["lstm", "rnn", "gru"]
Precision = Literal["auto", "fp32", "bf16"]
Optimizer = Literal["adamw", "muon"]

MAX_SEED = 2**63 - 1
MAX_CONFIG_FILE = 1 << 20  # bytes
BUDGETS = ("steps", "epochs", "time_s")


def setting(default: Any, low: float | None = None, high: float = math.inf) -> Any:
    """A field with its default and its inclusive limits."""
    return field(default=default, metadata={} if low is None else {"limits": (low, high)})


class Config:
    """What the three dataclasses below share."""

    def __post_init__(self) -> None:
        hints = _type_hints(type(self))  # type: ignore[arg-type]
        for f in dataclasses.fields(self):  # type: ignore[arg-type]
            _check(f.name, getattr(self, f.name), hints[f.name], f.metadata.get("limits"))

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON has them."""
        return dataclasses.asdict(self)  # type: ignore[call-overload, no-any-return]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The other way round. Raises UsageError for unknown keys, wrong types and values out of range."""
        known = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
        for key in data:
            if key not in known:
                guess = difflib.get_close_matches(key, known, n=1)
                hint = f"; did you mean {guess[0]!r}?" if guess else ""
                raise UsageError(f"unknown setting {reprlib.repr(key)}{hint}")
        required = [f.name for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING]  # type: ignore[arg-type]
        for key in required:
            if key not in data:
                raise UsageError(f"the setting {key!r} is missing")
        return cls(**data)

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed, checked again."""
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]


@functools.cache  # it evaluates our annotations: once, and never because of a file
def _type_hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _check(name: str, value: Any, hint: Any, limits: tuple[float, float] | None) -> None:
    allowed = typing.get_args(hint) if typing.get_origin(hint) is Literal else ()
    if allowed:
        if value not in allowed:
            raise UsageError(f"{name} is {_shown(value)}; it must be one of {', '.join(map(str, allowed))}")
        return
    kinds = typing.get_args(hint) or (hint,)
    if value is None and type(None) in kinds:
        return
    kind = next(k for k in kinds if k is not type(None))
    # bool is an int to Python, and an int is as good as a float to us
    sound = type(value) is kind or (kind is float and type(value) is int)
    if not sound:
        raise UsageError(f"{name} is {_shown(value)}; it must be of type {kind.__name__}")
    if limits is not None and not limits[0] <= value <= limits[1]:
        low, high = (f"{x:,}" if x == x // 1 else str(x) for x in limits)
        bounds = f"at least {low}" if math.isinf(limits[1]) else f"between {low} and {high}"
        raise UsageError(f"{name} is {_shown(value)}; it must be {bounds}")
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{name} is {value}; it must be a finite number")


def _shown(value: Any) -> str:
    """A value in a message: short, whatever it is."""
    try:
        return reprlib.repr(value)
    except ValueError:  # Python writes out no number of more than 4,300 digits
        return "a number of thousands of digits"


@dataclass(frozen=True)
class ModelConfig(Config):
    """The shape of a network."""

    vocab_size: int = setting(dataclasses.MISSING, 2, 65_536)
    hidden_size: int = setting(256, 1, 16_384)
    num_layers: int = setting(2, 1, 64)
    embedding_size: int = setting(64, 1, 16_384)
    cell_type: CellType = "lstm"


@dataclass(frozen=True)
class TrainConfig(Config):
    """How a network is trained. Exactly one of steps, epochs and time_s is the budget."""

    # the budget
    steps: int | None = setting(None, 1, 10**12)
    epochs: float | None = setting(None, 1e-6, 1e6)
    time_s: float | None = setting(None, 0.1, 1e9)
    patience: int = setting(8, 0, 10**6)  # evaluations without a better one before it stops; 0: never
    # the data
    batch_size: int = setting(64, 1, 65_536)
    seq_len: int = setting(128, 1, 65_536)
    reset: float = setting(0.02, 0.0, 1.0)  # the chance of a lane to begin a window from a zero state
    valid_fraction: float = setting(0.1, 0.0, 0.9)
    # the optimiser
    optimizer: Optimizer = "adamw"
    lr: float = setting(4e-3, 1e-9, 1e3)
    warmup: float = setting(0.03, 0.0, 1.0)  # the share of the budget over which the rate rises
    final_lr: float = setting(0.01, 0.0, 1.0)  # the share of lr that the cosine ends at
    weight_decay: float = setting(0.01, 0.0, 10.0)
    beta2: float = setting(0.99, 0.0, 0.999999)
    clip_norm: float = setting(1.0, 1e-9, 1e9)
    # regularisation
    dropout: float = setting(0.0, 0.0, 0.95)
    variational: bool = False  # one dropout mask for a whole window (Gal & Ghahramani 2016)
    weight_dropout: float = setting(0.0, 0.0, 0.95)  # on W_hh (Merity et al. 2017)
    memory_chars: float = setting(8.0, 0.0, 1e6)  # chrono initialisation: the farthest that a cell remembers at first
    # evaluation
    evaluations: int = setting(20, 1, 10**6)  # how many, spread evenly over the budget
    valid_chars: int = setting(200_000, 0, 2**62)  # at most so many characters each time; 0: all
    # the machine
    seed: int = setting(0, 0, MAX_SEED)
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        if sum(getattr(self, budget) is not None for budget in BUDGETS) > 1:
            raise UsageError("give one of --steps, --epochs and --time, not several")
        if self.valid_chars == 1:
            raise UsageError("valid_chars is 1; it must be 0 (all), or at least 2: the first character is not scored")


@dataclass(frozen=True)
class SampleConfig(Config):
    """How text is drawn from a network."""

    length: int = setting(1000, 0, 10**12)
    temperature: float = setting(0.8, 0.0, 1e6)  # 0 takes the likeliest character every time
    top_k: int = setting(0, 0, 65_536)  # 0: all
    top_p: float = setting(1.0, 1e-9, 1.0)
    num: int = setting(1, 1, 65_536)
    seed: int | None = setting(None, 0, MAX_SEED)
    stop: str | None = None


def read_config_file(path: Path) -> dict[str, Any]:
    """The settings in a `.json` or `.toml` file. Raises UsageError for one that cannot be read."""
    try:
        text = read_regular(path, MAX_CONFIG_FILE).decode("utf-8-sig")
        if not text:
            raise UsageError(f"--config {path}: there is nothing in it")
        data = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as e:
        raise UsageError(f"--config {path}: {e.strerror}") from None
    except (ValueError, RecursionError) as e:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        reason = str(e).partition(";")[0]  # of a number of 5,000 digits Python says how to change Python
        raise UsageError(f"--config {path}: not a sound {kind} file: {reason}") from None
    if not isinstance(data, dict):
        raise UsageError(f"--config {path}: must hold settings by name")
    return data

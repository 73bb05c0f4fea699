"""What a setting is: a field of a dataclass that carries its limits and all that a person is told of it.

Limits are inclusive. Comparisons are written so that NaN fails them.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
import re
import reprlib
import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from charlstm.errors import UsageError

SECONDS_IN = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(text: str) -> float:
    """`90s`, `3m`, `2h`, `1h30m` or plain seconds -> seconds. Raises UsageError."""
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*([smhd]?)", text.strip().lower())
    whole = "".join(n + unit for n, unit in parts)
    seconds = math.fsum(float(n) * SECONDS_IN[unit] for n, unit in parts)
    if not parts or whole != re.sub(r"\s", "", text.lower()) or not 0 < seconds < 1e9:
        raise UsageError(f"{reprlib.repr(text)} is not a length of time; write it as 90s, 3m or 2h")
    return seconds


def written_duration(seconds: float) -> str:
    """Seconds as a person would type them: `90s`, `3m`, `1h30m`. `parse_duration` reads it back."""
    whole, rest = int(seconds), seconds % 1
    if seconds < 120 or rest:
        return f"{seconds!r}".removesuffix(".0") + "s"
    parts = [(whole // 3600, "h"), (whole % 3600 // 60, "m"), (whole % 60, "s")]
    return "".join(f"{n}{unit}" for n, unit in parts if n)


@dataclass(frozen=True)
class Setting:
    """What a person is told of a field, and what it may be.

    Attributes:
        limits: the smallest and the largest value, inclusive; None: all of its type.
        help: one sentence; a field without it is no setting that a person gives.
        panel: what it is about.
        unit: what it counts, as `--help` writes it.
        short: one letter for its option.
        default: what happens without it, where the value itself does not say so.
        parse: from what a person writes to the value, where that is not plain.
    """

    limits: tuple[float, float] | None = None
    help: str = ""
    panel: str = ""
    unit: str = ""
    short: str = ""
    default: str = ""
    parse: Callable[[str], Any] | None = None


def setting(value: Any, low: float | None = None, high: float = math.inf, /, **about: Any) -> Any:
    """A field with its default value, its inclusive limits and the rest of `Setting`."""
    limits = None if low is None else (low, high)
    return field(default=value, metadata={"setting": Setting(limits=limits, **about)})


def settings_of(kind: type[Config]) -> dict[str, Setting]:
    """The settings that a person may give, by name."""
    return {f.name: f.metadata["setting"] for f in dataclasses.fields(kind) if f.metadata["setting"].help}


def type_of(kind: type[Config], name: str) -> Any:
    """The type of a field, as its annotation says."""
    return _type_hints(kind)[name]  # type: ignore[arg-type]


def default_of(kind: type[Config], name: str) -> str:
    """What happens when a setting is not given, in words; empty where that goes without saying."""
    f = kind.__dataclass_fields__[name]
    words: str = f.metadata["setting"].default
    if words or f.default is None or isinstance(f.default, bool):
        return words
    return format(f.default, {int: ",", float: "g"}.get(type(f.default), ""))


def check_setting(kind: type[Config], name: str, value: Any) -> None:
    """Raise UsageError for a value that a setting cannot have."""
    _check(name, value, type_of(kind, name), kind.__dataclass_fields__[name].metadata["setting"].limits)


def parsed(data: Mapping[str, Any], *kinds: type[Config]) -> dict[str, Any]:
    """Settings as a person wrote them into a file, with their values parsed. Raises UsageError for unknown names."""
    known = {name: about for kind in kinds for name, about in settings_of(kind).items()}
    _check_names(data, known)
    return {
        name: parse(value) if isinstance(value, str) and (parse := known[name].parse) else value
        for name, value in data.items()
    }


@dataclass(frozen=True)
class Config:
    """What dataclasses share whose fields are settings."""

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            check_setting(type(self), f.name, getattr(self, f.name))

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON has them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The other way round. Raises UsageError for unknown keys, wrong types and values out of range."""
        _check_names(data, [f.name for f in dataclasses.fields(cls)])
        required = [f.name for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING]
        for key in required:
            if key not in data:
                raise UsageError(f"the setting {key!r} is missing")
        return cls(**data)

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed, checked again."""
        return dataclasses.replace(self, **changes)


@functools.cache  # it evaluates our annotations: once, and never because of a file
def _type_hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _check_names(data: Mapping[str, Any], known: Collection[str]) -> None:
    for key in data:
        if key not in known:
            guess = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {guess[0]!r}?" if guess else ""
            raise UsageError(f"unknown setting {reprlib.repr(key)}{hint}")


def _check(name: str, value: Any, hint: Any, limits: tuple[float, float] | None) -> None:
    kinds = (hint,) if typing.get_origin(hint) is Literal else typing.get_args(hint) or (hint,)
    if value is None and type(None) in kinds:
        return
    kind = next(k for k in kinds if k is not type(None))
    if typing.get_origin(kind) is Literal:
        if value not in typing.get_args(kind):
            allowed = ", ".join(map(str, typing.get_args(kind)))
            raise UsageError(f"{name} is {_shown(value)}; it must be one of {allowed}")
        return
    # bool is an int to Python, and an int is as good as a float to us
    sound = type(value) is kind or (kind is float and type(value) is int)
    if not sound:
        raise UsageError(f"{name} is {_shown(value)}; it must be of type {kind.__name__}")
    if limits is not None and not limits[0] <= value <= limits[1]:
        low, high = (f"{int(x):,}" if x == x // 1 and x < math.inf else str(x) for x in limits)
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

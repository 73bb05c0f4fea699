"""Which device a name means, and whether it is here."""

from __future__ import annotations

import reprlib

import torch

from charlstm.errors import UsageError

DEVICES = ("auto", "cpu", "cuda", "mps")


def find_device(name: str) -> torch.device:
    """The device of a name: `auto` is the fastest that is here; `cuda:1` the second of its kind.

    Raises:
        UsageError: for a name that means nothing, or a device that is not here.
    """
    here = {
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
        "cpu": 1,
    }
    if name == "auto":
        return torch.device(next(kind for kind, number in here.items() if number))
    kind, _, number = str(name).partition(":")
    if kind not in here or (number and not number.isdecimal()) or len(number) > 3:
        kinds = f"{', '.join(DEVICES[:-1])} or {DEVICES[-1]}"
        raise UsageError(f"`device` {reprlib.repr(name)}: there is no such device; take {kinds}", "device")
    if int(number or 0) >= here[kind]:
        raise UsageError(f"`device` {name}: there is none here; use `device` cpu", "device")
    return torch.device(name)

"""How many processor cores there are for us."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")  # Linux: "QUOTA PERIOD" in microseconds, or "max PERIOD"


def usable_cores() -> int:
    """The cores of this machine that this process may run on, or those of the container if that may use fewer."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # Windows, macOS
        cores = os.cpu_count() or 1
    with suppress(OSError, ValueError):  # no container, or one without a limit
        quota, period = QUOTA.read_text(encoding="ascii").split()
        cores = min(cores, max(1, math.ceil(int(quota) / int(period))))
    return cores

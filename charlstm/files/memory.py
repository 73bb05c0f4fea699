"""How much memory there is for what comes out of a file."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path

CONTAINER = Path("/sys/fs/cgroup/memory.max")  # Linux; "max" where there is no limit


def machine_bytes() -> float:
    """The memory of this machine; without end where the system cannot tell. Opens no file."""
    with suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return math.inf


def memory_bytes() -> float:
    """The memory of this machine, or of the container that we run in if that has less."""
    with suppress(OSError, ValueError):
        return min(machine_bytes(), int(CONTAINER.read_text(encoding="ascii")))
    return machine_bytes()

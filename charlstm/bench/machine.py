"""What a measurement was made on, and with which charlstm."""

from __future__ import annotations

import os
import platform
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from charlstm._version import __version__
from charlstm.files.atomic import read_beginning

PROJECT = Path(__file__).parents[2]
MAX_BYTES = 1 << 20  # of a file of git's that is read


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Versions, processor, threads: what a figure means nothing without. `commit` only where there is one."""
    commit = commit_of(PROJECT)
    return {
        "charlstm": __version__,
        **({"commit": commit} if commit else {}),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "processor": processor_name(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }


def processor_name() -> str:
    """As the system names it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or "unknown"


def commit_of(project: Path) -> str | None:
    """The commit that is checked out in a clone of charlstm, whatever has been changed since; None in anything else.

    Git's files are read, and no program is called.
    """
    with suppress(OSError, UnicodeDecodeError):
        if not re.search(r'^name = "charlstm"$', _read(project / "pyproject.toml"), re.MULTILINE):
            return None
        git = project / ".git"
        if git.is_file():  # in a worktree: the path of its folder
            git = project / _read(git).removeprefix("gitdir:").strip()
        head = _read(git / "HEAD").strip()
        if not head.startswith("ref: "):
            return _commit(head)
        name = head.removeprefix("ref: ")
        if not re.fullmatch(r"refs/[\w./-]+", name) or ".." in name:
            return None
        shared = git / _read(git / "commondir").strip() if (git / "commondir").is_file() else git
        for place in (git, shared):
            if (place / name).is_file():
                return _commit(_read(place / name).strip())
        packed = re.search(rf"^(\S+) {re.escape(name)}$", _read(shared / "packed-refs"), re.MULTILINE)
        return _commit(packed[1]) if packed else None
    return None


def _read(path: Path) -> str:
    return read_beginning(path, MAX_BYTES).decode()


def _commit(text: str) -> str | None:
    return text if re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", text) else None

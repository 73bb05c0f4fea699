"""How much memory there is, as the system or a container says."""

import math
import os
from pathlib import Path

import pytest

from charlstm.files import memory


def test_a_container_may_have_less_than_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CONTAINER", tmp_path / "memory.max")
    assert memory.memory_bytes() == memory.machine_bytes() > 1e8  # there is no such file
    for said, expected in (("max", memory.machine_bytes()), ("1000\n", 1000)):
        (tmp_path / "memory.max").write_text(said)
        assert memory.memory_bytes() == expected


def test_a_system_that_cannot_tell_has_memory_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> int:
        raise ValueError(name)

    monkeypatch.setattr(os, "sysconf", unknown)
    assert memory.machine_bytes() == math.inf

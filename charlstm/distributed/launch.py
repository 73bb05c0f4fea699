"""What a launcher such as `torchrun` has told this process, by environment variables.

PyTorch's documentation, "torchrun (Elastic Launch)", names the variables. Nothing here loads PyTorch.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from charlstm.errors import UsageError

REQUIRED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
NO_JOB = ("", "none")  # what torchrun says where nobody has named the job


@dataclass(frozen=True)
class Launch:
    """The place of this process among those that were started with it.

    Attributes:
        rank: its number, from 0.
        size: how many there are.
        local_rank, local_size: the same, of those on this machine.
        job: names the job, through all its restarts; empty if it has no name.
        attempt: how often the job was started again.
    """

    rank: int
    size: int
    local_rank: int
    local_size: int
    job: str = ""
    attempt: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this is the process that speaks and writes."""
        return self.rank == 0

    @property
    def is_on_one_machine(self) -> bool:
        """Whether all processes are on this machine."""
        return self.local_size == self.size


def launched(environment: Mapping[str, str] = os.environ) -> Launch | None:
    """What the launcher said; None for a process that was started by itself.

    Raises:
        UsageError: if what it said cannot be.
    """
    if not all(environment.get(name) for name in REQUIRED):
        return None
    rank, size = _number(environment, "RANK"), _number(environment, "WORLD_SIZE")
    local_rank, local_size = _number(environment, "LOCAL_RANK", rank), _number(environment, "LOCAL_WORLD_SIZE", size)
    if not (rank < size and local_rank < local_size <= size):
        raise UsageError(
            f"the launcher says RANK={rank}, WORLD_SIZE={size}, LOCAL_RANK={local_rank}, "
            f"LOCAL_WORLD_SIZE={local_size}, which do not fit together; without a launcher, unset RANK"
        )
    job = environment.get("TORCHELASTIC_RUN_ID", "")
    attempt = _number(environment, "TORCHELASTIC_RESTART_COUNT", 0)
    return Launch(rank, size, local_rank, local_size, "" if job in NO_JOB else job, attempt)


def _number(environment: Mapping[str, str], name: str, otherwise: int | None = None) -> int:
    said = environment.get(name, "")
    if not said and otherwise is not None:
        return otherwise
    if not said.isdecimal() or len(said) > 9:
        raise UsageError(f"the environment says {name}={said}: expected a number; without a launcher, unset {name}")
    return int(said)

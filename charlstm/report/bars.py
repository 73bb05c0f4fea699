"""Progress bars on stderr, for what takes more than a moment."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from tqdm import tqdm


def open_bar(what: str, total: int, quiet: bool, **how: Any) -> tqdm[Any]:
    """A bar on stderr that goes when it is done; none where stderr is not a terminal."""
    disable = True if quiet else None  # None: tqdm looks at the stream
    return tqdm(total=total, desc=what, leave=False, file=sys.stderr, disable=disable, **how)


class Bar:
    """A bar that appears after half a second, on a terminal, and goes when it is done.

    Args:
        what: what is being done.
        quiet: never show it.
        unit: "B" for bytes.
    """

    def __init__(self, what: str, quiet: bool, unit: str = "it") -> None:
        self.what, self.quiet, self.unit = what, quiet, unit
        self.bar: tqdm[Any] | None = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def show(self, done: int, total: int) -> None:
        """So much is done, of so much."""
        if self.bar is None:
            self.bar = open_bar(self.what, total, self.quiet, unit=self.unit, unit_scale=self.unit == "B", delay=0.5)
        self.bar.update(done - self.bar.n)
        if done >= total:
            self.close()

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.close()
        self.bar = None


class Stages:
    """A bar for work in stages of different kinds: the stage, and how much of it is done.

    Args:
        quiet: never show it.
        unit: "B" for bytes.
    """

    def __init__(self, quiet: bool, unit: str = "it") -> None:
        self.quiet, self.unit = quiet, unit
        self.bar: Bar | None = None

    def __enter__(self) -> Stages:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def update(self, what: str, done: int, total: int) -> None:
        """`done` of `total` in the stage `what`."""
        if self.bar is None or self.bar.what != what:
            self.close()
            self.bar = Bar(what, self.quiet, self.unit)
        self.bar.show(done, total)

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.close()
        self.bar = None

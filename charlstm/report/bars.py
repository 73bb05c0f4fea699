"""Progress bars on stderr, for what takes more than a moment."""

from __future__ import annotations

import sys
import warnings
from types import TracebackType
from typing import Any

from tqdm import tqdm


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_ipython() if get_ipython else None
    return shell is not None and "IPKernelApp" in shell.config


def open_bar(what: str, total: int, quiet: bool, forced: bool = False, **how: Any) -> tqdm[Any]:
    """A bar that goes when it is done: in a notebook, or on stderr; none where stderr is not a terminal.

    Args:
        quiet: never show it.
        forced: show it in any case.
        how: as tqdm takes it.
    """
    kind, watched = tqdm, in_notebook()
    if watched:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # without ipywidgets it is a bar of text, which is nothing to warn of
            from tqdm.auto import tqdm as kind
    disable = True if quiet else False if forced or watched else None  # None: tqdm looks at the stream
    return kind(total=total, desc=what, file=sys.stderr, disable=disable, **{"leave": False, **how})


class Bar:
    """A bar that appears after half a second, on a terminal, and goes when it is done.

    Args:
        what: what is being done.
        quiet: never show it.
        unit: "B" for bytes.
        forced: show it in any case.
    """

    def __init__(self, what: str, quiet: bool, unit: str = "it", forced: bool = False) -> None:
        self.what, self.quiet, self.unit, self.forced = what, quiet, unit, forced
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
            unit: dict[str, Any] = {"unit": self.unit, "unit_scale": self.unit == "B"}
            self.bar = open_bar(self.what, total, self.quiet, self.forced, delay=0.5, **unit)
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
        forced: show it in any case.
    """

    def __init__(self, quiet: bool, unit: str = "it", forced: bool = False) -> None:
        self.quiet, self.unit, self.forced = quiet, unit, forced
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
            self.bar = Bar(what, self.quiet, self.unit, self.forced)
        self.bar.show(done, total)

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.close()
        self.bar = None

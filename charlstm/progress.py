"""How work that takes a while says how far it is: in one way, wherever it is done."""

from __future__ import annotations

from collections.abc import Callable

OnProgress = Callable[[str, int, int], None]  # what is being done, how much of it is done, of how much


def unheard(what: str, done: int, total: int) -> None:
    """Nobody wants to know."""


class Tally:
    """Adds up what is done in parts: bytes of one file after the other.

    Args:
        on_progress: is told the sum so far.
        what, total: what is being done, and how much of it there is.
    """

    def __init__(self, on_progress: OnProgress, what: str, total: int) -> None:
        self.on_progress, self.what, self.total = on_progress, what, total
        self.done = 0

    def add(self, part: int) -> None:
        """So much more is done."""
        self.done += part
        self.on_progress(self.what, self.done, self.total)

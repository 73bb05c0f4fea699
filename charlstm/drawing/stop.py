"""The end before a stop text."""

from __future__ import annotations

from charlstm.drawing.text import Drawn


class StopFilter:
    """Holds back what may be the beginning of the stop text, until it is known not to be."""

    def __init__(self, stop: str | None) -> None:
        self.stop = stop or ""
        self.held: list[Drawn] = []
        self.ended = False

    def push(self, character: Drawn, last: bool) -> list[Drawn]:
        """Take a character; give those that may be shown now."""
        if self.ended:
            return []
        self.held.append(character)
        text = "".join(drawn.text for drawn in self.held)
        if self.stop and text.endswith(self.stop):
            shown, self.held, self.ended = self.held[: -len(self.stop)], [], True
            return shown
        keep = 0 if last else max((n for n in range(1, len(self.stop)) if text.endswith(self.stop[:n])), default=0)
        shown = self.held[: len(self.held) - keep]
        self.held = self.held[len(self.held) - keep :]
        return shown

    def end(self) -> list[Drawn]:
        """The stream ends here: what was held back is no stop text, and is given."""
        shown, self.held, self.ended = self.held, [], True
        return shown

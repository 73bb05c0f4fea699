"""The progress bar of a training, in a terminal or a notebook."""

from __future__ import annotations

from charlstm.evaluate import bits_per_char
from charlstm.report.bars import open_bar
from charlstm.report.text import count
from charlstm.training.events import Evaluated, Stepped

SCALE = 10_000  # steps of the bar of a training: it shows the share of the budget, which may be time


class TrainingBar:
    """How far a training is, and how well it goes: the smoothed loss, the last validation, the speed.

    Args:
        already: share of the budget that was used before.
        quiet: never show it.
        forced: show it in any case.
        leave: let it stand when it is done.
    """

    def __init__(self, already: float, quiet: bool, forced: bool = False, leave: bool = False) -> None:
        self.bar = open_bar(
            "train",
            SCALE,
            quiet,
            forced,
            initial=round(already * SCALE),
            dynamic_ncols=True,
            leave=leave,
            bar_format="{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
        )
        self.smoothed: float | None = None  # bits a character
        self.last: Stepped | None = None
        self.valid = ""

    def stepped(self, event: Stepped) -> None:
        """A window was learnt from."""
        bits = bits_per_char(event.loss_nats)
        self.smoothed = bits if self.smoothed is None else 0.95 * self.smoothed + 0.05 * bits
        self.last = event
        self._show(event.progress)

    def evaluated(self, event: Evaluated) -> None:
        """The model was scored."""
        self.valid = f"  valid {event.valid_bits_per_char:.3f}"

    def finished(self) -> None:
        """The training has come to its end, by its budget or because it got no better."""
        self._show(1.0)

    def _show(self, share: float) -> None:
        if self.bar.disable or self.last is None:
            return
        step = self.last
        self.bar.set_postfix_str(
            f"epoch {step.epoch:.2f}  {self.smoothed:.3f} bits/char{self.valid}  {count(step.chars_per_s)} char/s",
            refresh=False,
        )
        self.bar.update(round(share * SCALE) - self.bar.n)

    def close(self) -> None:
        """End it."""
        self.bar.close()

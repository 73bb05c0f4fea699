"""The progress bar of a training, in a terminal or a notebook, and what is said beside it."""

from __future__ import annotations

from charlstm.evaluate import bits_per_char
from charlstm.report.bars import open_bar
from charlstm.report.console import say
from charlstm.report.text import count
from charlstm.training.events import Evaluated, Event, Finished, NotSaved, RolledBack, Stepped

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


def warning_of(event: Event) -> str | None:
    """What a person should be warned of where a training goes on all the same; None: nothing."""
    if isinstance(event, RolledBack):
        return (
            f"step {event.failed_step:,}: the loss is infinite or undefined; back to step {event.step:,}, with the "
            f"learning rate times {event.lr_scale:g}"
        )
    return f"{event.problem}; training goes on" if isinstance(event, NotSaved) else None


class Reporter:
    """Shows the events of a training on stderr: its bar, and what is wrong.

    Args:
        quiet: no bar.

    Attributes:
        bar: of the training under way, if there is one.
        warned: what has been said of this training: a full disk is one problem, however many saves fail.
    """

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.bar: TrainingBar | None = None
        self.warned: set[str] = set()

    def begin(self, already: float) -> None:
        """A training begins; `already`: share of its budget that was used before."""
        self.bar, self.warned = TrainingBar(already, self.quiet), set()

    def show(self, event: Event) -> None:
        """Show an event."""
        problem = warning_of(event)
        if problem is not None:
            self.warn(problem)
        elif isinstance(event, Finished):
            self.close()
        elif self.bar is not None and isinstance(event, Stepped):
            self.bar.stepped(event)
        elif self.bar is not None and isinstance(event, Evaluated):
            self.bar.evaluated(event)

    def warn(self, problem: str) -> None:
        """Say that something is wrong, once for each problem."""
        if problem not in self.warned:
            self.say(f"warning: {problem}")
        self.warned.add(problem)

    def say(self, text: str) -> None:
        """Say something above the bar."""
        if self.bar is not None:
            self.bar.bar.clear()
        say(text)
        if self.bar is not None:
            self.bar.bar.refresh()

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.close()
        self.bar = None

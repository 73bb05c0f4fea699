"""A training as a person sees it: the corpus report, a progress bar, evaluations, the table at the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from charlstm.checkpoint import LAST
from charlstm.config import ModelConfig, TrainConfig
from charlstm.corpus import Corpus, HeldOut
from charlstm.corpus.held_out import PASSAGE
from charlstm.corpus.lines import LineCounts
from charlstm.evaluate import SCORING_SPEED
from charlstm.in_numpy.shapes import num_parameters
from charlstm.report.charts import Chart, Curve, nice_limits
from charlstm.report.curves import draw_curves
from charlstm.report.tables import table
from charlstm.report.text import count, duration, printable, quoted
from charlstm.report.training_bar import Reporter
from charlstm.training.events import Evaluated, Event, Finished
from charlstm.training.mixing import new_lanes
from charlstm.training.plan import chars_per_step, scored_chars

BEGINNING = 0.02  # of a training
ROWS = 16


def corpus_report(corpus: Corpus) -> str:
    """What the corpus holds, in a few lines."""
    total = len(corpus.train) + len(corpus.valid)
    rarest = "  ".join(f"{quoted(c)} {n:,}" for c, n in corpus.rarest(8))
    distinct = f"{corpus.distinct:,} distinct\nrarest      {rarest}"
    lines = corpus.lines
    if lines is not None:
        return (
            f"list        {lines.train + lines.valid:,} lines, {total:,} characters, {distinct}\n"
            f"split       {lines.train:,} lines for training, {lines.valid:,} for validation"
        )
    return (
        f"corpus      {total:,} characters, {distinct}\n"
        f"split       {len(corpus.train):,} for training, {len(corpus.valid):,} for validation"
    )


def line_notes(lines: LineCounts) -> list[str]:
    """What a person should know of a list of lines."""
    notes = []
    if lines.blank:
        notes.append(f"{lines.blank:,} blank line{'s are' if lines.blank > 1 else ' is'} left out")
    if lines.repeated:
        notes.append(
            f"{lines.repeated:,} line{'s repeat' if lines.repeated > 1 else ' repeats'} an earlier one; "
            "equal lines are never both learnt from and validated on"
            if not lines.shared
            else f"{lines.shared:,} of the {lines.valid:,} validation lines also occur in the training text"
        )
    return notes


def about(seconds: float) -> str:
    """A length of time that is not known exactly."""
    return f"about {duration(seconds)}" if seconds >= 1 else duration(0)


def held_out_notes(held_out: HeldOut, at_the_end: bool) -> list[str]:
    """What a person should know before trusting the validation scores.

    Args:
        held_out: what was measured.
        at_the_end: whether the validation text is the end of the training text.
    """
    notes = []
    if held_out.is_repeated:
        notes.append(
            f"{held_out.repeated:.0%} of the validation text also occurs in the training text, in passages of "
            f"{PASSAGE} characters: a low score may only show that it was learnt by heart"
        )
    if held_out.is_unlike and at_the_end:
        notes.append(
            "the end of the text, held out for validation, is unlike the rest: expect poor scores. If the order of the "
            "lines means nothing, shuffle them first"
        )
    return notes


def plan_report(
    model: ModelConfig,
    config: TrainConfig,
    corpus: Corpus,
    speed: float,
    kernel: str,
    total_steps: int | None,
    done_steps: int,
    done_seconds: float,
) -> str:
    """What will be trained and how long it will take; `done_steps` and `done_seconds` of the budget are behind."""
    layers = f"{model.num_layers} layer{'s' if model.num_layers > 1 else ''} of {model.hidden_size} cells"
    n = max(1, len(corpus.train)) * config.batch_size / new_lanes(config)  # characters read in a pass
    if total_steps is None:
        assert config.time is not None
        seconds = config.time - done_seconds
        budget = f"{duration(seconds)}, about {seconds * speed / n:.1f} passes over the text"
    else:
        characters = (total_steps - done_steps) * chars_per_step(corpus, config)
        seconds = seconds_for(config, corpus, speed, total_steps, done_steps)
        budget = f"{total_steps - done_steps:,} steps, {characters / n:.1f} passes over the text, {about(seconds)}"
    return (
        f"network     {model.cell_type}, {layers}, {count(num_parameters(model))} parameters\n"
        f"speed       {count(speed)} characters/s ({kernel})\n"
        f"budget      {budget}"
    )


def seconds_for(config: TrainConfig, corpus: Corpus, speed: float, total_steps: int, done_steps: int = 0) -> float:
    """About how long the steps and validations take that are ahead."""
    characters = (total_steps - done_steps) * chars_per_step(corpus, config)
    scored = config.evaluations * scored_chars(corpus, config)
    return (characters + (1 - done_steps / total_steps) * scored / SCORING_SPEED) / speed


class TrainingReporter(Reporter):
    """Shows the events of one training on stderr, with every evaluation.

    Args:
        quiet: only warnings and the end.
        already: share of the budget that was used before.
    """

    def __init__(self, quiet: bool, already: float) -> None:
        super().__init__(quiet)
        self.begin(already)

    def show(self, event: Event) -> None:
        super().show(event)
        if isinstance(event, Evaluated) and not self.quiet:
            self._evaluated(event)

    def _evaluated(self, event: Evaluated) -> None:
        smoothed = None if self.bar is None else self.bar.smoothed
        train = "" if smoothed is None else f"train {smoothed:.3f}  "
        where = f"step {event.step:,}  epoch {event.epoch:.2f}"
        mark = "  best so far" if event.best else ""
        self.say(f"{where}  {train}valid {event.valid_bits_per_char:.3f} bits/char{mark}")
        if event.sample is not None:
            lines = printable(event.sample).strip("\n").splitlines()
            self.say("\n".join("    | " + line for line in lines))


def draw_end(
    event: Finished, folder: Path, resumed: bool, more: Sequence[tuple[str, str]], width: int, colour: bool
) -> list[RenderableType]:
    """The table at the end; of a run that was resumed, steps and passes count from its beginning, time does not.

    Args:
        more: rows to add.
    """
    rows = []
    in_all, since = (" in all", " since it was resumed") if resumed else ("", "")
    if event.best_nats is not None and event.best_bits_per_char is not None:
        best = f"{event.best_bits_per_char:.4f} bits/char ({event.best_nats:.4f} nats)"
        rows.append(("best", f"{best} on validation, step {event.best_step:,}"))
    rows += [
        ("trained", f"{event.step:,} steps{in_all}, {event.epoch:.2f} passes over the text"),
        ("time", f"{duration(event.seconds)}{since}, {count(event.chars_per_s)} characters/s with evaluations"),
        *more,
        ("model", str(folder)),
    ]
    notes = []
    if event.reason == "patience":
        notes.append("stopped early, because validation no longer improved")
    if event.best_step == 0 and event.step:
        notes.append(f"validation never improved: the model is still the one it began with. The end: {folder / LAST}")
    return [table(rows), *map(Text, notes)]


Points = Sequence[tuple[float, float]]


def training_chart(training: Points, validation: Points) -> Chart:
    """Steps against bits a character, on the text that is learnt and on the other.

    The first steps, where a network learns which characters are frequent, lie above the frame.
    """
    last = max(step for step, _ in (*training, *validation))
    shown = [bits for step, bits in training if step >= BEGINNING * last] + [bits for _, bits in validation]
    curves = [
        Curve(name, [step for step, _ in points], [bits for _, bits in points])
        for name, points in (("training", training), ("validation", validation))
        if points
    ]
    ends = "; ".join(f"{curve.label} ends at {curve.y[-1]:.3f} bits a character" for curve in curves)
    limits = nice_limits(shown or [bits for _, bits in training], ROWS)
    return Chart("Training curve", f"{ends}, after {last:,.0f} steps.", curves, "step", "bits/char", y_limits=limits)


def draw_training(summary: str, chart: Chart, width: int, colour: bool) -> list[RenderableType]:
    """The training curve, after some words on the run."""
    return [Text(""), Text(printable(summary)), *draw_curves(chart, width, colour, height=ROWS)]

"""A cell over a training, for people: when it arose, in a sentence, and the table behind it."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import RenderableType
from rich.text import Text

from charlstm.probe.defaults import Words
from charlstm.probe.over_run import Moment, OverRun, in_words
from charlstm.report.probe import paragraph, percent, two
from charlstm.report.tables import table

Column = tuple[str, Callable[[Moment], str]]


def draw_over_run(
    found: OverRun, words: Words, model: str, about_cell: str, details: bool, width: int, colour: bool
) -> list[RenderableType]:
    """The sentence, and a line for every model; with details also the model, how the cell was chosen, more columns.

    Args:
        words: what the feature is called.
        model: the model in a line.
        about_cell: how the cell was chosen.
        details: whether everything is shown.
        width, colour: columns there are, and whether there is colour.
    """
    limits = found.limits
    brief: list[Column] = [
        ("step", lambda moment: f"{moment.step:,}"),
        ("right %", lambda moment: percent(moment.right.value)),
        ("hold", lambda moment: two(moment.hold) + (" *" if moment.holds(limits) else "  ")),
        ("moved", lambda moment: two(moment.recovery.value) + (" *" if moment.is_used(limits) else "  ")),
    ]
    every: list[Column] = [
        brief[0],
        ("characters", lambda moment: "-" if moment.characters is None else f"{moment.characters:,}"),
        ("bits/char", lambda moment: f"{moment.bits_per_char:.3f}"),
        brief[1],
        ("twins in order %", lambda moment: percent(moment.twin_order.value)),
        ("nats apart", lambda moment: two(moment.nats.value)),
        brief[2],
        ("flips %", lambda moment: percent(moment.flip)),
        brief[3],
    ]
    columns = every if details else brief
    rows = [[show(moment) for _, show in columns] for moment in found.moments]
    about = [about_cell, *([model, f"ordinary text: {found.ordinary}"] if details else [])]
    stars = f"* reaches what a claim needs: hold {limits.hold:g}, moved {limits.recovery:g}"
    if details:
        stars += (
            "; the hold past an attractor of the same class, too; for moved, its interval must lie above 0, and twins "
        )
        stars += "must be in order more often than by chance"
    return [
        *paragraph(in_words(found, words), width, "bold" if colour else ""),
        *(line for said in about for line in paragraph(said, width, indent=" " * 12)),
        Text(""),
        table(rows, [title for title, _ in columns], left=()),
        *paragraph(stars, width, "dim" if colour else ""),
    ]

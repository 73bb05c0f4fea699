"""A cell over a training, for people: when it arose, in a sentence, and the table behind it."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import RenderableType
from rich.text import Text

from charlstm.probe.over_run import Moment, OverRun, in_words
from charlstm.report.probe import percent, two
from charlstm.report.tables import table
from charlstm.report.text import printable


def draw_over_run(found: OverRun, model: str, about_cell: str, width: int, colour: bool) -> list[RenderableType]:
    """The sentence, the model in a line, how the cell was chosen, a line for every model, and what the columns are."""
    limits = found.limits
    columns: list[tuple[str, Callable[[Moment], str]]] = [
        ("step", lambda moment: f"{moment.step:,}"),
        ("characters", lambda moment: "-" if moment.characters is None else f"{moment.characters:,}"),
        ("bits/char", lambda moment: f"{moment.bits_per_char:.3f}"),
        ("right %", lambda moment: percent(moment.right.value)),
        ("order %", lambda moment: percent(moment.twin_order.value)),
        ("apart", lambda moment: two(moment.nats.value)),
        ("hold", lambda moment: two(moment.hold) + (" *" if moment.holds(limits) else "  ")),
        ("flip %", lambda moment: percent(moment.flip)),
        ("moved", lambda moment: two(moment.recovery.value) + (" *" if moment.is_used(limits) else "  ")),
    ]
    first, second = (printable(name, keep="") for name in found.classes)
    legend = [
        f"bits/char  on {found.ordinary}",
        "right      choices, on held-out lemmas; order: twins whose odds differ in the right direction",
        "apart      how far the log odds of twins lie apart, nats",
        f"hold       least AUC ({first} against {second}) over the landmarks, attractor of the other class; * at least "
        f"{limits.hold:g}, with an attractor of the same class, too",
        "flip       choices that change when the cell takes its value in the twin, once, at the end of the cue",
        "moved      how far the log odds then go towards the twin's, 1 is all the way; * at least "
        f"{limits.recovery:g}, its interval above 0, and twins in order more often than by chance",
    ]
    return [
        Text(printable(in_words(found))),
        Text(""),
        Text(printable(model)),
        Text(printable(about_cell)),
        Text(""),
        table([[show(moment) for _, show in columns] for moment in found.moments], [t for t, _ in columns], left=()),
        Text(""),
        *(Text(printable(line), "dim" if colour else "") for line in legend),
    ]

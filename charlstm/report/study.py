"""A study as a person sees it: how far it is, and at the end one table over all seeds."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import RenderableType
from rich.text import Text

from charlstm.probe.defaults import defaults_of
from charlstm.report.probe import paragraph
from charlstm.report.tables import table
from charlstm.report.training_bar import Reporter
from charlstm.study.manifest import Manifest
from charlstm.study.result import SeedResult, Summary, figure
from charlstm.study.run import SeedBegins, SeedFinished, SeedTrained, StudyEvent

Show = Callable[[float], str]


class StudyReporter(Reporter):
    """Shows the events of a study on stderr.

    Args:
        quiet: only warnings.
        seeds: how many there are.
    """

    def __init__(self, quiet: bool, seeds: int) -> None:
        super().__init__(quiet)
        self.seeds = seeds

    def show(self, event: StudyEvent) -> None:
        if isinstance(event, SeedBegins):
            self._say_how_far(f"seed {event.seed} ({event.number} of {self.seeds}): training")
            for note in event.session.notes:
                self.say(f"note: {note}")
            self.begin(event.fraction)
        elif isinstance(event, SeedTrained):
            self._say_how_far(f"seed {event.result.seed}: probing its best model")
        elif isinstance(event, SeedFinished):
            self._say_how_far(in_a_line(event.result))
        else:
            super().show(event)

    def _say_how_far(self, text: str) -> None:
        if not self.quiet:
            self.say(text)


def in_a_line(result: SeedResult) -> str:
    """What is known of one seed."""
    training, probe = result.training, result.probe
    if training.diverged:
        return f"seed {result.seed}: the training diverged at step {training.step:,}, so its model does not count"
    bits = training.bits_per_char
    parts = [f"{training.step:,} steps"] if bits is None else [f"{bits:.3f} bits/char at step {training.best_step:,}"]
    if probe is not None:
        parts.append(f"{100 * probe.accuracy:.1f} % right")
    if probe is not None and probe.cell is not None:
        parts.append(f"best cell {probe.cell} ({verdict_of(result)})")
    return f"seed {result.seed}: {', '.join(parts)}"


def verdict_of(result: SeedResult) -> str:
    """What is claimed of the best cell, in a table."""
    if result.training.diverged:
        return "diverged"
    return (result.probe and result.probe.verdict) or ""


def draw_study(manifest: Manifest, width: int, colour: bool) -> list[RenderableType]:
    """The conclusion, a row for every seed, mean and standard deviation, and what the columns mean."""
    summary, results = manifest.summary, manifest.results
    bold, dim = ("bold", "dim") if colour else ("", "")
    cells = any(result.probe is not None and result.probe.cell is not None for result in results)
    known = {name for _, name, _ in COLUMNS if any(figure(result, name) is not None for result in results)}
    columns = [column for column in COLUMNS if column[1] in known or (cells and column[1] in OF_CELL)]
    verdicts = cells or any(result.training.diverged for result in results)
    before = [column for column in columns if column[1] not in OF_CELL]
    after = [column for column in columns if column[1] in OF_CELL]
    rows = [
        [
            str(result.seed),
            *(shown(figure(result, name), show) for _, name, show in before),
            *([(result.probe and result.probe.cell) or "-"] if cells else []),
            *(shown(figure(result, name), show) for _, name, show in after),
            *([verdict_of(result)] if verdicts else []),
        ]
        for result in results
    ]
    for label, of in (("mean", summary.mean), ("sd", summary.deviation)):
        rows.append(
            [
                label,
                *(shown(of[name], show) for _, name, show in before),
                *([""] if cells else []),
                *(shown(of[name], show) for _, name, show in after),
                *([""] if verdicts else []),
            ]
        )
    titles = ["seed", *(title for title, _, _ in before), *(["cell"] if cells else [])]
    titles += [*(title for title, _, _ in after), *(["verdict"] if verdicts else [])]
    left = (0, len(titles) - 1) if verdicts else (0,)
    lines: list[RenderableType] = [*paragraph(" ".join(headline(manifest)), width, bold), Text("")]
    lines += [table(rows, titles, left=left), Text("")]
    return [*lines, *(line for said in legend(manifest, cells) for line in paragraph(said, width, dim))]


def headline(manifest: Manifest) -> list[str]:
    """What was found over all seeds, in one or two sentences."""
    summary, said = manifest.summary, []
    if summary.share is not None:
        share = f"{percent(summary.share.value)} % (95 % interval: {percent(summary.share.low)} to "
        said.append(
            f"A cell tracks {feature_of(manifest)}, and the network uses it, in {summary.qualified} of "
            f"{of_seeds(summary.probed)}: {share}{percent(summary.share.high)} %)."
        )
    elif summary.mean["accuracy"] is not None:
        said.append(
            f"Over {of_seeds(summary.seeds)}, {averaged(summary, 'accuracy', in_percent, ' %')} of the choices are "
            "right; nothing can be said about cells, because these pairs have no twins."
        )
    if summary.mean["bits_per_char"] is not None:
        over = "" if said else f" over {of_seeds(summary.seeds)}"
        said.append(f"Validation{over}: {averaged(summary, 'bits_per_char', in_bits, ' bits/char')}.")
    elif not said:
        said.append(f"{of_seeds(summary.seeds).capitalize()} trained; without a validation text there is no score.")
    return said


def averaged(summary: Summary, name: str, show: Show, unit: str) -> str:
    """A mean and, where there is one, its standard deviation."""
    mean, deviation = summary.mean[name], summary.deviation[name]
    assert mean is not None
    more = "" if deviation is None else f" on average (standard deviation {show(deviation)})"
    return f"{show(mean)}{unit}{more}"


def legend(manifest: Manifest, cells: bool) -> list[str]:
    """What the columns mean, and what was not done."""
    said = [] if len(manifest.results) < 2 else ["sd: the standard deviation over the seeds, as of a sample (n - 1)."]
    if manifest.pairs is None:
        return [*said, f"{manifest.note[:1].upper()}{manifest.note[1:]}."]
    past = " Other %: past an attractor of the other class." if manifest.summary.mean["accuracy_opposite"] else ""
    said.append(
        f"Right %: choices that are right, in {manifest.pairs['number']:,} pairs ({manifest.pairs['name']}).{past}"
    )
    if cells:
        said.append("The 95 % interval is exact for independent seeds (Clopper & Pearson 1934).")
        said.append(
            "Cell: the best one. Hold: how well it tells the two classes apart (guessing: 0.5). Moved: how far its "
            "value in the twin moves the answer towards the twin's."
        )
    if any(result.training.diverged for result in manifest.results):
        said.append("A training that diverged has no figures, and counts as one without such a cell.")
    return said


def feature_of(manifest: Manifest) -> str:
    """What a cell may carry, by the pairs."""
    if manifest.pairs is None or manifest.pairs["files"]:
        return "the feature of the pairs"
    return defaults_of(manifest.train.language).words.feature


def of_seeds(number: int) -> str:
    """So many seeds."""
    return f"{number:,} seed{'s' if number != 1 else ''}"


def shown(value: float | None, show: Show) -> str:
    """A figure; a dash where there is none."""
    return "-" if value is None else show(value)


def percent(share: float) -> str:
    """A share, in whole per cent."""
    return f"{100 * share:.0f}"


def in_bits(bits: float) -> str:
    """A score, in bits a character."""
    return f"{bits:.3f}"


def in_percent(share: float) -> str:
    """A share, in per cent."""
    return f"{100 * share:.1f}"


COLUMNS: list[tuple[str, str, Show]] = [
    ("bits/char", "bits_per_char", in_bits),
    ("step", "best_step", lambda v: f"{v:,.0f}"),
    ("right %", "accuracy", in_percent),
    ("other %", "accuracy_opposite", in_percent),
    ("hold", "hold", lambda v: f"{v:.2f}"),
    ("moved", "moved", lambda v: f"{v:.2f}"),
]
OF_CELL = ("hold", "moved")

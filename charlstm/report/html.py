"""Results as Python shows them: in words where it prints them, as HTML in a notebook.

The HTML names no colour for what is not shaded, so that it reads on a dark page as on a light one; shaded characters
are black on a light ground. Everything that comes from a text or a model file is escaped.
"""

from __future__ import annotations

import html
import io
import math
from collections.abc import Iterable, Sequence

from rich.console import RenderableType
from rich.terminal_theme import TerminalTheme

from charlstm.config import cell_in_words
from charlstm.explain.walk import Walk
from charlstm.probe.conclusion import in_words
from charlstm.probe.result import ProbeResult, SentenceReport
from charlstm.report.columns import GROUNDS, centred, step_of
from charlstm.report.console import Console
from charlstm.report.probe import two
from charlstm.report.text import printable
from charlstm.report.walk import draw_walk
from charlstm.sample import Sample
from charlstm.shown import html_of, words_of

WIDTH = 88  # columns of what is drawn as for a terminal
BEGINNING = 60  # characters of a text that words show
# middle tones, which can be read on white and on black; black is only used on a light ground
TONES = TerminalTheme(
    (110, 118, 126),  # what is dim is halfway between these two
    (110, 118, 126),
    [
        (0, 0, 0),
        (217, 71, 58),
        (46, 158, 79),
        (176, 125, 0),
        (59, 130, 214),
        (160, 92, 214),
        (31, 148, 168),
        (128, 136, 144),
    ],
)
MONO = "font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"
# of a character, in nats: at least so probable, and the ground of that; the less likely, the warmer
PROBABLE = ((-0.1, ""), (-0.7, "#edf8e9"), (-1.6, "#fee6ce"), (-3.0, "#fdbe85"), (-math.inf, "#fd8d3c"))


def shaded(text: str, grounds: Sequence[str], titles: Sequence[str] = (), before: str = "") -> str:
    """A text on grounds of its own, character by character, wrapping as the page does.

    Args:
        text: T characters.
        grounds: (T) colours; "" leaves a character as it is.
        titles: (T) what a pointer that rests on a character shows; or none.
        before: what stands before it, not shaded.
    """
    spans = [f'<span style="opacity:.6">{escaped(before)}</span>'] if before else []
    for k, character in enumerate(text):
        style = f' style="background:{grounds[k]};color:#000"' if grounds[k] else ""
        title = f' title="{escaped(titles[k])}"' if titles else ""
        shown = escaped(character)
        spans.append(f"<span{style}{title}>{shown}</span>" if style or title else shown)
    return f'<div style="{MONO};white-space:pre-wrap;line-height:1.6">{"".join(spans)}</div>'


def escaped(text: str) -> str:
    """A text as HTML shows it: no markup in it, nothing invisible."""
    return html.escape(printable(text))


def drawn(parts: Iterable[RenderableType], width: int = WIDTH) -> str:
    """What is drawn for a terminal, as HTML of the same."""
    console = Console(
        record=True,
        file=io.StringIO(),
        width=width,
        force_terminal=True,
        force_jupyter=False,
        color_system="truecolor",
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
    )
    for part in parts:
        console.print(part)
    inner = console.export_html(theme=TONES, inline_styles=True, code_format="{code}")
    return f'<pre style="{MONO};line-height:1.25;overflow-x:auto;background:none;color:inherit">{inner}</pre>'


def folded(summary: str, content: str) -> str:
    """What is there for whoever wants it."""
    return f"<details><summary>{escaped(summary)}</summary>{content}</details>"


def paragraph(text: str, style: str = "") -> str:
    """A line of words."""
    return f'<p style="margin:.4em 0;{style}">{escaped(text)}</p>'


def boxed(parts: Iterable[str]) -> str:
    """Parts below each other, as one output."""
    return f'<div style="max-width:56em">{"".join(parts)}</div>'


def ground(share: float) -> str:
    """The ground of a value from -1 to 1; none for NaN."""
    return "" if math.isnan(share) else GROUNDS[step_of(share)]


def beginning(text: str, most: int = BEGINNING) -> str:
    """The beginning of a text, quoted."""
    return repr(text if len(text) <= most else text[: most - 3] + "...")


# a text that a model wrote


@words_of.register
def _(sample: Sample) -> str:
    after = f" after {beginning(sample.prompt, 30)}" if sample.prompt else ""
    bits = f", {sample.bits_per_char:.2f} bits/char" if sample.logprobs else ""
    return f"<Sample of {len(sample):,} characters{after}, seed {sample.seed}{bits}: {beginning(str(sample))}>"


@html_of.register
def _(sample: Sample) -> str:
    text, logprobs = str(sample), sample.logprobs
    if len(logprobs) != len(text):
        return boxed([shaded(text, [""] * len(text), before=sample.prompt)])
    grounds = [next(colour for least, colour in PROBABLE if value >= least or math.isnan(value)) for value in logprobs]
    titles = [f"{100 * math.exp(value):.1f} %" for value in logprobs]
    about = f"seed {sample.seed}; the less likely a character was, the warmer its ground"
    return boxed([shaded(text, grounds, titles, sample.prompt), paragraph(about, "opacity:.7;font-size:smaller")])


# one cell over a text


@words_of.register
def _(walk: Walk) -> str:
    steps = [step.value for step in walk.steps]
    counts = ", ".join(f"{name} {steps.count(name):,}" for name in dict.fromkeys(steps))
    who = cell_in_words(walk.layer, walk.cell)
    return f"<Walk of {who} over {len(walk.text):,} characters{f': {counts}' if counts else ''}>"


@html_of.register
def _(walk: Walk) -> str:
    memory = walk.memory
    reach = max(map(abs, memory), default=0.0) or 1.0
    steps = [f", {step.value}" for step in walk.steps] or [""] * len(memory)
    titles = [
        f"{k + 1}{steps[k]}: " + "  ".join(f"{letter} {two(values[k])}" for letter, values in walk.numbers.items())
        for k in range(len(memory))
    ]
    what = walk.kind.parts["c" if walk.kind.has_cell_state else "h"].name
    heading = f"{cell_in_words(walk.layer, walk.cell).capitalize()}, {what}: blue is low, orange is high"
    every = drawn(draw_walk([walk], ["character by character"], False, "", WIDTH, True))
    return boxed(
        [
            paragraph(heading, "font-weight:bold"),
            shaded(walk.text, [ground(value / reach) for value in memory], titles),
            folded("every gate at every character", every),
        ]
    )


# what a probe found


@words_of.register
def _(result: ProbeResult) -> str:
    lines = conclusion_of(result)
    if not lines:
        return f"<ProbeResult: {len(result.sentences)} sentences read, no pairs>"
    return f"<ProbeResult: {' '.join(lines)}>"


def conclusion_of(result: ProbeResult) -> list[str]:
    """What was found, in sentences, and what else must be said."""
    return [*in_words(result), *behaviour_of(result), *(f"Note: {note}." for note in result.notes)]


def behaviour_of(result: ProbeResult) -> list[str]:
    """How often the network chooses the right ending, in a sentence."""
    if result.behaviour is None:
        return []
    overall = result.behaviour.overall
    low, right, high = (100 * share for share in (overall.accuracy.low, overall.accuracy.value, overall.accuracy.high))
    return [f"It is right in {right:.1f} % [{low:.1f}, {high:.1f}] of {overall.sentences:,} sentences; chance is 50 %."]


@html_of.register
def _(result: ProbeResult) -> str:
    found, *more = conclusion_of(result) or ["There were no pairs: nothing is said of cells."]
    parts = [paragraph(found, "font-weight:bold"), *map(paragraph, more)]
    for sentence in result.sentences:
        parts += _sentence_html(result, sentence)
    return boxed(parts)


def _sentence_html(result: ProbeResult, sentence: SentenceReport) -> list[str]:
    """A sentence and its twin over the best cell, with the odds of the ending that is right for the first."""
    pair = sentence.pair
    texts = (pair.prefix, pair.twin_prefix)
    states = [
        trace.state[0, : len(text), 0].tolist() if result.watched else [math.nan] * len(text)
        for text, trace in zip(texts, sentence.traces, strict=True)
    ]
    heading = f"The {sentence.name} sentence and its twin"
    if result.watched:
        layer, cell = result.watched[0]
        state = "hidden state" if result.state == "h" else "cell state"
        heading += f", shaded by the {state} of {cell_in_words(layer, cell)}: blue is low, orange is high"
    parts = [paragraph(heading, "opacity:.7;font-size:smaller")]
    for text, values, shades, share in zip(texts, states, centred(states), sentence.share, strict=True):
        parts += [shaded(text, [ground(shade) for shade in shades], [two(value) for value in values])]
        parts += [paragraph(f"P({pair.words[0]}), of the two endings: {share:.3f}", "font-size:smaller;opacity:.7")]
    return parts

"""One cell over a text, for people: the text shaded by its memory, a line a character, one step in six equations."""

from __future__ import annotations

from rich.console import RenderableType
from rich.style import Style
from rich.text import Text

from charlstm.explain.equations import Equation, WrittenStep, signed
from charlstm.explain.walk import Step, Walk
from charlstm.report.columns import bar, coloured_lines, columns_of, glyph, padded, signed_bar, tenth
from charlstm.report.text import printable

MARKS = {Step.kept: " ", Step.replaced: "=", Step.added_to: "+", Step.cleared: "0"}
STEP_STYLES = {Step.kept: "dim", Step.replaced: "bold magenta", Step.added_to: "bold green", Step.cleared: "bold blue"}
BAR_STYLES = {"f": "blue", "i": "green", "g": "cyan", "o": "magenta", "c": "red", "h": "red"}
MEANINGS = {
    "f": "forget gate: what is kept",
    "i": "input gate: what may be written",
    "g": "candidate: what would be written",
    "o": "output gate: what is shown",
    "c": "cell state: the long memory",
    "h": "hidden state: the short memory",
}
NUMBER = 5  # columns of a number
WIDEST_BAR = 20


def draw_walk(walk: Walk, chosen: str, width: int, colour: bool) -> list[RenderableType]:
    """A text with one cell over it.

    Args:
        chosen: why it is this cell.
        width, colour: columns there are, and whether there is colour.
    """
    what = "cell" if walk.has_gates else "hidden"
    lines: list[RenderableType] = [Text(printable(f"cell {walk.cell} of layer {walk.layer + 1}: {chosen}"))]
    values = walk.c if walk.has_gates else walk.h
    reach = max(map(abs, values), default=0.0) or 1.0
    rows: dict[str, list[str]] = {}
    if walk.has_gates:
        rows = {name: [tenth(value) for value in getattr(walk, name)] for name in "fio"}
        rows[""] = [MARKS[step] for step in walk.steps]
        lines += _legend(walk, colour)
    lines.append(Text(f"the text, shaded by the {what} state" + ("; gates in tenths" if walk.has_gates else "")))
    lines += coloured_lines(walk.text, [value / reach for value in values], rows, width, colour)
    lines.append(Text(""))
    return lines + _table(walk, reach, width, colour)


def _legend(walk: Walk, colour: bool) -> list[RenderableType]:
    limit = f"{walk.open_from:g}"
    named = {
        Step.kept: "forget gate open, input gate closed",
        Step.replaced: "forget gate closed, input gate open",
        Step.added_to: "both open",
        Step.cleared: "both closed",
    }
    lines: list[RenderableType] = [Text(f"a gate is open from {limit} on; by forget gate and input gate the memory is")]
    for step, when in named.items():
        line = Text(f"  {MARKS[step]} ")
        line.append(f"{step.value:<10}", STEP_STYLES[step] if colour else "")
        lines.append(line.append(when))
    return lines


def _table(walk: Walk, reach: float, width: int, colour: bool) -> list[RenderableType]:
    names = "figoch" if walk.has_gates else "h"
    at = max(3, len(str(len(walk.text))))
    wide = max((columns_of(character) for character in walk.text), default=1)
    fixed = at + 1 + wide + 1 + (10 if walk.has_gates else 0)
    columns = min(WIDEST_BAR, max(2, (width - fixed) // len(names) - NUMBER - 2))
    head = f"{'at':>{at}} " + " " * (wide + 1) + (f"{'memory':<10}" if walk.has_gates else "")
    lines: list[RenderableType] = [
        Text(
            (head + "".join(f"{name:>{NUMBER}} {' ' * columns} " for name in names)).rstrip(), "bold" if colour else ""
        )
    ]
    steps: list[Step] = walk.steps
    for k, character in enumerate(walk.text):
        line = Text(f"{k + 1:>{at}} {padded(visible(character), wide)} ")
        if steps:
            line.append(f"{steps[k].value:<10}", STEP_STYLES[steps[k]] if colour else "")
        for name in names:
            value = getattr(walk, name)[k]
            share = value / max(reach, 1.0) if name == "c" else value
            drawn = bar(share, columns) if name in "fio" else signed_bar(share, columns)
            line.append(f"{_number(value, name):>{NUMBER}} ").append(drawn, BAR_STYLES[name] if colour else "")
            line.append(" ")
        line.rstrip()
        lines.append(line)
    return lines


def visible(character: str) -> str:
    """A character on its own: a space would not be seen."""
    return "␣" if character == " " else glyph(character)


def _number(value: float, name: str) -> str:
    """In at most five columns; what rounds to nothing has no sign."""
    if name in "fio":
        return f"{value:.2f}"
    shown = next(text for digits in (2, 1, 0) if len(text := f"{value:+.{digits}f}") <= NUMBER or digits == 0)
    return "0.00" if float(shown) == 0 else shown


def draw_step(step: WrittenStep, chosen: str, width: int, colour: bool) -> list[RenderableType]:
    """One step as six equations with numbers, each on lines that can be checked by hand."""
    layer = step.layer + 1
    read = printable(step.text[-1], keep="")
    before = step.text[:-1]
    shown = printable(before[-max(1, width - 40) :], keep="")
    lines: list[RenderableType] = [
        Text(printable(f"cell {step.cell} of layer {layer}: {chosen}")),
        Text(f"character {step.at + 1}: {read!r}" + (f", after ...{shown!r}" if before else ", the first")),
        Text(
            f"x_t: {'its embedding' if layer == 1 else f'h_t of layer {layer - 1}'}; "
            f"h_{{t-1}}: the hidden states of layer {layer} before it"
            + ("" if step.c_before is None else f"; c_{{t-1}} = {signed(step.c_before)}")
        ),
    ]
    for equation in step.equations:
        lines += [Text(""), *_equation(equation, colour)]
    own = f"h_t = {step.h:+.6f}" if step.c is None else f"c_t = {step.c:+.6f}, h_t = {step.h:+.6f}"
    return [*lines, Text(""), Text(f"each line adds up to its last digit; the network's own: {own}")]


def _equation(equation: Equation, colour: bool) -> list[RenderableType]:
    name = equation.name
    first = Text(f"{name} ", "bold" if colour else "")
    first.append(f"= {equation.symbols}", Style(bold=False)).append(f"   {equation.meaning}", "dim" if colour else "")
    indent = " " * (len(name) + 1)
    value = signed(equation.value) if name[0] in "gch" else f"{equation.value}"
    last = Text(f"{indent}= ").append(value, "bold" if colour else "")
    return [first, *(Text(f"{indent}= {numbers}") for numbers in equation.numbers), last]

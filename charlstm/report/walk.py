"""One cell over a text, for people: the text shaded by its memory, a line a character, one step in equations."""

from __future__ import annotations

import math

from rich.console import RenderableType
from rich.style import Style
from rich.text import Text

from charlstm.explain.equations import WrittenStep
from charlstm.explain.walk import Step, Walk
from charlstm.network.cells import Cell
from charlstm.network.cells.written import Equation, signed, to_digits
from charlstm.report.columns import bar, coloured_lines, columns_of, glyph, padded, signed_bar, tenth
from charlstm.report.text import printable

MARKS = {Step.kept: " ", Step.replaced: "=", Step.added_to: "+", Step.cleared: "0"}
STEP_STYLES = {Step.kept: "dim", Step.replaced: "bold magenta", Step.added_to: "bold green", Step.cleared: "bold"}
SHARE, SIGNED = 4, 5  # columns of a number from 0 to 1, and of another
STEP = 9  # columns of a step's name, with a space
WIDEST_BAR = 20


def draw_walk(walk: Walk, about: str, width: int, colour: bool) -> list[RenderableType]:
    """A text with one cell over it.

    Args:
        about: which model it is, why this cell, and what was read before.
        width, colour: columns there are, and whether there is colour.
    """
    kind, values = walk.kind, walk.memory
    reach = max(map(abs, values), default=0.0) or 1.0
    lines: list[RenderableType] = [Text(printable(f"cell {walk.cell} of layer {walk.layer + 1}, {about}")), Text("")]
    rows: dict[str, list[str]] = {}
    if walk.has_gates:
        rows = {name: [tenth(value) for value in walk.numbers[name]] for name in kind.shares}
        rows[""] = [MARKS[step] for step in walk.steps]
        lines += [Text(_meanings(kind)), *_legend(walk, colour), Text("")]
    what = kind.parts["c" if kind.has_cell_state else "h"].name
    shades = "blue is low, orange is high" if colour else "in the row ~, from low to high: = - and + #"
    tenths = "; gates in tenths, 9 is open" if walk.has_gates else ""
    lines.append(Text(f"the text, shaded by the {what} ({shades}){tenths}"))
    lines += coloured_lines(walk.text, [value / reach for value in values], rows, width, colour)
    if walk.has_gates:
        lines += [Text(""), Text(_scales(kind, max(reach, 1.0)))]
    return [*lines, *_table(walk, max(reach, 1.0), width, colour)]


def _meanings(kind: Cell) -> str:
    """What the letters mean."""
    also = {kind.candidate: " (in drawings, C with a tilde)"} if kind.has_cell_state else {}
    return "; ".join(f"{letter} {part.name}{also.get(letter, '')}: {part.role}" for letter, part in kind.parts.items())


def _scales(kind: Cell, most: float) -> str:
    """What the bars mean."""
    scales: dict[str, list[str]] = {}
    for letter, part in kind.parts.items():
        scale = "0 to 1" if part.low == 0 else f"-{most:.2f} to {most:.2f}" if math.isinf(part.low) else "-1 to 1"
        scales.setdefault(scale, []).append(letter)
    groups = (f"{' and '.join(', '.join(letters).rsplit(', ', 1))} from {scale}" for scale, letters in scales.items())
    return f"bars: {', '.join(groups)}"


def _bar_style(kind: Cell, letter: str) -> str:
    """A colour for what keeps, for what would be written, for each other gate."""
    if letter not in kind.gates:
        return ""
    others = [gate for gate in kind.shares if gate != kind.keep_gate]
    named = {kind.keep_gate: "blue", kind.candidate: "cyan", **dict(zip(others, ("green", "red"), strict=False))}
    return named.get(letter, "")


def _legend(walk: Walk, colour: bool) -> list[RenderableType]:
    limit, keeps, writes = f"{walk.open_from:g}", walk.kind.parts[walk.kind.keep_gate].name, walk.kind.write_gate
    named = {
        Step.kept: f"{keeps} open, {writes} closed",
        Step.replaced: f"{keeps} closed, {writes} open",
        Step.added_to: "both open",
        Step.cleared: "both closed",
    }
    lines: list[RenderableType] = [Text(f"a gate is open from {limit} on; by {keeps} and {writes} the memory is")]
    for step, when in named.items():
        line = Text(f"  {MARKS[step]} ")
        line.append(f"{step.value:<10}", STEP_STYLES[step] if colour else "")
        lines.append(line.append(when))
    return lines


def _table(walk: Walk, reach: float, width: int, colour: bool) -> list[RenderableType]:
    kind, names = walk.kind, list(walk.kind.parts)
    number = {name: SHARE if name in kind.shares else SIGNED for name in names}
    at = max(2, len(str(len(walk.text))))
    wide = max((columns_of(character) for character in walk.text), default=1)
    fixed = at + 1 + wide + 1 + (STEP if walk.has_gates else 0) + sum(number[name] + 2 for name in names) - 1
    columns = min(WIDEST_BAR, (width - fixed) // len(names))
    columns = columns if columns >= 2 else 0  # no room for bars
    gap = 2 if columns else 1
    head = f"{'at':>{at}} " + " " * (wide + 1) + (f"{'memory':<{STEP}}" if walk.has_gates else "")
    titles = "".join(f"{name:>{number[name]}}{' ' * (columns + gap)}" for name in names)
    lines: list[RenderableType] = [Text((head + titles).rstrip(), "bold" if colour else "")]
    steps: list[Step] = walk.steps
    for k, character in enumerate(walk.text):
        line = Text(f"{k + 1:>{at}} {padded(visible(character), wide)} ")
        if steps:
            line.append(f"{steps[k].value:<{STEP}}", STEP_STYLES[steps[k]] if colour else "")
        for name in names:
            value = walk.numbers[name][k]
            share = value / reach if math.isinf(kind.parts[name].low) else value
            drawn = bar(share, columns) if name in kind.shares else signed_bar(share, columns)
            line.append(f"{_number(value, name in kind.shares):>{number[name]}} ")
            if columns:
                line.append(drawn, _bar_style(kind, name) if colour else "").append(" ")
        line.rstrip()
        lines.append(line)
    return lines


def visible(character: str) -> str:
    """A character on its own: a space would not be seen."""
    return "␣" if character == " " else glyph(character)


def _number(value: float, is_share: bool) -> str:
    """In at most five columns; what rounds to nothing has no sign."""
    if is_share:
        return f"{value:.2f}"
    shown = next(text for digits in (2, 1, 0) if len(text := f"{value:+.{digits}f}") <= SIGNED or digits == 0)
    return "0.00" if float(shown) == 0 else shown


def draw_step(step: WrittenStep, about: str, width: int, colour: bool) -> list[RenderableType]:
    """One step as equations with numbers, each on lines that can be checked by hand."""
    layer, before, memory = step.layer + 1, step.text[:-1], "its own h" if step.c is None else "c"
    shown = printable(repr(before[-max(1, width - 40) :]), keep="")
    read = printable(repr(step.text[-1]), keep="")
    lines: list[RenderableType] = [
        Text(printable(f"cell {step.cell} of layer {layer}, {about}")),
        Text(f"character {step.at + 1}: {read}" + (f", after {shown}" if before else ", the first")),
        Text(
            f"x_t: {'its embedding' if layer == 1 else f'h_t of layer {layer - 1}'}; "
            f"h_{{t-1}}: the hidden states of layer {layer} before it"
            + ("" if step.before is None else f"; {memory}_{{t-1}} = {signed(step.before)}")
        ),
    ]
    for equation in step.equations:
        lines += [Text(""), *_equation(equation, colour)]
    c, h = (None if value is None else signed(to_digits(value)) for value in (step.c, step.h))
    own = f"h_t = {h}" if c is None else f"c_t = {c}, h_t = {h}"
    return [*lines, Text(""), Text(f"each line adds up to its last digit; the network's own: {own}")]


def _equation(equation: Equation, colour: bool) -> list[RenderableType]:
    name = equation.name
    first = Text(f"{name} ", "bold" if colour else "")
    first.append(f"= {equation.symbols}", Style(bold=False)).append(f"   {equation.meaning}", "dim" if colour else "")
    indent = " " * (len(name) + 1)
    value = signed(equation.value) if name[0] in "gch" else f"{equation.value}"
    last = Text(f"{indent}= ").append(value, "bold" if colour else "")
    return [first, *(Text(f"{indent}= {numbers}") for numbers in equation.numbers), last]

"""Cells over a text, for people: the text shaded by their memory, a line a character, one step in equations."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import RenderableType
from rich.style import Style
from rich.text import Text

from charlstm.explain.equations import WrittenStep
from charlstm.explain.walk import Step, Walk
from charlstm.network.cells import Cell
from charlstm.network.cells.written import Equation, signed, to_digits
from charlstm.report.columns import Shade, bar, columns_of, glyph, padded, shaded_parts, signed_bar, tenth
from charlstm.report.tables import table
from charlstm.report.text import printable, quoted

MARKS = {Step.kept: " ", Step.replaced: "=", Step.added_to: "+", Step.cleared: "0"}
STEP_STYLES = {Step.kept: "dim", Step.replaced: "bold magenta", Step.added_to: "bold green", Step.cleared: "bold"}
SHARE, SIGNED = 4, 5  # columns of a number from 0 to 1, and of another
STEP = 9  # columns of a step's name, with a space
WIDEST_BAR = 20
LEAST_BAR = 6  # columns: what a bar must keep for the likeliest characters to get a column of their own
MEMORY, NEXT = "mem", "next"  # the labels of what was done to the memory, of what may follow
SEEN = 0.005  # the least probability that is worth a word


def draw_walk(
    walks: Sequence[Walk], about: Sequence[str], brief: bool, note: str, width: int, colour: bool
) -> list[RenderableType]:
    """A text with one cell over it, or several.

    Args:
        walks: of each cell, over the same text.
        about: which model it is, why these cells, and what was read before, a line each.
        brief: the text and the rows under it alone, no line for each character.
        note: what is not shown, and how to see it.
        width, colour: columns there are, and whether there is colour.
    """
    lines: list[RenderableType] = [Text(printable(line)) for line in (*about, note) if line]
    lines.append(Text(""))
    for part in shaded_parts(walks[0].text, _shades(walks), width, colour):
        lines += [*part, *([Text("")] if len(walks) > 1 else [])]
    lines += [*_likeliest(walks[0]), *([Text("")] if len(walks) == 1 else []), table(_legend(walks, colour))]
    if brief:
        return lines
    for walk in walks:
        lines.append(Text(""))
        if len(walks) > 1:
            lines.append(Text(f"Cell {_name(walk)}", "bold" if colour else ""))
        lines += _table(walk, max(_reach(walk), 1.0), width, colour)
    kind = walks[0].kind
    rest = [letter for letter in kind.parts if letter not in kind.shares]
    return [*lines, Text(""), table([(letter, _meaning(kind, letter)) for letter in rest]), Text(_scales(walks))]


def _name(walk: Walk) -> str:
    return f"{walk.layer + 1}:{walk.cell}"


def _reach(walk: Walk) -> float:
    """How far from 0 the memory goes."""
    return max(map(abs, walk.memory), default=0.0) or 1.0


def _shades(walks: Sequence[Walk]) -> dict[str, Shade]:
    """What shades the text, by cell, with the rows under it; under the last one what may follow."""
    shades: dict[str, Shade] = {}
    for walk in walks:
        rows: dict[str, list[str]] = {}
        if walk.has_gates:
            rows = {name: [tenth(value) for value in walk.numbers[name]] for name in walk.kind.shares}
            rows[MEMORY] = [MARKS[step] for step in walk.steps]
        if walk is walks[-1] and walk.expected:
            rows[NEXT] = [_sign(likeliest[0][0]) for likeliest in walk.expected]
        shades[_name(walk) if len(walks) > 1 else "~"] = ([value / _reach(walk) for value in walk.memory], rows)
    return shades


def _sign(character: str) -> str:
    """One column for a character that may follow."""
    shown = "⏎" if character == "\n" else visible(character)
    return shown if columns_of(shown) == 1 and len(shown) == 1 else "?"


def _likeliest(walk: Walk) -> list[RenderableType]:
    """What may follow the last character, with probabilities."""
    if not walk.expected:
        return []
    named = ", ".join(f"{quoted(character)} {100 * p:.0f} %" for character, p in walk.expected[-1] if p >= SEEN)
    return [Text(f"What the network expects after the last character: {named or 'nothing in particular'}")]


def _meaning(kind: Cell, letter: str) -> str:
    part = kind.parts[letter]
    also = " (in drawings, C with a tilde)" if kind.has_cell_state and letter == kind.candidate else ""
    return f"{part.name}{also}: {part.role}"


def _legend(walks: Sequence[Walk], colour: bool) -> list[tuple[str, str]]:
    """What the rows under the text are."""
    walk, kind = walks[0], walks[0].kind
    state = kind.parts["c" if kind.has_cell_state else "h"].name
    what = "text" if colour else "~" if len(walks) == 1 else _name(walk)
    shades = "blue is low, orange is high" if colour else "= very low, - low, blank near 0, + high, # very high"
    rows = [(what, f"{state} after each character: {shades}")]
    if walk.has_gates:
        rows += [(letter, f"{_meaning(kind, letter)}, in tenths: 9 is open") for letter in kind.shares]
        keep, write = kind.parts[kind.keep_gate].name, kind.write_gate
        done = (
            f"{MARKS[Step.added_to]} added to ({keep} and {write} open, that is, from {walk.open_from:g} on), "
            f"{MARKS[Step.replaced]} replaced (only the {write} open), {MARKS[Step.cleared]} cleared (neither), "
            f"blank kept (only the {keep})"
        )
        rows.append((MEMORY, f"what each character does to the memory: {done}"))
    if walk.expected:
        rows.append((NEXT, "the character that the network thinks likeliest to follow"))
    return rows


def _scales(walks: Sequence[Walk]) -> str:
    """What the bars mean."""
    kind = walks[0].kind
    scales: dict[str, list[str]] = {}
    for letter, part in kind.parts.items():
        most = max(1.0, _reach(walks[0]))
        limit = f"{most:.2f}" if len(walks) == 1 else "its own largest size"
        scale = "0 to 1" if part.low == 0 else f"-{limit} to {limit}" if math.isinf(part.low) else "-1 to 1"
        scales.setdefault(scale.replace("-its", "minus its"), []).append(letter)
    groups = (f"{' and '.join(', '.join(letters).rsplit(', ', 1))} from {scale}" for scale, letters in scales.items())
    return f"The bars show {', '.join(groups)}."


def _bar_style(kind: Cell, letter: str) -> str:
    """A colour for what keeps, for what would be written, for each other gate."""
    if letter not in kind.gates:
        return ""
    others = [gate for gate in kind.shares if gate != kind.keep_gate]
    named = {kind.keep_gate: "blue", kind.candidate: "cyan", **dict(zip(others, ("green", "red"), strict=False))}
    return named.get(letter, "")


def _table(walk: Walk, reach: float, width: int, colour: bool) -> list[RenderableType]:
    """A line a character: what was done to the memory, all numbers, what may follow where there is room for it."""
    kind, names = walk.kind, list(walk.kind.parts)
    number = {name: SHARE if name in kind.shares else SIGNED for name in names}
    at = max(2, len(str(walk.start + len(walk.text) - 1)))
    wide = max((columns_of(character) for character in walk.text), default=1)
    fixed = at + 1 + wide + 1 + (STEP if walk.has_gates else 0) + sum(number[name] + 2 for name in names) - 1
    following = ["".join(_sign(character) for character, _ in likeliest) for likeliest in walk.expected]
    after = max(map(len, following), default=0) + 1
    if not following or (width - fixed - after) // len(names) < LEAST_BAR:
        following, after = [], 0
    columns = min(WIDEST_BAR, (width - fixed - after) // len(names))
    columns = columns if columns >= 2 else 0  # no room for bars
    gap = 2 if columns else 1
    head = f"{'at':>{at}} " + " " * (wide + 1) + (f"{'memory':<{STEP}}" if walk.has_gates else "")
    titles = "".join(f"{name:>{number[name]}}{' ' * (columns + gap)}" for name in names)
    lines: list[RenderableType] = [
        Text((head + titles + (NEXT if following else "")).rstrip(), "bold" if colour else "")
    ]
    steps: list[Step] = walk.steps
    for k, character in enumerate(walk.text):
        line = Text(f"{walk.start + k:>{at}} {padded(visible(character), wide)} ")
        if steps:
            line.append(f"{steps[k].value:<{STEP}}", STEP_STYLES[steps[k]] if colour else "")
        for name in names:
            value = walk.numbers[name][k]
            share = value / reach if math.isinf(kind.parts[name].low) else value
            drawn = bar(share, columns) if name in kind.shares else signed_bar(share, columns)
            line.append(f"{_number(value, name in kind.shares):>{number[name]}} ")
            if columns:
                line.append(drawn, _bar_style(kind, name) if colour else "").append(" ")
        if following:
            line.append(following[k])
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


def draw_step(step: WrittenStep, about: Sequence[str], width: int, colour: bool) -> list[RenderableType]:
    """One step as equations with numbers, each on lines that can be checked by hand."""
    layer, before, memory = step.layer + 1, step.text[:-1], "its own h" if step.c is None else "c"
    shown = printable(repr(before[-max(1, width - 40) :]), keep="")
    read = printable(repr(step.text[-1]), keep="")
    where = [
        ("x_t", "the character's embedding" if layer == 1 else f"h_t of layer {layer - 1}"),
        ("h_{t-1}", f"the hidden states of layer {layer} before this character"),
    ]
    if step.before is not None:
        where.append((f"{memory}_{{t-1}}", f"what the cell held before it: {signed(step.before)}"))
    lines: list[RenderableType] = [
        *(Text(printable(line)) for line in about),
        Text(f"Character {step.at + 1}: {read}" + (f", after {shown}" if before else ", the first")),
        Text(""),
        table(where),
    ]
    for equation in step.equations:
        lines += [Text(""), *_equation(equation, colour)]
    c, h = (None if value is None else signed(to_digits(value)) for value in (step.c, step.h))
    own = f"h_t = {h}" if c is None else f"c_t = {c}, h_t = {h}"
    return [*lines, Text(""), Text(f"Every digit shown is correct. The network itself computed {own}.")]


def _equation(equation: Equation, colour: bool) -> list[RenderableType]:
    name = equation.name
    first = Text(f"{name} ", "bold" if colour else "")
    first.append(f"= {equation.symbols}", Style(bold=False)).append(f"   {equation.meaning}", "dim" if colour else "")
    indent = " " * (len(name) + 1)
    value = signed(equation.value) if name[0] in "gch" else f"{equation.value}"
    last = Text(f"{indent}= ").append(value, "bold" if colour else "")
    return [first, *(Text(f"{indent}= {numbers}") for numbers in equation.numbers), last]

"""What the gates do where the gender changes, for people: in numbers and in words."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from charlstm.config import cell_in_words
from charlstm.explain.switches import STRETCHES, Contrast, Switches
from charlstm.probe.conclusion import capital
from charlstm.probe.statistics import Estimate
from charlstm.report.tables import table
from charlstm.report.text import printable

SPEAKERS = {
    "FF": "woman, woman",
    "FM": "woman, man",
    "MF": "man, woman",
    "MM": "man, man",
}


def draw_switches(found: Switches, chosen: str, width: int, colour: bool) -> list[RenderableType]:
    """What a cell's gates do where the gender changes, in words and then in numbers."""
    switch, repeat = found.lines
    o = found.shown
    lines: list[RenderableType] = [
        *(Text(line) for line in in_words(found)),
        Text(""),
        Text(printable(f"{capital(cell_in_words(found.layer, found.cell))} ({chosen})")),
        Text(f"It tells the speaker's gender, just before a character that agrees: AUC {_two(found.holds)}"),
    ]
    for name, contrasts in (("cleared", found.cleared), ("written", found.written)):
        rows = [(stretch, _two(c.first), _two(c.second), _difference(c)) for stretch, c in contrasts.items()]
        lines += [
            Text(""),
            table(rows, (f"{name} at", f"switch ({switch:,})", f"repeat ({repeat:,})", "difference")),
        ]
    return [
        *lines,
        Text(""),
        Text("How well what is written tells the genders apart"),
        table([("AUC", *(f"{told.value:.2f}" for told in found.told.values()))], ("", *STRETCHES)),
        Text(""),
        table(
            [("output gate o", _two(o.first), _two(o.second), _difference(o))],
            ("", "where words agree", "elsewhere", "difference"),
        ),
        Text(""),
        Text("Cell state after each stretch, by who spoke before and who speaks now"),
        table(
            [(SPEAKERS[who], *(f"{state.value:+.2f}" for state in states)) for who, states in found.course.items()],
            ("speakers", "line before", *STRETCHES),
        ),
        Text(""),
        table(
            [
                ("switch", "a line of agreement-en-cs after one of the other gender; repeat: after one of the same"),
                ("cleared", "1 - product of f over the stretch"),
                ("written", "sum of i |g| over the stretch"),
                ("agree", "just before a character of a word that agrees with the speaker"),
                ("[low, high]", "95 % intervals, over texts"),
            ]
        ),
    ]


LARGE = 0.1  # a difference from here on is worth a word
MOST = 0.5
HOLDS = 0.8  # the least AUC, with its interval, of a cell that these words can be about


def in_words(found: Switches) -> list[str]:
    """What is expected of such a cell (`explain.switches`), and what this one does."""
    if found.holds.low < HOLDS:
        return ["This cell does not hold the speaker's gender; what its gates do says nothing of it."]
    o = found.shown
    return [
        _clearing(found),
        _writing(found),
        _answer(
            "The output gate brings it out where words agree",
            o.difference.low > LARGE,
            f"o is {o.first.value:.2f} before a character that agrees and {o.second.value:.2f} before others",
        ),
    ]


def _clearing(found: Switches) -> str:
    claim = "The forget gate clears the old gender at a switch"
    more = [stretch for stretch, c in found.cleared.items() if c.difference.low > LARGE]
    if more:
        c = found.cleared[more[0]]
        figures = f"{c.first.value:.2f} is cleared in a switch, {c.second.value:.2f} in a repeat ({more[0]})"
        return _answer(claim, True, figures)
    always = [stretch for stretch, c in found.cleared.items() if min(c.first.low, c.second.low) > MOST]
    if always:
        return _answer(claim, False, f"it clears in every line, whoever speaks next ({', '.join(always)})")
    most = max(c.first.value for c in found.cleared.values())
    return _answer(claim, False, f"in no stretch more than {most:.2f} of the state is cleared, switch or repeat")


def _writing(found: Switches) -> str:
    claim = "The input gate writes the new gender"
    stretch, told = max(found.told.items(), key=lambda part: part[1].value)
    both = found.written[stretch]
    figures = (
        f"what is written ({stretch}) tells a woman from a man, AUC {told.value:.2f}; {both.first.value:.2f} is "
        f"written in a switch, {both.second.value:.2f} in a repeat"
    )
    return _answer(claim, told.low > HOLDS, figures)


def _answer(claim: str, holds: bool, why: str) -> str:
    return f"{claim}: {'yes' if holds else 'not so'}; {why}."


def _two(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def _difference(contrast: Contrast) -> str:
    d = contrast.difference
    return f"{d.value:+.2f} [{d.low:+.2f}, {d.high:+.2f}]"

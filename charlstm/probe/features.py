"""Features that can be read off any text, character by character: the value when the character has been read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from charlstm.probe.statistics import Floats
from charlstm.series.code import CHARACTERS_OF_VALUE, NOTHING

OPENING, CLOSING = "([{", ")]}"
QUOTES = {"“": "”", "«": "»", "„": "“", "‹": "›"}
URL_STARTS = ("http://", "https://", "ftp://", "www.")


@dataclass(frozen=True)
class Prediction:
    """What can be predicted of the next character where the feature is known.

    Attributes:
        summary: what it is, for people.
        characters: from those that the network knows, those that are meant. Where a feature is on, they are likelier;
            of a clock, it depends.
        at_line_start: whether it is read off at the beginning of the next line only, not after every character.
    """

    summary: str
    characters: Callable[[str], set[str]]
    at_line_start: bool = False


@dataclass(frozen=True)
class Feature:
    """A feature of ordinary text.

    Attributes:
        summary: what it is, for people.
        values: text -> (N) numbers.
        prediction: what it says of the next character; None if nothing that every text has in common.
        kind: "state": off at 0, on at any other value, and it stays as it is for a while. "clock": it grows by one a
            character until it begins anew; what counts is whether it is early or late.
    """

    summary: str
    values: Callable[[str], Floats]
    prediction: Prediction | None
    kind: Literal["state", "clock"] = "state"


def inside_quotes(text: str) -> Floats:
    """1 between quotation marks; a straight mark opens and closes in turn, and a line feed closes it."""
    result, closing = np.zeros(len(text)), ""
    for place, character in enumerate(text):
        if closing:
            if character == closing or (closing == '"' and character == "\n"):
                closing = ""
        elif character == '"':
            closing = '"'
        else:
            closing = QUOTES.get(character, "")
        result[place] = bool(closing)
    return result


def bracket_depth(text: str) -> Floats:
    """How many brackets stand open."""
    steps = np.array([(c in OPENING) - (c in CLOSING) for c in text], dtype=float)
    depth = np.cumsum(steps)
    return depth - np.minimum(np.minimum.accumulate(depth), 0)  # a bracket that closes nothing does not count


def line_position(text: str) -> Floats:
    """Characters since the last line feed."""
    return _since(text, lambda c: c == "\n")


def word_position(text: str) -> Floats:
    """Letters since the word began."""
    return _since(text, lambda c: not c.isalpha())


def capitals_run(text: str) -> Floats:
    """1 in a run of at least two capitals: after the second, until a small letter or a line feed."""
    result, run = np.zeros(len(text)), 0
    for place, character in enumerate(text):
        if character.isupper():
            run += 1
        elif character.islower() or character == "\n":
            run = 0
        result[place] = run >= 2
    return result


def indentation(text: str) -> Floats:
    """Blanks at the beginning of the line."""
    result, width, leading = np.zeros(len(text)), 0, True
    for place, character in enumerate(text):
        if character == "\n":
            width, leading = 0, True
        elif leading and character in " \t":
            width += 1
        else:
            leading = False
        result[place] = width
    return result


def inside_url(text: str) -> Floats:
    """1 in a web address, from the end of its `http://` or `www.` to the next blank."""
    result, inside = np.zeros(len(text)), False
    for place, character in enumerate(text):
        if character.isspace():
            inside = False
        elif not inside:
            inside = text[max(0, place - 7) : place + 1].lower().endswith(URL_STARTS)
        result[place] = inside
    return result


def season_position(text: str) -> Floats:
    """Characters since the season began, in a series as `series.code` writes it; 0 in any other text.

    A season has as many values as have no change a season ago.
    """
    result, place = np.zeros(len(text)), 0
    for series in text.split("\n\n"):
        season = series.count(f"{NOTHING} ") * CHARACTERS_OF_VALUE
        end = place + len(series) + 1
        if season:
            result[place:end] = np.arange(len(result[place:end])) % season
        place = end + 1
    return result


def _since(text: str, restarts: Callable[[str], bool]) -> Floats:
    result, run = np.zeros(len(text)), 0
    for place, character in enumerate(text):
        run = 0 if restarts(character) else run + 1
        result[place] = run
    return result


def _that(is_meant: Callable[[str], bool]) -> Callable[[str], set[str]]:
    return lambda known: {character for character in known if is_meant(character)}


def closing_quotes(known: str) -> set[str]:
    """The marks that close a quotation; not one that opens another kind, if what closes that is known, too."""
    return {c for c in known if c in {'"', *QUOTES.values()} and QUOTES.get(c, "never") not in known}


FEATURES = {
    "quotes": Feature("inside quotation marks", inside_quotes, Prediction("a closing quotation mark", closing_quotes)),
    "brackets": Feature(
        "how many brackets stand open", bracket_depth, Prediction("a closing bracket", _that(lambda c: c in CLOSING))
    ),
    "line-position": Feature(
        "characters since the line began", line_position, Prediction("a line feed", _that(lambda c: c == "\n")), "clock"
    ),
    "word-position": Feature(
        "letters since the word began",
        word_position,
        Prediction("the end of the word", _that(lambda c: not c.isalpha())),
        "clock",
    ),
    "capitals": Feature("in a run of capitals", capitals_run, Prediction("a capital", _that(str.isupper))),
    "indentation": Feature(
        "blanks at the beginning of the line",
        indentation,
        Prediction("a blank at the beginning of the next line", _that(lambda c: c in " \t"), at_line_start=True),
    ),
    "url": Feature("inside a web address", inside_url, None),
    "season": Feature("characters since the season began, in a number series", season_position, None, "clock"),
}

"""A regular expression as an automaton over the characters of a model.

Python's own parser reads the pattern, and Python's own engine says which characters a class holds, so a pattern means
what it means to `re.fullmatch`. The automaton has free edges (Thompson 1968): its size is that of the pattern, where a
deterministic one can have 2^n states for a pattern of n characters.

    Legend: V vocabulary, N states, S sets of characters.
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from charlstm.corpus.vocab import describe
from charlstm.errors import UsageError

MAX_STATES = 20_000
FLAGS = re.IGNORECASE | re.DOTALL | re.ASCII  # those that say what a class holds
CLASSES = {"DIGIT": r"\d", "NOT_DIGIT": r"\D", "SPACE": r"\s", "NOT_SPACE": r"\S", "WORD": r"\w", "NOT_WORD": r"\W"}
IMPOSSIBLE = {
    "ASSERT": "(?=...) and (?<=...)",
    "ASSERT_NOT": "(?!...) and (?<!...)",
    "GROUPREF": "references to groups, such as \\1,",
    "GROUPREF_EXISTS": "conditions, (?(1)...),",
    "ATOMIC_GROUP": "(?>...)",
    "POSSESSIVE_REPEAT": "possessive repeats, such as a*+,",
}
# the parser of `re`, which has no public name; the same that Hypothesis makes examples of patterns from
PARSER: Any = importlib.import_module("re._parser")
MAX_REPEAT: int = importlib.import_module("re._constants").MAXREPEAT


class Automaton:
    """What a pattern matches, as paths from `start` to `end`.

    Args:
        pattern: as Python's `re` has it. `^` and `$` may stand at its ends, where they change nothing.
        characters: of the model, by id.

    Attributes:
        free: (N) of each state those that can be reached without a character.
        reads: (N) of each state the set that it reads and the state after it; None: it reads nothing.
        sets: (S) which ids are in a set, each (V) bool.

    Raises:
        UsageError: for a pattern that is invalid, too large, or not regular.
    """

    def __init__(self, pattern: str, characters: Sequence[str]) -> None:
        self.pattern = pattern
        self.alphabet = "".join(characters)
        self.free: list[list[int]] = []
        self.reads: list[tuple[int, int] | None] = []
        self.sets: list[npt.NDArray[np.bool_]] = []
        self.unknown = ""  # a character of the pattern that the model has never seen
        self._numbers: dict[tuple[str, int], int] = {}
        self.start = self._state()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what may mean something else in a later Python
                parsed = PARSER.parse(pattern)
            self.end = self._sequence(list(parsed), parsed.state.flags, self.start, first=True, last=True)
        except re.error as e:
            place = "" if e.pos is None else f", at character {e.pos + 1}"
            raise self.refusal(f"is no regular expression: {e.msg}{place}") from None
        except (RecursionError, OverflowError):
            raise self.refusal("is nested too deeply, or counts too far") from None

    def refusal(self, why: str) -> UsageError:
        """What to say of a pattern that cannot be taken."""
        shown = self.pattern if len(self.pattern) <= 60 else self.pattern[:57] + "..."
        return UsageError(f"`match` {shown!r} {why}", "match")

    def _state(self) -> int:
        if len(self.free) == MAX_STATES:
            raise self.refusal(f"is too large: it needs more than {MAX_STATES:,} states; use smaller counts")
        self.free.append([])
        self.reads.append(None)
        return len(self.free) - 1

    def _sequence(self, items: list[Any], flags: int, at: int, first: bool, last: bool) -> int:
        """Add what matches the items one after the other, from a state on; the state after them.

        Args:
            first, last: whether the items stand at the very beginning and at the very end of the pattern.
        """
        solid = [k for k, (op, _) in enumerate(items) if str(op) != "AT"] or [len(items)]
        for k, (op, value) in enumerate(items):
            at = self._item(str(op), value, flags, at, first and k <= solid[0], last and k >= solid[-1])
        return at

    def _item(self, op: str, value: Any, flags: int, at: int, first: bool, last: bool) -> int:
        if op == "AT":
            if (first and "BEGINNING" in str(value)) or (last and "AT_END" in str(value)):
                return at
            raise self.refusal(
                "has ^, $, \\b or the like inside: only ^ at its beginning and $ at its end are possible"
            )
        if op in IMPOSSIBLE:
            raise self.refusal(f"cannot be followed character by character: {IMPOSSIBLE[op]} are not possible here")
        if op == "SUBPATTERN":
            _, added, taken, inside = value
            return self._sequence(list(inside), (flags | added) & ~taken, at, first, last)
        if op == "BRANCH":
            end = self._state()
            for branch in value[1]:
                begin = self._state()
                self.free[at].append(begin)
                self.free[self._sequence(list(branch), flags, begin, first, last)].append(end)
            return end
        if op in ("MAX_REPEAT", "MIN_REPEAT"):  # as many as possible or as few: the same texts
            least, most, inside = value
            return self._repeat(least, most, inside, flags, at)
        self.reads[at] = (self._set(class_of(op, value), flags), end := self._state())
        return end

    def _repeat(self, least: int, most: int, inside: Any, flags: int, at: int) -> int:
        def once(begin: int) -> int:
            self.free[begin].append(inner := self._state())
            after = self._sequence(list(inside), flags, inner, first=False, last=False)
            self.free[after].append(end := self._state())
            return end

        for _ in range(least):
            at = once(at)
        end = self._state()
        self.free[at].append(end)
        if most is MAX_REPEAT:
            self.free[once(end)].append(end)
            self.free[end].append(at := self._state())
            return at
        for _ in range(most - least):
            self.free[at := once(at)].append(end)
        return end

    def _set(self, written: str, flags: int) -> int:
        """The number of a class of characters."""
        key = written, flags & FLAGS
        if key not in self._numbers:
            ids = [m.start() for m in re.compile(written, key[1]).finditer(self.alphabet)]
            members = np.zeros(len(self.alphabet), dtype=np.bool_)
            members[ids] = True
            if not ids and re.fullmatch(r"\[\\U[0-9a-f]{8}\]", written):
                self.unknown = self.unknown or chr(int(written[3:-1], 16))
            self._numbers[key] = len(self.sets)
            self.sets.append(members)
        return self._numbers[key]

    def nothing_matches(self) -> UsageError:
        """What to say if no text of the model's characters matches."""
        why = f"; it has never seen {describe(self.unknown)}" if self.unknown else ""
        return self.refusal(f"matches no text that the model can write{why}")

    def too_short(self, shortest: int, length: int) -> UsageError:
        """What to say if all that matches is longer than a text may be."""
        error = self.refusal(
            f"matches nothing of `length` {length:,} or less: the shortest has {shortest:,} characters"
        )
        error.settings = ("match", "length")
        return error


def class_of(op: str, value: Any) -> str:
    """What an item of a parsed pattern matches, one character, as a pattern of its own."""
    if op == "ANY":
        return "."
    if op == "LITERAL":
        return f"[{_escaped(value)}]"
    if op == "NOT_LITERAL":
        return f"[^{_escaped(value)}]"
    parts = []
    for kind, what in value:
        name = str(kind)
        if name == "NEGATE":
            parts.append("^")
        elif name == "LITERAL":
            parts.append(_escaped(what))
        elif name == "RANGE":
            parts.append(f"{_escaped(what[0])}-{_escaped(what[1])}")
        else:
            parts.append(CLASSES[str(what).removeprefix("CATEGORY_")])
    return f"[{''.join(parts)}]"


def _escaped(point: int) -> str:
    return f"\\U{point:08x}"

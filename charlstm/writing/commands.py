"""What a line does that a person enters: it is text, or a command that begins with a colon."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from charlstm.config import MAX_SEED
from charlstm.errors import CharLSTMError, UsageError
from charlstm.writing.desk import TEMPERATURES, Desk

MARK, GOES_ON = ":", "\\"
MAX_CHARACTERS = 100_000  # that the model writes on one command
MAX_TEMPERATURE = 1_000_000


@dataclass(frozen=True)
class Done:
    """What came of a line.

    Attributes:
        command: its name; "" for text.
        message: what to say of it, in a line; "" for nothing.
        data: what was found, by name, as JSON has it.
        is_error: whether it could not be done; the text is as it was.
        ends: whether it ends the session.
    """

    command: str
    message: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    is_error: bool = False
    ends: bool = False


def run_line(desk: Desk, line: str) -> Done:
    """Do what a line says. Never raises for what a person can get wrong: `Done` says it.

    Text is added with a newline, or without one if it ends in a backslash. `::` begins a text with a colon.
    """
    if not line.startswith(MARK) or line.startswith(2 * MARK):
        piece = line.removeprefix(MARK)
        piece = piece.removesuffix(GOES_ON) if piece.endswith(GOES_ON) else piece + "\n"
        if "\n" not in desk.content.vocabulary:
            piece = piece.removesuffix("\n")
        if problem := desk.problem(piece):
            return Done("", problem[0], is_error=True)
        return Done("", data={"added": desk.add(piece)})
    name, _, argument = line.removeprefix(MARK).strip().partition(" ")
    if name not in COMMANDS:
        return Done(name, f"no such command: :{name}; :help lists them", is_error=True)
    try:
        return COMMANDS[name].run(desk, argument.strip())
    except FileExistsError:
        return Done(name, f"{argument}: it exists already, and charlstm never overwrites a file", is_error=True)
    except OSError as e:
        return Done(name, f"cannot write {argument or desk.path}: {e.strerror or e}", is_error=True)
    except CharLSTMError as e:
        return Done(name, str(e), is_error=True)


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes:
        takes: its argument, for people.
        help: what it does.
        run: does it.
    """

    takes: str
    help: str
    run: Callable[[Desk, str], Done]


def _number(name: str, text: str, low: float, high: float, whole: bool) -> float:
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise UsageError(f":{name} {text}: give {kind} from {low:,} to {high:,}")
    return value


def _set(name: str, setting: str, low: float, high: float, whole: bool) -> Callable[[Desk, str], Done]:
    def run(desk: Desk, argument: str) -> Done:
        if argument:
            desk.set_manner(**{setting: _number(name, argument, low, high, whole)})
        value = getattr(desk.manner, setting)
        return Done(name, f"{setting} {value:g}" if not whole else f"{setting} {value}", {setting: value})

    return run


_temperature = _set("t", "temperature", 0, MAX_TEMPERATURE, False)


def _go(desk: Desk, argument: str) -> Done:
    characters = int(_number("go", argument, 1, MAX_CHARACTERS, True)) if argument else None
    return Done("go", data={"added": desk.go_on(characters)})


def _undo(desk: Desk, argument: str) -> Done:
    return Done("undo", data={"taken_back": desk.undo()})


def _why(desk: Desk, argument: str) -> Done:
    return why(desk)


def why(desk: Desk, draft: str = "") -> Done:
    """The likeliest next characters, after the text or after what is being typed."""
    likeliest = [{"character": character, "probability": p} for character, p in desk.likeliest(draft)]
    return Done("why", data={"likeliest": likeliest})


def sweep(desk: Desk, draft: str = "", temperatures: Sequence[float] = TEMPERATURES) -> Done:
    """Continuations at several temperatures, after the text or after what is being typed."""
    swept = desk.sweep(draft, list(dict.fromkeys(temperatures)))
    return Done("sweep", data={"sweep": [{"temperature": t, "text": text} for t, text in swept.items()]})


def _sweep(desk: Desk, argument: str) -> Done:
    wanted = [_number("sweep", t, 0, MAX_TEMPERATURE, False) for t in argument.replace(",", " ").split()]
    if len(wanted) > 8:
        raise UsageError("give at most 8 temperatures")
    return sweep(desk, "", wanted or TEMPERATURES)


def _take(desk: Desk, argument: str) -> Done:
    if not desk.swept:
        raise UsageError("there is no sweep to take from; :sweep makes one")
    temperature = _number("take", argument, 0, MAX_TEMPERATURE, False)
    if temperature not in desk.swept:
        raise UsageError(f":take {argument}: the sweep has {', '.join(f'{t:g}' for t in desk.swept)}")
    text, desk.swept = desk.swept[temperature], {}
    return Done("take", data={"added": desk.add(text)})


def _save(desk: Desk, argument: str) -> Done:
    path = desk.save(Path(argument) if argument else None)
    return Done("save", f"{path}: {len(desk.text):,} characters", {"path": str(path), "characters": len(desk.text)})


def _text(desk: Desk, argument: str) -> Done:
    return Done("text", data={"text": desk.text})


def _help(desk: Desk, argument: str) -> Done:
    return Done("help", data={"commands": {f":{name} {c.takes}".strip(): c.help for name, c in COMMANDS.items()}})


def _quit(desk: Desk, argument: str) -> Done:
    return Done("quit", ends=True)


COMMANDS = {
    "go": Command("[N]", "the model writes on: N characters, or as many as a suggestion has", _go),
    "t": Command("[T]", "the temperature: lower is safer, higher is bolder", _temperature),
    "seed": Command("[N]", "another seed, another continuation", _set("seed", "seed", 0, MAX_SEED, True)),
    "n": Command("[N]", "how many characters a suggestion has, at most", _set("n", "length", 1, 1000, True)),
    "why": Command("", "the five likeliest next characters, with their odds", _why),
    "sweep": Command("[T ...]", "continuations at several temperatures, side by side", _sweep),
    "take": Command("T", "add the continuation of the sweep that has this temperature", _take),
    "undo": Command("", "take back what was added last", _undo),
    "text": Command("", "show the whole text", _text),
    "save": Command("[FILE]", "write the text to a new file, or again to the last one", _save),
    "help": Command("", "this list", _help),
    "quit": Command("", "leave; so do Ctrl-D and Ctrl-C", _quit),
}  # fmt: skip

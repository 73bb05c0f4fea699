"""Everything that charlstm raises on purpose, with the exit code that the command line gives it.

    CharLSTMError         1  something failed that is none of those below
    ├── UsageError        2  invalid options: a value out of range, or options that exclude each other
    │   └── FolderInUseError        another process trains in the folder
    ├── TextError         3  a text, prompt or item that is unusable
    │   ├── UnknownCharacterError   a character that the model has never seen
    │   └── ChangedTextError        the text of a run that is to go on has changed
    ├── ModelFileError    4  a model file or a run that is damaged or missing
    └── DivergedError     5  training kept producing infinite or undefined numbers
    Interrupted    130, 143, 129  Ctrl-C, SIGTERM or SIGHUP: beside the tree, like KeyboardInterrupt

Messages are one line: what is wrong, and what to do. A setting or argument in them stands in backquotes, and the error
carries its name: whoever knows what a person would type for it can say that instead.
"""

from __future__ import annotations

import signal
from typing import Any


class CharLSTMError(Exception):
    """The root of the tree.

    Attributes:
        settings: the settings and arguments that the message names in backquotes.
    """

    exit_code = 1

    def __init__(self, message: str = "", *settings: str) -> None:
        super().__init__(message)
        self.settings = settings


class UsageError(CharLSTMError):
    """Invalid options: a value out of range, or options that exclude each other."""

    exit_code = 2


class FolderInUseError(UsageError):
    """Another process trains in this folder now."""


class TextError(CharLSTMError):
    """A text, prompt or item that is unusable."""

    exit_code = 3


class ChangedTextError(TextError):
    """The text of a run is no longer the one that it began with.

    Attributes:
        request: where the text is (`charlstm.corpus.CorpusRequest`).
    """

    def __init__(self, message: str, request: Any, *settings: str) -> None:
        super().__init__(message, *settings)
        self.request = request


class UnknownCharacterError(TextError):
    """A character that the model has never seen.

    Attributes:
        character: the character.
        position: where it stands, in characters from 0.
        nearest: known characters that it resembles, the likeliest first.
    """

    def __init__(self, message: str, character: str, position: int, nearest: tuple[str, ...], *settings: str) -> None:
        super().__init__(message, *settings)
        self.character = character
        self.position = position
        self.nearest = nearest


class ModelFileError(CharLSTMError):
    """A model file or a run that is damaged or missing."""

    exit_code = 4


class NoRunError(ModelFileError):
    """There is no run at the path that was given."""


class UnreadableModelError(ModelFileError):
    """A model file that this program cannot read now: a newer format, no permission, or too large for the memory."""


class DivergedError(CharLSTMError):
    """Training kept producing infinite or undefined numbers."""

    exit_code = 5


class Interrupted(BaseException):
    """Ctrl-C, SIGTERM, SIGHUP: no failure, but not done either. Like KeyboardInterrupt it is not caught with errors.

    Attributes:
        signum: the signal.
        message: what was stopped and what to do now; empty if nobody has said so yet.
    """

    def __init__(self, signum: int, message: str = "") -> None:
        name = "Ctrl-C" if signum == signal.SIGINT else signal.Signals(signum).name
        super().__init__(message or f"stopped by {name}")
        self.signum, self.message = signum, message
        self.exit_code = 128 + signum

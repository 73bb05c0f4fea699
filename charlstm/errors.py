"""Everything that charlstm raises on purpose, with the exit code that the command line gives it.

    CharLSTMError         1  something failed that is none of those below
    ├── UsageError        2  an option, or a combination of them, that cannot be meant
    ├── TextError         3  a corpus, prompt or item that cannot be used
    │   └── UnknownCharacterError   a character that the model has never seen
    ├── ModelFileError    4  a file that is not a sound model, or is missing
    └── DivergedError     5  training produced numbers that are not finite, again and again
    Interrupted    130, 143, 129  Ctrl-C, SIGTERM or SIGHUP: beside the tree, like KeyboardInterrupt

Messages are one line: what is wrong, and what to do. A setting or argument in them stands in backquotes, and the error
carries its name: whoever knows what a person would type for it can say that instead.
"""

from __future__ import annotations

import signal


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
    """An option, or a combination of them, that cannot be meant."""

    exit_code = 2


class TextError(CharLSTMError):
    """A corpus, prompt or item that cannot be used."""

    exit_code = 3


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
    """A file that is not a sound model, or is missing."""

    exit_code = 4


class NoRunError(ModelFileError):
    """Where a run was named there is none."""


class UnreadableModelError(ModelFileError):
    """A model file that may be sound, but not here or not now: of a newer format, closed to us, too large."""


class DivergedError(CharLSTMError):
    """Training produced numbers that are not finite, again and again."""

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

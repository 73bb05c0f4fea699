"""The prompt of `charlstm write`: a line to type in, what the model suggests in grey, what commands answer above it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.auto_suggest import Suggestion
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import create_output
from prompt_toolkit.shortcuts import print_formatted_text
from prompt_toolkit.validation import ValidationError, Validator

from charlstm.errors import Interrupted
from charlstm.report.console import say
from charlstm.report.screen import show
from charlstm.report.text import printable
from charlstm.report.writing import picture_of
from charlstm.writing import Desk, Done, run_line, sweep, why

PROMPT = "> "


class KnownCharacters(Validator):
    """Keeps a line in the prompt that has characters which the model does not know; says which."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def validate(self, document: Document) -> None:
        """Prompt_toolkit asks this when the line is entered."""
        problem = None if is_command(document.text) else self.desk.problem(document.text.removesuffix("\\"))
        if problem:
            raise ValidationError(cursor_position=problem[1], message=printable(problem[0], keep=""))


class Screen:
    """A session at a terminal.

    Args:
        desk: the text.
        model: what the model is called.
        more: input and output in place of the terminal's, for tests.
    """

    def __init__(self, desk: Desk, model: str, **more: Any) -> None:
        self.desk, self.model = desk, model
        self.default = ""  # what the next prompt begins with
        more.setdefault("output", None)
        more["output"] = more["output"] or create_output(always_prefer_tty=True)
        self.prompt: PromptSession[str] = PromptSession(
            PROMPT,
            history=InMemoryHistory(),
            validator=KnownCharacters(desk),
            validate_while_typing=False,
            key_bindings=self._keys(),
            bottom_toolbar=self._toolbar,
            **more,
        )
        self.buffer.on_text_changed += self._changed

    @property
    def buffer(self) -> Buffer:
        """What is being typed."""
        return self.prompt.default_buffer

    def run(self) -> None:
        """Take line after line, until the person leaves. Raises KeyboardInterrupt for Ctrl-C."""
        while True:
            default, self.default = self.default, ""
            try:
                line = self.prompt.prompt(default=default, pre_run=self._changed)
            except EOFError:
                return
            if line == "" and not self.desk.text:
                continue
            done = run_line(self.desk, line)
            self._answer(done)
            if done.ends:
                return

    def _answer(self, done: Done) -> None:
        if picture := picture_of(done.command, done.data):
            show(picture)
        elif done.command == "go":
            print_formatted_text(
                printable(done.data["added"]) if "added" in done.data else "", output=self.prompt.output
            )
        elif done.command == "text" and not done.is_error:
            print_formatted_text(printable(self.desk.text), output=self.prompt.output)
        elif done.command == "undo" and not done.is_error:
            self.default = done.data["taken_back"].removesuffix("\n")
        if done.message:
            say(f"error: {done.message}" if done.is_error else done.message)

    def _changed(self, buffer: Buffer | None = None) -> None:
        if self.prompt.app.is_running:
            self.prompt.app.create_background_task(self._suggest())

    async def _suggest(self) -> None:
        """Show the suggestion as it grows; stop when something else has been typed."""
        document, loop = self.buffer.document, asyncio.get_running_loop()
        if is_command(document.text):
            return
        growing = self.desk.suggestions(document.text)
        while (text := await loop.run_in_executor(None, next, growing, None)) is not None:
            if self.buffer.document != document:
                return
            self.buffer.suggestion = Suggestion(printable(text, keep=""))
            self.prompt.app.invalidate()

    # keys

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("tab")
        def take(event: KeyPressEvent) -> None:
            buffer = event.current_buffer
            buffer.cursor_position = len(buffer.text)
            if not is_command(buffer.text):
                buffer.insert_text(self.desk.suggestion(buffer.text))

        @keys.add("f2")
        def show_why(event: KeyPressEvent) -> None:
            self._about(why, event.current_buffer.text)

        @keys.add("f3")
        def show_sweep(event: KeyPressEvent) -> None:
            self._about(sweep, event.current_buffer.text)

        return keys

    def _about(self, command: Callable[[Desk, str], Done], draft: str) -> None:
        """Answer a command for the line as it stands, above it."""
        if not is_command(draft) and not self.desk.problem(draft):
            done = command(self.desk, draft)
            run_in_terminal(lambda: self._answer(done))

    def _toolbar(self) -> str:
        text = self.buffer.text
        said = self.buffer.validation_error is not None
        if not said and not is_command(text) and (problem := self.desk.problem(text)):
            return f" {printable(problem[0], keep='')}"
        manner = self.desk.manner
        keys = "Tab takes the grey text  F2 why  F3 sweep  :help"
        return f" {keys}  t {manner.temperature:g}  seed {manner.seed}  {self.model}"


def is_command(line: str) -> bool:
    """Whether a line that is being typed will be a command."""
    return line.startswith(":") and not line.startswith("::")


def write_on_screen(desk: Desk, model: str, **more: Any) -> None:
    """Write at the terminal until the person leaves; then the text goes to stdout, unless it was saved.

    Raises:
        Interrupted: for Ctrl-C, when the text is out.
    """
    try:
        Screen(desk, model, **more).run()
    except KeyboardInterrupt:
        raise Interrupted(signal.SIGINT, "left by Ctrl-C") from None
    finally:
        hand_over(desk)


def hand_over(desk: Desk) -> None:
    """The text to stdout, unless it has been saved."""
    if desk.saved:
        return
    terminal = sys.stdout.isatty()
    sys.stdout.write(printable(desk.text) if terminal else desk.text)
    sys.stdout.write("\n" if terminal and not desk.text.endswith("\n") else "")
    sys.stdout.flush()

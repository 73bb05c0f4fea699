"""`charlstm write`."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, BinaryIO

from charlstm.cli.options import (
    Checkpoint,
    Debug,
    Device,
    DeviceOption,
    Json,
    Quiet,
    Threads,
    in_typers_terms,
    option,
)
from charlstm.cli.runtime import load_model_for, prepare_machine
from charlstm.config import DRAWING, MAX_SEED, TEXT, SampleConfig
from charlstm.errors import TextError, UsageError
from charlstm.report.console import fail, print_json, say
from charlstm.settings import check_setting

if TYPE_CHECKING:  # imported when the command runs: --help must not load torch
    from charlstm.writing import Desk, Done

MAX_RANDOM_SEED = 10_000  # easy to type again


def _temperature(value: float) -> float:
    check_setting(SampleConfig, "temperature", value)
    return value


def write(
    checkpoint: Checkpoint = None,
    prompt: Annotated[
        str, option("--prompt", "-p", help="Begin with this text.", show_default=False, rich_help_panel=TEXT)
    ] = "",
    temperature: Annotated[
        float,
        option(
            "--temperature",
            "-t",
            help="Lower is safer, higher is bolder.",
            metavar="T",
            rich_help_panel=DRAWING,
            callback=in_typers_terms(_temperature),
        ),
    ] = SampleConfig.temperature,
    seed: Annotated[
        int | None,
        option(
            "--seed",
            help="Random seed: same seed, same continuation. [default: a new one]",
            metavar="N",
            min=0,
            max=MAX_SEED,
            show_default=False,
            rich_help_panel=DRAWING,
        ),
    ] = None,
    device: DeviceOption = Device.auto,
    threads: Threads = None,
    quiet: Quiet = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a text together with a model, in the terminal.

    As you type, the model goes on with it, in grey. Tab takes what it suggests. A line that begins with a colon is a
    command: :t 0.5 sets the temperature, :why shows what the model expects next, :help lists all of them. In the end
    the text goes to standard output, unless you saved it.

    Without a terminal it takes the same lines from standard input.

        charlstm write -c english
        charlstm write --prompt "Era uma noite" --temperature 0.5
    """
    from charlstm.network.kernels import choose_kernels
    from charlstm.writing import Desk
    from charlstm.writing.desk import Manner

    machine = prepare_machine(device.value, threads)
    content, path = load_model_for(prompt, checkpoint, machine, quiet)
    kernels = choose_kernels(content.model.config, machine, "fp32", compiled=False)
    manner = Manner(temperature, secrets.randbelow(MAX_RANDOM_SEED) if seed is None else seed)
    desk = Desk(content, kernels, manner)
    if prompt:
        if problem := desk.problem(prompt):
            raise TextError(f"--prompt: {problem[0]}")
        desk.add(prompt)
    if sys.stdin is not None and sys.stdin.isatty() and not json:
        if not (sys.stdout.isatty() or sys.stderr.isatty()):
            raise UsageError("there is no terminal to write in: leave standard error or standard output to it")
        from charlstm.checkpoint import name_of
        from charlstm.cli.write_screen import write_on_screen

        write_on_screen(desk, name_of(path))
        return
    try:
        for line in stdin_lines():
            if run_line(desk, line, json).ends:
                break
    finally:
        if not desk.saved and not json:
            sys.stdout.write(desk.text)


def input_stream() -> BinaryIO:
    """Standard input. Raises TextError if it is closed."""
    if sys.stdin is None:
        raise TextError("standard input is closed")
    return sys.stdin.buffer


def stdin_lines() -> Iterator[str]:
    """The lines of standard input, each as soon as it is there: a program may wait for the answer to one.

    Raises TextError if there is none, or a line is not in UTF-8.
    """
    for number, line in enumerate(input_stream(), 1):
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as e:
            raise TextError(f"standard input, line {number}: expected utf-8 ({e.reason}), at byte {e.start}") from None
        yield (text.removeprefix("\ufeff") if number == 1 else text).removesuffix("\n").removesuffix("\r")


def run_line(desk: Desk, line: str, json: bool) -> Done:
    """Do what a line of standard input says; say what came of it: on stdout as JSON, else on stderr."""
    from charlstm.report.screen import show_message
    from charlstm.report.writing import picture_of
    from charlstm.writing import run_line as run

    done = run(desk, line)
    if json:
        print_json({"command": done.command, **({"error": done.message} if done.is_error else done.data)})
    elif done.is_error:
        fail(done.message)
    elif picture := picture_of(done.command, done.data):
        show_message(picture)
    elif done.message:
        say(done.message)
    elif done.command == "text":
        say(desk.text)
    return done

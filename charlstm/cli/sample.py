"""`charlstm sample`."""

from __future__ import annotations

import sys
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated

from charlstm.cli.options import (
    OUTPUT,
    TEXT,
    Checkpoint,
    Debug,
    Device,
    DeviceOption,
    Json,
    PrecisionName,
    PrecisionOption,
    Quiet,
    Threads,
    Unknown,
    UnknownOption,
    Verbose,
    option,
    parse_finite,
)
from charlstm.cli.runtime import load_model, prepare_machine, read_stdin, say_compiling
from charlstm.config import SampleConfig
from charlstm.report.console import colour_allowed, print_json, say
from charlstm.report.text import printable

if TYPE_CHECKING:  # imported when the command runs: --help must not load torch
    from collections.abc import Iterator

    from charlstm.sample import Drawn

MAX_RANDOM_SEED = 2**32


def sample(
    checkpoint: Checkpoint = None,
    prompt: Annotated[
        str, option("--prompt", "-p", help="Text to go on from; - is standard input.", rich_help_panel=TEXT)
    ] = "",
    length: Annotated[int, option("--length", "-n", help="Characters to write.", min=0)] = 1000,
    temperature: Annotated[
        float,
        option(
            "--temperature", "-t", help="Lower is safer, higher is bolder; 0 is greedy.", min=0, callback=parse_finite
        ),
    ] = 0.8,
    top_k: Annotated[int, option("--top-k", help="Only the k likeliest characters; 0: all.", min=0, max=65536)] = 0,
    top_p: Annotated[
        float,
        option(
            "--top-p", help="Only the likeliest characters that together reach p.", min=0, max=1, callback=parse_finite
        ),
    ] = 1.0,
    num: Annotated[int, option("--num", help="How many texts, written side by side.", min=1, max=65536)] = 1,
    stop: Annotated[str | None, option("--stop", help="End before this text.", show_default=False)] = None,
    seed: Annotated[
        int | None,
        option("--seed", help="Same seed, same text. [default: a new one]", min=0, max=2**63 - 1, show_default=False),
    ] = None,
    color: Annotated[
        bool, option("--color", help="Shade characters by their probability, on a terminal.", rich_help_panel=OUTPUT)
    ] = False,
    unknown: UnknownOption = Unknown.error,
    device: DeviceOption = Device.auto,
    precision: PrecisionOption = PrecisionName.auto,
    threads: Threads = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write text, character by character, as the network draws it.

    The prompt is written first. With --num, each text but the first comes after a line that numbers it.
    """
    config = SampleConfig(length, temperature, top_k, top_p, num, seed, stop)
    if config.seed is None:
        import secrets

        config = config.replace(seed=secrets.randbelow(MAX_RANDOM_SEED))
    from charlstm.network.kernels import choose_kernels
    from charlstm.sample import LONG_TEXT, generate

    machine = prepare_machine(device.value, threads)
    content, _ = load_model(checkpoint, machine, quiet)
    if verbose:
        say(f"seed: {config.seed}")
    text = read_stdin(what="prompt") if prompt == "-" else prompt
    known = content.vocabulary.encode(content.normalize(text), unknown.value, "prompt")
    text = content.vocabulary.decode(known)
    kernels = choose_kernels(
        content.model.config,
        machine,
        "bf16" if precision is PrecisionName.bf16 else "fp32",  # auto: a seed gives the same text on more machines
        compiled=config.length >= LONG_TEXT,
        on_compile=lambda: say_compiling(quiet),
    )
    from charlstm.report.bars import Bar

    with Bar("prompt", quiet) as bar:
        drawn = generate(
            content.model,
            content.vocabulary,
            known,
            config,
            opening=content.opening,
            kernels=kernels,
            on_progress=bar.show,
        )
        drawn = chain(list(islice(drawn, 1)), drawn)  # the prompt is read, and its bar gone, before anything is written
    if json:
        write_json(drawn, text, config)
    else:
        write_text(drawn, text, config, color and colour_allowed())


def write_json(drawn: Iterator[Drawn], prompt: str, config: SampleConfig) -> None:
    """One object a text: what was drawn, and the log-probability of each character in nats."""
    texts: list[list[Drawn]] = [[] for _ in range(config.num)]
    for character in drawn:
        texts[character.stream].append(character)
    for stream, characters in enumerate(texts):
        print_json(
            {
                "sample": stream,
                "seed": config.seed,
                "prompt": prompt,
                "text": "".join(c.text for c in characters),
                "logprobs": [c.logprob for c in characters],
            }
        )


def write_text(drawn: Iterator[Drawn], prompt: str, config: SampleConfig, coloured: bool) -> None:
    """Text on stdout: one stream as it is drawn, several one after the other."""
    terminal = sys.stdout.isatty()
    if config.num == 1:
        write(prompt, terminal)
        last = prompt
        for character in drawn:
            write(character.text, terminal, shade(character.logprob) if coloured else "")
            last = character.text
        if terminal and not last.endswith("\n"):
            write("\n", terminal)
        return
    texts: list[list[Drawn]] = [[] for _ in range(config.num)]
    for character in drawn:
        texts[character.stream].append(character)
    for stream, characters in enumerate(texts):
        if stream:
            write(f"\n--- {stream + 1} ---\n", terminal)
        write(prompt, terminal)
        for character in characters:
            write(character.text, terminal, shade(character.logprob) if coloured else "")
    if terminal:
        write("\n", terminal)


def write(text: str, terminal: bool, style: str = "") -> None:
    """Write and flush; control characters are written out on a terminal only."""
    shown = printable(text) if terminal else text
    sys.stdout.write(f"{style}{shown}\x1b[0m" if style else shown)
    sys.stdout.flush()


def shade(logprob: float) -> str:
    """A terminal's code for a probability: the less likely, the warmer."""
    limits = ((-0.1, 250), (-0.7, 114), (-1.6, 179), (-3.0, 208))  # nats, colour of the 256
    colour = next((colour for limit, colour in limits if logprob >= limit), 196)
    return f"\x1b[38;5;{colour}m"

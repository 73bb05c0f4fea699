"""`charlstm sample`."""

from __future__ import annotations

import sys
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from charlstm.cli.options import (
    OUTPUT,
    Checkpoint,
    Debug,
    Device,
    DeviceOption,
    ExactPrecision,
    Json,
    Quiet,
    Threads,
    Unknown,
    UnknownOption,
    Verbose,
    option,
    was_typed,
)
from charlstm.cli.originality import TrainingText
from charlstm.cli.originals import MaxCopy, Originality, Originals, check_max_copy, index_for
from charlstm.cli.prompts import PromptsFormat, about_text, read_prompts, write_from_each
from charlstm.cli.runtime import load_model_for, prepare_machine, read_stdin, say_compiling
from charlstm.cli.settings import given, option_of, with_settings
from charlstm.config import TEXT, SampleConfig
from charlstm.errors import UsageError
from charlstm.report.console import colour_allowed, print_json, say
from charlstm.report.text import printable

if TYPE_CHECKING:  # imported when the command runs: --help must not load torch
    from collections.abc import Iterator, Sequence

    from charlstm.sample import Drawn

MAX_RANDOM_SEED = 2**32
USUAL_LINES = 20
MOST_TO_CHOOSE_BY = 100  # prompts of a file that a built-in model is chosen by


@with_settings(SampleConfig)
def sample(
    ctx: typer.Context,
    checkpoint: Checkpoint = None,
    prompt: Annotated[
        str,
        option(
            "--prompt",
            "-p",
            help="Text to continue; - is standard input.",
            metavar="TEXT",
            show_default=False,
            rich_help_panel=TEXT,
        ),
    ] = "",
    prompts: Annotated[
        str | None,
        option(
            "--prompts",
            help="A file with a prompt a line, or - for standard input; texts come as JSON, one object per line.",
            metavar="FILE",
            show_default=False,
            rich_help_panel=TEXT,
        ),
    ] = None,
    prompts_format: Annotated[
        PromptsFormat,
        option(
            "--prompts-format",
            help="text, jsonl (objects with a prompt), or auto: by the file's name.",
            metavar="FORMAT",
            rich_help_panel=TEXT,
        ),
    ] = PromptsFormat.auto,
    color: Annotated[
        bool, option("--color", help="Colour characters by their probability.", rich_help_panel=OUTPUT)
    ] = False,
    originality: Originality = False,
    max_copy: MaxCopy = None,
    training_text: TrainingText = None,
    unknown: UnknownOption = Unknown.error,
    device: DeviceOption = Device.auto,
    precision: ExactPrecision = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    debug: Debug = False,
    **settings: Any,
) -> None:
    """Write text with a trained model, character by character.

    The prompt comes first. As long as you have no run of your own, a built-in model writes: the one that predicts the
    prompt best or, without a prompt, the one in the language of your locale. A model of a list writes 20 lines.

        charlstm sample --prompt "Era uma noite" --temperature 0.5
        charlstm sample -c checkpoints/novel -n 500 --num 3 --seed 1
        charlstm sample -c english --match "[A-Z][a-z]+ was [a-z ]+[.]"
        charlstm sample -c checkpoints/names --lines 20 --novel
    """
    config = SampleConfig(**given(settings))
    compares = originality or max_copy is not None
    check_together(ctx, config, prompt, prompts, originality, max_copy)
    if config.seed is None:
        import secrets

        config = config.replace(seed=secrets.randbelow(MAX_RANDOM_SEED))
    from charlstm.network.kernels import choose_kernels
    from charlstm.sample import LONG_TEXT, generate

    machine = prepare_machine(device.value, threads)
    listed = None if prompts is None else read_prompts(prompts, prompts_format)
    text = read_stdin(what="prompt") if prompt == "-" else prompt
    if listed is not None:
        text = "\n".join(p.text for p in listed[:MOST_TO_CHOOSE_BY]).strip("\n")
    content, path = load_model_for(text, checkpoint, machine, quiet)
    whole_texts = listed is not None or compares
    if content.lines and not whole_texts and not given(settings).keys() & {"length", "lines", "num", "stop", "match"}:
        config = config.replace(lines=USUAL_LINES)  # who asks a model of names to write means names
    index = None
    if compares:
        index = index_for(content, path, training_text or (), quiet)
    if verbose:
        say(f"seed: {config.seed}")
    if config.match is not None:
        config = config.replace(match=content.normalize(config.match))
    kernels = choose_kernels(
        content.model.config,
        machine,
        "bf16" if precision == "bf16" else "fp32",  # auto: a seed gives the same text on more machines
        compiled=config.length >= LONG_TEXT,
        on_compile=lambda: say_compiling(quiet),
    )
    if listed is not None:
        write_from_each(listed, content, config, unknown.value, kernels, json, quiet)
        return
    known = content.vocabulary.encode(content.normalize(text), unknown.value, "prompt")
    text = content.vocabulary.decode(known)
    shading = shade if color and colour_allowed() else None
    if config.lines is not None:
        from charlstm.cli.sample_lines import sample_lines

        sample_lines(content, path, known, config, kernels, training_text or (), quiet=quiet, json=json, shade=shading)
        return
    from charlstm.report.bars import Bar

    with Bar("prompt", quiet) as bar:

        def draw(config: SampleConfig) -> Iterator[Drawn]:
            return generate(
                content.model,
                content.vocabulary,
                known,
                config,
                opening=content.opening,
                kernels=kernels,
                on_progress=bar.show,
            )

        originals = Originals(draw, config, index, max_copy) if index else None
        drawn = originals.drawn() if originals else draw(config)
        drawn = chain(list(islice(drawn, 1)), drawn)  # the prompt is read, and its bar gone, before anything is written
    if json:
        write_json(drawn, text, config, originals.as_json() if originals else None)
    else:
        write_text(drawn, text, config, shading is not None)
        if originals and originality:
            originals.say()


def check_together(
    ctx: typer.Context, config: SampleConfig, prompt: str, prompts: str | None, originality: bool, max_copy: int | None
) -> None:
    """Raise UsageError for options that do not go together, and for those that do nothing without another."""
    check_max_copy(max_copy, config)
    copies = "--originality" if originality else "--max-copy" if max_copy is not None else None
    if prompt and prompts is not None:
        raise UsageError("give only one of --prompt and --prompts")
    if prompts is not None and copies:
        raise UsageError(f"{copies} does not go with --prompts; charlstm originality compares texts in files")
    if config.lines is not None and prompts is not None:
        raise UsageError("--prompts does not go with --lines: give --num, and --stop with a newline")
    if config.lines is not None and copies:
        raise UsageError(f"{copies} does not go with --lines: --novel leaves out the lines that are copied")
    for name, needs in (
        ("training_text", None if copies or config.novel else "--originality, --max-copy or --novel"),
        ("prompts_format", None if prompts is not None else "--prompts"),
    ):
        if needs and was_typed(ctx, name):
            raise UsageError(f"{option_of(name)} goes with {needs}; add that, or leave it out")
    if prompts is not None and was_typed(ctx, "color"):
        raise UsageError("--color does not go with --prompts, which writes JSON; --json gives the log-probabilities")


def write_json(
    drawn: Iterator[Drawn], prompt: str, config: SampleConfig, more: Sequence[dict[str, Any]] | None = None
) -> None:
    """One object a text: what was drawn, the log-probability of each character in nats, and more about each."""
    texts: list[list[Drawn]] = [[] for _ in range(config.num)]
    for character in drawn:
        texts[character.stream].append(character)
    for stream, characters in enumerate(texts):
        about = about_text(stream, prompt, characters, config, logprobs=True)
        print_json({**about, **(more[stream] if more else {})})


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

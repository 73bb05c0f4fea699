"""`charlstm sample`."""

from __future__ import annotations

import hashlib
import secrets
import sys
from contextlib import nullcontext
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from charlstm.cli.launch import joined
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
from charlstm.cli.prompts import Prompt, PromptsFormat, read_prompts, write_from_each
from charlstm.cli.runtime import (
    build,
    choose_model_for,
    load_model,
    load_model_for,
    prepare_machine,
    read_stdin,
    say_compiling,
)
from charlstm.cli.sample_texts import about_text, in_style, shade, write_texts
from charlstm.cli.settings import given, option_of, with_settings
from charlstm.config import TEXT, SampleConfig
from charlstm.distributed.launch import launched
from charlstm.errors import UsageError
from charlstm.report.bars import Bar
from charlstm.report.console import colour_allowed, print_json, say

if TYPE_CHECKING:  # imported when the command runs: --help must not load torch
    from collections.abc import Iterator, Sequence

    import torch

    from charlstm.checkpoint import Content, ModelFile
    from charlstm.corpus.vocab import Ids, OnUnknown
    from charlstm.distributed.group import Group
    from charlstm.drawing.text import Drawn
    from charlstm.originality import Index

MAX_RANDOM_SEED = 2**32
USUAL_LINES = 20
DECIDING = {"length", "lines", "num", "stop", "match"}  # settings by which a model of a list writes no lines
LONG_LINE = 100  # characters of the longest of some lines, about: side by side they take as many steps as it has
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
    check_together(ctx, config, prompt, prompts, originality, max_copy)
    whole_texts = prompts is not None or originality or max_copy is not None
    found: tuple[Content, Path] | None = None
    if not whole_texts and config.num == 1 and device in (Device.auto, Device.cpu) and precision != "bf16":
        if not takes_part(shares=False):
            return
        prompt = prompt_text(prompt)
        found = choose_model_for(prompt, checkpoint, quiet)
        config = for_model(found[0], config, whole_texts, settings)
        if config.lines is None:
            shown = {"coloured": color, "json": json, "quiet": quiet, "verbose": verbose}
            sample_alone(found[0], prompt, config, unknown.value, **shown)
            return
    from charlstm.distributed.group import ALONE
    from charlstm.network.kernels import choose_kernels, worth_compiling
    from charlstm.sample import STREAMS, Texts, generate
    from charlstm.sample.generate import in_numpy

    shares = prompts is not None or config.num > STREAMS
    if not takes_part(shares):
        return
    machine = prepare_machine(device.value, threads)
    with joined(machine) if shares else nullcontext(ALONE) as group:
        config = config.replace(seed=group.first_does(lambda: seed_of(config)))
        coloured = group.first_does(lambda: color and colour_allowed())
        if found is None:
            listed, text = read_alike(group, prompt, prompts, prompts_format)
            content, path = load_alike(group, text, checkpoint, machine, quiet)
            config = for_model(content, config, whole_texts, settings)
        else:
            listed, text, content, path = None, prompt, build(found[0], machine), found[1]
        originals = None
        if originality or max_copy is not None:
            originals = open_originals(group, content, path, training_text or (), max_copy, quiet)
        if verbose:
            say(f"seed: {config.seed}")
        # auto: a seed gives the same text on more machines
        choose = partial(choose_kernels, content.model.config, machine, "bf16" if precision == "bf16" else "fp32")
        streams = config.lines or config.num * len(listed or [text])
        length = config.length if config.lines is None else min(config.length, LONG_LINE)
        compiled = not in_numpy(content.model, choose(), streams) and worth_compiling(
            content.model.config, length * streams
        )
        kernels = choose(compiled=compiled, on_compile=lambda: say_compiling(quiet))
        encode = partial(encode_prompt, content, unknown=unknown.value)
        known = [encode(text, "prompt")] if listed is None else [encode(p.text, p.source) for p in listed]
        if config.lines is not None:
            from charlstm.cli.sample_lines import sample_lines

            style = shade if coloured else None
            given_text = training_text or ()
            sample_lines(content, path, known[0], config, kernels, given_text, quiet=quiet, json=json, shade=style)
            return
        with Bar("prompt", quiet or listed is not None) as bar:
            how: dict[str, Any] = {"opening": content.opening, "kernels": kernels, "on_progress": bar.show}
            if whole_texts or config.num > 1 or json:
                texts = Texts(content.model, content.vocabulary, known, config, **how)
                if listed is not None:
                    write_from_each(group, listed, texts, json, quiet)
                else:
                    write_texts(
                        group, texts, originals, json=json, coloured=coloured, explained=originality, quiet=quiet
                    )
                return
            drawn = generate(content.model, content.vocabulary, known[0], config, **how)
            write_stream(drawn, content.vocabulary.decode(known[0]), coloured)


def sample_alone(
    content: Content,
    text: str,
    config: SampleConfig,
    unknown: OnUnknown,
    *,
    coloured: bool,
    json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Write one text, and do not wait for PyTorch: see `sample.generate`, which writes the same."""
    from charlstm.drawing.alone import write_alone
    from charlstm.drawing.text import Sample
    from charlstm.in_numpy.text_reader import TextReader

    config = config.replace(seed=seed_of(config))
    assert config.seed is not None
    if verbose:
        say(f"seed: {config.seed}")
    start = encode_prompt(content, text, "prompt", unknown)
    before = content.vocabulary.decode(start)
    with Bar("prompt", quiet) as bar:
        drawn = write_alone(
            *(partial(TextReader, content.config, content.weights), content.vocabulary, start, config),
            opening=content.opening,
            on_progress=bar.show,
        )
        if json:
            print_json(about_text(0, Sample.of(drawn, before, config.seed), config, logprobs=True))
        else:
            write_stream(drawn, before, coloured and colour_allowed())


def for_model(
    content: Content | ModelFile, config: SampleConfig, whole_texts: bool, settings: dict[str, Any]
) -> SampleConfig:
    """The settings, as this model needs them."""
    if content.lines and not whole_texts and not given(settings).keys() & DECIDING:
        config = config.replace(lines=USUAL_LINES)  # who asks a model of names to write means names
    return config if config.match is None else config.replace(match=content.normalize(config.match))


def takes_part(shares: bool) -> bool:
    """Whether this process has something to do, where a launcher may have started several.

    Args:
        shares: whether there is enough to draw to share it out.

    Raises:
        UsageError: in a job that was started again: what it had written would be written twice.
    """
    launch = launched()
    if launch is not None and launch.attempt:
        raise UsageError(
            "the launcher has started `sample` again, which would write texts twice; leave out --max-restarts"
        )
    return launch is None or launch.is_first or shares


def seed_of(config: SampleConfig) -> int:
    """The seed that was given, or a new one."""
    return secrets.randbelow(MAX_RANDOM_SEED) if config.seed is None else config.seed


def prompt_text(prompt: str) -> str:
    """The text of `--prompt`; - is standard input."""
    return read_stdin(what="prompt") if prompt == "-" else prompt


def read_alike(
    group: Group, prompt: str, prompts: str | None, prompts_format: PromptsFormat
) -> tuple[list[Prompt] | None, str]:
    """The prompts of a file, if there is one, and a text to choose a model by: the first process reads for all."""
    if prompts is None:
        return None, group.first_does(lambda: prompt_text(prompt))
    listed: list[Prompt] = []

    def read() -> list[str]:
        listed.extend(read_prompts(prompts, prompts_format))
        return [p.text for p in listed]

    texts = group.first_does(read)
    return listed or [Prompt(text, "", {}) for text in texts], "\n".join(texts[:MOST_TO_CHOOSE_BY]).strip("\n")


def load_alike(
    group: Group, text: str, checkpoint: Path | None, machine: torch.device, quiet: bool
) -> tuple[ModelFile, Path]:
    """The model that `--checkpoint` means, or that the first process chooses, for all processes.

    Args:
        text: what it is to read.

    Raises:
        CharLSTMError: if there are different files by that name.
    """
    chosen: list[tuple[ModelFile, Path]] = []

    def choose() -> str:
        chosen.append(load_model_for(text, checkpoint, machine, quiet))
        return str(chosen[0][1])

    path = group.first_does(choose)
    if not chosen:
        chosen.append(load_model(checkpoint or Path(path), machine, quiet))
    if group.size > 1:
        group.check_alike({"model": hashlib.sha256(chosen[0][1].read_bytes()).hexdigest()})
    return chosen[0]


def open_originals(
    group: Group, content: ModelFile, path: Path, training_text: Sequence[str], max_copy: int | None, quiet: bool
) -> Originals | None:
    """What compares texts with the training text; None in a process that need not."""
    if max_copy is not None:
        return Originals(group.one_by_one(lambda: index_for(content, path, training_text, quiet)), max_copy)
    found: list[Index] = []
    group.first_does(lambda: found.append(index_for(content, path, training_text, quiet)))
    return Originals(found[0], None) if found else None


def encode_prompt(content: Content | ModelFile, text: str, source: str, unknown: OnUnknown) -> Ids:
    """What the model goes on from."""
    return content.vocabulary.encode(content.normalize(text), unknown, source)


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


def write_stream(drawn: Iterator[Drawn], prompt: str, coloured: bool) -> None:
    """Write one text, as it is drawn."""
    first = list(islice(drawn, 1))  # the prompt is read, and its bar gone, before anything is written
    terminal = sys.stdout.isatty()
    write(in_style(prompt, terminal))
    last = prompt
    for character in chain(first, drawn):
        write(in_style(character.text, terminal, shade(character.logprob) if coloured else ""))
        last = character.text
    if terminal and not last.endswith("\n"):
        write("\n")


def write(text: str) -> None:
    """Write, and do not wait until there is more."""
    sys.stdout.write(text)
    sys.stdout.flush()

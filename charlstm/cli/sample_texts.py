"""Texts on stdout, a block at a time, whoever draws it."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from charlstm.errors import Interrupted
from charlstm.report.bars import Bar
from charlstm.report.console import print_json
from charlstm.report.text import printable

if TYPE_CHECKING:  # imported when the command runs: --help must not load torch
    from charlstm.cli.originals import Originals
    from charlstm.config import SampleConfig
    from charlstm.distributed.group import Group
    from charlstm.distributed.sharing import Check
    from charlstm.sample import Kept, Sample, Texts


def write_texts(
    group: Group,
    texts: Texts,
    originals: Originals | None,
    *,
    json: bool,
    coloured: bool,
    explained: bool,
    quiet: bool,
) -> None:
    """Write the texts of one prompt, in the first process; the others draw with it.

    Args:
        originals: what they copy; None: nobody wants to know.
        json: an object a text.
        coloured: show how likely each character is.
        explained: say on stderr what each text copies.
    """
    num, terminal, written = texts.config.num, sys.stdout.isatty(), 0
    at_begin = True  # of the output, or of a line that a message has come after
    last = ""
    with counted(num, quiet) as count, closing(blocks(group, texts, originals, json or coloured)) as drawn:
        for block in drawn:
            more: Sequence[dict[str, Any]] = originals.as_json(block) if json and originals else [{}] * len(block)
            for n, (kept, about) in enumerate(zip(block, more, strict=True), written + 1):
                if json:
                    print_json({**about_text(n - 1, kept.text, texts.config, logprobs=True), **about})
                    continue
                separator = "" if n == 1 else f"{'' if at_begin else chr(10)}--- {n} ---\n"
                shown = shown_text(kept.text, terminal, coloured)
                sys.stdout.write(separator + shown)
                at_begin, last = False, (kept.text or kept.text.prompt)[-1:]
            if not json and terminal and explained:
                sys.stdout.write("\n")
                at_begin = True
            sys.stdout.flush()
            if originals and explained and not json:
                originals.say(block, written + 1, num == 1)
            written += len(block)
            count(written)
    if terminal and not json and written and not at_begin and (num > 1 or last != "\n"):
        sys.stdout.write("\n")
        sys.stdout.flush()


@contextmanager
def counted(total: int, quiet: bool) -> Iterator[Any]:
    """Show how many texts are written; say it to whoever stops it before the last."""
    written = 0

    def count(number: int) -> None:
        nonlocal written
        written = number
        if number < total:
            bar.show(number, total)

    with Bar("texts", quiet or sys.stdout.isatty()) as bar:
        try:
            yield count
        except Interrupted as e:
            if e.message or total == 1:
                raise
            bar.close()
            raise Interrupted(e.signum, f"{e}; {written:,} of {total:,} texts were written") from None


def blocks(
    group: Group, texts: Texts, originals: Originals | None, logprobs: bool
) -> Generator[list[Kept], None, None]:
    """The texts, block by block, in the first process; the others draw with it.

    Args:
        originals: by which some are drawn again.
        logprobs: whether the log-probability of each character is wanted.
    """
    from charlstm.distributed.sharing import in_order
    from charlstm.sample import Kept

    def draw(number: int, check: Check) -> list[Kept]:
        if originals:
            return originals.draw(texts, number, check)
        return [Kept(text) for text in texts.draw(number, check)]

    if group.size == 1:
        yield from in_order(group, len(texts), draw, texts.threads)
        return

    def draw_for_others(number: int, check: Check) -> list[Any]:
        return [packed(kept, logprobs) for kept in draw(number, check)]

    seed = texts.config.seed or 0
    for number, packs in enumerate(in_order(group, len(texts), draw_for_others, texts.threads)):
        block = texts.block(number)
        before = [texts.before(prompt) for prompt in block.prompts for _ in block.streams]
        yield [unpacked(pack, prompt, seed) for pack, prompt in zip(packs, before, strict=True)]


def packed(kept: Kept, logprobs: bool) -> list[Any]:
    """A text as JSON carries it from one process to another: without its prompt, which both know."""
    text = kept.text
    return [str(text), kept.draws, *([text.logprobs, text.allowed_logprobs] if logprobs else [])]


def unpacked(pack: list[Any], prompt: str, seed: int) -> Kept:
    """The text again."""
    from charlstm.sample import Kept, Sample

    text, draws, *logprobs = pack
    return Kept(Sample(text, prompt, seed, *logprobs), draws)


def about_text(number: int, text: Sample, config: SampleConfig, logprobs: bool) -> dict[str, Any]:
    """What is said of a text, as JSON has it."""
    about: dict[str, Any] = {"sample": number, "seed": config.seed, "prompt": text.prompt, "text": str(text)}
    if logprobs:
        about["logprobs"] = list(text.logprobs)
    if logprobs and config.match is not None:
        about["allowed_logprobs"] = list(text.allowed_logprobs)
    return about


def shown_text(text: Sample, terminal: bool, coloured: bool) -> str:
    """A text with its prompt; control characters are written out on a terminal only."""
    if not coloured:
        return printable(text.prompt + text) if terminal else text.prompt + text
    parts = [in_style(c, terminal, shade(p)) for c, p in zip(text, text.logprobs, strict=True)]
    return "".join([in_style(text.prompt, terminal), *parts])


def in_style(text: str, terminal: bool, style: str = "") -> str:
    """A text as a terminal, or a file, is to have it."""
    shown = printable(text) if terminal else text
    return f"{style}{shown}\x1b[0m" if style else shown


def shade(logprob: float) -> str:
    """A terminal's code for a probability: the less likely, the warmer."""
    limits = ((-0.1, 250), (-0.7, 114), (-1.6, 179), (-3.0, 208))  # nats, colour of the 256
    colour = next((colour for limit, colour in limits if logprob >= limit), 196)
    return f"\x1b[38;5;{colour}m"

"""`charlstm sample --lines`: lines, and nothing else, on stdout."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.cli.runtime import locate_texts
from charlstm.corpus import CorpusRequest, open_corpus
from charlstm.report.console import print_json, say
from charlstm.report.text import printable

if TYPE_CHECKING:  # imported when the command runs: --help must not load torch
    from charlstm.checkpoint import ModelFile
    from charlstm.config import SampleConfig
    from charlstm.corpus.vocab import Ids
    from charlstm.network.kernels import Kernels
    from charlstm.sample import Lines


def sample_lines(
    content: ModelFile,
    path: Path,
    prompt: Ids,
    config: SampleConfig,
    kernels: Kernels,
    training_text: Sequence[str],
    *,
    quiet: bool,
    json: bool,
    shade: Callable[[float], str] | None,
) -> None:
    """Draw lines and write them; say on stderr what was left out.

    Args:
        path: of the model.
        training_text: names of texts, in place of the one that the model was trained on.
        shade: a terminal's code for the colour of a probability; None: no colours.
    """
    from charlstm.report.bars import Bar, Stages
    from charlstm.sample import draw_lines
    from charlstm.training.record import training_corpus

    known = None
    if config.novel:
        with Stages(quiet, unit="B") as stages:
            if training_text:
                request = CorpusRequest(locate_texts(training_text, quiet), valid_fraction=0.0)
                corpus = open_corpus(request, None, stages.update)
            else:
                corpus = training_corpus(content, path, stages.update)
        known = corpus.has_lines
    with Bar("lines", quiet) as bar:
        found = draw_lines(
            content.model,
            content.vocabulary,
            prompt,
            config,
            opening=content.opening,
            known=known,
            kernels=kernels,
            on_progress=bar.show,
        )
    for k, line in enumerate(found.lines):
        if json:
            logprobs = list(line.logprobs)
            print_json({"sample": k, "seed": config.seed, "prompt": line.prompt, "text": line, "logprobs": logprobs})
            continue
        clean = printable if sys.stdout.isatty() else str
        parts = [clean(line.prompt)]
        if shade is None:
            parts.append(clean(line))
        else:
            parts += [f"{shade(p)}{clean(c)}\x1b[0m" for c, p in zip(line, line.logprobs, strict=True)]
        sys.stdout.write("".join(parts) + "\n")
    sys.stdout.flush()
    for remark in remarks(found, config, quiet):
        say(remark)


def remarks(found: Lines, config: SampleConfig, quiet: bool) -> list[str]:
    """What a person should know of the lines; `quiet`: only what is not as it was asked for."""
    said, wanted = [], config.lines or 0
    if len(found.lines) < wanted:
        lines = f"{len(found.lines):,} line{'' if len(found.lines) == 1 else 's'}"
        advice = "try a higher --temperature" if config.novel else "it writes almost only blank lines"
        said.append(f"only {lines}, not {wanted:,}: {found.drawn:,} were drawn; {advice}")
    if config.novel and not quiet:
        repeated = f", and {found.repeated:,} that had come before" if found.repeated else ""
        said.append(f"left out: {found.known:,} of {found.drawn:,} lines, which the training text has{repeated}")
    if found.cut and not quiet:
        said.append(f"cut off at {config.length:,} characters (--length): {found.cut:,} of the lines")
    return said

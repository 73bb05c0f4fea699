"""`charlstm sample --originality` and `--max-copy`: whole texts, compared with the training text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from charlstm.cli.options import OUTPUT, option
from charlstm.config import DRAWING, SampleConfig
from charlstm.errors import UsageError

if TYPE_CHECKING:  # imported when the command runs: --help must not load torch
    from charlstm.checkpoint import ModelFile
    from charlstm.originality import Copied, Index
    from charlstm.sample import Drawn, Kept

Draw = Callable[[SampleConfig], "Iterable[Drawn]"]

Originality = Annotated[
    bool,
    option("--originality", help="Show what each text copies from the training text.", rich_help_panel=OUTPUT),
]
MaxCopy = Annotated[
    int | None,
    option(
        "--max-copy",
        help="Draw a text again that has more than N characters in a row from the training text.",
        metavar="N",
        min=1,
        max=10**9,
        show_default=False,
        rich_help_panel=DRAWING,
    ),
]


def check_max_copy(max_copy: int | None, config: SampleConfig) -> None:
    """Raise UsageError where every draw would give the same text."""
    if max_copy is not None and (config.temperature == 0 or config.top_k == 1):
        raise UsageError("--max-copy draws again, but with --temperature 0 or --top-k 1 the same text comes again")


def index_for(content: ModelFile, path: Path, training_text: Sequence[str], quiet: bool) -> Index:
    """The index of the text that `--training-text` names, or else of what the model was trained on."""
    from charlstm.cli.originality import given_index
    from charlstm.originality import open_index
    from charlstm.report.bars import Stages
    from charlstm.training.record import training_corpus

    with Stages(quiet) as stages:
        if training_text:
            return given_index(training_text, "utf-8", content.composed, quiet, stages.update)
        return open_index(training_corpus(content, path, stages.update), stages.update)


class Originals:
    """Texts with what each of them copies.

    Args:
        draw: draws texts.
        config: how many, from which seed.
        index: of the training text.
        max_copy: how many characters in a row a text may have from it; None: any number.
    """

    def __init__(self, draw: Draw, config: SampleConfig, index: Index, max_copy: int | None) -> None:
        from charlstm.originality import find_copies
        from charlstm.sample import draw_until

        def is_wanted(texts: Sequence[str]) -> list[bool]:
            longest = (copied.longest.length if copied.longest else 0 for copied in find_copies(index, texts))
            return [max_copy is None or length <= max_copy for length in longest]

        what = f"more than {max_copy} character{'s' * (max_copy != 1)} in a row from the training text"
        self.kept: list[Kept] = draw_until(draw, config, is_wanted, what)
        self.copied: list[Copied] = find_copies(index, [kept.text for kept in self.kept])
        self.index = index

    def drawn(self) -> Iterator[Drawn]:
        """The characters of all texts, one text after the other."""
        return chain.from_iterable(kept.characters for kept in self.kept)

    def as_json(self) -> list[dict[str, Any]]:
        """What to add to the object of each text."""
        from charlstm.cli.originality import as_json
        from charlstm.originality import Places

        places = Places(self.index.corpus)
        return [
            {"draws": kept.draws, "originality": as_json(copied, places)}
            for kept, copied in zip(self.kept, self.copied, strict=True)
        ]

    def say(self) -> None:
        """Say on stderr what each text copies."""
        from charlstm.originality import Places
        from charlstm.report.originality import draw_copies
        from charlstm.report.screen import show_message

        places = Places(self.index.corpus)
        for n, (kept, copied) in enumerate(zip(self.kept, self.copied, strict=True), 1):
            again = f", drawn {kept.draws} times" if kept.draws > 1 else ""
            name = f"text {n}{again}" if len(self.kept) > 1 or again else "the text"
            show_message(lambda width, colour, n=name, c=copied: draw_copies(n, c, places, width, colour))  # type: ignore[misc]

"""`charlstm sample --originality` and `--max-copy`: whole texts, compared with the training text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from charlstm.cli.options import OUTPUT, option
from charlstm.config import DRAWING, SampleConfig
from charlstm.errors import CharLSTMError, UsageError

if TYPE_CHECKING:  # imported when the command runs: --help must not load torch
    from charlstm.checkpoint import ModelFile
    from charlstm.distributed.sharing import Check
    from charlstm.originality import Copied, Index
    from charlstm.sample import Kept, Texts

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
    """What texts copy.

    Args:
        index: of the training text.
        max_copy: how many characters in a row a text may have from it; None: any number.
    """

    def __init__(self, index: Index, max_copy: int | None) -> None:
        from charlstm.originality import Places

        self.index, self.max_copy, self.places = index, max_copy, Places(index.corpus)

    def draw(self, texts: Texts, block: int, check: Check) -> list[Kept]:
        """The texts of a block, drawn again until each of them is one that may be."""
        from charlstm.sample import Kept

        if self.max_copy is None:
            return [Kept(text) for text in texts.draw(block, check)]
        what = f"more than {self.max_copy} character{'s' * (self.max_copy != 1)} in a row from the training text"
        try:
            return texts.draw_until(block, self._are_wanted, what, check)
        except CharLSTMError as e:
            before = texts.block(block).streams.start
            which = f"only the {before:,} texts before them were" if before else "nothing was"
            raise CharLSTMError(f"{e}; {which} written") from None

    def _are_wanted(self, texts: Sequence[str]) -> list[bool]:
        assert self.max_copy is not None
        return [copied.longest is None or copied.longest.length <= self.max_copy for copied in self._copied(texts)]

    def _copied(self, texts: Sequence[str]) -> list[Copied]:
        from charlstm.originality import find_copies

        return find_copies(self.index, texts)

    def as_json(self, block: Sequence[Kept]) -> list[dict[str, Any]]:
        """What to add to the object of each text."""
        from charlstm.cli.originality import as_json

        copied = self._copied([kept.text for kept in block])
        return [
            {"draws": kept.draws, "originality": as_json(found, self.places)}
            for kept, found in zip(block, copied, strict=True)
        ]

    def say(self, block: Sequence[Kept], first: int, alone: bool) -> None:
        """Say on stderr what each text copies.

        Args:
            first: the number of the first of them, from 1.
            alone: whether there is no other text.
        """
        from charlstm.report.originality import draw_copies
        from charlstm.report.screen import show_message

        for n, (kept, copied) in enumerate(zip(block, self._copied([k.text for k in block]), strict=True), first):
            again = f", drawn {kept.draws} times" if kept.draws > 1 else ""
            name = "the text" if alone and not again else f"text {n}{again}"
            show_message(lambda width, colour, n=name, c=copied: draw_copies(n, c, self.places, width, colour))  # type: ignore[misc]

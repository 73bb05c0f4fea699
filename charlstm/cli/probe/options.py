"""The options of `charlstm probe` that need more than a range, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from charlstm.cli.options import MACHINE, OUTPUT, option, parse_finite
from charlstm.config import parse_cell
from charlstm.errors import TextError, UsageError

if TYPE_CHECKING:  # imported when the command runs: --help must not load torch
    from charlstm.config import ModelConfig
    from charlstm.grammar.pairs import MinimalPair

ITEMS = "What to probe"
CLAIMS = "What a claim asks for"

PairsFile = Annotated[
    Path | None,
    option(
        "--pairs",
        help="Minimal pairs of your own: JSON lines with BLiMP's names (sentence_good, sentence_bad, twin, cue_end, "
        "condition, lemma, distance, kind, label, attractor), or CLAMS' tab-separated lines. "
        "[default: held-out pairs of agreement-pt, or of agreement-en for a model of English]",
        rich_help_panel=ITEMS,
        show_default=False,
    ),
]
Sentence = Annotated[
    str | None,
    option("--sentence", help="A sentence to show, with --cue, --twin and --endings.", rich_help_panel=ITEMS),
]
Cue = Annotated[str | None, option("--cue", help="What in it bears the feature: 'A menina'.", rich_help_panel=ITEMS)]
Twin = Annotated[str | None, option("--twin", help="What takes its place: 'O menino'.", rich_help_panel=ITEMS)]
Endings = Annotated[
    str | None, option("--endings", help="The word that agrees, both ways: cansada/cansado.", rich_help_panel=ITEMS)
]
Features = Annotated[
    list[str] | None,
    option(
        "--feature",
        help="Score cells on a feature of ordinary text instead; may be repeated; 'list' names them.",
        rich_help_panel=ITEMS,
        show_default=False,
    ),
]
OverRunOption = Annotated[
    Path | None,
    option(
        "--over-run",
        help="Say when it arose: follow the cell that the probe of this run finds (or --cell) over the snapshots that "
        "the run kept (train --snapshots).",
        metavar="RUN",
        rich_help_panel=ITEMS,
        show_default=False,
    ),
]
TextFile = Annotated[
    Path | None,
    option(
        "--text",
        help="Ordinary text. [default: text sampled from the model, always the same]",
        rich_help_panel=ITEMS,
        show_default=False,
    ),
]
Warm = Annotated[
    str | None,
    option("--warm", help="Neutral text to read before every sentence.", rich_help_panel=ITEMS, show_default=False),
]
SkipUnknown = Annotated[
    bool,
    option(
        "--skip-unknown",
        help="Leave out pairs with characters that the model has never seen; how many is said.",
        rich_help_panel=ITEMS,
    ),
]
Cells = Annotated[
    list[str] | None,
    option(
        "--cell", help="Report this cell whatever it does, as layer:cell (2:110); may be repeated.", show_default=False
    ),
]
Directions = Annotated[
    bool,
    option(
        "--directions",
        help="Compare the best cell with directions of its layer, too: difference of class means, linear probe, "
        "one-dimensional DAS.",
    ),
]
Hold = Annotated[
    float, option("--hold", help="Least hold.", min=0.5, max=1, callback=parse_finite, rich_help_panel=CLAIMS)
]
Gap = Annotated[float, option("--gap", help="Least gap.", min=0, callback=parse_finite, rich_help_panel=CLAIMS)]
Alpha = Annotated[
    float,
    option(
        "--alpha",
        help="p of every test must lie below it.",
        min=0,
        max=1,
        callback=parse_finite,
        rich_help_panel=CLAIMS,
    ),
]
Recovery = Annotated[
    float,
    option(
        "--recovery",
        help="Least share of the way to the twin's answer that a patch must go.",
        min=0,
        max=1,
        callback=parse_finite,
        rich_help_panel=CLAIMS,
    ),
]
NullNumber = Annotated[
    int | None,
    option(
        "--nulls",
        help="How many re-initialised networks to compare with. [default: 5 to 19, fewer for larger networks]",
        min=2,
        max=1000,
        rich_help_panel=CLAIMS,
        show_default=False,
    ),
]
NullModels = Annotated[
    list[Path] | None,
    option(
        "--null-model",
        help="A model that learnt nothing of the feature, to compare with, too: trained on shuffled endings, for "
        "instance. May be repeated.",
        rich_help_panel=CLAIMS,
        show_default=False,
    ),
]
Save = Annotated[
    Path | None,
    option(
        "--save", help="Write the activations to this safetensors file.", rich_help_panel=OUTPUT, show_default=False
    ),
]
Seed = Annotated[
    int,
    option(
        "--seed",
        help="Of the items, the split, the tests and the null networks.",
        min=0,
        max=2**32,
        rich_help_panel=MACHINE,
    ),
]


def own_sentence(
    sentence: str | None, cue: str | None, twin: str | None, endings: str | None
) -> list[tuple[str, MinimalPair]]:
    """The sentence that the options describe, if they do. Raises UsageError, or TextError for one that cannot be."""
    from charlstm.corpus.vocab import normalize
    from charlstm.probe.defaults import pair_of

    given = {"--sentence": sentence, "--cue": cue, "--twin": twin, "--endings": endings}
    missing = [name for name, value in given.items() if not value]
    if len(missing) == len(given):
        return []
    if missing:
        raise UsageError(f"--sentence, --cue, --twin and --endings belong together; {missing[0]} is missing")
    both = [normalize(ending, True) for ending in (endings or "").split("/")]
    if len(both) != 2 or not all(both):
        raise UsageError(f"--endings {endings!r}: give both forms, as cansada/cansado")
    if both[0] == both[1]:
        raise TextError(f"--endings {endings!r}: the two endings do not differ")
    text = normalize(sentence or "", True)
    if both[0] not in text and both[1] in text:
        both.reverse()
    return [
        (
            "own",
            pair_of(
                text, normalize(cue or "", True), normalize(twin or "", True), both[0], both[1], source="--sentence"
            ),
        )
    ]


def parse_cells(names: Sequence[str] | None, config: ModelConfig) -> list[tuple[int, int]]:
    """`2:110` -> (1, 110): layers count from 1, cells from 0. Raises UsageError."""
    return [parse_cell(name, config) for name in names or ()]

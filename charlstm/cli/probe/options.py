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
CLAIMS = "What counts as evidence"

PairsFiles = Annotated[
    list[Path] | None,
    option(
        "--pairs",
        help="Your own minimal pairs: JSON lines with BLiMP's names (sentence_good, sentence_bad, twin, cue_end, "
        "UID, linguistics_term, condition, lemma, distance, kind, label, attractor), or CLAMS' tab-separated lines. "
        "May be repeated: the files are read as one set, and a pair that several hold counts once. "
        "[default: held-out pairs of agreement-pt, or of agreement-en for a model of English]",
        rich_help_panel=ITEMS,
        show_default=False,
    ),
]
Sentence = Annotated[
    str | None,
    option("--sentence", help="A sentence to show, with --cue, --twin and --endings.", rich_help_panel=ITEMS),
]
Cue = Annotated[
    str | None, option("--cue", help="The part of it that shows the feature: 'A menina'.", rich_help_panel=ITEMS)
]
Twin = Annotated[
    str | None, option("--twin", help="The part that replaces the cue: 'O menino'.", rich_help_panel=ITEMS)
]
Endings = Annotated[
    str | None, option("--endings", help="Both forms of the word that agrees: cansada/cansado.", rich_help_panel=ITEMS)
]
Features = Annotated[
    list[str] | None,
    option(
        "--feature",
        help="Look for cells that follow a feature of ordinary text instead; 'list' names the features, 'all' takes "
        "them all. Repeatable.",
        rich_help_panel=ITEMS,
        show_default=False,
    ),
]
OverRunOption = Annotated[
    Path | None,
    option(
        "--over-run",
        help="Show when the cell arose: follow the cell that the probe of this run finds (or --cell) over the "
        "snapshots that the run kept (train --snapshots).",
        metavar="RUN",
        rich_help_panel=ITEMS,
        show_default=False,
    ),
]
TextFile = Annotated[
    Path | None,
    option(
        "--text",
        help="Ordinary text to compare with. [default: text sampled from the model, always the same]",
        rich_help_panel=ITEMS,
        show_default=False,
    ),
]
Warm = Annotated[
    str | None,
    option(
        "--warm",
        help="Neutral text that the model reads before every sentence.",
        rich_help_panel=ITEMS,
        show_default=False,
    ),
]
SkipUnknown = Annotated[
    bool,
    option(
        "--skip-unknown",
        help="Leave out pairs with characters that the model has never seen, and say how many.",
        rich_help_panel=ITEMS,
    ),
]
Cells = Annotated[
    list[str] | None,
    option(
        "--cell", help="Report this cell, too, whatever it does: layer:cell, as 2:110. Repeatable.", show_default=False
    ),
]
Directions = Annotated[
    bool,
    option(
        "--directions",
        help="Also compare the best cell with directions of its layer: difference of class means, linear probe, "
        "one-dimensional DAS.",
    ),
]
Hold = Annotated[
    float,
    option(
        "--hold",
        help="The least hold: how well the cell tells the classes apart.",
        min=0.5,
        max=1,
        callback=parse_finite,
        rich_help_panel=CLAIMS,
    ),
]
Gap = Annotated[
    float,
    option(
        "--gap",
        help="The least gap between the classes, in standard deviations.",
        min=0,
        callback=parse_finite,
        rich_help_panel=CLAIMS,
    ),
]
Alpha = Annotated[
    float,
    option(
        "--alpha",
        help="The p of every test must be below this.",
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
        help="How far patching the cell must move the answer towards the twin's, as a share of the way.",
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
        help="How many networks that learnt nothing to compare with; the more, the tighter the bound. "
        "[default: 5 to 19, fewer for larger networks; with --feature 9 to 19]",
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
        help="Also compare with this model, which learnt nothing of the feature: trained on shuffled endings, for "
        "instance. Repeatable.",
        rich_help_panel=CLAIMS,
        show_default=False,
    ),
]
Details = Annotated[
    bool,
    option("--details", help="Show every figure, a card for each cell, and the gates.", rich_help_panel=OUTPUT),
]
Legend = Annotated[
    bool, option("--legend", help="Explain every figure in plain words, and stop.", rich_help_panel=OUTPUT)
]
Save = Annotated[
    Path | None,
    option(
        "--save",
        help="Write the activations to this .safetensors file; or, if its name ends in .jsonl, every choice with its "
        "log odds in nats, one JSON object a line.",
        rich_help_panel=OUTPUT,
        show_default=False,
    ),
]
Seed = Annotated[
    int,
    option(
        "--seed",
        help="Seed of the pairs, the split, the tests and the networks that learnt nothing.",
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
        raise UsageError(f"--sentence, --cue, --twin and --endings go together; {missing[0]} is missing")
    both = [normalize(ending, True) for ending in (endings or "").split("/")]
    if len(both) != 2 or not all(both):
        raise UsageError(f"--endings {endings!r}: give both forms, as in cansada/cansado")
    if both[0] == both[1]:
        raise TextError(f"--endings {endings!r}: the two endings are the same; give two forms")
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

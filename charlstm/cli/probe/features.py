"""`charlstm probe --feature`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.cli.probe.output import EXPLAINED, MORE, show_with
from charlstm.errors import TextError, UsageError
from charlstm.report.console import print_json

if TYPE_CHECKING:  # imported when the command runs: --help must not load torch
    import torch

    from charlstm.probe.verdict import Thresholds


def list_features(json: bool) -> None:
    """The features that can be asked for."""
    from charlstm.probe.features import FEATURES

    if json:
        print_json({name: feature.summary for name, feature in FEATURES.items()})
        return
    for name, feature in FEATURES.items():
        sys.stdout.write(f"{name:<14} {feature.summary}\n")


def probe_features(
    names: Sequence[str],
    checkpoint: Path | None,
    device: torch.device,
    text: Path | None,
    of_hidden: bool,
    limits: Thresholds,
    nulls: int | None,
    null_model: Sequence[Path] | None,
    seed: int,
    details: bool,
    quiet: bool,
    json: bool,
) -> None:
    """Score features and print what was found. Raises UsageError for an unknown one, TextError for too little text."""
    from charlstm.checkpoint import name_of
    from charlstm.cli.probe.model import null_networks
    from charlstm.cli.runtime import load_model
    from charlstm.probe.feature_scores import score_features
    from charlstm.probe.feature_text import MIN_STRETCHES, SAMPLED_STRETCHES, STRETCH_CHARS, Stretches
    from charlstm.probe.features import FEATURES
    from charlstm.probe.texts import ordinary_text, sampled_text
    from charlstm.report.bars import Stages
    from charlstm.report.features import draw_features

    names = list(dict.fromkeys(FEATURES if "all" in names else names))
    for name in names:
        if name not in FEATURES:
            raise UsageError(f"--feature {name}: there is no such feature; --feature list shows them all")
    content, path = load_model(checkpoint, device, quiet or json)
    with Stages(quiet or json) as stages:
        if text is None:
            ids = sampled_text(content, SAMPLED_STRETCHES, STRETCH_CHARS, stages.update)
            source = f"{ids.size:,} characters sampled from the model"
            stretches = Stretches.of_streams(ids, content.vocabulary, names)
        else:
            ids, source = ordinary_text(content, text, stages.update)
            if len(ids) < MIN_STRETCHES * STRETCH_CHARS:
                least = f"{MIN_STRETCHES * STRETCH_CHARS:,}"
                raise TextError(f"{source}: {len(ids):,} characters; a feature needs at least {least}")
            stretches = Stretches.of_text(ids, content.vocabulary, names)
        results = score_features(
            content.model,
            content.vocabulary,
            stretches,
            of_hidden=of_hidden or not content.model.cell.has_cell_state,
            limits=limits,
            seed=seed,
            fresh=nulls,
            null_models=null_networks(null_model, content, device),
            on_progress=stages.update,
        )
    if json:
        print_json(
            {"checkpoint": str(path), "text": source, "features": {result.name: result.to_dict() for result in results}}
        )
    else:
        draw = partial(draw_features, results, f"{name_of(path)}; text: {source}", limits, details)
        show_with(draw, EXPLAINED if details else MORE)

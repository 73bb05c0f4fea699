"""`charlstm probe`."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from charlstm.cli.options import (
    Checkpoint,
    Debug,
    Device,
    DeviceOption,
    Json,
    Quiet,
    Threads,
    check_new_file,
    option,
    writing_new,
)
from charlstm.cli.probe.options import (
    Alpha,
    Cells,
    Cue,
    Details,
    Directions,
    Endings,
    Features,
    Gap,
    Hold,
    Legend,
    NullModels,
    NullNumber,
    OverRunOption,
    PairsFiles,
    Recovery,
    Save,
    Seed,
    Sentence,
    SkipUnknown,
    TextFile,
    Twin,
    Warm,
    own_sentence,
    parse_cells,
)
from charlstm.cli.probe.output import EXPLAINED, MORE, show_legend, show_with
from charlstm.errors import CharLSTMError, TextError, UsageError
from charlstm.files.atomic import new_binary_file, new_text_file
from charlstm.report.console import print_json, say

if TYPE_CHECKING:  # imported when the command runs: --help must not load torch
    from collections.abc import Sequence

    from charlstm.checkpoint import ModelFile
    from charlstm.grammar.pairs import MinimalPair
    from charlstm.probe.result import ProbeResult


class StateName(StrEnum):
    """Which state is looked at."""

    c = "c"
    h = "h"


def probe(
    checkpoint: Checkpoint = None,
    pairs: PairsFiles = None,
    sentence: Sentence = None,
    cue: Cue = None,
    twin: Twin = None,
    endings: Endings = None,
    feature: Features = None,
    over_run: OverRunOption = None,
    text: TextFile = None,
    warm: Warm = None,
    skip_unknown: SkipUnknown = False,
    cell: Cells = None,
    directions: Directions = False,
    state: Annotated[
        StateName, option("--state", help="Look at the cell state c or the hidden state h.")
    ] = StateName.c,
    hold: Hold = 0.90,
    gap: Gap = 0.5,
    alpha: Alpha = 0.05,
    recovery: Recovery = 0.20,
    nulls: NullNumber = None,
    null_model: NullModels = None,
    save: Save = None,
    seed: Seed = 0,
    device: DeviceOption = Device.auto,
    threads: Threads = None,
    details: Details = False,
    legend: Legend = False,
    quiet: Quiet = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Find the cells that carry a feature, and prove it by experiment.

    Without options, the feature is gender in Portuguese, past a noun of the other gender; for a model of English, it is
    number. The probe chooses cells on one half of the nouns and judges them on the other, by patching and ablation,
    against networks that learnt nothing. If no cell qualifies, it says so. With --feature, it looks for cells that go
    with a feature of ordinary text: by correlation first, then by exchanging what a cell holds between places with and
    without the feature.

        charlstm probe -c portuguese
        charlstm probe --details --cell 2:110
        charlstm probe --feature quotes
        charlstm probe --over-run checkpoints/agreement-pt
    """
    if legend:
        show_legend(json)
        return
    if feature and "list" in feature:
        from charlstm.cli.probe.features import list_features

        list_features(json)
        return
    from charlstm.cli.probe.model import model_for, null_networks, readable
    from charlstm.cli.runtime import prepare_machine
    from charlstm.probe.verdict import Thresholds

    of_sentence = {"--sentence": sentence, "--cue": cue, "--twin": twin, "--endings": endings}
    if feature:
        given = {"--over-run": over_run, "--pairs": pairs, **of_sentence, "--directions": directions}
        for name, value in {**given, "--warm": warm, "--cell": cell, "--save": save}.items():
            if value:
                raise UsageError(f"{name} does not go with --feature, which reads ordinary text; leave {name} out")
    if save is not None:
        check_new_file("--save", save, ".safetensors", ".jsonl")
    snapshots: list[Path] = []
    if over_run is not None:
        from charlstm.cli.probe.over_run import models_of

        others: dict[str, object] = {"--checkpoint": checkpoint, **of_sentence, "--directions": directions}
        others |= {"--save": save, "--state h": state is StateName.h}
        if cell:  # no probe is needed to find it
            others |= {"--nulls": nulls, "--null-model": null_model}
        snapshots, checkpoint = models_of(over_run, others, cell or ()), over_run
    machine = prepare_machine(device.value, threads)
    limits = Thresholds(hold=hold, gap=gap, alpha=alpha, recovery=recovery)
    if feature:
        from charlstm.cli.probe.features import probe_features

        of_hidden = state.value == "h"
        probe_features(
            feature, checkpoint, machine, text, of_hidden, limits, nulls, null_model, seed, details, quiet, json
        )
        return

    from charlstm.grammar.pairs import read_all_pairs
    from charlstm.probe.defaults import defaults_of, words_of_labels
    from charlstm.probe.found_cells import remember
    from charlstm.probe.pair_sets import PairSet, own_pairs, usual_pairs
    from charlstm.probe.pipeline import probe as run_probe
    from charlstm.probe.stimuli import an_example
    from charlstm.report.bars import Stages

    read, repeated = read_all_pairs(pairs) if pairs else (None, 0)
    if repeated and not (quiet or json):
        say(f"pairs: {repeated:,} left out that an earlier file holds, too")
    own = own_sentence(sentence, cue, twin, endings)

    named = ", ".join(map(str, pairs or ()))
    of_files = None if read is None else own_pairs(read, named)

    def items_of(content: ModelFile) -> PairSet:
        return of_files or usual_pairs(content.language, seed)

    def shown_of(content: ModelFile) -> list[tuple[str, MinimalPair]]:
        return own or ([] if read is not None or snapshots else defaults_of(content.language).sentences())

    def wanted(content: ModelFile) -> list[Sequence[MinimalPair]]:
        sentences = [pair for _, pair in shown_of(content)]
        needed = sentences if skip_unknown else [*items_of(content).pairs, *sentences]
        # a sentence of one's own can be shown by a model that cannot read the default pairs
        return [needed, sentences] if own and read is None else [needed]

    content, path, covered = model_for(
        checkpoint,
        machine,
        wanted,
        bool(own) or read is not None,
        quiet or json,
        "change the text, or leave such pairs out with --skip-unknown",
    )
    items, usual = items_of(content), defaults_of(content.language)
    if covered:
        items = replace(items, pairs=())
    if read is None and items.pairs and content.language is None and not (quiet or json):
        say(f"pairs: {usual.name}, because the model file names no language")
    if skip_unknown:
        known = readable(content, items.pairs)
        items = replace(items, pairs=known) if of_files is None else own_pairs(known, named)
    cells, has_twins = parse_cells(cell, content.model.config), items.has_twins
    of_items = save is not None and save.suffix.lower() == ".jsonl"
    if save is not None and not has_twins and not (of_items and items.pairs):
        raise TextError(
            f"--save {save}: only pairs with twins give activations; for the answers, give a name in .jsonl"
        )
    if directions and not has_twins:
        raise TextError("--directions: only pairs with twins can be patched; leave --directions out")
    if warm is not None:  # a typing error must not pass for no text
        content.vocabulary.encode(content.normalize(warm), what="--warm")
    if snapshots and not has_twins:
        raise TextError(
            f"--over-run: {named}: these pairs have no twins, so no cell can be followed; give pairs with twins"
        )
    as_explain = (warm, text, state, seed, limits, nulls, null_model) == (
        *(None, None, StateName.c, 0, Thresholds(), None, None),
    )
    key = items.key if as_explain and items.pairs else None
    with Stages(quiet or json) as stages:
        request = replace(
            items.request(content, stages.update, warm, text),
            sentences=shown_of(content) or (an_example(items.pairs) if has_twins else []),
            of_hidden=state is StateName.h,
            cells=cells,
            directions=directions,
            nulls=nulls,
            null_models=null_networks(null_model, content, machine),
            limits=limits,
            seed=seed,
        )
        if snapshots:
            from charlstm.cli.probe.over_run import probe_over_run

            found, about_cell = probe_over_run(snapshots, content, path, request, key, stages.update)
        else:
            result = run_probe(content.model, content.vocabulary, request, stages.update)
    source = named if read is not None else usual.corpus if items.pairs else None
    if snapshots:
        if json:
            print_json({"run": str(over_run), "items": source, **found.to_dict()})
        else:
            from charlstm.report.over_run import draw_over_run

            words = usual.words if read is None else words_of_labels(found.classes)
            show_with(
                partial(draw_over_run, found, words, header(content, path), about_cell, details),
                EXPLAINED if details else MORE,
            )
        return
    if key is not None:
        remember(content, key, result)
    problem: CharLSTMError | None = None  # which should not keep anybody from seeing what was found
    if save is not None:
        try:
            with writing_new("--save", save):
                (save_items if of_items else save_activations)(save, result)
        except CharLSTMError as e:
            problem = e
    words = usual.words if read is None else words_of_labels(result.classes)
    if own:
        words = replace(words, remembers="")
    if json:
        print_json({"checkpoint": str(path), "items": source, **result.to_dict()})
    elif details:
        from charlstm.report.probe_details import draw_details

        show_with(partial(draw_details, result, words, header(content, path)), EXPLAINED)
    else:
        from charlstm.report.probe import draw_probe

        show_with(partial(draw_probe, result, words), MORE)
    if problem is not None:
        raise problem


def header(content: ModelFile, path: Path) -> str:
    """The model in a line."""
    from charlstm.checkpoint import name_of

    config = content.model.config
    line = f"model       {name_of(path)}: {config.cell_type}, {config.num_layers} x {config.hidden_size} cells"
    nats = content.training.get("best_valid_nats")
    if isinstance(nats, float):
        from charlstm.evaluate import bits_per_char

        line += f", {bits_per_char(nats):.3f} bits/char on its validation text"
    return line


def save_items(path: Path, result: ProbeResult) -> None:
    """Write every choice with its log odds, a JSON object a line. Raises OSError if it fails."""
    from json import dumps

    with new_text_file(path) as f:
        f.writelines(dumps(item.to_dict(), ensure_ascii=False) + "\n" for item in result.items)


def save_activations(path: Path, result: ProbeResult) -> None:
    """Write the activations; what their numbers stand for is in the metadata, as JSON. Raises OSError if it fails."""
    from json import dumps

    from safetensors.torch import save

    from charlstm.probe.stimuli import LANDMARKS

    about = {"classes": list(result.classes), "state": result.state, "landmarks": list(LANDMARKS), **result.names}
    tensors = {name: tensor.contiguous() for name, tensor in result.activations.items()}
    data = save(tensors, {name: dumps(value, ensure_ascii=False) for name, value in about.items()})
    with new_binary_file(path) as f:
        f.write(data)

"""`charlstm info`."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from charlstm.cli.options import Debug, FigureFile, Json, Quiet, Verbose, Width, check_figure
from charlstm.cli.paste import resume_command, sample_command
from charlstm.cli.runtime import say_hidden
from charlstm.errors import ModelFileError, UsageError
from charlstm.report.console import print_json, say
from charlstm.report.text import quoted


def info(
    where: Annotated[
        Path | None,
        typer.Argument(
            help="A model file, a run, a folder of runs (the newest is used), or a built-in model such as english. "
            "[default: the newest run in checkpoints/, else a built-in model]",
            show_default=False,
            readable=False,  # asked when it is read: then it is a model that cannot be, not a typing error
        ),
    ] = None,
    width: Width = None,
    figure: FigureFile = None,
    svg: Annotated[Path | None, typer.Option("--svg", hidden=True)] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what a model file or a run holds, with its training curve.

    It also gives the commands to write with the model, and to train a run further.

        charlstm info portuguese
        charlstm info checkpoints/novel --verbose
    """
    if svg is not None:
        raise UsageError("instead of --svg, type: --figure FILE, which ends in .svg, .png or .pdf")
    check_figure(figure)
    from charlstm.checkpoint import BEST, LAST, METRICS, describe_model_file, find_model, licence_of, read_metrics

    path = find_model(where)
    if not quiet:
        say_hidden(where, path)
    about = describe_model_file(path)
    last = path.with_name(LAST)
    if "resume" not in about and path.name == BEST and last.exists():
        with suppress(ModelFileError):  # a run whose last save is damaged still has its best model
            about["resume"] = describe_model_file(last).get("resume")
    if licence := licence_of(path, about["training"]):  # the models that ship have none in their files
        about["training"]["licence"] = licence
    metrics = read_metrics(path.parent)
    evaluations = [m for m in metrics if m.get("event") == "evaluated"]
    training, validation = curve(metrics, "trained"), curve(metrics, "evaluated")
    try:
        shown = rows(about, validation, path.stat().st_size, verbose)
        commands = next_commands(about, path)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as e:
        raise ModelFileError(f"{path}: its record of the training is damaged ({type(e).__name__}: {e})") from None
    if figure is not None and not training and not validation:
        raise ModelFileError(f"{path}: there is no training curve in a {METRICS} beside it; leave --figure out")
    draw = None
    if training or validation:
        from charlstm.report.training import draw_training, training_chart

        summary = f"{path.parent}: {', '.join(value for name, value in shown if name in ('network', 'best'))}"
        chart = training_chart(training, validation)
        draw = partial(draw_training, summary, chart)
        if figure is not None:
            from charlstm.report.figures import save_figure

            save_figure(figure, chart)
            if not quiet:
                say(f"figure: {figure}")
    if json:
        print_json({"path": str(path), **about, "evaluations": evaluations})
        return
    from charlstm.report.info import draw_commands, draw_info
    from charlstm.report.screen import show

    show(partial(draw_info, shown, str(path)), width)
    if draw is not None:
        show(draw, width)
    show(partial(draw_commands, commands), width)


Points = list[tuple[float, float]]  # steps and bits a character
MAX_BITS = 1000  # a character; more would only squash the picture


def curve(metrics: list[dict[str, Any]], event: str) -> Points:
    """Steps and bits a character of the events of one kind; those that make no sense are left out."""
    name = {"trained": "bits_per_char", "evaluated": "valid_bits_per_char"}[event]
    points = []
    for m in metrics:
        with suppress(KeyError, TypeError, ValueError, OverflowError):
            if m.get("event") == event:
                points.append((float(m["step"]), float(m[name])))
    return [(step, bits) for step, bits in points if 0 <= step <= 1e15 and 0 <= bits <= MAX_BITS]


def rows(about: dict[str, Any], validation: Points, size: int, verbose: bool) -> list[tuple[str, str]]:
    """Names and values for a person; `validation` as `curve` gives it."""
    from charlstm.config import LANGUAGES, ModelConfig
    from charlstm.evaluate import bits_per_char
    from charlstm.in_numpy.shapes import num_parameters

    config = ModelConfig.from_dict(about["config"])
    training = about["training"]
    characters = about["vocabulary"]
    shown = characters if verbose else characters[:100]
    result = [
        (
            "network",
            f"{config.cell_type}, {config.num_layers} x {config.hidden_size} cells, embedding {config.embedding_size}",
        ),
        ("parameters", f"{num_parameters(config):,} ({size:,} bytes on disk)"),
        (
            "characters",
            f"{len(characters):,}: {' '.join(map(quoted, shown))}{' ...' if len(shown) < len(characters) else ''}",
        ),
    ]
    if training.get("started_from"):
        result.append(("from", ", from ".join(str(each["name"]) for each in training["started_from"])))
    if training.get("licence"):
        result.append(("licence", str(training["licence"])))
    if training.get("language"):
        result.append(("language", LANGUAGES[training["language"]]))
    if training.get("lines"):
        result.append(("read", "by line: every line is a text of its own"))
    if training.get("corpus_characters"):
        result.append(
            ("corpus", f"{training['corpus_characters']:,} characters, sha256 {training['corpus_sha256'][:16]}...")
        )
    if "step" in training:
        trained = f"{training['step']:,} steps, {training['epoch']:.2f} passes over the text"
        learnt = training.get("characters_learnt")  # not in files of version 0.1
        result.append(("trained", trained if learnt is None else f"{trained}, {learnt:,} characters"))
    if training.get("best_valid_nats") is not None:
        nats = training["best_valid_nats"]
        result.append(
            ("best", f"{bits_per_char(nats):.4f} bits/char ({nats:.4f} nats) at step {training['best_step']:,}")
        )
    if validation:
        scores = ", ".join(f"{bits:.3f} at step {step:,.0f}" for step, bits in validation[-5:])
        result.append(("validation", f"bits/char: {'..., ' if len(validation) > 5 else ''}{scores}"))
    names = ("config", "environment", "versions") if verbose else ("environment", "versions")
    result += [
        (name, ", ".join(f"{k} {v}" for k, v in training[name].items() if v is not None))
        for name in names
        if name in training
    ]
    if about.get("resume") is not None:
        progress = about["resume"]["progress"]
        result.append(("run", f"at step {progress['step']:,}, {progress['fraction']:.0%} of its budget used"))
    return result


def next_commands(about: dict[str, Any], path: Path) -> list[tuple[str, str]]:
    """What a person may want to do with a model or a run, and the commands for it."""
    from charlstm.checkpoint import BEST, is_shipped, name_of

    model = Path(name_of(path)) if is_shipped(path) else path.parent if path.name == BEST else path
    commands = [("to write with it", sample_command(model))]
    if about.get("resume") is None:
        return commands
    progress, budget = about["resume"]["progress"], about["resume"]["run"]["train"]
    if progress["fraction"] >= 1:
        return [*commands, ("to train it twice as long", resume_command(path.parent, budget, times=2))]
    if budget["patience"] and progress["stale_evaluations"] >= budget["patience"]:
        how = "it stopped early, because validation got no better; to train it to the end all the same"
        return [*commands, (how, resume_command(path.parent, budget, patience=0))]
    return [*commands, ("to train on", resume_command(path.parent, budget))]

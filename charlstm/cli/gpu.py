"""`make gpu`: all that a graphics card has to show, in one file; also `python -m charlstm.cli.gpu --help`.

It needs PyTorch and as little else as can be, so that it runs where nothing can be installed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charlstm.errors import CharLSTMError, UsageError

if TYPE_CHECKING:
    from charlstm.bench.card import Outcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code: 0, or 1 if a part failed, or 2 without a card."""
    asked = parser().parse_args(arguments)
    try:
        if asked.show:
            show_tables(json.loads(asked.out.read_text(encoding="utf-8"))["parts"])
            return 0
        return measure_all(asked)
    except CharLSTMError as e:
        tell(f"error: {e}")
        return e.exit_code
    except (OSError, ValueError, KeyError, TypeError) as e:
        tell(f"error: {asked.out}: {getattr(e, 'strerror', None) or e}")
        return 1
    except KeyboardInterrupt:
        tell(f"interrupted; {asked.out} holds what was measured")
        return 130


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(
        "python -m charlstm.cli.gpu", description="Measure a graphics card, in 8 minutes."
    )
    options.add_argument("--out", type=Path, default=Path("gpu.json"), help="file for the results (default: gpu.json)")
    options.add_argument("--device", default="cuda", help="cuda, cuda:1, or cpu with --quick (default: cuda)")
    options.add_argument("--text", type=Path, help="text to train on (default: corpora/agreement-pt.txt)")
    options.add_argument("--quick", action="store_true", help="try every part, as little of it as can be")
    options.add_argument("--show", action="store_true", help="measure nothing; show the tables of the file")
    return options


def measure_all(asked: argparse.Namespace) -> int:
    """Measure every part, and write the file anew whenever there is something new."""
    if asked.device == "cpu" and not asked.quick:
        raise UsageError("on the processor this takes hours: give --quick, too (make gpu DEVICE=cpu QUICK=1)")
    if asked.text is not None and not asked.text.is_file():
        raise UsageError(f"--text {asked.text}: there is no such file")
    from charlstm.bench.card import measure, parts_for
    from charlstm.network.devices import find_device

    try:
        find_device(asked.device)
    except UsageError:
        raise UsageError(
            f"there is no {asked.device} device here; make gpu DEVICE=cpu QUICK=1 tries the parts on the processor"
        ) from None
    found: dict[str, Outcome] = {}
    parts = parts_for(asked.device, asked.text, asked.quick)
    save(asked.out, found)  # before minutes are spent: can it be written?
    for outcome in measure(parts):
        is_new = outcome.name not in found
        found[outcome.name] = outcome
        save(asked.out, found)
        if is_new:
            tell(f"{outcome.name} ...")
        elif outcome.ended:
            tell(f"{outcome.name}: {outcome.error or 'done'}, {outcome.seconds:.0f} s")
    tell(f"results: {asked.out}")
    show_tables([outcome.to_dict() for outcome in found.values()])
    return int(any(outcome.error for outcome in found.values()))


def save(file: Path, found: dict[str, Outcome]) -> None:
    """Write what there is. Raises CharLSTMError where that cannot be."""
    from charlstm.files.atomic import write_atomically

    parts = [outcome.to_dict() for outcome in found.values()]
    write_atomically(file, (json.dumps({"gpu": 1, "parts": parts}, indent=1) + "\n").encode())


def show_tables(parts: list[dict[str, Any]]) -> None:
    """Draw what `charlstm bench` draws; on a machine without Rich, nothing."""
    try:
        from charlstm.report.bench import draw_peak_memory, draw_quality, draw_sampling_speed, draw_training_speed
        from charlstm.report.screen import show
    except ImportError:
        return
    from charlstm.bench.card import rows_of
    from charlstm.bench.peak_memory import MemoryRow
    from charlstm.bench.quality import Point
    from charlstm.bench.sampling_speed import SamplingRow
    from charlstm.bench.training_speed import TrainingRow

    rounds = {part["name"].partition(" ")[0]: part["asked"].get("rounds") for part in parts}
    if training := list(map(TrainingRow.from_dict, rows_of(parts, "train"))):
        show(partial(draw_training_speed, training, rounds["train"]))
    if sampling := list(map(SamplingRow.from_dict, rows_of(parts, "sample"))):
        show(partial(draw_sampling_speed, sampling, rounds["sample"]))
    if memory := list(map(MemoryRow.from_dict, rows_of(parts, "memory"))):
        show(partial(draw_peak_memory, memory))
    if points := list(map(Point.from_dict, rows_of(parts, "quality"))):
        show(partial(draw_quality, points))


def tell(message: str) -> None:
    """A line on stderr."""
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())

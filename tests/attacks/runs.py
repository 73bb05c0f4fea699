"""States of a run that are not sound: name -> where in what its `last` file says of the run, and what is put there."""

from __future__ import annotations

from typing import Any

HUGE = 10**18
STATES: dict[str, tuple[tuple[str, ...], Any]] = {
    "a best score that is a text": (("resume", "progress", "best_nats"), "x"),
    "a best score that is a list": (("resume", "progress", "best_nats"), [1]),
    "a best step that is a text": (("resume", "progress", "best_step"), "x"),
    "more than all of its budget": (("resume", "progress", "fraction"), 7.0),
    "less than none of it": (("resume", "progress", "fraction"), -1.0),
    "a share that is a text": (("resume", "progress", "fraction"), "x"),
    "learning backwards": (("resume", "progress", "lr_scale"), -1.0),
    "learning in leaps": (("resume", "progress", "lr_scale"), 1e300),
    "a step before the first": (("resume", "progress", "step"), -1),
    "half a step": (("resume", "progress", "step"), 0.5),
    "beyond the end of the text": (("resume", "progress", "offset"), HUGE),
    "a history of no kind": (("resume", "progress", "history"), [["x", "y"]]),
    "a line every nothing": (("resume", "progress", "log_interval_steps"), 0),
    "progress of no kind": (("resume", "progress"), 3),
    "progress with more to it": (("resume", "progress", "code"), "print()"),
    "another network": (("resume", "run", "model", "hidden_size"), 4096),
    "no network": (("resume", "run", "model"), None),
    "settings of no kind": (("resume", "run", "train"), {"batch_size": 4, "steps": "x"}),
    "a setting that is unknown": (("resume", "run", "train", "evil"), "\x1b[2J"),
    "a corpus elsewhere": (("resume", "run", "corpus", "sha256"), "../../../../etc"),
    "a corpus that is a number": (("resume", "run", "corpus", "sha256"), 3),
    "files that are numbers": (("resume", "run", "corpus", "files"), [3]),
    "files that are a text": (("resume", "run", "corpus", "files"), 3),
    "an encoding that is a number": (("resume", "run", "corpus", "encoding"), 3),
    "more than all for validation": (("resume", "run", "corpus", "valid_fraction"), 5.0),
    "less than nothing for validation": (("resume", "run", "corpus", "valid_fraction"), -5),
    "a share for validation that is a text": (("resume", "run", "corpus", "valid_fraction"), "x"),
    "no threads": (("resume", "run", "environment", "threads"), 0),
    "a million threads": (("resume", "run", "environment", "threads"), 1_000_000),
    "no environment": (("resume", "run", "environment"), None),
    "no run": (("resume", "run"), None),
}


def put_at(path: tuple[str, ...], value: Any, about: dict[str, Any]) -> dict[str, Any]:
    """A description with one thing in it replaced."""
    first, *rest = path
    return {**about, first: put_at(tuple(rest), value, about[first]) if rest else value}

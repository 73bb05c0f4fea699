"""`study.json`: what a study is, and what is known so far; written anew, whole, whenever a seed has come further."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from charlstm.checkpoint.format import strict_json
from charlstm.config import BUDGETS, MAX_SEED, ModelConfig, TrainConfig
from charlstm.corpus import CorpusRequest
from charlstm.errors import ModelFileError, TextError, UsageError
from charlstm.files.atomic import read_regular, write_atomically
from charlstm.probe.verdict import Thresholds
from charlstm.study.result import SeedResult, Summary, summarise
from charlstm.training.kept import request_of

NAME = "study.json"
FORMAT = 1
MAX_BYTES = 64 << 20
MAX_SEEDS = 1000


@dataclass
class Manifest:
    """A study.

    Attributes:
        machine: what it began on, with which versions (`bench.machine.describe_machine`).
        corpus: where the text came from, its sha256 (of the text, how it was read, and the split), and in
            `files_sha256` that of every file.
        model, train: the network and the recipe; the seed in it is that of the first training.
        pairs: what is probed with (`Items.to_dict`); None: nothing is probed.
        nulls: how many re-initialised networks to compare with; None: as many as `charlstm probe` takes.
        note: what should be said of the pairs.
        seeds: of the trainings, in their order.
        results: of those that are trained.
    """

    machine: dict[str, Any]
    corpus: dict[str, Any]
    model: ModelConfig
    train: TrainConfig
    pairs: dict[str, Any] | None
    nulls: int | None
    note: str
    seeds: tuple[int, ...]
    results: list[SeedResult] = field(default_factory=list)

    @property
    def text(self) -> tuple[CorpusRequest, str]:
        """Where the text came from, and its sha256."""
        return request_of({name: value for name, value in self.corpus.items() if name != "files_sha256"})

    @property
    def summary(self) -> Summary:
        """Over the seeds that are trained."""
        return summarise(self.results)

    @property
    def ahead(self) -> list[int]:
        """The seeds that are not finished."""
        return [seed for seed in self.seeds if not self.is_finished(seed)]

    def result(self, seed: int) -> SeedResult | None:
        """What is known of a seed."""
        return next((result for result in self.results if result.seed == seed), None)

    def is_finished(self, seed: int) -> bool:
        """Whether a seed is trained and, where there are pairs, probed."""
        found = self.result(seed)
        return found is not None and (self.pairs is None or found.probe is not None or found.training.diverged)

    def keep(self, result: SeedResult) -> None:
        """Put what is known of a seed in place of what was."""
        others = [other for other in self.results if other.seed != result.seed]
        self.results = sorted([*others, result], key=lambda one: self.seeds.index(one.seed))

    def settings_of(self, seed: int) -> dict[str, Any]:
        """The settings of one training, by name."""
        model = {name: value for name, value in self.model.to_dict().items() if name != "vocab_size"}
        train = {name: value for name, value in self.train.to_dict().items() if value is not None}
        return {**model, **train, "seed": seed}

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "format": FORMAT,
            "machine": self.machine,
            "corpus": self.corpus,
            "model": self.model.to_dict(),
            "train": self.train.to_dict(),
            "pairs": self.pairs,
            "probe": {"nulls": self.nulls, "thresholds": Thresholds().to_dict()},
            "note": self.note,
            "seeds": list(self.seeds),
            "results": [{**result.to_dict(), "folder": run_name(result.seed)} for result in self.results],
            "summary": self.summary.to_dict(),
            "finished": not self.ahead,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Manifest:
        """The other way round. Raises KeyError, TypeError, ValueError or UsageError for what is not as we write it."""
        if data["format"] != FORMAT:
            raise ValueError(f"its format is {data['format']!r}, and this charlstm reads {FORMAT}")
        results = [
            SeedResult.from_dict({name: value for name, value in result.items() if name != "folder"})
            for result in data["results"]
        ]
        seeds, pairs, nulls = tuple(data["seeds"]), data["pairs"], data["probe"]["nulls"]
        if not seeds or len(set(seeds)) < len(seeds) or not all(type(s) is int and 0 <= s <= MAX_SEED for s in seeds):
            raise ValueError("seeds")
        if not {result.seed for result in results} <= set(seeds) or len({r.seed for r in results}) < len(results):
            raise ValueError("results")
        if nulls is not None and (type(nulls) is not int or not 2 <= nulls <= MAX_SEEDS):
            raise ValueError("nulls")
        if pairs is not None:
            files = pairs["files"]
            if not all(isinstance(text, str) for text in (pairs["name"], pairs["sha256"], *files, *files.values())):
                raise TypeError("pairs")
        threads = data["machine"]["threads"]
        if type(threads) is not int or not 1 <= threads <= 1024 or not isinstance(data["note"], str):
            raise TypeError("threads")
        found = cls(
            dict(data["machine"]),
            dict(data["corpus"]),
            ModelConfig.from_dict(data["model"]),
            TrainConfig.from_dict(data["train"]),
            pairs,
            nulls,
            data["note"],
            seeds,
            results,
        )
        found.text  # noqa: B018 (it raises)
        return found


def run_name(seed: int) -> str:
    """The folder of one training, in that of its study."""
    return f"seed-{seed}"


def is_study(folder: Path) -> bool:
    """Whether a folder is that of a study. Raises UsageError if that cannot be told."""
    try:
        return (folder / NAME).is_file()
    except OSError as e:
        raise UsageError(f"{folder}: {e.strerror or e}; give another name") from None


def write(folder: Path, manifest: Manifest) -> None:
    """Write it. Raises CharLSTMError if it cannot be written; an older one is then untouched."""
    text = json.dumps(manifest.to_dict(), indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    write_atomically(folder / NAME, (text + "\n").encode())


def read(folder: Path) -> Manifest:
    """The manifest of a study. Raises ModelFileError if there is none, or it is not sound."""
    path = folder / NAME
    try:
        data = strict_json(read_regular(path, MAX_BYTES))
        if not isinstance(data, dict):
            raise ValueError("not an object")
        return Manifest.from_dict(data)
    except OSError as e:
        raise ModelFileError(f"{path}: {e.strerror or e}; is {folder} the folder of a study?") from None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, UsageError) as e:
        raise ModelFileError(f"{path}: damaged ({e}); restore it, or begin a new study in another folder") from None


def check_same(folder: Path, kept: Manifest, wanted: Manifest) -> None:
    """Raise UsageError or TextError if a folder holds another study than the one that is wanted."""
    other = f"{folder} holds another study"
    advice = "go on with it by `resume`, or give another folder as `out`"
    if kept.corpus["sha256"] != wanted.corpus["sha256"]:
        raise TextError(f"{other}: of another text, or the text has changed since; give another folder as `out`", "out")
    before, now = kept.settings_of(kept.seeds[0]), wanted.settings_of(wanted.seeds[0])
    names = [name for name in {**now, **before} if name != "seed" and now.get(name) != before.get(name)]
    differs = [_difference(name, before.get(name), now.get(name)) for name in sorted(names, key=_budgets_first)]
    if kept.seeds != wanted.seeds:
        differs.append(_difference("seeds", _listed(kept.seeds), _listed(wanted.seeds)))
    if kept.nulls != wanted.nulls:
        differs.append(_difference("nulls", kept.nulls, wanted.nulls))
        names.append("nulls")
    if differs:
        raise UsageError(f"{other}: {'; '.join(differs)}; {advice}", *names, "seeds", "resume", "out")
    check_same_pairs(folder, kept, wanted.pairs)


def check_same_pairs(folder: Path, kept: Manifest, pairs: Mapping[str, Any] | None) -> None:
    """Raise TextError if a study was begun with other pairs than these."""
    before, now = (None if one is None else one["sha256"] for one in (kept.pairs, pairs))
    if before != now:
        what = "without pairs" if kept.pairs is None else f"with other pairs ({kept.pairs['name']})"
        raise TextError(f"{folder}: this study began {what}; give the same, or another folder as `out`", "out")


def _budgets_first(name: str) -> tuple[bool, str]:
    return name not in BUDGETS, name


def _difference(name: str, before: object, now: object) -> str:
    return f"`{name}` is {_shown(before)} there, and {_shown(now)} here"


def _shown(value: object) -> str:
    return "not given" if value is None else str(value)


def _listed(seeds: Sequence[int]) -> str:
    return f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0])

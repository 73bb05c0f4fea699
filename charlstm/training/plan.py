"""What to train when a person says little: network and recipe from the size of the corpus and the budget.

The figures were found on two cores by short trainings on tinyshakespeare: docs/experiments.md, "How the defaults
were found".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from charlstm.config import BUDGETS, ModelConfig, TrainConfig
from charlstm.corpus import Corpus
from charlstm.corpus.lines import line_lengths
from charlstm.errors import TextError, UsageError
from charlstm.evaluate import SCORING_SPEED
from charlstm.in_numpy.shapes import num_parameters
from charlstm.training.batches import Lanes
from charlstm.training.mixing import batches_of, new_lanes

# of every new run: the mean of the weights needs a rate that has not fallen too far
RECIPE = {"optimizer": "muon", "polar": "inverses", "final_lr": 0.1, "average": 0.2}
# of a run that goes on from a model: a minute on another text reaches 2.26 bits/char so, and 2.38 with the recipe above
GOING_ON_RECIPE = {**RECIPE, "optimizer": "adamw", "final_lr": 0.01, "average": 0.0}
DEFAULT_CHARS = 20_000_000  # characters to learn from when no budget is given ...
GOING_ON_CHARS = 5_000_000  # ... and by a network that knows another text already
GOING_ON_RATE = 0.25  # its highest rate, as a share of that of a new network
EVALUATION_SHARE = 0.1  # of a budget goes to evaluations, about
# in a budget of time below a quarter of an hour: how many, and on how many characters each
SHORT_EVALUATIONS, MIN_VALID_CHARS, MAX_SHORT_CHARS = 4, 5_000, 120_000
TYPICAL_OPERATIONS_PER_S = 1.5e11  # in learning, on two cores
MAX_CHARS_PER_S = 100_000
MAX_LINES, MAX_WINDOW = 64, 128  # of a list: side by side, and characters at once
FIRST_SNAPSHOT = 0.01  # of the budget
MAX_SHARDS, SHARD_LANES = 8, 4  # of a training that processes share: parts at most, and lanes in each at least
TYPICAL_CHARS_PER_S = 30_000  # of the networks below on two cores; decides on dropout, not on the budget


def plan(
    corpus: Corpus, given: Mapping[str, Any], goes_on: bool = False, shared: bool = False
) -> tuple[ModelConfig, TrainConfig]:
    """The network and the recipe for a corpus; what is `given` stays as it is.

    Args:
        corpus: what to train on.
        given: settings of `ModelConfig` and `TrainConfig` by name.
        goes_on: whether the network has learnt from another text already.
        shared: whether several processes are to come to the same network, however many they are.

    Raises:
        UsageError: for a setting that cannot be.
        TextError: for a corpus too short for its windows.
    """
    model_names = ModelConfig.__dataclass_fields__.keys() - {"vocab_size"}
    train_given = {name: value for name, value in given.items() if name not in model_names}
    model_given = {name: value for name, value in given.items() if name in model_names}
    n = len(corpus.train)
    if not any(given.get(budget) is not None for budget in BUDGETS):
        chars = GOING_ON_CHARS if goes_on else DEFAULT_CHARS
        train_given["epochs"] = float(min(50, max(1, round(chars / max(1, n)))))
    hidden_size, num_layers = network_size(n, train_given)
    model = ModelConfig.from_dict(
        {"vocab_size": len(corpus.vocabulary), "hidden_size": hidden_size, "num_layers": num_layers, **model_given}
    )
    shape = {**(window_shape(n) if corpus.lines is None else list_shape(corpus)), **train_given}
    window = shape["batch_size"] * (shape["seq_len"] if corpus.lines is None else n // corpus.lines.train)
    epochs = expected_epochs(max(1, n), train_given, window)
    lr = learning_rate_for(model) * (GOING_ON_RATE if goes_on else 1.0)
    recipe = {**(GOING_ON_RECIPE if goes_on else RECIPE), "lr": lr, "dropout": dropout_for(epochs), **shape}
    if shared:
        recipe["shards"] = shards_for(shape["batch_size"])
    config = TrainConfig.from_dict({**recipe, **train_given})
    check_length(corpus, config)
    number = given.get("evaluations")
    return model, config.replace(**{**evaluation_plan(corpus, model, config, number), **train_given})


def network_size(train_chars: int, budget: Mapping[str, Any]) -> tuple[int, int]:
    """hidden_size and num_layers: as much as the text can fill and the time can train."""
    seconds, epochs = budget.get("time"), budget.get("epochs") or 1.0
    if train_chars < 50_000:
        return 128, 1
    if train_chars < 300_000 or (seconds is not None and seconds < 45):
        return 256, 1
    # a second layer takes three times as long for a character: it pays where there is much to read, and time for it
    long = seconds >= 1800 if seconds is not None else epochs * train_chars >= 40_000_000
    return 512, 2 if long and train_chars >= 5_000_000 else 1


def learning_rate_for(model: ModelConfig) -> float:
    """The highest rate: it falls with the width of the network."""
    return 8e-3 * math.sqrt(512 / max(128, model.hidden_size))


def evaluation_plan(
    corpus: Corpus, model: ModelConfig, config: TrainConfig, number: int | None = None
) -> dict[str, int]:
    """How often to validate on how much: what it costs should stay below a tenth of the training.

    Args:
        number: how often, where the person has said so.
    """
    steps = steps_in_all(corpus, config)
    if steps is None:
        assert config.time is not None
        if config.time >= 900:
            return {}
        number = number or SHORT_EVALUATIONS
        affordable = EVALUATION_SHARE * config.time / number * SCORING_SPEED * typical_speed(model)
        return {"evaluations": number, "valid_chars": int(max(MIN_VALID_CHARS, min(MAX_SHORT_CHARS, affordable)))}
    learnt = steps * chars_per_step(corpus, config)
    affordable = EVALUATION_SHARE * SCORING_SPEED * learnt / max(1, scored_chars(corpus, config))
    return {"evaluations": int(max(1, min(config.evaluations, affordable)))}


def snapshots_due(config: TrainConfig, fraction: float) -> int:
    """How many snapshots a run should have taken when it has used this share of its budget.

    The shares at which they are due grow by one factor, from a hundredth of the budget to all of it: what a network
    learns first it learns fast.
    """
    last = config.snapshots - 1
    return sum(fraction >= FIRST_SNAPSHOT ** ((last - k) / max(1, last)) for k in range(config.snapshots))


def scored_chars(corpus: Corpus, config: TrainConfig) -> int:
    """How many characters an evaluation scores."""
    return min(len(corpus.valid), config.valid_chars or len(corpus.valid))


def typical_speed(model: ModelConfig) -> float:
    """About how many characters a second two cores learn from: a rule, so that it is the same every time."""
    return min(MAX_CHARS_PER_S, TYPICAL_OPERATIONS_PER_S / (6 * num_parameters(model)))


def steps_in_all(corpus: Corpus, config: TrainConfig) -> int | None:
    """How many steps a budget allows, from the first; None for a budget of time."""
    if config.epochs is None:
        return config.steps
    return max(1, math.ceil(config.epochs * windows_per_epoch(corpus, config)))


def windows_per_epoch(corpus: Corpus, config: TrainConfig) -> int:
    """How many windows a pass over the text that is learnt takes; an old text beside it does not count."""
    if corpus.lines is not None:
        return batches_of(corpus, config).windows_per_epoch
    return Lanes(corpus.train, new_lanes(config), config.seq_len).windows_per_epoch


def chars_per_step(corpus: Corpus, config: TrainConfig) -> float:
    """How many characters a step learns from: where windows are full, always; in a list, on average."""
    if corpus.lines is None:
        return config.batch_size * config.seq_len
    return len(corpus.train) / windows_per_epoch(corpus, config)


def dropout_for(epochs: float) -> float:
    """The more passes over the text, the more dropout."""
    return next((dropout for limit, dropout in ((6, 0.0), (9, 0.2), (16, 0.4)) if epochs <= limit), 0.5)


def expected_epochs(train_chars: int, budget: Mapping[str, Any], window: int) -> float:
    """About how many passes over the text a budget allows."""
    if budget.get("epochs") is not None:
        return float(budget["epochs"])
    if budget.get("steps") is not None:
        return float(budget["steps"]) * window / train_chars
    return float(budget["time"]) * TYPICAL_CHARS_PER_S / train_chars


def window_shape(train_chars: int) -> dict[str, Any]:
    """Lanes and window: small ones, because many steps matter more than full use of the processor."""
    seq_len = 64
    lanes = max(1, min(32, train_chars // (2 * seq_len)))
    return {"batch_size": 1 << (lanes.bit_length() - 1), "seq_len": seq_len}


def shards_for(batch_size: int) -> int:
    """Into how many parts the lanes are cut, so that up to so many processes can share them: 8, if they are enough."""
    return next(n for n in (MAX_SHARDS, 4, 2, 1) if n == 1 or (batch_size % n == 0 and batch_size >= n * SHARD_LANES))


def list_shape(corpus: Corpus) -> dict[str, Any]:
    """The same for a list: windows that hold whole lines, if these are not too long."""
    assert corpus.lines is not None
    longest = int(line_lengths(corpus.train, corpus.newline).max())
    lanes = max(1, min(MAX_LINES, corpus.lines.train // 8))
    return {"batch_size": 1 << (lanes.bit_length() - 1), "seq_len": min(MAX_WINDOW, longest), "reset": 0.0}


def check_length(corpus: Corpus, config: TrainConfig) -> None:
    """Raise TextError for a corpus shorter than two windows, or with lanes that no window fits in."""
    if corpus.lines is not None:
        if corpus.lines.train + corpus.lines.valid - corpus.lines.repeated < 2:
            raise TextError(
                "the text has only one line; train on it without `lines`, or give a text with a name on every line",
                "lines",
            )
        return
    n, need = len(corpus.train), 2 * config.seq_len + 1
    if n < need:
        raise TextError(
            f"the text is too short: {n:,} characters for training, but two windows of `seq_len` {config.seq_len} "
            f"need {need:,}; add text or lower `seq_len`",
            "seq_len",
        )
    if n - 1 < config.batch_size:
        raise TextError(
            f"the text is too short for `batch_size` {config.batch_size}: {n:,} characters; lower it", "batch_size"
        )
    if config.keep and config.batch_size < 2:
        raise UsageError(
            "`keep` needs a `batch_size` of 2 at least: a lane for each of the two texts", "keep", "batch_size"
        )
    if len(corpus.valid) == 1:
        raise TextError(
            "only one character would be left to validate on; give a larger `valid_fraction`, or 0 for no validation",
            "valid_fraction",
        )

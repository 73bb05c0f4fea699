"""What comes next in a series: the network reads it in the code that suits it best, and goes on many times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from charlstm.checkpoint import ModelFile
from charlstm.config import SampleConfig
from charlstm.corpus.vocab import Vocabulary
from charlstm.errors import TextError, UsageError
from charlstm.forecasting.form import CHANGE, Form
from charlstm.network.kernels import Kernels
from charlstm.network.model import CharLM
from charlstm.network.scan import scan
from charlstm.sample.generate import generate
from charlstm.series.code import ALPHABET, CHARACTERS_OF_VALUE, Code, Floats, text_of
from charlstm.series.table import Series

SEASONS = (1, 4, 7, 12, 24)  # that are tried where the dates do not tell
MAX_HISTORY = 500  # values that are read: the series it learns from have up to about 400
SEASONS_OF_HISTORY = 3  # so many seasons must be there for one to be tried
LEAST_COMPARED = 4  # values that codes are compared on


@dataclass(frozen=True)
class Reading:
    """A code for a history, and how well the network predicts the history in it.

    Attributes:
        code: how the history was written.
        nats_per_value: minus the logarithm of the density of a value, on average; less is better. None: it was not
            compared with others.
    """

    code: Code
    nats_per_value: float | None


@dataclass(frozen=True)
class Forecast:
    """What a network expects.

    Attributes:
        paths: (samples, steps) ways in which the series may go on.
        readings: the codes that were tried, the one that was taken first.
        used: how many values of the history were read.
    """

    paths: Floats
    readings: tuple[Reading, ...]
    used: int

    @property
    def code(self) -> Code:
        """The code that the history was read in."""
        return self.readings[0].code

    @property
    def median(self) -> Floats:
        """(steps) the middle of the paths at each step."""
        return np.asarray(np.median(self.paths, axis=0))

    def interval(self, percent: float) -> tuple[Floats, Floats]:
        """(steps) and (steps): between these lie so many per cent of the paths, as many above as below."""
        low, high = np.percentile(self.paths, [50 - percent / 2, 50 + percent / 2], axis=0)
        return low, high


def check_model(content: ModelFile, name: str) -> None:
    """Raise TextError for a model that was trained on something else than series: it has other characters."""
    known, needed = set(content.vocabulary.characters), set(ALPHABET)
    if known != needed:
        problem = f"has never seen {min(needed - known)!r}" if needed - known else f"writes {max(known - needed)!r}"
        raise TextError(f"{name}: this model {problem}, so it reads no series; take the built-in model, series")


def codes_for(values: Floats, season: int | None, likely: Sequence[int]) -> list[Code]:
    """The codes that a history (N) may be read in.

    Args:
        values: the history.
        season: the only one to try; None: those that are likely, and none.
        likely: what the dates say.

    Raises:
        UsageError: for a season that the history is too short for.
    """
    n = len(values)
    if season is not None:
        if n < season + 2:
            raise UsageError(f"`season` {season} needs at least {season + 2} values, and there are {n}", "season")
        seasons = [season]
    else:
        seasons = [
            some for some in sorted({1, *likely} if likely else SEASONS) if some == 1 or n >= SEASONS_OF_HISTORY * some
        ]
    scales = (False, True) if values.min() > 0 else (False,)
    return [Code.fitting(values, some, logarithmic) for some in seasons for logarithmic in scales]


def compare_codes(
    model: CharLM, vocabulary: Vocabulary, values: Floats, codes: Sequence[Code], kernels: Kernels
) -> list[Reading]:
    """The codes, the one in which the network predicts the history best first.

    All are compared on the values that every one has a change for. The probability of a code times the codes in a unit
    is a density of the value, and so they can be compared.
    """
    compared = len(values) - max(code.season for code in codes)
    if len(codes) == 1 or compared < LEAST_COMPARED:
        return [Reading(code, None) for code in codes]
    readings = []
    for code in codes:
        logprobs = change_logprobs(model, vocabulary, code.codes(values).tolist(), code.season, kernels)
        density = logprobs + code.log_slopes(values)
        readings.append(Reading(code, -float(density[-compared:].mean())))
    return sorted(readings, key=lambda reading: reading.nats_per_value or 0.0)


@torch.no_grad()
def change_logprobs(
    model: CharLM, vocabulary: Vocabulary, codes: Sequence[int], season: int, kernels: Kernels
) -> Floats:
    """The log-probability (N) of each code, in nats, given those before it and that its three characters are digits."""
    ids = vocabulary.encode("\n" + text_of(codes, season)).astype(np.int64)
    inputs = torch.from_numpy(ids[:-1]).to(model.device)[:, None]
    h, _ = scan(model.stack, model.embedding.weight, inputs, model.zero_state(1), kernels=kernels)
    # (N, 8, .): a line's characters; those of the change are scored
    of_lines = h[:, 0].reshape(len(codes), CHARACTERS_OF_VALUE, -1)[:, CHANGE]
    targets = torch.from_numpy(ids[1:]).reshape(len(codes), CHARACTERS_OF_VALUE)[:, CHANGE]
    logits: Tensor = model.head(of_lines.to(model.head.weight.dtype)).double().cpu()
    digits = torch.from_numpy(vocabulary.encode("0123456789").astype(np.int64))
    logprobs = logits.gather(2, targets[:, :, None])[:, :, 0] - logits[:, :, digits].logsumexp(2)
    return np.asarray(logprobs.sum(1).numpy())


def read_history(
    content: ModelFile, series: Series, season: int | None, kernels: Kernels | None = None
) -> tuple[Floats, list[Reading]]:
    """The values of a series that are read, and the codes for them, the one in which the network reads best first.

    Args:
        content: a model that passes `check_model`.
        series: its last `MAX_HISTORY` values are read.
        season: how many values a season has, 1: there is none; None: what the dates say, or what the network finds.
        kernels: as for `generate`.

    Raises:
        UsageError: for a season that the series is too short for.
    """
    values = series.values[-max(MAX_HISTORY, SEASONS_OF_HISTORY * (season or 1)) :]
    kernels = kernels or Kernels(content.model.head.weight.dtype)
    codes = codes_for(values, season, series.likely_seasons)
    return values, compare_codes(content.model, content.vocabulary, values, codes, kernels)


def as_text(content: ModelFile, series: Series, season: int | None = None) -> str:
    """A series as the text that the network reads, in the code in which it reads it best: see `read_history`."""
    values, readings = read_history(content, series, season)
    code = readings[0].code
    return text_of(code.codes(values).tolist(), code.season)


def forecast(
    content: ModelFile,
    series: Series,
    steps: int,
    samples: int,
    *,
    season: int | None = None,
    seed: int = 0,
    kernels: Kernels | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Forecast:
    """Go on from a series.

    Args:
        content, series, season, kernels: see `read_history`.
        steps: how many values to forecast.
        samples: how often.
        seed: the same seed gives the same forecast.
        on_progress: called with characters drawn and characters in all.

    Raises:
        UsageError: for a season that the series is too short for.
    """
    model, vocabulary = content.model, content.vocabulary
    values, readings = read_history(content, series, season, kernels)
    code = readings[0].code
    history = code.codes(values).tolist()
    config = SampleConfig(length=steps * CHARACTERS_OF_VALUE, num=samples, temperature=1.0, seed=seed)
    rules = [Form(history, code.season, vocabulary) for _ in range(samples)]
    drawn = generate(
        model,
        vocabulary,
        vocabulary.encode("\n" + text_of(history, code.season)),
        config,
        opening="\n",
        kernels=kernels,
        make_rule=lambda stream: rules[stream],
    )
    for done, _ in enumerate(drawn, 1):
        on_progress(done, config.length * samples)
    last = values[-code.season :].tolist()
    paths = np.array([code.values(last, rule.codes[len(history) :])[code.season :] for rule in rules])
    return Forecast(paths, tuple(readings), len(values))

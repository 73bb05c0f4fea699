"""`series`: number series made by rule, in the code that `charlstm forecast` reads.

A series has a level that drifts, a slope or growth that may change, a season of 4, 7, 12, 24 or none whose shape may
change, noise that may depend on itself, breaks and outliers. None of it is taken from a real series.

    z[t] = level[t] + season[t mod m] + noise[t];  the value is z[t], or exp(z[t])
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np

from charlstm.series.code import Code, Floats, text_of

SUMMARY = "number series made by rule, in the digits that forecast reads"
SEASONS = (1, 4, 7, 12, 24)
SHORTEST, LONGEST = 12, 400  # values after the first season
IN_ANOTHER_CODE = 0.2  # written in a code that does not fit: whoever compares codes reads those, too


def lines(rng: random.Random) -> Iterator[str]:
    """Lines without end: series, each ended by an empty line."""
    drawer = np.random.default_rng(rng.getrandbits(64))
    while True:
        values, season, logarithmic = series(drawer)
        if drawer.random() < IN_ANOTHER_CODE:
            logarithmic = bool(drawer.random() < 0.5) and bool(values.min() > 0)
            season = int(drawer.choice([some for some in SEASONS if len(values) > 2 * some]))
        code = Code.fitting(values, season, logarithmic)
        yield from text_of(code.codes(values).tolist(), season).splitlines()
        yield ""


def series(
    drawer: np.random.Generator, season: int | None = None, length: int | None = None
) -> tuple[Floats, int, bool]:
    """A series, the length of its season, and whether it grows by factors.

    Args:
        drawer: where chance comes from.
        season, length: given, or drawn.

    Returns:
        Values (length), season (1: none), whether they are exp(z), all of them positive.
    """
    m = int(drawer.choice(SEASONS)) if season is None else season
    n = m + int(np.exp(drawer.uniform(np.log(SHORTEST), np.log(LONGEST)))) if length is None else length
    noise = _noise(drawer, n)
    level = _level(drawer, n, m)
    z = level + noise
    if m > 1:
        z = z + _season(drawer, n, m)
    multiplicative = bool(drawer.random() < 0.5)
    if multiplicative:
        # z is in units of the noise; an ordinary noise is some per cent
        scale = float(np.exp(drawer.uniform(np.log(0.005), np.log(0.3))))
        z = np.clip(z * scale, -60, 60)
        values = np.exp(z) * float(np.exp(drawer.uniform(0, 10)))
    else:
        values = z * float(np.exp(drawer.uniform(-3, 8))) + _offset(drawer, z)
    return _as_people_write(drawer, values), m, multiplicative and bool(values.min() > 0)


def _noise(drawer: np.random.Generator, n: int) -> Floats:
    """Of unit size: Gaussian or with heavy tails, alone or depending on the one before."""
    heavy = drawer.random() < 0.25
    drawn = drawer.standard_t(4, n) / np.sqrt(2) if heavy else drawer.standard_normal(n)
    if drawer.random() < 0.4:
        drawn = _autoregressive(drawn, float(drawer.uniform(-0.3, 0.95)))
    if drawer.random() < 0.15:  # it grows or shrinks
        drawn = drawn * np.exp(np.linspace(0, drawer.normal(0, 0.7), n))
    if drawer.random() < 0.1:
        outliers = drawer.random(n) < 0.02
        drawn = drawn + outliers * drawer.normal(0, 8, n)
    size = 0.0 if drawer.random() < 0.03 else float(np.exp(drawer.normal(0, 0.4)))
    return np.asarray(drawn * size)


def _autoregressive(drawn: Floats, carried: float) -> Floats:
    """x[t] = carried * x[t - 1] + drawn[t], at the size of what is drawn."""
    out = np.empty_like(drawn)
    last = 0.0
    for place, value in enumerate(drawn.tolist()):
        last = carried * last + value
        out[place] = last
    return np.asarray(out * np.sqrt(1 - carried**2))


def _level(drawer: np.random.Generator, n: int, m: int) -> Floats:
    """A drift, a slope that may wander, and breaks."""
    level = np.zeros(n)
    if drawer.random() < 0.6:
        level += np.cumsum(drawer.standard_normal(n)) * float(np.exp(drawer.uniform(np.log(0.02), np.log(1.5))))
    if drawer.random() < 0.65:
        slope = drawer.normal(0, 1.5) / max(m, 4) * np.ones(n)
        if drawer.random() < 0.35:
            slope = slope + np.cumsum(drawer.standard_normal(n)) * float(np.exp(drawer.uniform(-6, -2.5)))
        if drawer.random() < 0.15:  # the growth stops, slowly
            slope = slope * float(drawer.uniform(0.9, 0.995)) ** np.arange(n)
        level += np.cumsum(slope)
    if drawer.random() < 0.12:
        for place in drawer.integers(0, n, int(drawer.integers(1, 3))):
            level[place:] += drawer.normal(0, 5)
    return level


def _season(drawer: np.random.Generator, n: int, m: int) -> Floats:
    """A shape of m values, smooth, jagged or with single peaks, that may change over the seasons."""
    phase = np.arange(m)
    shape = np.zeros(m)
    kind = drawer.random()
    if kind < 0.75:
        for harmonic in range(1, min(m // 2, 4) + 1):
            angle = 2 * np.pi * harmonic * phase / m + drawer.uniform(0, 2 * np.pi)
            shape += np.sin(angle) * drawer.standard_normal() / harmonic
    if kind > 0.5:
        shape += drawer.standard_normal(m) * 0.7
    if drawer.random() < 0.2:
        shape[drawer.integers(0, m)] += drawer.normal(0, 3)
    amplitude = float(np.exp(drawer.uniform(np.log(0.3), np.log(12))))
    shape = (shape - shape.mean()) * amplitude / (shape.std() + 1e-9)
    seasons = -(-n // m)
    changing = drawer.random() < 0.4
    wandering = float(np.exp(drawer.uniform(np.log(0.02), np.log(0.5)))) if changing else 0.0
    shapes = shape + np.cumsum(drawer.standard_normal((seasons, m)), axis=0) * wandering
    return np.asarray(shapes.reshape(-1)[:n])


def _offset(drawer: np.random.Generator, z: Floats) -> float:
    """What is added so that most series that do not grow by factors are positive, as most that people have are."""
    if drawer.random() < 0.25:
        return float(drawer.normal(0, 10))
    return float(-z.min() + np.exp(drawer.uniform(0, 4)) * (z.std() + 1e-3))


def _as_people_write(drawer: np.random.Generator, values: Floats) -> Floats:
    """Rounded to some digits that matter, or to whole numbers, as counts are."""
    spread = float(values.std()) or 1.0
    if drawer.random() < 0.3 and spread > 3:
        rounded = np.rint(values)
    else:
        rounded = np.round(values, int(np.clip(2 - np.floor(np.log10(spread)) + drawer.integers(0, 3), -6, 12)))
    return np.asarray(rounded if rounded.min() > 0 or values.min() <= 0 else values)

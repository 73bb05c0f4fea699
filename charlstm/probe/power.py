"""What these pairs could have shown. Where no cell is found, that decides what the silence is worth.

Legend: N sentences, M lemmas, D draws.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from charlstm.probe.nulls import stands_out
from charlstm.probe.statistics import Floats, auc
from charlstm.probe.stimuli import Bools, Ints

POWER = 0.8  # the share of draws in which a cell is to be found
DRAWS = 200
TRUE_HOLDS = (0.90, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99, 0.995, 0.999)
OF_LEMMAS = 0.5  # the share of the variance within a class that lies between lemmas: nouns differ, and so do sentences


def least_hold(
    positive: Bools, lemma: Ints, bins: Ints, limit: float, null_hold: Floats, rng: np.random.Generator
) -> float | None:
    """The least true hold that such sentences show in 80 % of draws; None if they would miss every one.

    Cells are simulated: normal in either class, half of the variance between lemmas, and so far apart that the true AUC
    is known. One is found where its observed AUC reaches the limit, at every distance, too, and stands out from the
    null networks'.

    Args:
        positive, lemma, bins: (N) class, lemma and bin of distance of the sentences that confirm.
        limit: the least hold that a claim asks for.
        null_hold: of each network that learnt nothing.
    """
    _, number = np.unique(lemma, return_inverse=True)
    group = 2 * number + positive
    resolution = 1 / max(int(positive.sum()) * int((~positive).sum()), 1)
    noise = OF_LEMMAS**0.5 * rng.normal(size=(2 * int(number.max()) + 2, DRAWS))[group]
    noise += (1 - OF_LEMMAS) ** 0.5 * rng.normal(size=noise.shape)
    for hold in TRUE_HOLDS:
        if hold < limit:
            continue
        apart = 2**0.5 * NormalDist().inv_cdf(hold)  # the AUC of two normal classes is Phi(apart / sqrt 2)
        values = noise + apart * positive[:, None]  # (N, D)
        observed = auc(values, positive)
        by_bin = [auc(values[rows], positive[rows]) for rows in (bins == k for k in np.unique(bins))]
        least = np.fmin.reduce([observed, *by_bin])  # a bin without one of the classes says nothing
        clear = [stands_out(float(at), null_hold, resolution) for at in observed]
        if np.mean((least >= limit) & clear) >= POWER:
            return hold
    return None

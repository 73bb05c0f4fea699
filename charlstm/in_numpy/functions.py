"""The functions that a network needs besides products."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
QUIETLY = np.errstate(over="ignore", invalid="ignore")  # a network that diverged overflows, and nobody is to crash


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z)), in a form that cannot overflow."""
    s: Array = 0.5 * np.tanh(0.5 * z) + 0.5
    return s


@QUIETLY
def log_softmax(logits: Array) -> Floats:
    """The log-probabilities of logits (..., V)."""
    logits = logits.astype(np.float64)
    logits -= logits.max(axis=-1, keepdims=True)
    log_probabilities: Floats = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return log_probabilities

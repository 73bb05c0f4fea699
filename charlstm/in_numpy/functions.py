"""The functions that a network needs besides products."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
P = ParamSpec("P")
R = TypeVar("R")


def quietly(function: Callable[P, R]) -> Callable[P, R]:
    """The function, without NumPy's warnings: a network that diverged overflows, and nobody is to crash.

    Not `np.errstate` as a decorator: before NumPy 2, one such object is neither for nested calls nor for threads.
    """

    @wraps(function)
    def quiet(*args: P.args, **kwargs: P.kwargs) -> R:
        with np.errstate(over="ignore", invalid="ignore"):
            return function(*args, **kwargs)

    return quiet


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z)), in a form that cannot overflow."""
    s: Array = 0.5 * np.tanh(0.5 * z) + 0.5
    return s


@quietly
def log_softmax(logits: Array) -> Floats:
    """The log-probabilities of logits (..., V)."""
    logits = logits.astype(np.float64)
    logits -= logits.max(axis=-1, keepdims=True)
    log_probabilities: Floats = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return log_probabilities

"""A stacked LSTM with readable gates: train it on a text, let it write, look inside.

import charlstm

model = charlstm.load("checkpoints/shakespeare")
print(model.generate("ROMEO:", length=200, temperature=0.8, seed=1))
print(model.score("To be, or not to be").bits_per_char)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from charlstm._version import __version__
from charlstm.errors import CharLSTMError

if TYPE_CHECKING:
    from charlstm.api import LanguageModel, load

__all__ = ["CharLSTMError", "LanguageModel", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """`load` and `LanguageModel` bring torch with them, so they are imported when they are asked for."""
    if name in ("LanguageModel", "load"):
        from charlstm import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""A stacked LSTM with readable gates: train it on a text, let it write, look inside.

import charlstm

model = charlstm.load("english")  # it ships; or a file, or the folder of a run
print(model.generate("The old man ", length=200, temperature=0.7, seed=1))
print(model.score("To be, or not to be").bits_per_char)

mine = charlstm.train("novel.txt", time="2m")
mine.activations("a text")["f"]  # the forget gates: a numpy array (characters, layers, cells)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from charlstm._version import __version__
from charlstm.errors import CharLSTMError

if TYPE_CHECKING:
    from charlstm.api import LanguageModel, forecast, load, train

__all__ = ["CharLSTMError", "LanguageModel", "__version__", "forecast", "load", "train"]

_LAZY = ("LanguageModel", "forecast", "load", "train")  # they bring torch with them: imported when they are asked for


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from charlstm import api

        value = globals()[name] = getattr(api, name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, "errors", *(name for name in globals() if name.startswith("__"))})

"""charlstm from Python: `load` and `train` give a `LanguageModel`, which writes, scores and
shows what is in it; `forecast` goes on from a number series.
"""

from charlstm.api.forecasting import forecast
from charlstm.api.model import LanguageModel, load
from charlstm.api.training import train
from charlstm.report import html as html  # from here on results know how to show themselves

__all__ = ["LanguageModel", "forecast", "load", "train"]

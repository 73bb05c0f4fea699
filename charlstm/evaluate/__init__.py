"""How well a model predicts a text: nats and bits a character, by four protocols."""

from charlstm.evaluate.dynamic import score_dynamically, score_files_dynamically
from charlstm.evaluate.lists import score_list, score_lists
from charlstm.evaluate.score import SCORING_SPEED, Score, Stopped, bits_per_char
from charlstm.evaluate.stream import score_files, score_stream
from charlstm.evaluate.windows import score_windows

__all__ = [
    "SCORING_SPEED",
    "Score",
    "Stopped",
    "bits_per_char",
    "score_dynamically",
    "score_files",
    "score_files_dynamically",
    "score_list",
    "score_lists",
    "score_stream",
    "score_windows",
]

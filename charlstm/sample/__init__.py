"""Text out: streams of characters, drawn one at a time."""

from charlstm.drawing.rules import Rule
from charlstm.drawing.text import Drawn, Sample
from charlstm.sample.blocks import STREAMS, Texts, in_blocks
from charlstm.sample.generate import generate, generate_each
from charlstm.sample.lines import Lines, draw_lines
from charlstm.sample.redraw import Kept

__all__ = [
    "STREAMS",
    "Drawn",
    "Kept",
    "Lines",
    "Rule",
    "Sample",
    "Texts",
    "draw_lines",
    "generate",
    "generate_each",
    "in_blocks",
]

"""Text out: streams of characters, drawn one at a time."""

from charlstm.sample.blocks import STREAMS, Texts, in_blocks
from charlstm.sample.draw import draw
from charlstm.sample.generate import LONG_TEXT, generate, generate_each
from charlstm.sample.lines import Lines, draw_lines
from charlstm.sample.redraw import Kept
from charlstm.sample.rules import Rule
from charlstm.sample.text import Drawn, Sample

__all__ = [
    "LONG_TEXT",
    "STREAMS",
    "Drawn",
    "Kept",
    "Lines",
    "Rule",
    "Sample",
    "Texts",
    "draw",
    "draw_lines",
    "generate",
    "generate_each",
    "in_blocks",
]

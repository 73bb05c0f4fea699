"""Text out: streams of characters, drawn one at a time."""

from charlstm.sample.blocks import in_blocks
from charlstm.sample.draw import draw
from charlstm.sample.generate import LONG_TEXT, generate, generate_each
from charlstm.sample.rules import Rule
from charlstm.sample.text import Drawn, Sample

__all__ = ["LONG_TEXT", "Drawn", "Rule", "Sample", "draw", "generate", "generate_each", "in_blocks"]

"""Generated corpora whose agreement is known, and held-out minimal pairs of the same grammar."""

from charlstm.grammar.corpora import GRAMMARS, Grammar, corpus_lines, minimal_pairs, mixed_lines
from charlstm.grammar.english_czech import GenderedLine, gendered_lines
from charlstm.grammar.english_czech_sentences import ARROW
from charlstm.grammar.texts import is_built_in, located

__all__ = [
    "ARROW",
    "GRAMMARS",
    "GenderedLine",
    "Grammar",
    "corpus_lines",
    "gendered_lines",
    "is_built_in",
    "located",
    "minimal_pairs",
    "mixed_lines",
]

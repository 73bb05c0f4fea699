"""Generated corpora whose agreement is known, and held-out minimal pairs of the same grammar."""

from charlstm.grammar.corpora import GRAMMARS, Grammar, corpus_lines, minimal_pairs

__all__ = ["GRAMMARS", "Grammar", "corpus_lines", "minimal_pairs"]

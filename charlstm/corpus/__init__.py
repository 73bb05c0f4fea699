"""Texts in: files, folders, globs, `.gz` and standard input, read, checked and kept as ids on disk."""

from charlstm.corpus.held_out import HeldOut, compare_held_out
from charlstm.corpus.request import CorpusRequest, request_with
from charlstm.corpus.sources import check_encoding, find_files, find_texts, read_chunks, read_lines
from charlstm.corpus.store import Corpus, open_corpus, stored_corpus

__all__ = [
    "Corpus",
    "CorpusRequest",
    "HeldOut",
    "check_encoding",
    "compare_held_out",
    "find_files",
    "find_texts",
    "open_corpus",
    "read_chunks",
    "read_lines",
    "request_with",
    "stored_corpus",
]

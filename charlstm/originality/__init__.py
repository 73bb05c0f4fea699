"""What a text has word for word from a training text: exact, by a suffix array that is kept in the cache."""

from charlstm.originality.copies import MIN_COPY, Copied, Stretch, find_copies
from charlstm.originality.index import Index, bytes_needed, open_index
from charlstm.originality.places import Place, Places

__all__ = [
    "MIN_COPY",
    "Copied",
    "Index",
    "Place",
    "Places",
    "Stretch",
    "bytes_needed",
    "find_copies",
    "open_index",
]

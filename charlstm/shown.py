"""How a result shows itself in Python: its words in a terminal, its picture in a notebook.

A result knows neither: whoever draws results registers, for its class, a function with `words_of` and one with
`html_of`.
"""

from __future__ import annotations

import functools


@functools.singledispatch
def words_of(result: object) -> str:
    """What `repr` gives."""
    return object.__repr__(result)


@functools.singledispatch
def html_of(result: object) -> str | None:
    """HTML for a notebook; None where nobody draws it, so that the notebook shows the words."""
    return None


class Shown:
    """A result that people look at."""

    def __repr__(self) -> str:
        return words_of(self)

    def _repr_html_(self) -> str | None:
        return html_of(self)

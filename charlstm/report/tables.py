"""The one table that every report is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table

from charlstm.report.text import printable


def table(
    rows: Iterable[Iterable[str]], header: Sequence[str] = (), left: Iterable[int] = (0,), title: str = ""
) -> Table:
    """Texts in columns; what does not fit into its column goes on below.

    Args:
        rows: control characters are written out, but for line ends where there is no header.
        header: of the columns; without, it is names, in bold, and what they are.
        left: the columns that are flush left; the others are flush right.
    """
    result = Table(
        title=printable(title),
        title_justify="left",
        title_style="bold" if header else None,
        show_header=bool(header),
        header_style="bold",
        box=None,
        padding=(0, 2, 0, 0),
    )
    if not header:
        result.add_column(style="bold")
        result.add_column(overflow="fold")
    flush_left = set(left)
    for k, name in enumerate(header):
        result.add_column(printable(name, keep=""), justify="left" if k in flush_left else "right", overflow="fold")
    for row in rows:
        result.add_row(*(printable(cell, keep="" if header else "\n\t") for cell in row))
    return result

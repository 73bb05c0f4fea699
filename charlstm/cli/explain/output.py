"""How a view of `charlstm explain` comes out: on the terminal, as a picture, as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from charlstm.report.console import print_json
from charlstm.report.screen import Draw, as_svg, save_svg, show


def put_out(view: str, draw: Draw, data: dict[str, Any], width: int | None, svg: Path | None, json: bool) -> None:
    """Write the picture where there is to be one, and show it, or its numbers."""
    if svg is not None:
        save_svg(svg, as_svg(draw, width))
    if json:
        print_json({"view": view, **data})
    else:
        show(draw, width)

"""How a view of `charlstm explain` comes out: on the terminal, as a picture, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from charlstm.report.charts import Chart
from charlstm.report.console import print_json, say
from charlstm.report.screen import Draw, as_svg, save_svg, show


def put_out(view: str, draw: Draw, data: dict[str, Any], width: int | None, svg: Path | None, json: bool) -> None:
    """Write the picture where there is to be one, and show it, or its numbers."""
    put_out_all(view, draw, [data], width, svg, json)


def put_out_all(
    view: str, draw: Draw, data: Sequence[dict[str, Any]], width: int | None, svg: Path | None, json: bool
) -> None:
    """The same with the numbers of several cells, an object each."""
    if svg is not None:
        save_svg(svg, as_svg(draw, width, f"charlstm explain {view}"))
    if not json:
        show(draw, width)
        return
    for part in data:
        print_json({"view": view, **part})


def put_out_chart(
    view: str,
    draw: Draw,
    chart: Chart,
    data: dict[str, Any],
    width: int | None,
    figure: Path | None,
    quiet: bool,
    json: bool,
) -> None:
    """The same for curves, which go into a file as a chart."""
    if figure is not None:
        from charlstm.report.figures import save_figure

        save_figure(figure, chart)
        if not quiet:
            say(f"figure: {figure}")
    put_out(view, draw, data, width, None, json)

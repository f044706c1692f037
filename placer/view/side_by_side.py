"""Several placements of one design next to each other, at one scale."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from netlists.design import Design
from netlists.placement import Placement
from placer.view import theme
from placer.view.figure import layout, traces
from placer.view.scene import scene

#: Pixels: of all drawings of a row, of one at most, of the legend, of a title.
_ALL, _WIDTH, _LEGEND, _TITLE = 900, 420, 180, 60


def side_by_side(design: Design, placements: Mapping[str, Placement], *, columns: int = 3) -> go.Figure:
    """Draw placements of a design in one figure, each with its proxy cost.

    One legend switches objects in all drawings; zooming into one zooms into all.

    Args:
        design: netlist and canvas.
        placements: what to call each, and the placement.
        columns: drawings in a row at most.

    Raises:
        ValueError: there is no placement, or no column.
        PlacementError: a placement has another number of objects than the netlist.
    """
    if not placements or columns < 1:
        raise ValueError("side by side need at least one placement and one column")
    views = [scene(design, placement, layers=()) for placement in placements.values()]
    across = min(columns, len(views))
    down = -(-len(views) // across)
    titles = [
        escape(name) + ("" if view.cost is None else f"<br><b>{view.cost.proxy_cost:.4f}</b>")
        for name, view in zip(placements, views, strict=True)
    ]
    figure = make_subplots(
        rows=down, cols=across, subplot_titles=titles, horizontal_spacing=0.02, vertical_spacing=0.16 / down,
        shared_xaxes="all", shared_yaxes="all",
    )  # fmt: skip
    common = layout(*views)
    named: set[str] = set()
    for number, view in enumerate(views):
        row, column = divmod(number, across)
        for trace in traces(view):
            if trace.visible is False or trace.visible == "legendonly":
                continue
            trace.update(legendgroup=trace.name, showlegend=trace.showlegend is not False and trace.name not in named)
            named.add(trace.name)
            figure.add_trace(trace, row=row + 1, col=column + 1)
    axis: dict[str, Any] = {"showticklabels": False, "ticks": "", "showgrid": False, "zeroline": False,
                            "constrain": "domain"}  # fmt: skip
    figure.update_xaxes(range=common.xaxis.range, **axis)
    figure.update_yaxes(range=common.yaxis.range, **axis)
    for one in figure.select_yaxes():
        one.scaleanchor = one.anchor
    (x0, x1), (y0, y1) = common.xaxis.range, common.yaxis.range
    wide = min(_WIDTH, _ALL // across)
    tall = wide * min((y1 - y0) / (x1 - x0), 2.0)
    figure.update_layout(
        template="none", font=common.font, paper_bgcolor="#ffffff", plot_bgcolor=theme.CANVAS_FILL, barmode="overlay",
        bargap=0, hovermode="closest", dragmode="pan", hoverlabel=common.hoverlabel, height=round(tall + _TITLE) * down,
        width=wide * across + _LEGEND, margin={"l": 10, "r": 10, "t": _TITLE, "b": 10},
        legend={"itemsizing": "constant", "x": 1.01, "y": 0.5, "yanchor": "middle"},
    )  # fmt: skip
    return figure

"""One call for every way of looking at a placement."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.placement import Placement
from placer.view.figure import figure
from placer.view.picture import write_image
from placer.view.report import write_report

if TYPE_CHECKING:
    import plotly.graph_objects as go

#: What :func:`show` can write.
SUFFIXES: tuple[str, ...] = (".html", ".png", ".svg")


def show(design: Design, placement: Placement | None = None, path: str | Path | None = None) -> go.Figure | Path:
    """Draw a placement.

    Args:
        design: netlist and canvas.
        placement: the design's own when None.
        path: None for a figure that a notebook shows by itself; ``.html`` for an interactive page, ``.png`` or
            ``.svg`` for a picture (neither needs a browser to be written).

    Returns:
        The figure, or the file written.

    Raises:
        NetlistError: the name ends in something else, or the file cannot be written.
        PlacementError: the placement has another number of objects than the netlist.
    """
    if path is None:
        return figure(design, placement)
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise NetlistError(
            "cannot draw into this kind of file", file=path, found=suffix, expected=" or ".join(SUFFIXES)
        )
    if suffix == ".html":
        return write_report(path, design, placement)
    return write_image(path, design, placement)

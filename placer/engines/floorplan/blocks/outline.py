"""The outline of a block floorplan from whitespace and aspect ratio, its grid, and its pads."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from netlists.canvas import Canvas
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.formats.bookshelf import assume
from netlists.netlist import PORT
from placer.cost.lattice import round_steps

#: Largest sensible value of either way of an aspect ratio.
_MAX_RATIO = 20.0


def outline_size(area: float, whitespace: float, aspect_ratio: float) -> tuple[float, float]:
    """Width and height in um of an outline of ``(1 + whitespace) * area``.

    Adya and Markov, "Fixed-outline floorplanning: enabling hierarchical design", TVLSI 2003.

    Args:
        area: of the blocks, um^2.
        whitespace: free area over block area, for example 0.15.
        aspect_ratio: height over width.

    Raises:
        NetlistError: a number makes no sense.
    """
    if not (math.isfinite(whitespace) and 0 <= whitespace <= 100):
        raise NetlistError("the whitespace must be a share of the blocks' area, 0 or more", found=whitespace)
    if not (math.isfinite(aspect_ratio) and 1 / _MAX_RATIO <= aspect_ratio <= _MAX_RATIO):
        raise NetlistError(
            "the aspect ratio (height over width) is out of range", found=aspect_ratio,
            expected=f"{1 / _MAX_RATIO:g} to {_MAX_RATIO:g}",
        )  # fmt: skip
    total = area * (1 + whitespace)
    return math.sqrt(total / aspect_ratio), math.sqrt(total * aspect_ratio)


def with_outline(design: Design, width: float, height: float) -> Design:
    """The same blocks in another outline; pads keep their place relative to it.

    Args:
        design: blocks and pads.
        width: um; both are rounded up to the lattice.
        height: um.

    Returns:
        The design with an outline whose lower-left corner is the old one's, pads scaled with the outline, and a grid
        and routing supply assumed for it.

    Raises:
        NetlistError: a side is not a positive number.
    """
    if not (math.isfinite(width) and math.isfinite(height) and min(width, height) > 0):
        raise NetlistError("the outline has no area", found=f"{width} x {height} um")
    n, old, place = design.netlist, design.canvas, design.placement
    step = old.lattice
    width, height = math.ceil(width / step - 1e-6) * step, math.ceil(height / step - 1e-6) * step
    columns, rows = assume.grid(width, height, int((n.node_kind != PORT).sum()))
    canvas = Canvas(
        old.x0, old.y0, old.x0 + width, old.y0 + height, columns, rows, smoothing=old.smoothing,
        manufacturing_grid=old.manufacturing_grid, **assume.supply_of_nets(n.net_degree, width, height),
    )  # fmt: skip
    pads = n.node_kind == PORT
    x = np.where(pads, old.x0 + (place.x - old.x0) * (width / old.width), place.x)
    y = np.where(pads, old.y0 + (place.y - old.y0) * (height / old.height), place.y)
    on_step = round_steps(np.stack([x, y]), step) * step
    x, y = np.where(pads, on_step[0], x), np.where(pads, on_step[1], y)
    notes = (*design.notes, f"outline: {width:g} x {height:g} um, pads scaled to it")
    # Corners remembered for writing belong to the old places of the pads.
    extras = {key: value for key, value in n.extras.items() if key != "gsrc.corners_ll"}
    return replace(
        design, netlist=replace(n, extras=extras), canvas=canvas, placement=place.moved(x=x, y=y), notes=notes
    )

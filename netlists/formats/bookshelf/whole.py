"""Bookshelf in whole numbers, for readers that know nothing else.

Some readers take sizes and coordinates for integers, want an orientation on every line of the ``.pl``, and know
``terminal`` but not ``terminal_NI``. What is written here reads the same in them and in those that know more.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.formats.bookshelf.nodes import TERMINAL, TERMINAL_NI
from netlists.formats.bookshelf.numbers import lower_left
from netlists.formats.bookshelf.write import made_up_rows, movement_keywords
from netlists.netlist import DIR_INOUT, DIR_UNKNOWN
from netlists.orientation import oriented_sizes

Floats = NDArray[np.float64]

#: Units a um that are tried: 2^a 5^b, the fewest first.
FACTORS: tuple[int, ...] = tuple(sorted(v for a in range(18) for b in range(8) if (v := 2**a * 5**b) <= 100_000))
#: Coordinates stay below this: readers count in 32 bits, and take differences.
_MOST = 2**30
#: What is left of a whole number by rounding in float64: of a unit, and of the number.
_NOISE, _ROUNDING = 1e-6, 4e-16

#: What the writer leaves as it was read, and what is no longer so when lengths and keywords change.
_STALE = ("bookshelf.corners", "bookshelf.pl_orient", "bookshelf.pl_suffix", "bookshelf.pin_offset")


def in_whole_units(design: Design) -> Design:
    """The design in units in which sizes, places, rows and pins are whole numbers, ready to be written.

    The unit is the largest that makes all of them whole, pins as counted from the lower-left corner of their object.
    Where none does, it is the smallest that makes sizes and rows whole, and pins and places go to the nearest unit,
    half a unit away at most: a pin is then at most one unit off in x and in y, and a net of the written design at
    most four units longer or shorter than the original. A note says which unit was taken and how far pins and places
    have moved.

    Ports become ``terminal``, every pin gets an offset and a direction, every line of the ``.pl`` an orientation.
    Rules are left out: the format has no place for them.

    Raises:
        NetlistError: no unit makes sizes and rows whole, or the numbers would not fit 32 bits.
    """
    n, p, canvas = design.netlist, design.placement, design.canvas
    rows = canvas.rows or made_up_rows(design)
    width, height = oriented_sizes(n.node_width, n.node_height, p.orient)
    nowhere = ~p.placed & (p.x == 0) & (p.y == 0)  # written as 0 0
    low_x, low_y = (np.where(nowhere, 0.0, lower_left(at, size)) for at, size in ((p.x, width), (p.y, height)))
    pin_x, pin_y = n.pin_dx + n.node_width[n.pin_node] / 2, n.pin_dy + n.node_height[n.pin_node] / 2
    sizes = (n.node_width, n.node_height, rows.y, rows.height, rows.x0, rows.site_width, rows.site_spacing)
    places = (low_x, low_y, pin_x, pin_y)
    reach = max((float(np.abs(v).max()) for v in (*sizes, *places, rows.x1) if len(v)), default=1.0)
    fits = [f for f in FACTORS if reach * f < _MOST]
    usable = [f for f in fits if all(_are_whole(v, f) for v in sizes)]
    if not usable:
        raise NetlistError(
            "sizes and rows are no whole numbers in any unit of 2^-a 5^-b um that keeps coordinates below 2^30",
            found=f"coordinates up to {reach:g} um",
        )
    exact = next((f for f in usable if all(_are_whole(v, f) for v in places)), None)
    f = usable[-1] if exact is None else exact
    at_x, at_y, off_x, off_y = (np.rint(v * f) for v in places)
    wide, high = np.rint(n.node_width * f), np.rint(n.node_height * f)
    direction = n.pin_dir if len(n.pin_dir) else np.full(n.num_pins, DIR_UNKNOWN, np.int8)
    keyword = movement_keywords(design, p)
    extras = {key: value for key, value in n.extras.items() if key not in _STALE}
    extras["bookshelf.terminal"] = np.where(keyword == TERMINAL_NI, TERMINAL, keyword).astype(np.int8)
    netlist = replace(
        n, node_width=wide, node_height=high, pin_dx=off_x - wide[n.pin_node] / 2, pin_dy=off_y - high[n.pin_node] / 2,
        pin_dir=np.where(direction == DIR_UNKNOWN, DIR_INOUT, direction).astype(np.int8), extras=extras,
    )  # fmt: skip
    width, height = oriented_sizes(wide, high, p.orient)
    placement = p.moved(
        x=np.where(nowhere, 0.0, at_x + width / 2), y=np.where(nowhere, 0.0, at_y + height / 2)
    )  # fmt: skip
    units = {
        key: np.rint(getattr(rows, key) * f) for key in ("y", "height", "x0", "site_width", "site_spacing")
    }  # fmt: skip
    ground = replace(
        canvas, x0=canvas.x0 * f, y0=canvas.y0 * f, x1=canvas.x1 * f, y1=canvas.y1 * f,
        outline=None, rows=replace(rows, **units), blockages=(), manufacturing_grid=0.0,
    )  # fmt: skip
    unit = "1 um" if f == 1 else f"1/{f} um"
    moved = max((float(np.abs(np.rint(v * f) - v * f).max()) for v in places if len(v)), default=0.0)
    told = f"written in whole units of {unit}"
    if exact is None:
        told += f"; places and pins are up to {moved:.3g} units off"
    return replace(
        design, netlist=netlist, canvas=ground, placement=placement, notes=(*design.notes, told), constraints=None,
        physical=None,
    )  # fmt: skip


def _are_whole(values: Floats, factor: int) -> bool:
    units = values * factor
    return bool((np.abs(units - np.rint(units)) <= _NOISE + _ROUNDING * np.abs(units)).all())

"""Tiny handmade Bookshelf and GSRC designs, and a comparison of designs that knows every field."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from netlists import Design

AUX = "RowBasedPlacement : d.nodes d.nets d.wts d.pl d.scl\n"

NODES = """UCLA nodes 1.0
# Created : by hand

NumNodes :      6
NumTerminals :  3
   c1   4   10
   c2   1.5 10
   m1   20  30
   pad  1   1  terminal
   blk  20  20 terminal
   ni   0   0  terminal_NI
"""

NETS = """UCLA nets 1.0

NumNets : 3
NumPins : 7
NetDegree : 3  first
   c1  I : 1.0 -2
   m1  O : 10.0 1.42109e-14
   pad B
NetDegree : 2  second
   c2  I : 0 0
   blk I : -10 10
NetDegree : 2  third
   ni  I
   c1  O : -2.0 5
"""

PL = """UCLA pl 1.0

c1   0    0   : N
c2   10   10  : FS
m1   30   20  : W
pad  0    99  : N
blk  60   60  : N /FIXED
ni   -5   50  : N /FIXED_NI
"""

WTS = """UCLA wts 1.0

  second 2.5
  third  0
"""

SCL = "UCLA scl 1.0\n\nNumRows : 10\n\n" + "".join(
    f"""CoreRow Horizontal
  Coordinate    : {10 * k}
  Height        : 10
  Sitewidth     : 0.5
  Sitespacing   : 0.5
  Siteorient    : {"FS" if k % 2 else "N"}
  Sitesymmetry  : Y
  SubrowOrigin  : 0  NumSites : 200
End
"""
    for k in range(10)
)

BLOCKS = """UCSC blocks 1.0

NumSoftRectangularBlocks : 2
NumHardRectilinearBlocks : 2
NumTerminals : 2

hb hardrectilinear 4 (0, 0) (0, 20) (40, 20) (40, 0)
lb hardrectilinear 6 (0, 0) (0, 30) (10, 30) (10, 12.5) (30, 12.5) (30, 0)
sb softrectangular 400 0.5 2.0
tb softrectangular 200 2 4
p1 terminal
p2 terminal
"""

BLOCK_NETS = """UCLA nets 1.0
NumNets : 2
NumPins : 5
NetDegree : 3
p1 B
hb B : %-50 %25
sb B
NetDegree : 2
p2 B
lb B : 3 -2.5
"""

BLOCK_PL = """UCLA pl 1.0
hb\t0\t0
lb\t40\t0
sb\t0\t30
tb\t40 40 : E
p1\t0\t0
p2\t80\t80
"""


def write(folder: Path, **parts: str) -> Path:
    """Write parts of design ``d`` (``nodes=...``) into a folder; the ``.aux`` or ``.blocks`` path is returned."""
    for role, text in parts.items():
        (folder / f"d.{role}").write_text(text)
    return folder / ("d.blocks" if "blocks" in parts else "d.aux")


def bookshelf(folder: Path, **changes: str | None) -> Path:
    """The handmade Bookshelf design with some files replaced or (None) left out."""
    parts = {"aux": AUX, "nodes": NODES, "nets": NETS, "pl": PL, "wts": WTS, "scl": SCL, **changes}
    return write(folder, **{role: text for role, text in parts.items() if text is not None})


def gsrc(folder: Path, **changes: str | None) -> Path:
    """The handmade GSRC design with some files replaced or (None) left out."""
    parts = {"blocks": BLOCKS, "nets": BLOCK_NETS, "pl": BLOCK_PL, **changes}
    return write(folder, **{role: text for role, text in parts.items() if text is not None})


def assert_same(a: Design, b: Design, *, skip: tuple[str, ...] = ()) -> None:
    """Every name, number and order of two designs is the same, bit by bit."""
    for key in ("node_names", "net_names"):
        if key not in skip:
            assert getattr(a.netlist, key) == getattr(b.netlist, key), key
    for key in (
        "node_kind", "node_width", "node_height", "pin_node", "pin_dx", "pin_dy", "net_ptr", "net_pins", "net_source",
        "net_weight", "pin_dir", "min_aspect", "max_aspect",
    ):  # fmt: skip
        if key not in skip:
            np.testing.assert_array_equal(getattr(a.netlist, key), getattr(b.netlist, key), err_msg=key)
    for key in ("x", "y", "orient", "fixed", "placed"):
        if key not in skip:
            np.testing.assert_array_equal(getattr(a.placement, key), getattr(b.placement, key), err_msg=key)
    if "canvas" not in skip:
        for key in ("x0", "y0", "x1", "y1", "columns", "grid_rows", "h_routes_per_um", "v_routes_per_um"):
            assert getattr(a.canvas, key) == getattr(b.canvas, key), key
        if a.canvas.rows is not None:
            assert b.canvas.rows is not None
            for key, value in vars(a.canvas.rows).items():
                np.testing.assert_array_equal(value, getattr(b.canvas.rows, key), err_msg=key)
    if "extras" not in skip:
        assert set(a.netlist.extras) == set(b.netlist.extras)
        for key, value in a.netlist.extras.items():
            np.testing.assert_array_equal(value, b.netlist.extras[key], err_msg=key)

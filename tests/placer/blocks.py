"""Designs made of bare rectangles, and a judge of placements that shares no code with the product."""

from __future__ import annotations

import numpy as np
from shapely import STRtree
from shapely.geometry import box

from netlists import HARD_MACRO, PORT, Canvas, Design, Netlist, Placement
from netlists.orientation import SWAPS_SIDES


def block_design(
    width, height, x, y, *, canvas=(0.0, 0.0, 100.0, 100.0), kind=None, fixed=None, orient=None, nets=None, **ground
) -> Design:
    """A design of ``n`` objects given by sizes and LOWER-LEFT corners (um); one pin in each centre.

    ``nets`` is a list of lists of objects; by default every object has a net of its own.
    """
    width, height, x, y = (np.asarray(v, dtype=float) for v in (width, height, x, y))
    n = len(width)
    nets = [[i] for i in range(n)] if nets is None else nets
    pointer = np.cumsum([0] + [len(net) for net in nets])
    orient = np.zeros(n, np.int8) if orient is None else np.asarray(orient, np.int8)
    netlist = Netlist(
        name="blocks",
        node_names=[f"b{i}" for i in range(n)],
        node_kind=np.full(n, HARD_MACRO, np.int8) if kind is None else np.asarray(kind, np.int8),
        node_width=width,
        node_height=height,
        pin_node=np.arange(n),
        pin_dx=np.zeros(n),
        pin_dy=np.zeros(n),
        net_ptr=pointer,
        net_pins=np.array([i for net in nets for i in net], dtype=int),
        net_source=pointer[:-1],
        net_weight=np.ones(len(nets)),
    )
    lies = SWAPS_SIDES[orient]
    centre_x = x + np.where(lies, height, width) / 2
    centre_y = y + np.where(lies, width, height) / 2
    fixed = np.zeros(n, bool) if fixed is None else np.asarray(fixed, bool)
    placement = Placement(centre_x, centre_y, orient, fixed, np.ones(n, bool))
    ground = {"columns": 10, "grid_rows": 10, **ground}
    return Design(netlist, Canvas(*canvas, **ground), placement)


def shapes(design: Design, placement: Placement) -> list:
    """The objects as Shapely boxes, straight from centres and sizes."""
    out = []
    for i in range(design.netlist.num_nodes):
        w, h = design.netlist.node_width[i], design.netlist.node_height[i]
        if SWAPS_SIDES[placement.orient[i]]:
            w, h = h, w
        x, y = placement.x[i], placement.y[i]
        out.append(box(x - w / 2, y - h / 2, x + w / 2, y + h / 2))
    return out


def judge(design: Design, placement: Placement, tolerance: float = 0.0) -> list[str]:
    """What an outside checker would complain about; ``tolerance`` is in um, inwards."""
    bodies = shapes(design, placement)
    movable = design.movable
    hard = np.flatnonzero(design.netlist.node_kind == HARD_MACRO).tolist()
    shrunk = [b.buffer(-tolerance, join_style="mitre") if tolerance and b.area else b for b in bodies]
    complaints = []
    tree = STRtree([shrunk[i] for i in hard])
    for k, i in enumerate(hard):
        for m in tree.query(shrunk[i]).tolist():
            j = hard[m]
            if m > k and (movable[i] or movable[j]) and shrunk[i].intersection(shrunk[j]).area > 0:
                complaints.append(f"overlap {i} {j}")
    ground = design.canvas.polygon
    for i in range(len(bodies)):
        if not movable[i] or design.netlist.node_kind[i] == PORT:
            continue
        if shrunk[i].difference(ground).area > 0:
            complaints.append(f"outside {i}")
        if design.netlist.node_kind[i] == HARD_MACRO:
            for number, blockage in enumerate(design.canvas.blockages):
                if blockage.kind == 0 and shrunk[i].intersection(blockage.polygon).area > 0:
                    complaints.append(f"blockage {i} {number}")
    return complaints

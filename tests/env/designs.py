"""Small hand-made designs for the environment's tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from shapely.geometry import Polygon, box

from netlists.canvas import Blockage, Canvas
from netlists.constraints import ANY_ORIENTATION, REGION_FENCE, REGION_GUIDE, Constraints, Region
from netlists.design import Design
from netlists.netlist import HARD_MACRO, PORT, SOFT_MACRO, Netlist
from netlists.placement import Placement


def small_design(
    *,
    macros: Sequence[tuple[float, float]] = ((30, 20), (24, 24), (18, 30), (20.5, 10.25), (12, 12), (8, 9)),
    size: tuple[float, float] = (120.0, 96.0),
    grid: tuple[int, int] = (10, 8),
    fixed: Sequence[int] = (),
    blockages: Sequence[Polygon] = (),
    outline: Polygon | None = None,
    origin: tuple[float, float] = (0.0, 0.0),
    softs: int = 5,
    seed: int = 0,
) -> Design:
    """Hard macros of the given sizes, soft macros, and three ports on the edge, with random weighted nets.

    ``fixed`` macros stay in the middle of the canvas.
    """
    rng = np.random.default_rng(seed)
    kinds = np.repeat([PORT, HARD_MACRO, SOFT_MACRO], [3, len(macros), softs]).astype(np.int8)
    n = len(kinds)
    width, height = np.zeros(n), np.zeros(n)
    width[3 : 3 + len(macros)], height[3 : 3 + len(macros)] = np.array(macros, float).T
    width[3 + len(macros) :], height[3 + len(macros) :] = 9.0, 7.0
    pin_node = np.concatenate([np.arange(n), rng.integers(3, n, 2 * n)]).astype(np.int32)
    degree = rng.integers(1, 6, 3 * n)
    ptr = np.concatenate([[0], np.cumsum(degree)])
    netlist = Netlist(
        name="small",
        node_names=[f"object{i}" for i in range(n)],
        node_kind=kinds,
        node_width=width,
        node_height=height,
        pin_node=pin_node,
        pin_dx=rng.uniform(-0.5, 0.5, 3 * n) * width[pin_node],
        pin_dy=rng.uniform(-0.5, 0.5, 3 * n) * height[pin_node],
        net_ptr=ptr,
        net_pins=rng.integers(0, 3 * n, ptr[-1]).astype(np.int32),
        net_source=ptr[:-1],
        net_weight=rng.integers(1, 4, 3 * n).astype(float),
    )
    x0, y0 = origin
    canvas = Canvas(
        x0, y0, x0 + size[0], y0 + size[1], *grid,
        h_routes_per_um=4.0, v_routes_per_um=4.0, h_macro_routes_per_um=1.0, v_macro_routes_per_um=1.0,
        outline=outline, blockages=tuple(Blockage(polygon) for polygon in blockages),
    )  # fmt: skip
    x, y = np.full(n, x0 + size[0] / 2), np.full(n, y0 + size[1] / 2)
    x[:3], y[:3] = [x0, x0 + size[0], x0 + 40.0], [y0 + 30.0, y0 + 50.0, y0 + size[1]]
    held = np.zeros(n, bool)
    held[[3 + i for i in fixed]] = True
    orient = np.zeros(n, np.int8)
    orient[3 : 3 + len(macros)] = rng.integers(0, 8, len(macros))
    placed = held | (kinds == PORT)
    return Design(netlist, canvas, Placement(x, y, orient, held, placed))


def walled_design() -> Design:
    """A fixed macro, a blockage, an L-shaped outline and an origin off zero, all at once."""
    outline = Polygon([(-10, 5), (110, 5), (110, 71), (80, 71), (80, 101), (-10, 101)])
    return small_design(fixed=[4], blockages=[box(-10, 80, 17.3, 101)], outline=outline, origin=(-10.0, 5.0))


def crowded_design() -> Design:
    """Random episodes often end without a place for the last macros."""
    return small_design(
        macros=[(40, 44), (38, 40), (36, 40), (30, 30), (20, 20)], size=(100.0, 96.0), grid=(7, 8), seed=5
    )


def fenced_soft_design() -> Design:
    """The walled design with two soft macros in a fence each, one of them L-shaped."""
    design = walled_design()
    region = np.full(design.netlist.num_nodes, -1)
    first = int(design.netlist.ids(SOFT_MACRO)[0])
    region[first : first + 4] = 0, 0, 1, 1
    low = Polygon([(-10, 5), (50, 5), (50, 25), (20, 25), (20, 45), (-10, 45)])
    regions = (Region("low", low, REGION_FENCE), Region("right", box(60, 5, 110, 40), REGION_FENCE))
    none = Constraints.none(design.netlist.num_nodes)
    return replace(design, constraints=none.changed(region=region, regions=regions))


def ruled_design(seed: int = 0) -> Design:
    """The walled design with halos, channels, a fence, a guide, few orientations and snapping."""
    design = walled_design()
    n, rng = design.netlist.num_nodes, np.random.default_rng(seed)
    region = np.full(n, -1)
    region[[5, 8]] = 0, 1
    fence = Polygon([(30, 5), (75, 5), (75, 50), (55, 50), (55, 40), (30, 40)])
    pitch = np.zeros((n, 2))
    pitch[6], pitch[8, 1] = (1.5, 2.0), 4.0
    rules = Constraints(
        halo=np.round(rng.uniform(0, 3, (n, 4)), 3) * (np.arange(n) % 2)[:, None],
        orientations=np.where(design.netlist.node_kind == HARD_MACRO, rng.integers(1, 256, n), ANY_ORIENTATION),
        region=region,
        channel=(1.25, 0.5),
        regions=(
            Region("low", fence, REGION_FENCE),
            Region("near", box(0, 0, 9, 9), REGION_GUIDE),
        ),
        pitch=pitch,
        offset=np.round(rng.uniform(0, 1, (n, 8, 2)), 3) * (pitch > 0)[:, None],
    )
    return replace(design, constraints=rules)

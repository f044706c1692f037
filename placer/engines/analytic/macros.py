"""Macros of a flat design to legal places, cells staying where global placement left them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely
from shapely.geometry import Polygon

from netlists.canvas import BLOCK_HARD, Blockage
from netlists.design import Design
from netlists.errors import PlacementError
from netlists.netlist import HARD_MACRO, STDCELL
from netlists.orientation import SWAPS_SIDES, oriented_sizes
from netlists.placement import Placement
from placer.budget import Budget
from placer.cost.legality import check
from placer.engines.analytic.segments import row_kinds
from placer.engines.analytic.wirelength import hpwl_of
from placer.engines.legalise import legalise


def legal_macros(design: Design, rough: Placement, *, seed: int = 0, budget: Budget | None = None) -> Placement:
    """Move hard macros as little as possible so that none overlaps anything that stands still, nor another.

    Halos, channels, fences, snapping grids and groups of ``design.constraints`` are kept. Where the technology states
    a manufacturing grid macros lie on it and mind no rows. Without one, and without constraints, macros are also tried
    on whole rows and sites, where they leave no row half free; the shorter of the two placements is taken.

    Args:
        design: netlist, canvas and what stands still.
        rough: where everything wants to be, um.
        seed: of the legaliser's search.
        budget: when to stop looking for better arrangements.

    Returns:
        ``rough`` with the movable macros moved, and turned where they lay as they may not.

    Raises:
        PlacementError: there is no legal place for all macros, or none was found.
    """
    kind = design.netlist.node_kind
    ids = np.flatnonzero((kind == HARD_MACRO) & design.movable)
    if not len(ids):
        return rough
    ground = _with_fixed_cells(design)
    weight = _weight(design, ids)
    plain = legalise(ground, rough, weight=weight, seed=seed, budget=budget)
    best = _only(rough, plain, ids)
    rows = design.canvas.rows
    if rows is not None and len(rows.y) and design.constraints is None and design.canvas.manufacturing_grid <= 0:
        snapped = _on_rows(ground, rough, ids, weight, seed, budget)
        if snapped is not None:
            other = _only(rough, snapped, ids)
            if hpwl_of(design, other) <= hpwl_of(design, best) * (1.0 + _WORTH):
                best = other
    return best


#: Share of the wirelength that whole free rows beside macros are worth.
_WORTH = 0.005


def _only(rough: Placement, legal: Placement, ids: np.ndarray) -> Placement:
    """``rough`` with these objects as in ``legal``: the legaliser also puts cells on the lattice, one by one."""
    x, y, orient = rough.x.copy(), rough.y.copy(), rough.orient.copy()
    placed = rough.placed.copy()
    x[ids], y[ids], orient[ids], placed[ids] = legal.x[ids], legal.y[ids], legal.orient[ids], True
    return rough.moved(x=x, y=y, orient=orient, placed=placed)


def _weight(design: Design, ids: np.ndarray) -> np.ndarray:
    """``[N]`` cost of a um: what moves with many connections costs more, half by count and half alike."""
    n = design.netlist
    pins = np.bincount(n.conn_node, minlength=n.num_nodes).astype(np.float64)
    mean = max(float(pins[ids].mean()), 1e-9)
    return 0.5 + 0.5 * pins / mean


def _with_fixed_cells(design: Design) -> Design:
    """The design with fixed cells as hard blockages: the legaliser of macros minds fixed macros alone."""
    n, p = design.netlist, design.placement
    ids = np.flatnonzero((n.node_kind == STDCELL) & p.fixed & (n.node_width > 0) & (n.node_height > 0))
    if not len(ids):
        return design
    width, height = oriented_sizes(n.node_width[ids], n.node_height[ids], p.orient[ids])
    canvas = design.canvas
    low_x, low_y = p.x[ids] - width / 2, p.y[ids] - height / 2
    # Cells that abut become one blockage.
    merged = shapely.union_all(shapely.box(low_x, low_y, low_x + width, low_y + height))
    parts = tuple(
        Blockage(part, BLOCK_HARD, name="fixed cells")
        for part in shapely.get_parts(merged)
        if isinstance(part, Polygon)
    )
    return replace(design, canvas=replace(canvas, blockages=canvas.blockages + parts))


def _on_rows(
    design: Design, rough: Placement, ids: np.ndarray, weight: np.ndarray, seed: int, budget: Budget | None
) -> Placement | None:
    """Macros on rows and sites, or None where that is not legal.

    Boxes grown to whole sites and rows are made legal anywhere; rounding all their corners to sites and rows then
    keeps every order there is between two of them, so it brings no overlap.
    """
    n, rows = design.netlist, design.canvas.rows
    assert rows is not None
    if len(row_kinds(rows)) > 1:
        return None  # there is no one grid to keep to
    step = float(rows.site_spacing[0]), float(rows.height[0])
    now = oriented_sizes(n.node_width, n.node_height, rough.orient)
    size = [np.ceil(v[ids] / s - 1e-9) * s for v, s in zip(now, step, strict=True)]
    turned = SWAPS_SIDES[rough.orient[ids]]
    width, height = n.node_width.copy(), n.node_height.copy()
    width[ids], height[ids] = np.where(turned, size[1], size[0]), np.where(turned, size[0], size[1])
    grown = replace(design, netlist=replace(n, node_width=width, node_height=height))
    try:
        legal = legalise(grown, rough, weight=weight, seed=seed, budget=budget)
        x, y = legal.x.copy(), legal.y.copy()
        for at, axis, origin in ((x, 0, rows.x0[0]), (y, 1, rows.y[0])):
            low = np.round((at[ids] - size[axis] / 2 - origin) / step[axis]) * step[axis] + origin
            at[ids] = low + now[axis][ids] / 2
        candidate = legal.moved(x=x, y=y)
        if {"overlap", "outside", "blockage"} & {v.rule for v in check(design, candidate).violations}:
            return None
        return legalise(design, candidate, weight=weight, seed=seed, budget=budget)  # the lattice
    except PlacementError:
        return None

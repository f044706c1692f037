"""The rules of a design as the environment needs them: in lattice steps, for every macro and orientation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import Polygon

from netlists.canvas import Blockage, Canvas
from netlists.constraints import REGION_FENCE, Constraints
from netlists.design import Design
from netlists.netlist import HARD_MACRO
from netlists.orientation import MATRIX
from placer.cost.lattice import blockage_boxes, ceil_steps, floor_steps, integer_boxes, outline_boxes, round_steps


@dataclass(frozen=True, eq=False)
class Obstacles:
    """Boxes that stay where they are and what must stay clear around them, in lattice steps.

    Attributes:
        macros: ``[F, 4]`` int64 x0, y0, x1, y1 of fixed hard macros.
        halos: ``[F, 4]`` int64 left, bottom, right, top of their halos.
        walls: ``[W, 4]`` int64: hard blockages, what lies outside the outline, fences. They keep bodies out, while
            halos and channels may reach over them.
    """

    macros: NDArray[np.int64]
    halos: NDArray[np.int64]
    walls: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MacroRules:
    """Rules of ``T`` macros in ``O`` orientations.

    Attributes:
        halo: ``[T, O, 4]`` int64 left, bottom, right, top as the macro lies, lattice steps, rounded up.
        channel: ``[2]`` int64 least gaps along x and y between macros that face each other, lattice steps.
        fence: ``[T]`` int64 index into ``obstacles``: 0 for macros without a fence.
        obstacles: what stays in place; first for macros without a fence, then for each fence with a member.
    """

    halo: NDArray[np.int64]
    channel: NDArray[np.int64]
    fence: NDArray[np.int64]
    obstacles: tuple[Obstacles, ...]


def rules_of(design: Design) -> Constraints:
    """The constraints of a design; rules that ask for nothing when it has none."""
    return design.constraints or Constraints.none(design.netlist.num_nodes)


def build_rules(design: Design, macros: NDArray[np.int64], orient: NDArray[np.int64]) -> MacroRules:
    """Read the rules of ``design`` (:class:`netlists.constraints.Constraints`) for some of its hard macros.

    Args:
        design: the design; without constraints only blockages, the outline and fixed macros are rules.
        macros: ``[T]`` node ids.
        orient: ``[T, O]`` orientation codes the macros may take.
    """
    rules, canvas, placement, step = rules_of(design), design.canvas, design.placement, design.canvas.lattice
    fixed = np.flatnonzero((design.netlist.node_kind == HARD_MACRO) & ~design.movable)
    boxes = integer_boxes(design, placement)[fixed]
    halos = turned_halos(rules.halo[fixed], placement.orient[fixed], step)
    walls = fixed_walls(canvas)
    fences = {i: region.polygon for i, region in enumerate(rules.regions) if region.kind == REGION_FENCE}
    used = [i for i in fences if (rules.region[macros] == i).any()]

    def obstacles(own: int | None) -> Obstacles:
        around = [_inside(canvas, polygon) for i, polygon in fences.items() if i != own]
        if own is not None:
            around.append(outline_boxes(replace(canvas, outline=fences[own])))
        return Obstacles(boxes, halos, np.ascontiguousarray(np.concatenate([walls, *around])))

    return MacroRules(
        halo=turned_halos(rules.halo[macros][:, None], orient, step),
        channel=ceil_steps(rules.channel, step),
        fence=np.array([used.index(r) + 1 if r in used else 0 for r in rules.region[macros].tolist()], np.int64),
        obstacles=(obstacles(None), *(obstacles(i) for i in used)),
    )


def fixed_walls(canvas: Canvas) -> NDArray[np.int64]:
    """``[W, 4]`` boxes of hard blockages and of what lies outside the outline, lattice steps."""
    return np.concatenate([blockage_boxes(canvas)[0], outline_boxes(canvas)])


def turned_halos(halo: NDArray[np.float64], orient: NDArray[np.integer], step: float) -> NDArray[np.int64]:
    """Halos as they lie, in lattice steps, rounded up.

    Args:
        halo: ``[..., 4]`` um left, bottom, right, top in the N frame.
        orient: ``[...]`` orientation codes.
        step: lattice step, um.
    """
    matrix = MATRIX[np.asarray(orient, np.intp)].reshape(*np.shape(orient), 2, 2)
    # The lower-left and upper-right corners of the box the halo makes of a point turn like any offset.
    low = np.einsum("...ij,...j->...i", matrix, np.broadcast_to(-halo[..., :2], (*np.shape(orient), 2)))
    high = np.einsum("...ij,...j->...i", matrix, np.broadcast_to(halo[..., 2:], (*np.shape(orient), 2)))
    return ceil_steps(np.concatenate([-np.minimum(low, high), np.maximum(low, high)], axis=-1), step)


def snap(
    want: NDArray[np.float64], low: int, high: int, step: float, pitch: float, offset: float
) -> NDArray[np.int64] | None:
    """Lower-left corners nearest to where they are wanted, on the lattice and on the macro's own pitch.

    Args:
        want: ``[K]`` um.
        low: smallest corner allowed, lattice steps.
        high: largest corner allowed.
        step: lattice step, um.
        pitch: um; corners lie at ``offset + k * pitch``, rounded to the lattice. 0 asks for the lattice alone.
        offset: um.

    Returns:
        ``[K]`` int64 lattice steps, or None when no corner is allowed.
    """
    if high < low:
        return None
    if pitch <= 0:
        return np.clip(round_steps(want, step), low, high)
    first, last = ceil_steps(low * step - offset, pitch), floor_steps(high * step - offset, pitch)
    corners = round_steps(offset + np.arange(int(first), int(last) + 1) * pitch, step)
    corners = corners[(corners >= low) & (corners <= high)]
    if not len(corners):
        return None
    nearest = np.searchsorted((corners[1:] + corners[:-1]) / 2, want / step)
    return corners[nearest]


def _inside(canvas: Canvas, polygon: Polygon) -> NDArray[np.int64]:
    return blockage_boxes(replace(canvas, blockages=(Blockage(polygon),)))[0]

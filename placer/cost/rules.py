"""The constraints of a design in lattice steps: what legality, engines and environments share.

Everything here is static or a plain function of a placement; :mod:`placer.cost.legality` says what is broken. A design
without constraints gives empty answers: no halo, no channel, no fence, every orientation, no snapping.

Halos are a rule of pairs: no body may enter the halo of another hard macro, while halos may share area. So of two
macros side by side the wider of the two facing halos counts, not their sum.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.constraints import REGION_FENCE
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.netlist import HARD_MACRO
from netlists.orientation import MATRIX, oriented_sides
from netlists.placement import Placement
from placer.cost.lattice import (
    blockage_boxes,
    canvas_box,
    ceil_steps,
    covering_boxes,
    integer_boxes,
    outline_boxes,
    outside_boxes,
    round_steps,
)

Ints = NDArray[np.int64]

#: Signs that turn a box into its halo box: left and bottom shrink, right and top grow.
OUTWARDS: Ints = np.array([-1, -1, 1, 1], dtype=np.int64)


def allowed_orientations(design: Design) -> NDArray[np.bool_]:
    """``[N, 8]`` which orientation codes each object may take."""
    n = design.netlist.num_nodes
    if design.constraints is None:
        return np.ones((n, 8), bool)
    return (design.constraints.orientations[:, None] >> np.arange(8)) & 1 == 1


def mirrored(orient: int, *, flip_x: bool) -> int:
    """The orientation seen in a mirror: left and right exchanged (``flip_x``), or top and bottom."""
    matrix = MATRIX[orient] * (np.array([-1, -1, 1, 1]) if flip_x else np.array([1, 1, -1, -1]))
    return int(np.flatnonzero((matrix == MATRIX).all(axis=1))[0])


def halo_steps(design: Design, orient: NDArray[np.int8], nodes: Ints | None = None) -> Ints:
    """Halos in steps, rounded up.

    Args:
        design: the design.
        orient: orientation codes of ``nodes``.
        nodes: ids; all by default.

    Returns:
        ``[n, 4]`` left, bottom, right, top as they lie under ``orient``; zero for what is not a hard macro.
    """
    nodes = np.arange(design.netlist.num_nodes) if nodes is None else nodes
    if design.constraints is None:
        return np.zeros((len(nodes), 4), np.int64)
    steps = ceil_steps(oriented_sides(design.constraints.halo[nodes], orient), design.canvas.lattice)
    return np.where((design.netlist.node_kind[nodes] == HARD_MACRO)[:, None], steps, 0)


def halo_boxes(design: Design, placement: Placement) -> Ints:
    """``[N, 4]`` x0, y0, x1, y1 in steps: the boxes of :func:`integer_boxes` grown by their halos as they lie."""
    return integer_boxes(design, placement) + OUTWARDS * halo_steps(design, placement.orient)


def channel_steps(design: Design) -> tuple[int, int]:
    """Least gaps (x, y) in steps between hard macros that face each other."""
    if design.constraints is None:
        return 0, 0
    x, y = ceil_steps(design.constraints.channel, design.canvas.lattice)
    return int(x), int(y)


def keepout_boxes(boxes: Ints, halos: Ints, mover: Ints, channel: tuple[int, int] = (0, 0)) -> Ints:
    """Where the body of one hard macro must not be, because of others.

    Each other body grows on every side by the wider of its own halo there and the mover's halo that would face it, or
    the channel where that is more. Exact along the sides. Across a corner it may ask for a little more than the rules
    do, when the two halos differ by direction or a channel is wider than the halos.

    Args:
        boxes: ``[K, 4]`` bodies of the others, steps.
        halos: ``[K, 4]`` their halos as they lie.
        mover: ``[4]`` halo of the macro to be put somewhere, as it will lie.
        channel: see :func:`channel_steps`.

    Returns:
        ``[K, 4]`` boxes; the macro keeps the rules if its body overlaps none of them.
    """
    facing = np.asarray(mover)[[2, 3, 0, 1]]
    least = np.array([channel[0], channel[1], channel[0], channel[1]])
    return boxes + OUTWARDS * np.maximum(np.maximum(halos, facing), least)


def region_walls(design: Design, region: int) -> Ints:
    """Boxes no hard macro of a region may touch: outside of the outline and of its fence, blockages, other fences.

    Args:
        design: the design.
        region: index into ``constraints.regions``, -1 for macros of none. A guide keeps nobody in.

    Returns:
        ``[K, 4]`` x0, y0, x1, y1 in steps. The edge of the canvas' bounding box is not among them.
    """
    canvas = design.canvas
    walls = [outline_boxes(canvas), blockage_boxes(canvas)[0]]
    if design.constraints is not None:
        for k, other in enumerate(design.constraints.regions):
            if other.kind == REGION_FENCE:
                if k == region:
                    walls.append(outside_boxes(other.polygon, canvas_box(canvas), canvas.lattice))
                else:
                    walls.append(covering_boxes(other.polygon, canvas.lattice))
    return np.concatenate(walls)


def blocked_boxes_for(design: Design, node: int) -> Ints:
    """``[K, 4]`` boxes the body of one hard macro may not touch; see :func:`region_walls`."""
    return region_walls(design, fence_of(design)[node])


def fence_of(design: Design) -> NDArray[np.int32]:
    """``[N]`` index of the fence each object must lie in, or -1; guides do not count."""
    if design.constraints is None or not design.constraints.regions:
        return np.full(design.netlist.num_nodes, -1, np.int32)
    region = design.constraints.region
    is_fence = np.array([r.kind == REGION_FENCE for r in design.constraints.regions])
    return np.where((region >= 0) & is_fence[region], region, -1).astype(np.int32)


def snap_steps(design: Design, orient: NDArray[np.int8], nodes: Ints | None = None) -> tuple[Ints, Ints]:
    """The grid each object's lower-left corner must lie on, in lattice steps.

    Args:
        design: the design.
        orient: orientation codes of ``nodes``.
        nodes: ids; all by default.

    Returns:
        pitch: ``[n, 2]`` steps in x and y; 1 where any lattice point will do.
        offset: ``[n, 2]`` at least 0 and less than the pitch: corners lie at ``offset + k * pitch``.

    Raises:
        NetlistError: a pitch or offset is not a whole number of lattice steps.
    """
    nodes = np.arange(design.netlist.num_nodes) if nodes is None else nodes
    if design.constraints is None:
        return np.ones((len(nodes), 2), np.int64), np.zeros((len(nodes), 2), np.int64)
    step = design.canvas.lattice
    um = design.constraints.pitch[nodes], design.constraints.offset[nodes, np.asarray(orient, np.intp)]
    pitch, offset = (round_steps(v, step) for v in um)
    used = um[0] > 0
    # Float noise of a coordinate of a large die, in steps; a pitch that is really off the lattice is off by far more.
    wrong = used & ((np.abs(um[0] / step - pitch) > 1e-3) | (np.abs(um[1] / step - offset) > 1e-3) | (pitch == 0))
    if wrong.any():
        row, axis = np.argwhere(wrong)[0]
        raise NetlistError(
            f"the snapping grid of {design.netlist.node_names[nodes[row]]!r} is not on the {step:g} um lattice",
            found=f"pitch {um[0][row, axis]:g}, offset {um[1][row, axis]:g} um",
        )
    pitch = np.where(used, pitch, 1)
    return pitch, offset % pitch

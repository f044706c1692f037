"""Where objects may lie during search, in whole lattice steps: every move made here is legal or refused."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit_lean
from netlists.design import Design
from netlists.netlist import HARD_MACRO
from netlists.orientation import oriented_sizes
from netlists.placement import Placement
from placer.cost.lattice import (
    blockage_boxes,
    canvas_box,
    ceil_steps,
    floor_steps,
    integer_sizes,
    microns,
    outline_boxes,
    outside_boxes,
    round_steps,
)
from placer.cost.legality import overlapping_pairs
from placer.cost.rules import fence_of
from placer.engines.search.ruled import Rules, apart, build_rules, pair_fits, ruled_fits, ruled_range, ruled_snap
from placer.engines.search.wishes import Wishes, build_wishes


class Ground(NamedTuple):
    """Integer geometry of one chain. Boxes are lower-left corners and sizes in lattice steps.

    Attributes:
        left: ``[N]`` int64 lower-left corners; kept up to date by the moves.
        bottom: ``[N]``.
        wide: ``[N]`` sizes, rounded up.
        high: ``[N]``.
        low_x: ``[N]`` range of corners that keeps the object inside the canvas box.
        high_x: ``[N]``.
        low_y: ``[N]``.
        high_y: ``[N]``.
        hard: ``[H]`` ids of all hard macros, fixed ones too.
        hard_walls: ``[K, 4]`` boxes no hard macro may enter (outside of the outline, hard blockages).
        soft_walls: ``[J, 4]`` boxes no other object may enter (outside of the outline). With constraints they come by
            fence, with what lies outside of it.
        fence_ptr: ``[F + 2]`` offsets into ``soft_walls`` by ``rules.fence``; all or nothing without constraints.
        gap: steps kept free between hard macros: 1 where the start has it, so that no later rounding can make two
            of them touch; else 0.
        step: um of one lattice step.
        inverse_step: steps of one um where that is whole (division keeps decimal coordinates exact), else 0.
        half_x: ``[N]`` um from corner to centre.
        half_y: ``[N]``.
        rules: halos, channels, fences, orientations and snapping; ``rules.on`` is False without constraints, and
            then costs nothing.
        wishes: what moves pay for beside the proxy cost; likewise.
    """

    left: NDArray[np.int64]
    bottom: NDArray[np.int64]
    wide: NDArray[np.int64]
    high: NDArray[np.int64]
    low_x: NDArray[np.int64]
    high_x: NDArray[np.int64]
    low_y: NDArray[np.int64]
    high_y: NDArray[np.int64]
    hard: NDArray[np.int64]
    hard_walls: NDArray[np.int64]
    soft_walls: NDArray[np.int64]
    fence_ptr: NDArray[np.int64]
    gap: int
    step: float
    inverse_step: float
    half_x: NDArray[np.float64]
    half_y: NDArray[np.float64]
    rules: Rules
    wishes: Wishes


def build_ground(design: Design, placement: Placement, wishes: Wishes | None = None) -> Ground:
    """Integer geometry of a placement whose movable objects lie on the lattice.

    Args:
        design: the design.
        placement: where its objects are.
        wishes: what moves pay for beside the proxy cost; the design's own by default.
    """
    n, canvas = design.netlist, design.canvas
    step = canvas.lattice
    wide, high = integer_sizes(design, placement)
    half_x, half_y = _halves(design, placement)
    left = round_steps(placement.x - half_x, step)
    bottom = round_steps(placement.y - half_y, step)
    x0, y0, x1, y1 = canvas_box(canvas)
    hard = np.flatnonzero(n.node_kind == HARD_MACRO)
    boxes = np.stack([left, bottom, left + wide + 1, bottom + high + 1], axis=1)[hard]
    walls = outline_boxes(canvas)
    inverse = float(np.rint(1.0 / step))
    low_x, low_y, end_x, end_y = (np.full(n.num_nodes, v) for v in (x0, y0, x1, y1))
    fence = fence_of(design)
    for k in np.unique(fence[fence >= 0]).tolist():
        assert design.constraints is not None
        bounds = design.constraints.regions[k].polygon.bounds
        mine = fence == k
        low_x[mine], low_y[mine] = np.maximum(ceil_steps(bounds[:2], step), (x0, y0))
        end_x[mine], end_y[mine] = np.minimum(floor_steps(bounds[2:], step), (x1, y1))
    soft = [walls]
    for region in () if design.constraints is None else design.constraints.regions:
        soft.append(np.concatenate([walls, outside_boxes(region.polygon, (x0, y0, x1, y1), step)]))
    gap = 0 if len(overlapping_pairs(boxes)) else 1
    return Ground(
        left=left, bottom=bottom, wide=wide, high=high,
        low_x=low_x, high_x=end_x - wide, low_y=low_y, high_y=end_y - high,
        hard=hard,
        hard_walls=np.concatenate([walls, blockage_boxes(canvas)[0]]),
        soft_walls=np.concatenate(soft),
        fence_ptr=np.concatenate([[0], np.cumsum([len(w) for w in soft])]).astype(np.int64),
        gap=gap,
        step=step,
        inverse_step=inverse if inverse >= 1 and abs(inverse * step - 1.0) < 1e-12 else 0.0,
        half_x=half_x, half_y=half_y,
        rules=build_rules(design, placement, hard, gap),
        wishes=build_wishes(design) if wishes is None else wishes,
    )  # fmt: skip


def on_lattice(design: Design, placement: Placement) -> Placement:
    """Snap every movable object to the lattice and into the canvas box; legal placements do not change."""
    wide, high = integer_sizes(design, placement)
    half_x, half_y = _halves(design, placement)
    step = design.canvas.lattice
    x0, y0, x1, y1 = canvas_box(design.canvas)
    left = np.maximum(np.minimum(round_steps(placement.x - half_x, step), x1 - wide), x0)
    bottom = np.maximum(np.minimum(round_steps(placement.y - half_y, step), y1 - high), y0)
    move = design.movable
    x = np.where(move, microns(left, step) + half_x, placement.x)
    y = np.where(move, microns(bottom, step) + half_y, placement.y)
    return placement.moved(x=x, y=y)


def _halves(design: Design, placement: Placement) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n = design.netlist
    width, height = oriented_sizes(n.node_width, n.node_height, placement.orient)
    return width / 2, height / 2


@njit_lean()
def centre_x(g: Ground, i: int, left: int) -> float:
    """Centre, um, of object ``i`` with its left edge at ``left`` steps."""
    um = left / g.inverse_step if g.inverse_step > 0.0 else left * g.step
    return um + g.half_x[i]


@njit_lean()
def centre_y(g: Ground, i: int, bottom: int) -> float:
    """Centre, um, of object ``i`` with its lower edge at ``bottom`` steps."""
    um = bottom / g.inverse_step if g.inverse_step > 0.0 else bottom * g.step
    return um + g.half_y[i]


@njit_lean()
def corner_x(g: Ground, i: int, x: float) -> int:
    """Allowed left edge, in steps, nearest to the centre ``x`` (um)."""
    left = int(np.floor((x - g.half_x[i]) / g.step + 0.5))
    return nearest_corner(g, i, max(min(left, g.high_x[i]), g.low_x[i]), False)


@njit_lean()
def corner_y(g: Ground, i: int, y: float) -> int:
    """Allowed lower edge, in steps, nearest to the centre ``y`` (um)."""
    bottom = int(np.floor((y - g.half_y[i]) / g.step + 0.5))
    return nearest_corner(g, i, max(min(bottom, g.high_y[i]), g.low_y[i]), True)


@njit_lean()
def nearest_corner(g: Ground, i: int, corner: int, vertical: bool) -> int:
    """The corner coordinate on the snapping grid of object ``i``, where it has one, nearest to ``corner``."""
    if not g.rules.on or g.rules.slot[i] < 0:
        return corner
    axis = 1 if vertical else 0
    low, high = (g.low_y[i], g.high_y[i]) if vertical else (g.low_x[i], g.high_x[i])
    turn = g.rules.turn[i]
    to = ruled_snap(g.rules, i, turn, axis, corner, 0)
    if to < low:
        return ruled_snap(g.rules, i, turn, axis, low, 1)
    return ruled_snap(g.rules, i, turn, axis, high, -1) if to > high else to


@njit_lean()
def hits_wall(walls: NDArray, left: int, bottom: int, right: int, top: int) -> bool:
    """True when a box overlaps one of the walls."""
    for k in range(len(walls)):
        if left < walls[k, 2] and walls[k, 0] < right and bottom < walls[k, 3] and walls[k, 1] < top:
            return True
    return False


@njit_lean()
def hard_fits(g: Ground, i: int, left: int, bottom: int, other: int) -> bool:
    """True when hard macro ``i`` may lie at a corner, ``other`` (or -1) being out of the way."""
    right, top = left + g.wide[i], bottom + g.high[i]
    if left < g.low_x[i] or left > g.high_x[i] or bottom < g.low_y[i] or bottom > g.high_y[i]:
        return False
    if g.rules.on:
        return ruled_fits(g, i, left, bottom, other, g.rules.turn[i])
    hard, lefts, bottoms, wide, high, gap = g.hard, g.left, g.bottom, g.wide, g.high, g.gap
    for k in range(len(hard)):
        j = hard[k]
        if (
            left < lefts[j] + wide[j] + gap
            and lefts[j] < right + gap
            and bottom < bottoms[j] + high[j] + gap
            and bottoms[j] < top + gap
            and j != i
            and j != other
        ):
            return False
    return not hits_wall(g.hard_walls, left, bottom, right, top)


@njit_lean()
def hard_fits_turned(g: Ground, i: int, left: int, bottom: int, other: int, turn: int) -> bool:
    """:func:`hard_fits` with an orientation of the same width and height as the present one."""
    if not g.rules.on:
        return hard_fits(g, i, left, bottom, other)
    if left < g.low_x[i] or left > g.high_x[i] or bottom < g.low_y[i] or bottom > g.high_y[i]:
        return False
    return ruled_fits(g, i, left, bottom, other, turn)


@njit_lean()
def both_fit(g: Ground, i: int, left: int, bottom: int, j: int, left_j: int, bottom_j: int) -> bool:
    """True when hard macros ``i`` and ``j`` may lie at these corners together."""
    if not (hard_fits(g, i, left, bottom, j) and hard_fits(g, j, left_j, bottom_j, i)):
        return False
    if g.rules.on:
        return pair_fits(g, i, g.rules.turn[i], left, bottom, j, g.rules.turn[j], left_j, bottom_j)
    return (
        left >= left_j + g.wide[j] + g.gap
        or left_j >= left + g.wide[i] + g.gap
        or bottom >= bottom_j + g.high[j] + g.gap
        or bottom_j >= bottom + g.high[i] + g.gap
    )


@njit_lean()
def beside(g: Ground, i: int, j: int, side: int) -> int:
    """Corner coordinate (x for sides 0 and 2, else y) of hard macro ``i`` closest to a side of ``j``.

    Sides are 0 left, 1 bottom, 2 right, 3 top. On a snapping grid it is the next one away from ``j``.
    """
    free = g.gap
    if g.rules.on:
        free = apart(g.rules, i, g.rules.turn[i], j, g.rules.turn[j], side)
    if side == 0:
        at = g.left[j] - free - g.wide[i]
    elif side == 1:
        at = g.bottom[j] - free - g.high[i]
    elif side == 2:
        at = g.left[j] + g.wide[j] + free
    else:
        at = g.bottom[j] + g.high[j] + free
    if g.rules.on:
        return ruled_snap(g.rules, i, g.rules.turn[i], side % 2, at, 1 if side >= 2 else -1)
    return at


@njit_lean()
def soft_fits(g: Ground, i: int, left: int, bottom: int) -> bool:
    """True when a soft object inside its range touches no wall."""
    if g.rules.on:
        f = g.rules.fence[i]
        a, b = g.fence_ptr[f], g.fence_ptr[f + 1]
        return a == b or not hits_wall(g.soft_walls[a:b], left, bottom, left + g.wide[i], bottom + g.high[i])
    return not (len(g.soft_walls) and hits_wall(g.soft_walls, left, bottom, left + g.wide[i], bottom + g.high[i]))


@njit_lean()
def settle(g: Ground, i: int, left: int, bottom: int, turn: int) -> None:
    """Take note of where an object lies now."""
    g.left[i], g.bottom[i] = left, bottom
    if g.rules.on:
        g.rules.turn[i] = turn


@njit_lean()
def slide_range(g: Ground, i: int, vertical: bool) -> tuple[int, int]:
    """Lowest and highest corner coordinate hard macro ``i`` can slide to along one axis without jumping."""
    if g.rules.on:
        return ruled_range(g, i, vertical)
    left, bottom, right, top = g.left[i], g.bottom[i], g.left[i] + g.wide[i], g.bottom[i] + g.high[i]
    gap = g.gap
    low, high = (g.low_y[i], g.high_y[i]) if vertical else (g.low_x[i], g.high_x[i])
    for k in range(len(g.hard)):
        j = g.hard[k]
        if j == i:
            continue
        jl, jb = g.left[j], g.bottom[j]
        jr, jt = jl + g.wide[j], jb + g.high[j]
        if vertical:
            if left < jr + gap and jl < right + gap:
                if jb >= top:
                    high = min(high, jb - gap - g.high[i])
                elif jt <= bottom:
                    low = max(low, jt + gap)
        elif bottom < jt + gap and jb < top + gap:
            if jl >= right:
                high = min(high, jl - gap - g.wide[i])
            elif jr <= left:
                low = max(low, jr + gap)
    walls = g.hard_walls
    for k in range(len(walls)):
        if vertical:
            if left < walls[k, 2] and walls[k, 0] < right:
                if walls[k, 1] >= top:
                    high = min(high, walls[k, 1] - g.high[i])
                elif walls[k, 3] <= bottom:
                    low = max(low, walls[k, 3])
        elif bottom < walls[k, 3] and walls[k, 1] < top:
            if walls[k, 0] >= right:
                high = min(high, walls[k, 0] - g.wide[i])
            elif walls[k, 2] <= left:
                low = max(low, walls[k, 2])
    return low, high


@njit_lean()
def keep_out(g: Ground, i: int, j: int) -> tuple[int, int, int, int]:
    """Where the corner of hard macro ``i`` may not be because of hard macro ``j``: an open box, in lattice steps.

    Returns:
        left, bottom, right, top; a corner on the border of the box keeps the two apart.
    """
    low_x = low_y = high_x = high_y = g.gap
    if g.rules.on:
        r, mine, other = g.rules, g.rules.turn[i], g.rules.turn[j]
        low_x, low_y = apart(r, i, mine, j, other, 0), apart(r, i, mine, j, other, 1)
        high_x, high_y = apart(r, i, mine, j, other, 2), apart(r, i, mine, j, other, 3)
    return (
        g.left[j] - low_x - g.wide[i],
        g.bottom[j] - low_y - g.high[i],
        g.left[j] + g.wide[j] + high_x,
        g.bottom[j] + g.high[j] + high_y,
    )


@njit_lean()
def free_spot(g: Ground, i: int, left: int, bottom: int, boxes: NDArray) -> tuple[bool, int, int]:
    """The free corner of hard macro ``i`` nearest to a wanted one, by the sum of both distances.

    The free corners are what the open boxes of all obstacles leave over. The nearest one lies below or above the wanted
    corner, or on the left or right border of a box; on each of these lines a walk out of the boxes finds it.

    Args:
        g: integer geometry.
        i: the macro; where it lies now counts as free.
        left: wanted corner, lattice steps.
        bottom: wanted corner.
        boxes: scratch, int64 ``[obstacles, 4]``.

    Returns:
        Whether there is one, and the corner.
    """
    count = 0
    for k in range(len(g.hard)):
        j = g.hard[k]
        if j != i:
            boxes[count, 0], boxes[count, 1], boxes[count, 2], boxes[count, 3] = keep_out(g, i, j)
            count += 1
    walls = g.hard_walls
    if g.rules.on:
        f = g.rules.fence[i]
        walls = g.rules.walls[g.rules.wall_ptr[f] : g.rules.wall_ptr[f + 1]]
    for k in range(len(walls)):
        boxes[count, 0], boxes[count, 1] = walls[k, 0] - g.wide[i], walls[k, 1] - g.high[i]
        boxes[count, 2], boxes[count, 3] = walls[k, 2], walls[k, 3]
        count += 1
    nearest = np.iinfo(np.int64).max
    best_left, best_bottom = left, bottom
    if hard_fits(g, i, g.left[i], g.bottom[i], -1):  # where it lies is one answer: only nearer ones are looked for
        best_left, best_bottom = g.left[i], g.bottom[i]
        nearest = abs(best_left - left) + abs(best_bottom - bottom)
        count = _nearby(boxes, count, left, bottom, nearest)
    k, lines = 0, 2 * count + 1
    while k < lines:
        at = left if k == 0 else boxes[(k - 1) // 2, 0 if k % 2 else 2]
        if g.rules.on:  # the nearest line of the snapping grid that is not inside the box
            at = ruled_snap(g.rules, i, g.rules.turn[i], 0, at, -1 if k % 2 else 1)
        k += 1
        aside = abs(at - left)
        if aside >= nearest or at < g.low_x[i] or at > g.high_x[i]:
            continue
        for up in (True, False):
            y = _walk_out(boxes, count, at, bottom, up, nearest - aside)
            if g.rules.on:
                y = ruled_snap(g.rules, i, g.rules.turn[i], 1, y, 1 if up else -1)
            if g.low_y[i] <= y <= g.high_y[i] and aside + abs(y - bottom) < nearest:
                nearest, best_left, best_bottom = aside + abs(y - bottom), at, y
        if k == 1 and nearest < np.iinfo(np.int64).max:  # boxes further away than that have no say any more
            count = _nearby(boxes, count, left, bottom, nearest)
            lines = 2 * count + 1
    found = nearest < np.iinfo(np.int64).max and hard_fits(g, i, best_left, best_bottom, -1)
    return found, best_left, best_bottom


@njit_lean()
def _nearby(boxes: NDArray, count: int, x: int, y: int, far: int) -> int:
    """Keep the boxes that come closer than ``far`` to a point along each axis; returns how many."""
    kept = 0
    for k in range(count):
        if boxes[k, 0] < x + far and boxes[k, 2] > x - far and boxes[k, 1] < y + far and boxes[k, 3] > y - far:
            for side in range(4):
                boxes[kept, side] = boxes[k, side]
            kept += 1
    return kept


@njit_lean()
def _walk_out(boxes: NDArray, count: int, x: int, y: int, up: bool, far: int) -> int:
    """First height at or above (below) ``y`` that lies in no box on the line ``x``; gives up beyond ``far``."""
    begin, inside = y, True
    while inside and abs(y - begin) < far:
        inside = False
        for k in range(count):
            if boxes[k, 0] < x < boxes[k, 2] and boxes[k, 1] < y < boxes[k, 3]:
                y = boxes[k, 3] if up else boxes[k, 1]
                inside = True
    return y

"""Where objects may lie during search, in whole lattice steps: every move made here is legal or refused."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from netlists.design import Design
from netlists.netlist import HARD_MACRO
from netlists.orientation import oriented_sizes
from netlists.placement import Placement
from placer.cost.lattice import blockage_boxes, canvas_box, integer_sizes, microns, outline_boxes, round_steps
from placer.cost.legality import overlapping_pairs


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
        soft_walls: ``[J, 4]`` boxes no other object may enter (outside of the outline).
        gap: steps kept free between hard macros: 1 where the start has it, so that no later rounding can make two
            of them touch; else 0.
        step: um of one lattice step.
        inverse_step: steps of one um where that is whole (division keeps decimal coordinates exact), else 0.
        half_x: ``[N]`` um from corner to centre.
        half_y: ``[N]``.
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
    gap: int
    step: float
    inverse_step: float
    half_x: NDArray[np.float64]
    half_y: NDArray[np.float64]


def build_ground(design: Design, placement: Placement) -> Ground:
    """Integer geometry of a placement whose movable objects lie on the lattice."""
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
    return Ground(
        left=left, bottom=bottom, wide=wide, high=high,
        low_x=np.full(n.num_nodes, x0), high_x=x1 - wide, low_y=np.full(n.num_nodes, y0), high_y=y1 - high,
        hard=hard,
        hard_walls=np.concatenate([walls, blockage_boxes(canvas)[0]]),
        soft_walls=walls,
        gap=0 if len(overlapping_pairs(boxes)) else 1,
        step=step,
        inverse_step=inverse if inverse >= 1 and abs(inverse * step - 1.0) < 1e-12 else 0.0,
        half_x=half_x, half_y=half_y,
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


@njit(cache=True)
def centre_x(g: Ground, i: int, left: int) -> float:
    """Centre, um, of object ``i`` with its left edge at ``left`` steps."""
    um = left / g.inverse_step if g.inverse_step > 0.0 else left * g.step
    return um + g.half_x[i]


@njit(cache=True)
def centre_y(g: Ground, i: int, bottom: int) -> float:
    """Centre, um, of object ``i`` with its lower edge at ``bottom`` steps."""
    um = bottom / g.inverse_step if g.inverse_step > 0.0 else bottom * g.step
    return um + g.half_y[i]


@njit(cache=True)
def corner_x(g: Ground, i: int, x: float) -> int:
    """Allowed left edge, in steps, nearest to the centre ``x`` (um)."""
    left = int(np.floor((x - g.half_x[i]) / g.step + 0.5))
    return max(min(left, g.high_x[i]), g.low_x[i])


@njit(cache=True)
def corner_y(g: Ground, i: int, y: float) -> int:
    """Allowed lower edge, in steps, nearest to the centre ``y`` (um)."""
    bottom = int(np.floor((y - g.half_y[i]) / g.step + 0.5))
    return max(min(bottom, g.high_y[i]), g.low_y[i])


@njit(cache=True)
def hits_wall(walls: NDArray, left: int, bottom: int, right: int, top: int) -> bool:
    """True when a box overlaps one of the walls."""
    for k in range(len(walls)):
        if left < walls[k, 2] and walls[k, 0] < right and bottom < walls[k, 3] and walls[k, 1] < top:
            return True
    return False


@njit(cache=True)
def hard_fits(g: Ground, i: int, left: int, bottom: int, other: int) -> bool:
    """True when hard macro ``i`` may lie at a corner, ``other`` (or -1) being out of the way."""
    right, top = left + g.wide[i], bottom + g.high[i]
    if left < g.low_x[i] or left > g.high_x[i] or bottom < g.low_y[i] or bottom > g.high_y[i]:
        return False
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


@njit(cache=True)
def slide_range(g: Ground, i: int, vertical: bool) -> tuple[int, int]:
    """Lowest and highest corner coordinate hard macro ``i`` can slide to along one axis without jumping."""
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

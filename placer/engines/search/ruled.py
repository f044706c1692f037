"""What constraints mean to the search: where a hard macro may lie besides not overlapping.

Two macros are kept apart on every side by the wider of the two halos that face each other, the channel, or the gap,
whichever is most. That is what the rules ask along the sides and now and then a little more across corners, so a
placement found with it is always legal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit_lean
from netlists.design import Design
from netlists.placement import Placement
from placer.cost.rules import allowed_orientations, channel_steps, fence_of, halo_steps, region_walls, snap_steps

if TYPE_CHECKING:
    from placer.engines.search.ground import Ground

_LEFT, _BOTTOM, _RIGHT, _TOP = range(4)


class Rules(NamedTuple):
    """Constraints of the ``H`` hard macros in lattice steps. All arrays are empty where there are none.

    Attributes:
        on: there are constraints.
        slot: ``[N]`` index of each hard macro in the arrays of length ``H``, -1 for other objects.
        turn: ``[N]`` orientation codes; kept up to date by the moves.
        halo: ``[H, 8, 4]`` left, bottom, right, top as they lie, by orientation code.
        channel: ``[2]`` least gaps in x and y, the search's own gap included.
        pitch: ``[H, 2]`` snapping grid, 1 for none.
        offset: ``[H, 8, 2]`` by orientation code.
        allowed: ``[H, 8]`` bool.
        fence: ``[N]`` 0 for objects of no fence, else 1 more than its index.
        wall_ptr: ``[F + 2]`` offsets into ``walls`` by ``fence``.
        walls: ``[K, 4]`` boxes no hard macro of that fence may enter.
    """

    on: bool
    slot: NDArray[np.int64]
    turn: NDArray[np.int64]
    halo: NDArray[np.int64]
    channel: NDArray[np.int64]
    pitch: NDArray[np.int64]
    offset: NDArray[np.int64]
    allowed: NDArray[np.bool_]
    fence: NDArray[np.int64]
    wall_ptr: NDArray[np.int64]
    walls: NDArray[np.int64]


def build_rules(design: Design, placement: Placement, hard: NDArray[np.int64], gap: int) -> Rules:
    """The constraints of a design, ready for the kernels; ``gap`` is what the search keeps free anyway."""
    if design.constraints is None:
        i = np.int64
        return Rules(
            False, np.zeros(0, i), np.zeros(0, i), np.zeros((0, 8, 4), i), np.zeros(2, i), np.zeros((0, 2), i),
            np.zeros((0, 8, 2), i), np.zeros((0, 8), np.bool_), np.zeros(0, i), np.zeros(2, i), np.zeros((0, 4), i),
        )  # fmt: skip
    n = design.netlist.num_nodes
    slot = np.full(n, -1, np.int64)
    slot[hard] = np.arange(len(hard))
    codes = [np.full(len(hard), code, np.int8) for code in range(8)]
    snapping = [snap_steps(design, code, hard) for code in codes]
    walls = [region_walls(design, region) for region in range(-1, len(design.constraints.regions))]
    return Rules(
        on=True,
        slot=slot,
        turn=placement.orient.astype(np.int64),
        halo=np.stack([halo_steps(design, code, hard) for code in codes], axis=1),
        channel=np.maximum(np.array(channel_steps(design), np.int64), gap),
        pitch=snapping[0][0],
        offset=np.stack([offset for _, offset in snapping], axis=1),
        allowed=allowed_orientations(design)[hard],
        fence=fence_of(design).astype(np.int64) + 1,
        wall_ptr=np.concatenate([[0], np.cumsum([len(w) for w in walls])]).astype(np.int64),
        walls=np.concatenate(walls),
    )


@njit_lean()
def apart(r: Rules, i: int, turn_i: int, j: int, turn_j: int, side: int) -> int:
    """Steps to keep free between hard macros ``i`` and ``j``.

    ``i`` lies on the ``side`` (0 left, 1 bottom, 2 right, 3 top) of ``j``;
    ``turn_i`` and ``turn_j`` are the orientations they have or would have.
    """
    mine = r.halo[r.slot[i], turn_i, (side + 2) % 4]
    return max(mine, r.halo[r.slot[j], turn_j, side], r.channel[side % 2])


@njit_lean()
def pair_fits(
    g: Ground, i: int, turn_i: int, left: int, bottom: int, j: int, turn_j: int, left_j: int, bottom_j: int
) -> bool:
    """True when hard macros ``i`` and ``j``, at these corners, are far enough apart."""
    r = g.rules
    return (
        left >= left_j + g.wide[j] + apart(r, i, turn_i, j, turn_j, _RIGHT)
        or left_j >= left + g.wide[i] + apart(r, i, turn_i, j, turn_j, _LEFT)
        or bottom >= bottom_j + g.high[j] + apart(r, i, turn_i, j, turn_j, _TOP)
        or bottom_j >= bottom + g.high[i] + apart(r, i, turn_i, j, turn_j, _BOTTOM)
    )


@njit_lean()
def ruled_fits(g: Ground, i: int, left: int, bottom: int, other: int, turn: int) -> bool:
    """True when hard macro ``i`` may lie at a corner with an orientation, ``other`` (or -1) being out of the way.

    The canvas box is the caller's to check.
    """
    r = g.rules
    s = r.slot[i]
    if not r.allowed[s, turn]:
        return False
    if (left - r.offset[s, turn, 0]) % r.pitch[s, 0] != 0 or (bottom - r.offset[s, turn, 1]) % r.pitch[s, 1] != 0:
        return False
    right, top = left + g.wide[i], bottom + g.high[i]
    f = r.fence[i]
    for k in range(r.wall_ptr[f], r.wall_ptr[f + 1]):
        if left < r.walls[k, 2] and r.walls[k, 0] < right and bottom < r.walls[k, 3] and r.walls[k, 1] < top:
            return False
    for k in range(len(g.hard)):
        j = g.hard[k]
        if j != i and j != other and not pair_fits(g, i, turn, left, bottom, j, r.turn[j], g.left[j], g.bottom[j]):
            return False
    return True


@njit_lean()
def ruled_range(g: Ground, i: int, vertical: bool) -> tuple[int, int]:
    """``slide_range`` of :mod:`placer.engines.search.ground` under constraints; both ends are on the snapping grid."""
    r = g.rules
    turn = r.turn[i]
    left, bottom, right, top = g.left[i], g.bottom[i], g.left[i] + g.wide[i], g.bottom[i] + g.high[i]
    low, high = (g.low_y[i], g.high_y[i]) if vertical else (g.low_x[i], g.high_x[i])
    for k in range(len(g.hard)):
        j = g.hard[k]
        if j == i:
            continue
        tj = r.turn[j]
        jl, jb = g.left[j], g.bottom[j]
        jr, jt = jl + g.wide[j], jb + g.high[j]
        if vertical:
            if left < jr + apart(r, i, turn, j, tj, _RIGHT) and jl < right + apart(r, i, turn, j, tj, _LEFT):
                if jb >= top:
                    high = min(high, jb - apart(r, i, turn, j, tj, _BOTTOM) - g.high[i])
                elif jt <= bottom:
                    low = max(low, jt + apart(r, i, turn, j, tj, _TOP))
        elif bottom < jt + apart(r, i, turn, j, tj, _TOP) and jb < top + apart(r, i, turn, j, tj, _BOTTOM):
            if jl >= right:
                high = min(high, jl - apart(r, i, turn, j, tj, _LEFT) - g.wide[i])
            elif jr <= left:
                low = max(low, jr + apart(r, i, turn, j, tj, _RIGHT))
    f = r.fence[i]
    walls = r.walls
    for k in range(r.wall_ptr[f], r.wall_ptr[f + 1]):
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
    axis = 1 if vertical else 0
    return ruled_snap(r, i, turn, axis, low, 1), ruled_snap(r, i, turn, axis, high, -1)


@njit_lean()
def ruled_snap(r: Rules, i: int, turn: int, axis: int, corner: int, way: int) -> int:
    """The corner on the snapping grid of hard macro ``i``: upwards (1), downwards (-1) or nearest (0)."""
    s = r.slot[i]
    pitch = r.pitch[s, axis]
    over = (corner - r.offset[s, turn, axis]) % pitch
    if over == 0:
        return corner
    if way > 0 or (way == 0 and 2 * over > pitch):
        return corner - over + pitch
    return corner - over

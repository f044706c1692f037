"""A design as the device reads it: one copy for all chains, movable objects renumbered, demand in whole numbers."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.netlist import HARD_MACRO, PORT
from netlists.orientation import MATRIX, oriented_sizes
from placer.cost.full import CostWeights
from placer.cost.incremental import Problem, build_problem
from placer.cost.lattice import blockage_boxes, canvas_box, ceil_steps, integer_boxes, outline_boxes
from placer.engines.gpu_search.errors import GpuUnavailableError

#: Nets with more connections than this are priced by all threads of a block together.
SHORT = 16
#: Largest denominator of net weights that are still counted in whole numbers.
_DENOMINATOR = 1024


class Board(NamedTuple):
    """Read-only arrays on the device and the numbers that go with them.

    Movable objects are numbered by *slot*: movable hard macros first, then everything else that moves. What cannot
    move is worked into the arrays: its pins are positions, its bodies are boxes.

    Attributes:
        net_ptr: ``[M + 1]`` int32 offsets into the pins of a net; its source is the first.
        pin_slot: ``[C]`` int32 slot, or -1 where the pin cannot move.
        pin_dx: ``[C]`` um, N frame; of a pin that cannot move, its position from the canvas origin.
        pin_dy: ``[C]``.
        weight: ``[M]`` net weights.
        demand: ``[M]`` int32 the same in units of ``unit``.
        slot_ptr: ``[S + 1]`` int32 offsets into ``slot_net``.
        slot_long: ``[S]`` int32 where the long nets of a slot begin in ``slot_net``.
        slot_net: int32 distinct nets of each slot, rising among the short and among the long ones.
        long_net: int32 all nets of more than ``SHORT`` pins.
        width: ``[S]`` um, orientation N.
        height: ``[S]`` um.
        wide: ``[S]`` int64 lattice steps, rounded up, orientation N.
        high: ``[S]`` int64.
        twin_ptr: ``[hards + 1]`` int32 offsets into ``twin``.
        twin: int32 for each movable hard macro, the movable ones of its size.
        walls: ``[K, 5]`` int64 boxes (steps) no hard macro may enter, and 1 where the gap between macros applies.
        soft_walls: ``[J, 4]`` int64 boxes no other object may enter.
        still: ``[F, 4]`` left, right, bottom, top (um from the canvas origin) of solid objects that cannot move.
        still_hard: ``[F]`` int32 1 for hard macros.
        hards: movable hard macros.
        rows: gcell rows.
        columns: gcell columns.
        x0: canvas origin, um.
        y0: canvas origin, um.
        pitch_x: gcell width, um.
        pitch_y: gcell height, um.
        h_unit: congestion of one unit of horizontal demand.
        v_unit: congestion of one unit of vertical demand.
        h_block: horizontal congestion of one um of a hard macro.
        v_block: vertical congestion of one um of a hard macro.
        reach: smoothing range in gcells.
        density_count: gcells in the density mean.
        congestion_count: entries in the congestion mean.
        wirelength_scale: proxy cost of one um of weighted HPWL.
        density_scale: proxy cost of one um^2 in the top sum.
        congestion_scale: proxy cost of 1.0 in the top sum.
        step: um of one lattice step.
        inverse_step: steps of one um where that is whole, else 0.
        low_x: canvas box in steps.
        low_y: canvas box in steps.
        end_x: canvas box in steps.
        end_y: canvas box in steps.
    """

    net_ptr: NDArray[np.int32]
    pin_slot: NDArray[np.int32]
    pin_dx: NDArray[np.float64]
    pin_dy: NDArray[np.float64]
    weight: NDArray[np.float64]
    demand: NDArray[np.int32]
    slot_ptr: NDArray[np.int32]
    slot_long: NDArray[np.int32]
    slot_net: NDArray[np.int32]
    long_net: NDArray[np.int32]
    width: NDArray[np.float64]
    height: NDArray[np.float64]
    wide: NDArray[np.int64]
    high: NDArray[np.int64]
    twin_ptr: NDArray[np.int32]
    twin: NDArray[np.int32]
    walls: NDArray[np.int64]
    soft_walls: NDArray[np.int64]
    still: NDArray[np.float64]
    still_hard: NDArray[np.int32]
    hards: int
    rows: int
    columns: int
    x0: float
    y0: float
    pitch_x: float
    pitch_y: float
    h_unit: float
    v_unit: float
    h_block: float
    v_block: float
    reach: int
    density_count: int
    congestion_count: int
    wirelength_scale: float
    density_scale: float
    congestion_scale: float
    step: float
    inverse_step: float
    low_x: int
    low_y: int
    end_x: int
    end_y: int


def build_board(design: Design, weights: CostWeights | None = None) -> tuple[Board, NDArray[np.int64]]:
    """Flatten a design for the device; the arrays are still on the host.

    Returns:
        board: the arrays and numbers.
        nodes: ``[S]`` node id of each slot.

    Raises:
        GpuUnavailableError: net weights without a common small denominator, a grid under 10 gcells, or nothing that
            moves: the CPU search takes those.
        NetlistError: the placement grid is finer than the model can hold.
    """
    p = build_problem(design, weights)
    if p.density_count == 0:
        raise GpuUnavailableError(f"a grid of {p.columns} x {p.rows} gcells is too small for the GPU search")
    n, canvas, origin = design.netlist, design.canvas, design.placement
    hard = n.node_kind == HARD_MACRO
    nodes = np.concatenate([np.flatnonzero(design.movable & hard), np.flatnonzero(design.movable & ~hard)])
    if len(nodes) == 0:
        raise GpuUnavailableError("nothing on this design moves")
    hards = int((design.movable & hard).sum())
    slot = np.full(n.num_nodes, -1, np.int32)
    slot[nodes] = np.arange(len(nodes))
    demand, unit = whole_weights(p.net_weight, np.diff(p.net_ptr))
    slot_ptr, slot_long, slot_net = _nets_of_slots(p, nodes)
    pin_slot = slot[p.conn_node]
    turn = MATRIX[origin.orient[p.conn_node]]
    fixed_x = (origin.x[p.conn_node] - p.x0) + (turn[:, 0] * p.conn_dx + turn[:, 1] * p.conn_dy)
    fixed_y = (origin.y[p.conn_node] - p.y0) + (turn[:, 2] * p.conn_dx + turn[:, 3] * p.conn_dy)
    twin_ptr, twin = _twins(n.node_width[nodes[:hards]], n.node_height[nodes[:hards]])
    still, still_hard = _still(design, p)
    step = canvas.lattice
    inverse = float(np.rint(1.0 / step))
    low_x, low_y, end_x, end_y = canvas_box(canvas)
    board = Board(
        net_ptr=p.net_ptr,
        pin_slot=pin_slot,
        pin_dx=np.where(pin_slot < 0, fixed_x, p.conn_dx),
        pin_dy=np.where(pin_slot < 0, fixed_y, p.conn_dy),
        weight=p.net_weight, demand=demand,
        slot_ptr=slot_ptr, slot_long=slot_long, slot_net=slot_net,
        long_net=np.flatnonzero(np.diff(p.net_ptr) > SHORT).astype(np.int32),
        width=n.node_width[nodes], height=n.node_height[nodes],
        wide=np.maximum(ceil_steps(n.node_width[nodes], step), n.node_width[nodes] > 0),
        high=np.maximum(ceil_steps(n.node_height[nodes], step), n.node_height[nodes] > 0),
        twin_ptr=twin_ptr, twin=twin,
        walls=_walls(design), soft_walls=outline_boxes(canvas),
        still=still, still_hard=still_hard, hards=hards,
        rows=p.rows, columns=p.columns, x0=p.x0, y0=p.y0, pitch_x=p.gcell_width, pitch_y=p.gcell_height,
        h_unit=p.h_inverse * unit, v_unit=p.v_inverse * unit,
        h_block=p.h_macro * p.h_inverse, v_block=p.v_macro * p.v_inverse,
        reach=p.reach, density_count=p.density_count, congestion_count=p.congestion_count,
        wirelength_scale=p.wirelength_scale, density_scale=p.density_scale, congestion_scale=p.congestion_scale,
        step=step, inverse_step=inverse if inverse >= 1 and abs(inverse * step - 1.0) < 1e-12 else 0.0,
        low_x=low_x, low_y=low_y, end_x=end_x, end_y=end_y,
    )  # fmt: skip
    return board, nodes


def whole_weights(weights: NDArray[np.float64], degree: NDArray[np.int32]) -> tuple[NDArray[np.int32], float]:
    """Net weights as whole multiples of one unit, so that demand adds up exactly in any order.

    Args:
        weights: ``[M]``.
        degree: ``[M]`` pins of each net.

    Returns:
        multiples: ``[M]`` int32.
        unit: ``multiples * unit`` are the weights.

    Raises:
        GpuUnavailableError: they have no common denominator up to 1024, or demand might not fit 32 bits.
    """
    factor = 1
    for value in np.unique(weights):
        fraction = Fraction(float(value)).limit_denominator(_DENOMINATOR)
        factor = int(np.lcm(factor, fraction.denominator))
        if abs(float(fraction) - value) > 1e-12 * abs(value) or factor > _DENOMINATOR:
            raise GpuUnavailableError("the net weights are not multiples of one small fraction")
    multiples = np.rint(weights * factor)
    # Each pin's arm crosses a gcell at most once a direction.
    if float((multiples * degree).sum()) >= 2.0**31:
        raise GpuUnavailableError("the net weights are too large to be counted in 32 bits")
    return multiples.astype(np.int32), 1.0 / factor


def _nets_of_slots(p: Problem, nodes: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray]:
    degree = np.diff(p.net_ptr)
    ptr, middle, nets = [0], [], []
    for node in nodes:
        own = np.unique(p.conn_net[p.obj_conn[p.obj_ptr[node] : p.obj_ptr[node + 1]]])
        is_long = degree[own] > SHORT
        middle.append(ptr[-1] + int((~is_long).sum()))
        ptr.append(ptr[-1] + len(own))
        nets += [own[~is_long], own[is_long]]
    return np.array(ptr, np.int32), np.array(middle, np.int32), np.concatenate(nets).astype(np.int32)


def _twins(width: NDArray[np.float64], height: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    _, group = np.unique(np.stack([width, height], axis=1), axis=0, return_inverse=True)
    members = [np.flatnonzero(group.reshape(-1) == k) for k in group.reshape(-1)]
    ptr = np.zeros(len(width) + 1, np.int32)
    np.cumsum([len(m) for m in members], out=ptr[1:])
    return ptr, np.concatenate([*members, np.zeros(0, np.int64)]).astype(np.int32)


def _walls(design: Design) -> NDArray[np.int64]:
    boxes = np.concatenate([outline_boxes(design.canvas), blockage_boxes(design.canvas)[0]])
    fixed = ~design.movable & (design.netlist.node_kind == HARD_MACRO)
    macros = integer_boxes(design, design.placement)[fixed]
    plain = np.concatenate([boxes, np.zeros((len(boxes), 1), np.int64)], axis=1)
    return np.concatenate([plain, np.concatenate([macros, np.ones((len(macros), 1), np.int64)], axis=1)])


def _still(design: Design, p: Problem) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    n, origin = design.netlist, design.placement
    ids = np.flatnonzero(~design.movable & (n.node_kind != PORT))
    width, height = oriented_sizes(n.node_width[ids], n.node_height[ids], origin.orient[ids])
    x, y = origin.x[ids] - p.x0, origin.y[ids] - p.y0
    boxes = np.stack([x - width / 2, x + width / 2, y - height / 2, y + height / 2], axis=1)
    return boxes, (n.node_kind[ids] == HARD_MACRO).astype(np.int32)

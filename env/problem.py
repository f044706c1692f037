"""What a design means to the environment: macros and their order, grid positions, nets, obstacles. Built once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from env.orders import macro_order
from netlists.canvas import Canvas
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.netlist import HARD_MACRO
from netlists.orientation import oriented_offsets, oriented_sizes
from placer.cost.lattice import (
    blockage_boxes,
    canvas_box,
    integer_boxes,
    integer_sizes,
    microns,
    outline_boxes,
    round_steps,
)


@dataclass(frozen=True, eq=False)
class MacroNets:
    """For every macro to be placed, the nets it is on and the box of its pins on each. CSR by step; um.

    A net that touches a macro with several pins appears once.

    Attributes:
        ptr: ``[T + 1]`` int64, CSR offsets by step.
        net: ``[E]`` int64 net ids, ascending within a step.
        x0: ``[E]`` float64, leftmost pin offset from the macro's centre, as the macro lies.
        x1: ``[E]`` rightmost.
        y0: ``[E]`` lowest.
        y1: ``[E]`` highest.
        weight: ``[E]`` net weight.
    """

    ptr: NDArray[np.int64]
    net: NDArray[np.int64]
    x0: NDArray[np.float64]
    x1: NDArray[np.float64]
    y0: NDArray[np.float64]
    y1: NDArray[np.float64]
    weight: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MacroProblem:
    """A design seen as ``T`` macros to put on a grid of ``rows x columns`` cells, in a fixed order.

    Attributes:
        design: the design; every macro keeps the orientation its placement gives it.
        macros: ``[T]`` node ids in placing order.
        size: ``[T, 2]`` int64 width and height in lattice steps, rounded up.
        half: ``[T, 2]`` float64 half width and half height as the macro lies, um.
        x0: ``[T, columns]`` int64 lattice x of the lower-left corner for each column.
        y0: ``[T, rows]`` int64 lattice y of the lower-left corner for each row.
        x: ``[T, columns]`` float64 centre for each column, um.
        y: ``[T, rows]`` float64 centre for each row, um.
        nets: the nets of each macro.
        obstacles: ``[K, 4]`` int64 boxes no macro may overlap: fixed hard macros, hard blockages and what lies
            outside the outline, in lattice steps.
        blockage: ``[rows, columns]`` share of each gcell that hard blockages or the outside of the outline cover.
        fixed_area: ``[rows, columns]`` share of each gcell that fixed hard macros cover.
        net_box: ``[M, 4]`` float64 x0, x1, y0, y1 of each net's already placed pins (ports and fixed objects), um;
            empty nets hold +inf, -inf.
        hpwl_scale: 1 / ((canvas width + height) * sum of net weights): um to ``wirelength_cost``.
    """

    design: Design
    macros: NDArray[np.int64]
    size: NDArray[np.int64]
    half: NDArray[np.float64]
    x0: NDArray[np.int64]
    y0: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    nets: MacroNets
    obstacles: NDArray[np.int64]
    blockage: NDArray[np.float64]
    fixed_area: NDArray[np.float64]
    net_box: NDArray[np.float64]
    hpwl_scale: float

    @property
    def num_macros(self) -> int:
        """Macros to place, ``T``; also the length of a complete episode."""
        return len(self.macros)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the grid."""
        return self.design.canvas.grid_rows, self.design.canvas.columns


def build_problem(design: Design, order: str = "area") -> MacroProblem:
    """Work out everything about a design that does not change during an episode.

    Args:
        design: what to place. Movable hard macros are placed in the episode; ports and fixed objects stay where the
            design has them; other movable objects have no position until the end.
        order: see :func:`env.orders.macro_order`.

    Raises:
        NetlistError: there is no movable hard macro, more of them than grid cells, one that does not fit the canvas,
            or no position for the first one.
        ValueError: the order is unknown.
    """
    netlist, canvas, placement = design.netlist, design.canvas, design.placement
    movable = np.flatnonzero(design.movable & (netlist.node_kind == HARD_MACRO))
    if not len(movable):
        raise NetlistError(f"design {design.name!r} has no movable hard macro to place")
    if len(movable) > canvas.columns * canvas.grid_rows:
        raise NetlistError(
            f"design {design.name!r} has more macros than its placement grid has cells",
            found=f"{len(movable)} macros", expected=f"at most {canvas.grid_rows} x {canvas.columns}",
        )  # fmt: skip
    macros = macro_order(design, movable, order)
    size = np.stack(integer_sizes(design, placement), axis=1)[macros]
    lying = oriented_sizes(netlist.node_width[macros], netlist.node_height[macros], placement.orient[macros])
    half = np.stack(lying, axis=1) / 2
    x0, y0 = _corners(design, macros, size, half)
    step = canvas.lattice
    fixed_macros = np.flatnonzero((netlist.node_kind == HARD_MACRO) & ~design.movable)
    walls = np.concatenate([blockage_boxes(canvas)[0], outline_boxes(canvas)])
    fixed_boxes = integer_boxes(design, placement)[fixed_macros]
    total_weight = float(netlist.net_weight.sum())
    return MacroProblem(
        design=design,
        macros=macros,
        size=size,
        half=half,
        x0=x0,
        y0=y0,
        x=microns(x0, step) + half[:, :1],
        y=microns(y0, step) + half[:, 1:],
        nets=_macro_nets(design, macros),
        obstacles=np.ascontiguousarray(np.concatenate([fixed_boxes, walls])),
        blockage=_coverage(canvas, walls),
        fixed_area=_coverage(canvas, fixed_boxes),
        net_box=_initial_boxes(design),
        hpwl_scale=1.0 / ((canvas.width + canvas.height) * total_weight) if total_weight > 0 else 0.0,
    )


def _corners(
    design: Design, macros: NDArray[np.int64], size: NDArray[np.int64], half: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lattice corner of each macro for each column and row: centred in the gcell, snapped, kept on the canvas."""
    netlist, canvas = design.netlist, design.canvas
    left, bottom, right, top = canvas_box(canvas)
    too_big = np.flatnonzero((size[:, 0] > right - left) | (size[:, 1] > top - bottom))
    if len(too_big):
        node = int(macros[too_big[0]])
        raise NetlistError(
            f"hard macro {netlist.node_names[node]!r} does not fit the canvas as it is turned",
            found=f"{netlist.node_width[node]:g} x {netlist.node_height[node]:g} um",
            expected=f"at most {canvas.width:g} x {canvas.height:g} um",
        )
    centre_x = canvas.x0 + (np.arange(canvas.columns) + 0.5) * canvas.gcell_width
    centre_y = canvas.y0 + (np.arange(canvas.grid_rows) + 0.5) * canvas.gcell_height
    x0 = round_steps(centre_x - half[:, :1], canvas.lattice)
    y0 = round_steps(centre_y - half[:, 1:], canvas.lattice)
    return (
        np.clip(x0, left, right - size[:, :1]),
        np.clip(y0, bottom, top - size[:, 1:]),
    )


def _macro_nets(design: Design, macros: NDArray[np.int64]) -> MacroNets:
    netlist = design.netlist
    step_of = np.full(netlist.num_nodes, -1)
    step_of[macros] = np.arange(len(macros))
    conn = np.flatnonzero(step_of[netlist.conn_node] >= 0)
    step, net = step_of[netlist.conn_node[conn]], netlist.conn_net[conn].astype(np.int64)
    order = np.lexsort((net, step))
    conn, step, net = conn[order], step[order], net[order]
    dx, dy = oriented_offsets(
        netlist.conn_dx[conn], netlist.conn_dy[conn], design.placement.orient[netlist.conn_node[conn]]
    )
    starts = np.flatnonzero(np.diff(step, prepend=-1) | np.diff(net, prepend=-1))
    return MacroNets(
        ptr=np.searchsorted(step[starts], np.arange(len(macros) + 1)),
        net=net[starts],
        x0=_reduce(np.minimum, dx, starts),
        x1=_reduce(np.maximum, dx, starts),
        y0=_reduce(np.minimum, dy, starts),
        y1=_reduce(np.maximum, dy, starts),
        weight=netlist.net_weight[net[starts]],
    )


def _reduce(function: np.ufunc, values: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    # reduceat refuses an empty index list's values of no length.
    return function.reduceat(values, starts) if len(starts) else np.zeros(0)


def _initial_boxes(design: Design) -> NDArray[np.float64]:
    """Boxes of what has a position before the first step."""
    netlist, placement = design.netlist, design.placement
    there = ~design.movable & placement.placed
    box = np.tile([np.inf, -np.inf, np.inf, -np.inf], (netlist.num_nets, 1))
    conn = np.flatnonzero(there[netlist.conn_node])
    node, net = netlist.conn_node[conn], netlist.conn_net[conn]
    dx, dy = oriented_offsets(netlist.conn_dx[conn], netlist.conn_dy[conn], placement.orient[node])
    x, y = placement.x[node] + dx, placement.y[node] + dy
    np.minimum.at(box[:, 0], net, x)
    np.maximum.at(box[:, 1], net, x)
    np.minimum.at(box[:, 2], net, y)
    np.maximum.at(box[:, 3], net, y)
    return box


def _coverage(canvas: Canvas, boxes: NDArray[np.int64]) -> NDArray[np.float64]:
    """``[rows, columns]`` share of each gcell under ``boxes`` (lattice steps), at most 1."""
    low_x = canvas.x0 + np.arange(canvas.columns) * canvas.gcell_width
    low_y = canvas.y0 + np.arange(canvas.grid_rows) * canvas.gcell_height
    x0, y0, x1, y1 = (microns(side, canvas.lattice)[:, None] for side in boxes.T)
    wide = np.clip(np.minimum(x1, low_x + canvas.gcell_width) - np.maximum(x0, low_x), 0, None)
    high = np.clip(np.minimum(y1, low_y + canvas.gcell_height) - np.maximum(y0, low_y), 0, None)
    return np.minimum(high.T @ wide / (canvas.gcell_width * canvas.gcell_height), 1.0)

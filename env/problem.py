"""What a design means to the environment: macros and their order, grid positions, nets, obstacles. Built once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from env.orders import Order, macro_order
from env.rules import MacroRules, build_rules
from netlists.canvas import Canvas
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.netlist import HARD_MACRO
from netlists.orientation import MATRIX, NAMES, SWAPS_SIDES, oriented_offsets
from placer.cost.lattice import blockage_boxes, canvas_box, ceil_steps, microns, outline_boxes
from placer.cost.rules import allowed_orientations

#: Bits a float64 can add up without rounding, less one for the mean of two numbers.
_EXACT_BITS = 51
#: Pin positions are never kept finer than this part of a lattice step.
_FINEST_BITS = 24


@dataclass(frozen=True, eq=False)
class MacroNets:
    """For every macro to be placed, the nets it is on and the box of its pins on each. CSR by step.

    A net that touches a macro with several pins appears once. Offsets are measured from the macro's lower-left
    corner in lattice steps, see :attr:`MacroProblem.pin_bits`.

    Attributes:
        ptr: ``[T + 1]`` int64, CSR offsets by step.
        net: ``[E]`` int64 net ids, ascending within a step.
        x0: ``[O, E]`` float64, leftmost pin offset in each orientation.
        x1: ``[O, E]`` rightmost.
        y0: ``[O, E]`` lowest.
        y1: ``[O, E]`` highest.
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
    """A design seen as ``T`` macros to put on a grid of ``R x C`` cells, in a fixed order, ``O`` orientations each.

    Lengths that decide (corners, masks, HPWL) are counted in lattice steps, and pin positions are rounded to a
    power-of-two part of a step, chosen so that every sum of an episode fits a float64 without rounding when net
    weights are whole. HPWL is therefore the same number in whatever order, on whatever machine it is added up.

    Attributes:
        design: the design.
        macros: ``[T]`` node ids in placing order.
        orient: ``[T, O]`` int64 orientation codes.
        allowed: ``[T, O]`` bool, whether the macro may take that orientation and fits the canvas in it.
        size: ``[T, O, 2]`` int64 width and height in lattice steps, rounded up.
        half: ``[T, O, 2]`` float64 half width and half height as the macro lies, um.
        x0: ``[T, O, C]`` int64 lattice x of the lower-left corner for each column, ascending.
        y0: ``[T, O, R]`` int64 lattice y of the lower-left corner for each row, ascending.
        x: ``[T, O, C]`` float64 centre for each column, um.
        y: ``[T, O, R]`` float64 centre for each row, um.
        nets: the nets of each macro.
        rules: halos, channels, fences and what stays in place.
        blockage: ``[R, C]`` share of each gcell that hard blockages or the outside of the outline cover.
        fixed_area: ``[R, C]`` share of each gcell that fixed hard macros cover.
        net_box: ``[M, 4]`` float64 x0, x1, y0, y1 of each net's already placed pins (ports and fixed objects),
            lattice steps; empty nets hold +inf, -inf.
        pin_bits: pin positions are whole multiples of ``2 ** -pin_bits`` lattice steps.
        hpwl_scale: 1 / ((canvas width + height) * sum of net weights): um to ``wirelength_cost``.
        step_scale: lattice steps to ``wirelength_cost``.
    """

    design: Design
    macros: NDArray[np.int64]
    orient: NDArray[np.int64]
    allowed: NDArray[np.bool_]
    size: NDArray[np.int64]
    half: NDArray[np.float64]
    x0: NDArray[np.int64]
    y0: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    nets: MacroNets
    rules: MacroRules
    blockage: NDArray[np.float64]
    fixed_area: NDArray[np.float64]
    net_box: NDArray[np.float64]
    pin_bits: int
    hpwl_scale: float
    step_scale: float

    @property
    def num_macros(self) -> int:
        """Macros to place, ``T``; also the length of a complete episode."""
        return len(self.macros)

    @property
    def num_orients(self) -> int:
        """Orientations an action chooses from, ``O``."""
        return self.orient.shape[1]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the grid."""
        return self.design.canvas.grid_rows, self.design.canvas.columns


def build_problem(
    design: Design, order: str | Order = "area", orientations: tuple[int, ...] | None = None
) -> MacroProblem:
    """Work out everything about a design that does not change during an episode.

    Args:
        design: what to place. Movable hard macros are placed in the episode; ports and fixed objects stay where the
            design has them; other movable objects have no position until the end.
        order: see :func:`env.orders.macro_order`.
        orientations: codes an action chooses from; None keeps each macro as the design has it, or, where the
            design's rules forbid that, in the first orientation they allow.

    Raises:
        NetlistError: there is no movable hard macro, more of them than grid cells, or one that may take none of the
            orientations or fits the canvas in none it may take.
        ValueError: the order is unknown.
    """
    netlist, canvas = design.netlist, design.canvas
    movable = np.flatnonzero(design.movable & (netlist.node_kind == HARD_MACRO))
    if not len(movable):
        raise NetlistError(f"design {design.name!r} has no movable hard macro to place")
    if len(movable) > canvas.columns * canvas.grid_rows:
        raise NetlistError(
            f"design {design.name!r} has more macros than its placement grid has cells",
            found=f"{len(movable)} macros", expected=f"at most {canvas.grid_rows} x {canvas.columns}",
        )  # fmt: skip
    macros = macro_order(design, movable, order)
    orient, allowed = _orientations(design, macros, orientations)
    full = np.stack([netlist.node_width[macros], netlist.node_height[macros]], axis=1)
    lying = np.where(SWAPS_SIDES[orient][..., None], full[:, None, ::-1], full[:, None])
    size = np.maximum(ceil_steps(lying, canvas.lattice), lying > 0)
    rules = build_rules(design, macros, orient)
    x0, y0, fits = _corners(canvas, rules, size, lying / 2)
    stuck = np.flatnonzero(~(allowed & fits).any(axis=1))
    if len(stuck):
        _refuse(design, int(macros[stuck[0]]), orient[stuck[0]], allowed[stuck[0]])
    allowed &= fits
    total_weight = float(netlist.net_weight.sum())
    raw_box = _initial_boxes(design) / canvas.lattice
    bits = _pin_bits(canvas, raw_box, total_weight)
    scale = 1.0 / ((canvas.width + canvas.height) * total_weight) if total_weight > 0 else 0.0
    return MacroProblem(
        design=design,
        macros=macros,
        orient=orient,
        allowed=allowed,
        size=size,
        half=lying / 2,
        x0=x0,
        y0=y0,
        x=microns(x0, canvas.lattice) + lying[:, :, :1] / 2,
        y=microns(y0, canvas.lattice) + lying[:, :, 1:] / 2,
        nets=_macro_nets(design, macros, orient, lying / 2, bits),
        rules=rules,
        blockage=_coverage(canvas, np.concatenate([blockage_boxes(canvas)[0], outline_boxes(canvas)])),
        fixed_area=_coverage(canvas, rules.fixed),
        net_box=_rounded(raw_box, bits),
        pin_bits=bits,
        hpwl_scale=scale,
        step_scale=scale * canvas.lattice,
    )


def _orientations(
    design: Design, macros: NDArray[np.int64], orientations: tuple[int, ...] | None
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """``[T, O]`` codes to choose from and which of them each macro may take."""
    may = allowed_orientations(design)[macros]
    if orientations is None:
        given = design.placement.orient[macros].astype(np.int64)
        kept = may[np.arange(len(macros)), given]
        return np.where(kept, given, np.argmax(may, axis=1))[:, None], np.ones((len(macros), 1), bool)
    orient = np.tile(np.array(orientations, np.int64), (len(macros), 1))
    return orient, np.take_along_axis(may, orient, axis=1)


def _refuse(design: Design, node: int, orient: NDArray[np.int64], allowed: NDArray[np.bool_]) -> None:
    """Say why a macro finds no place; of the orientations ``orient`` ``[O]`` its rules let it take the ``allowed``."""
    netlist, canvas = design.netlist, design.canvas
    name = netlist.node_names[node]
    if not allowed.any():
        may = np.flatnonzero(allowed_orientations(design)[node])
        raise NetlistError(
            f"hard macro {name!r} may take none of the orientations that actions choose from",
            found=", ".join(NAMES[o] for o in orient), expected=f"some of {', '.join(NAMES[o] for o in may)}",
        )  # fmt: skip
    raise NetlistError(
        f"hard macro {name!r} does not fit the canvas as it may be turned and snapped",
        found=f"{netlist.node_width[node]:g} x {netlist.node_height[node]:g} um, "
        f"turned {' or '.join(NAMES[o] for o in orient[allowed])}",
        expected=f"at most {canvas.width:g} x {canvas.height:g} um",
    )


def _corners(
    canvas: Canvas, rules: MacroRules, size: NDArray[np.int64], half: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Lattice corners for each column and row (centred in the gcell, snapped, kept on the canvas), and which exist."""
    left, bottom, right, top = canvas_box(canvas)
    centre_x = canvas.x0 + (np.arange(canvas.columns) + 0.5) * canvas.gcell_width
    centre_y = canvas.y0 + (np.arange(canvas.grid_rows) + 0.5) * canvas.gcell_height
    out, fits = [], np.ones(size.shape[:2], bool)
    for axis, (centres, low, high) in enumerate(((centre_x, left, right), (centre_y, bottom, top))):
        pitch, offset = rules.pitch[..., axis, None], rules.offset[..., axis, None]
        first = -((offset - low) // pitch)  # the multiples of the pitch that lie on the canvas
        last = (high - size[..., axis, None] - offset) // pitch
        want = (centres - half[..., axis, None]) / canvas.lattice
        multiple = np.floor((want - offset) / pitch + 0.5).astype(np.int64)
        out.append(offset + np.clip(multiple, first, np.maximum(first, last)) * pitch)
        fits &= (first <= last)[..., 0]
    return out[0], out[1], fits


def _macro_nets(
    design: Design, macros: NDArray[np.int64], orient: NDArray[np.int64], half: NDArray[np.float64], bits: int
) -> MacroNets:
    netlist, step_size = design.netlist, design.canvas.lattice
    step_of = np.full(netlist.num_nodes, -1)
    step_of[macros] = np.arange(len(macros))
    conn = np.flatnonzero(step_of[netlist.conn_node] >= 0)
    step, net = step_of[netlist.conn_node[conn]], netlist.conn_net[conn].astype(np.int64)
    order = np.lexsort((net, step))
    conn, step, net = conn[order], step[order], net[order]
    m = MATRIX[orient[step]]
    dx, dy = netlist.conn_dx[conn][:, None], netlist.conn_dy[conn][:, None]
    # [O, connections], from the lower-left corner.
    from_left = _rounded((m[..., 0] * dx + m[..., 1] * dy + half[step][..., 0]).T / step_size, bits)
    from_bottom = _rounded((m[..., 2] * dx + m[..., 3] * dy + half[step][..., 1]).T / step_size, bits)
    starts = np.flatnonzero(np.diff(step, prepend=-1) | np.diff(net, prepend=-1))
    return MacroNets(
        ptr=np.searchsorted(step[starts], np.arange(len(macros) + 1)),
        net=net[starts],
        x0=_reduce(np.minimum, from_left, starts),
        x1=_reduce(np.maximum, from_left, starts),
        y0=_reduce(np.minimum, from_bottom, starts),
        y1=_reduce(np.maximum, from_bottom, starts),
        weight=netlist.net_weight[net[starts]],
    )


def _reduce(function: np.ufunc, values: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    # reduceat refuses an empty index list's values of no length.
    return function.reduceat(values, starts, axis=1) if len(starts) else np.zeros((len(values), 0))


def _initial_boxes(design: Design) -> NDArray[np.float64]:
    """Boxes of what has a position before the first step, um."""
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


def _pin_bits(canvas: Canvas, box: NDArray[np.float64], total_weight: float) -> int:
    """The finest part of a step at which no sum of weighted spans can need rounding."""
    known = box[np.isfinite(box)]
    x0, y0, x1, y1 = canvas_box(canvas)
    reach = float(np.abs([*known, x0, y0, x1, y1]).max())
    most = 4 * reach * max(total_weight, 1.0)
    return int(np.clip(_EXACT_BITS - np.ceil(np.log2(most)), 0, _FINEST_BITS))


def _rounded(steps: NDArray[np.float64], bits: int) -> NDArray[np.float64]:
    return np.rint(steps * 2.0**bits) / 2.0**bits


def _coverage(canvas: Canvas, boxes: NDArray[np.int64]) -> NDArray[np.float64]:
    """``[rows, columns]`` share of each gcell under ``boxes`` (lattice steps), at most 1."""
    low_x = canvas.x0 + np.arange(canvas.columns) * canvas.gcell_width
    low_y = canvas.y0 + np.arange(canvas.grid_rows) * canvas.gcell_height
    x0, y0, x1, y1 = (microns(side, canvas.lattice)[:, None] for side in boxes.T)
    wide = np.clip(np.minimum(x1, low_x + canvas.gcell_width) - np.maximum(x0, low_x), 0, None)
    high = np.clip(np.minimum(y1, low_y + canvas.gcell_height) - np.maximum(y0, low_y), 0, None)
    return np.minimum(high.T @ wide / (canvas.gcell_width * canvas.gcell_height), 1.0)

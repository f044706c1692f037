"""A block floorplanning problem as flat arrays: sizes in whole lattice steps, nets over movable blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.errors import NetlistError, PlacementError
from netlists.netlist import PORT
from netlists.orientation import MATRIX, SWAPS_SIDES, N, W
from placer.cost.lattice import ceil_steps, floor_steps


@dataclass(frozen=True, eq=False)
class Blocks:
    """``B`` blocks, ``M`` nets with at least one block pin, ``C`` block pins on them; lengths in lattice steps.

    Attributes:
        step: um a step.
        origin: ``(x, y)`` in steps of the outline's lower left.
        limit: ``(width, height)`` of the outline in steps.
        nodes: ``[B]`` node ids.
        width: ``[B]`` float64 whole steps in orientation N.
        height: ``[B]``.
        area: ``[B]`` float64 steps^2 a soft block must keep; 0 for hard blocks.
        shape: ``[B, 2]`` float64 least and greatest width of soft blocks, whole steps.
        turns: ``[B, 8]`` int8 allowed orientation codes, the first ``num_turns``.
        num_turns: ``[B]`` int64.
        net_ptr: ``[M + 1]`` int64 CSR offsets of the nets' block pins.
        pin_block: ``[C]`` int64.
        pin_part: ``[C, 2]`` float64 offset from the centre over the block's width and height, N frame.
        fixed: ``[M, 4]`` float64 bounding box x0, y0, x1, y1 of a net's other pins, inf where it has none; steps from
            ``origin``.
        weight: ``[M]`` float64.
        block_ptr: ``[B + 1]`` int64 CSR offsets into ``block_pins``.
        block_pins: ``[C]`` int64 pins of each block.
        constant: weighted HPWL of the nets without a block, steps.
    """

    step: float
    origin: tuple[int, int]
    limit: tuple[int, int]
    nodes: NDArray[np.int64]
    width: NDArray[np.float64]
    height: NDArray[np.float64]
    area: NDArray[np.float64]
    shape: NDArray[np.float64]
    turns: NDArray[np.int8]
    num_turns: NDArray[np.int64]
    net_ptr: NDArray[np.int64]
    pin_block: NDArray[np.int64]
    pin_part: NDArray[np.float64]
    fixed: NDArray[np.float64]
    weight: NDArray[np.float64]
    block_ptr: NDArray[np.int64]
    block_pins: NDArray[np.int64]
    constant: float = 0.0

    @property
    def count(self) -> int:
        """Number of blocks."""
        return len(self.nodes)

    @property
    def soft(self) -> NDArray[np.bool_]:
        """``[B]`` which blocks may change their shape."""
        return self.area > 0


def build(design: Design) -> Blocks:
    """Flatten a design whose movable objects are all blocks to be placed inside its canvas.

    Raises:
        PlacementError: nothing is movable, an object that is fixed lies in the way, or the outline is not a rectangle.
        NetlistError: a soft block's limits leave it no shape.
    """
    n, canvas, step = design.netlist, design.canvas, design.canvas.lattice
    nodes = np.flatnonzero(design.movable)
    if not len(nodes):
        raise PlacementError("there is no movable block to place", rule="floorplan")
    held = np.flatnonzero(~design.movable & (n.node_kind != PORT))
    if len(held):
        raise PlacementError(
            "block floorplanning places every block; this one is fixed", node=n.node_names[int(held[0])], rule="fixed"
        )
    if canvas.outline is not None or canvas.blockages:
        raise PlacementError("block floorplanning needs a rectangular outline without blockages", rule="floorplan")
    area, shape = _shapes(design, nodes, step)
    width = ceil_steps(n.node_width[nodes], step).astype(np.float64)
    height = ceil_steps(n.node_height[nodes], step).astype(np.float64)
    soft = area > 0
    width[soft] = np.clip(width[soft], shape[soft, 0], shape[soft, 1])
    height[soft] = np.ceil(area[soft] / width[soft])

    number = np.full(n.num_nodes, -1, np.int64)
    number[nodes] = np.arange(len(nodes))
    block = number[n.conn_node]
    mine = block >= 0
    net_of = n.conn_net
    kept = np.zeros(n.num_nets, bool)
    kept[net_of[mine]] = True
    renumber = np.cumsum(kept) - 1
    counts = np.bincount(renumber[net_of[mine]], minlength=int(kept.sum()))
    corner = (int(ceil_steps(canvas.x0, step)), int(ceil_steps(canvas.y0, step)))
    place = design.placement
    fixed = np.tile([np.inf, np.inf, -np.inf, -np.inf], (n.num_nets, 1))
    others = np.flatnonzero(~mine)
    m = MATRIX[place.orient[n.conn_node[others]]]
    px = place.x[n.conn_node[others]] + m[:, 0] * n.conn_dx[others] + m[:, 1] * n.conn_dy[others]
    py = place.y[n.conn_node[others]] + m[:, 2] * n.conn_dx[others] + m[:, 3] * n.conn_dy[others]
    for column, values, fold in ((0, px, np.minimum), (1, py, np.minimum), (2, px, np.maximum), (3, py, np.maximum)):
        fold.at(fixed[:, column], net_of[others], values / step - corner[column % 2])

    apart = ~kept & np.isfinite(fixed[:, 0])
    span = (fixed[:, 2:] - fixed[:, :2]).sum(axis=1)
    part = np.column_stack([
        n.conn_dx[mine] / n.node_width[n.conn_node[mine]], n.conn_dy[mine] / n.node_height[n.conn_node[mine]]
    ])  # fmt: skip
    pin_block = block[mine]
    order = np.argsort(pin_block, kind="stable")
    turns, num_turns = _turns(design, nodes, soft, bool(np.any(part)))
    return Blocks(
        step, corner,
        (int(floor_steps(canvas.x1, step)) - corner[0], int(floor_steps(canvas.y1, step)) - corner[1]),
        nodes, width, height, area, shape, turns, num_turns,
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), pin_block, np.ascontiguousarray(part),
        np.ascontiguousarray(fixed[kept]), np.ascontiguousarray(n.net_weight[kept]),
        np.concatenate([[0], np.cumsum(np.bincount(pin_block, minlength=len(nodes)))]).astype(np.int64),
        order.astype(np.int64), float((n.net_weight[apart] * span[apart]).sum()),
    )  # fmt: skip


def _shapes(design: Design, nodes: NDArray[np.int64], step: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Areas of soft blocks (0: hard) and their range of widths, such that width and height are whole steps."""
    n = design.netlist
    area, shape = np.zeros(len(nodes)), np.zeros((len(nodes), 2))
    if not len(n.min_aspect) or not len(n.max_aspect):
        return area, shape
    low, high = n.min_aspect[nodes], n.max_aspect[nodes]
    for k in np.flatnonzero(np.isfinite(low) & np.isfinite(high)).tolist():
        size = float(n.node_width[nodes[k]] * n.node_height[nodes[k]]) / step**2
        least, most = np.ceil(np.sqrt(size / high[k]) - 1e-6), np.floor(np.sqrt(size / low[k]) + 1e-6)
        # The height is rounded up to whole steps, which may lift the ratio over its limit by that much.
        while least < most and np.ceil(size / least - 1e-6) > least * high[k] * (1 + 1e-9):
            least += 1
        if not 0 < least <= most:
            raise NetlistError(
                f"the aspect limits of block {n.node_names[nodes[k]]!r} leave it no shape", found=(low[k], high[k])
            )
        area[k], shape[k] = size * (1 - 1e-12), (least, most)
    return area, shape


def _turns(
    design: Design, nodes: NDArray[np.int64], soft: NDArray[np.bool_], offsets: bool
) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Orientations each block may take. Without pin offsets only the two that differ in shape are of interest."""
    turns, count = np.zeros((len(nodes), 8), np.int8), np.zeros(len(nodes), np.int64)
    rules = design.constraints
    for k, node in enumerate(nodes.tolist()):
        mask = 0xFF if rules is None else int(rules.orientations[node])
        allowed = [code for code in range(8) if mask >> code & 1]
        if soft[k]:  # a shape of its own makes turning needless
            allowed = [code for code in allowed if not SWAPS_SIDES[code]] or allowed
        if not offsets:
            upright = [code for code in allowed if not SWAPS_SIDES[code]]
            lying = [code for code in allowed if SWAPS_SIDES[code]]
            allowed = [
                codes[codes.index(best) if best in codes else 0] for codes, best in ((upright, N), (lying, W)) if codes
            ]
        turns[k, : len(allowed)] = allowed
        count[k] = len(allowed)
    return turns, count

"""A flat design as the arrays global placement works on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.netlist import HARD_MACRO, PORT
from netlists.orientation import MATRIX, oriented_sizes
from netlists.placement import Placement

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Circuit:
    """``N`` nodes, ``Q`` connections, ``M`` nets of at least two connections; um, relative to the canvas corner.

    Attributes:
        width: ``[N]`` as oriented.
        height: ``[N]``.
        movable: ``[N]`` bool.
        macro: ``[N]`` bool, hard macros.
        net_ptr: ``[M + 1]``.
        pin_node: ``[Q]`` node of each connection, net by net.
        pin_dx: ``[Q]`` offset from the node's centre, as oriented.
        pin_dy: ``[Q]``.
        weight: ``[M]``.
        node_ptr: ``[N + 1]``.
        node_pins: ``[Q]`` connections, node by node.
        extent: (width, height) of the canvas.
    """

    width: Floats
    height: Floats
    movable: NDArray[np.bool_]
    macro: NDArray[np.bool_]
    net_ptr: Ints
    pin_node: Ints
    pin_dx: Floats
    pin_dy: Floats
    weight: Floats
    node_ptr: Ints
    node_pins: Ints
    extent: tuple[float, float]

    @property
    def num_nodes(self) -> int:
        """Number of nodes."""
        return len(self.width)


def extract(design: Design, placement: Placement | None = None) -> Circuit:
    """Flatten a design.

    Args:
        design: any design; what its netlist calls a soft macro is treated like a cell.
        placement: where orientations come from; the design's own by default.
    """
    n = design.netlist
    orient = (design.placement if placement is None else placement).orient
    width, height = oriented_sizes(n.node_width, n.node_height, orient)
    ports = n.node_kind == PORT
    keep = n.net_degree >= 2
    conns = np.flatnonzero(keep[n.conn_net])
    node = n.conn_node[conns].astype(np.int64)
    turn = MATRIX[orient[node]]
    dx, dy = n.conn_dx[conns], n.conn_dy[conns]
    order = np.argsort(node, kind="stable")
    count = np.bincount(node, minlength=n.num_nodes)
    return Circuit(
        width=np.where(ports, 0.0, width),
        height=np.where(ports, 0.0, height),
        movable=design.movable,
        macro=n.node_kind == HARD_MACRO,
        net_ptr=np.concatenate([[0], np.cumsum(n.net_degree[keep])]),
        pin_node=node,
        pin_dx=turn[:, 0] * dx + turn[:, 1] * dy,
        pin_dy=turn[:, 2] * dx + turn[:, 3] * dy,
        weight=n.net_weight[keep],
        node_ptr=np.concatenate([[0], np.cumsum(count)]),
        node_pins=order,
        extent=(design.canvas.width, design.canvas.height),
    )

"""Half-perimeter wirelength of a placement, net by net."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.orientation import oriented_offsets
from netlists.placement import Placement


def net_lengths(design: Design, placement: Placement | None = None) -> NDArray[np.float64]:
    """Half-perimeter of the box of each net's pins, as the objects lie.

    Args:
        design: the circuit.
        placement: the design's own by default.

    Returns:
        ``[M]`` um; 0 for nets without a pin.
    """
    n, p = design.netlist, design.placement if placement is None else placement
    dx, dy = oriented_offsets(n.conn_dx, n.conn_dy, p.orient[n.conn_node])
    out = np.zeros(n.num_nets)
    some = np.flatnonzero(n.net_degree)
    if len(some):
        first = n.net_ptr[some]
        for at in (p.x[n.conn_node] + dx, p.y[n.conn_node] + dy):
            out[some] += np.maximum.reduceat(at, first) - np.minimum.reduceat(at, first)
    return out

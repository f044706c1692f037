"""A design as flat arrays for the smooth surrogate: oriented sizes and offsets, nets source first, the grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.netlist import HARD_MACRO, PORT
from netlists.orientation import oriented_offsets, oriented_sizes
from placer.cost.full import CONGESTION_TOP, DENSITY_TOP, supply

#: Nets are padded with copies of their source to the next of these sizes, then to powers of two, so that a handful
#: of dense index blocks holds them all.
_BLOCK_SIZES = (2, 3, 4, 5, 6, 8, 12, 16)


@dataclass(frozen=True, eq=False)
class Circuit:
    """What the surrogate needs to know of a design; coordinates are measured from the canvas corner.

    Attributes:
        width: ``[N]`` float64, um, as oriented.
        height: ``[N]`` float64, um, as oriented.
        movable: ``[N]`` bool.
        solid: ids of the nodes that have area (everything but ports).
        hard: ids of the hard macros.
        net_ptr: ``[M + 1]`` CSR offsets of the nets with at least two connections, by ascending degree.
        node: ``[C]`` node of each connection, the source of each net first.
        dx: ``[C]`` float64, um, offset from the node's centre as oriented.
        dy: ``[C]`` float64, um.
        weight: ``[M]`` net weights.
        hpwl_scale: what turns weighted HPWL (um) into wirelength_cost.
        columns: grid columns.
        rows: grid rows.
        pitch_x: gcell width, um.
        pitch_y: gcell height, um.
        h_supply: horizontal tracks of a gcell (infinite: not stated).
        v_supply: vertical tracks of a gcell.
        h_macro: horizontal tracks per um of height a hard macro takes.
        v_macro: vertical tracks per um of width a hard macro takes.
        density_top: gcells in the density mean (0: the occupied ones count).
        congestion_top: map entries in the congestion mean.
        smoothing: congestion smoothing range in gcells.
        span_x: canvas width, um.
        span_y: canvas height, um.
    """

    width: NDArray[np.float64]
    height: NDArray[np.float64]
    movable: NDArray[np.bool_]
    solid: NDArray[np.int64]
    hard: NDArray[np.int64]
    net_ptr: NDArray[np.int64]
    node: NDArray[np.int64]
    dx: NDArray[np.float64]
    dy: NDArray[np.float64]
    weight: NDArray[np.float64]
    hpwl_scale: float
    columns: int
    rows: int
    pitch_x: float
    pitch_y: float
    h_supply: float
    v_supply: float
    h_macro: float
    v_macro: float
    density_top: int
    congestion_top: int
    smoothing: int
    span_x: float
    span_y: float

    def blocks(self) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Nets grouped by padded size: ``(net ids [m], connection ids [size, m])``, slot 0 the source."""
        degree = np.diff(self.net_ptr)
        sizes = list(_BLOCK_SIZES)
        while len(degree) and sizes[-1] < degree.max():
            sizes.append(sizes[-1] * 2)
        out, low = [], 0
        for size in sizes:
            nets = np.flatnonzero((degree > low) & (degree <= size))
            low = size
            if len(nets):
                slot = np.arange(size)[:, None]
                out.append((nets, self.net_ptr[nets] + np.where(slot < degree[nets], slot, 0)))
        return out


def extract(design: Design) -> Circuit:
    """Flatten a design, with the orientations of its placement.

    Nets on one pin position only (a single connection, or copies of one pin) cost nothing and are left out; they
    still count in the normalisation of the wirelength.
    """
    n, canvas = design.netlist, design.canvas
    orient = design.placement.orient
    width, height = oriented_sizes(n.node_width, n.node_height, orient)
    dx, dy = oriented_offsets(n.conn_dx, n.conn_dy, orient[n.conn_node])

    # Source first within each net: swap it with the net's first connection.
    order = np.arange(n.num_connections)
    order[n.net_source], order[n.net_ptr[:-1]] = n.net_ptr[:-1], n.net_source
    keep = (n.net_degree > 1) & (n.net_weight > 0)
    # Nets of one size in a row: the compiled loops then run without surprises.
    nets = np.flatnonzero(keep)
    nets = nets[np.argsort(n.net_degree[nets], kind="stable")]
    degree = n.net_degree[nets]
    net_ptr = np.concatenate([[0], np.cumsum(degree)]).astype(np.int64)
    within = np.arange(net_ptr[-1]) - np.repeat(net_ptr[:-1], degree)
    order = order[np.repeat(n.net_ptr[nets], degree) + within]
    h_supply, v_supply = supply(canvas)
    cells = canvas.columns * canvas.grid_rows
    total = float(n.net_weight.sum()) * (canvas.width + canvas.height)
    return Circuit(
        width=width,
        height=height,
        movable=design.movable,
        solid=np.flatnonzero(n.node_kind != PORT),
        hard=n.ids(HARD_MACRO),
        net_ptr=net_ptr,
        node=n.conn_node[order].astype(np.int64),
        dx=dx[order],
        dy=dy[order],
        weight=n.net_weight[nets],
        hpwl_scale=1.0 / total if total > 0 else 0.0,
        columns=canvas.columns,
        rows=canvas.grid_rows,
        pitch_x=canvas.gcell_width,
        pitch_y=canvas.gcell_height,
        h_supply=h_supply,
        v_supply=v_supply,
        h_macro=canvas.h_macro_routes_per_um,
        v_macro=canvas.v_macro_routes_per_um,
        density_top=int(cells * DENSITY_TOP),
        congestion_top=max(1, int(2 * cells * CONGESTION_TOP)),
        smoothing=canvas.smoothing,
        span_x=canvas.width,
        span_y=canvas.height,
    )

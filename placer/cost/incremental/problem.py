"""A design flattened for the incremental kernel: read-only arrays shared by every chain of a search."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.netlist import HARD_MACRO, PORT, Netlist
from placer.cost.full import CONGESTION_TOP, DENSITY_TOP, CostWeights, macro_nets, supply
from placer.cost.incremental.lanes import padded
from placer.cost.routing import MAX_GRID


class Problem(NamedTuple):
    """What the kernel reads and never writes.

    Nets that cannot cost anything (one distinct pin) are left out; nets with the same pins and the same source are
    merged into one of their summed weight; equal pins of a net are merged. None of this changes any cost.

    Attributes:
        net_ptr: ``[M + 1]`` int32 offsets into the connections; a net's source is its first connection.
        conn_node: ``[C]`` int32.
        conn_net: ``[C]`` int32.
        conn_dx: ``[C]`` um, N frame.
        conn_dy: ``[C]`` um, N frame.
        net_weight: ``[M]`` weight of a net's length.
        route_weight: ``[M]`` wires it routes: its own weight, 0 for nets that count for their length only.
        obj_ptr: ``[N + 1]`` int32 offsets into ``obj_conn``.
        obj_conn: ``[C]`` int32 connections of each object.
        link_ptr: ``[N + 1]`` int32 offsets into the links; a link is one object on one net.
        link: ``[L, 4]`` int32 net, connection (-1: the object has several), begin and end of the net's connections.
        link_value: ``[L, 4]`` weight of the net, offset of the connection in um (N frame), wires the net routes.
        width: ``[N]`` um, orientation N.
        height: ``[N]`` um, orientation N.
        hard: ``[N]`` bool, hard macros (they block routing).
        solid: ``[N]`` bool, everything that has density.
        rows: gcell rows.
        columns: gcell columns.
        v_width: entries of one line (a gcell row) of the vertical map, fillers counted.
        h_width: entries of one line (a gcell column) of the horizontal map, fillers counted.
        h_begin: where the horizontal map begins in the congestion map; as long as the vertical map.
        x0: canvas origin, um.
        y0: canvas origin, um.
        gcell_width: um.
        gcell_height: um.
        h_macro: horizontal tracks per um a hard macro takes.
        v_macro: vertical tracks per um a hard macro takes.
        h_inverse: one over a gcell's horizontal supply.
        v_inverse: one over a gcell's vertical supply.
        reach: smoothing range in gcells.
        density_count: gcells in the density mean; 0 on grids under 10 gcells.
        congestion_count: entries in the congestion mean.
        wirelength_scale: proxy cost of one um of weighted HPWL.
        density_scale: proxy cost of one um^2 in the top sum (of 1.0 mean density on grids under 10 gcells).
        congestion_scale: proxy cost of 1.0 in the top sum.
    """

    net_ptr: NDArray[np.int32]
    conn_node: NDArray[np.int32]
    conn_net: NDArray[np.int32]
    conn_dx: NDArray[np.float64]
    conn_dy: NDArray[np.float64]
    net_weight: NDArray[np.float64]
    route_weight: NDArray[np.float64]
    obj_ptr: NDArray[np.int32]
    obj_conn: NDArray[np.int32]
    link_ptr: NDArray[np.int32]
    link: NDArray[np.int32]
    link_value: NDArray[np.float64]
    width: NDArray[np.float64]
    height: NDArray[np.float64]
    hard: NDArray[np.bool_]
    solid: NDArray[np.bool_]
    rows: int
    columns: int
    v_width: int
    h_width: int
    h_begin: int
    x0: float
    y0: float
    gcell_width: float
    gcell_height: float
    h_macro: float
    v_macro: float
    h_inverse: float
    v_inverse: float
    reach: int
    density_count: int
    congestion_count: int
    wirelength_scale: float
    density_scale: float
    congestion_scale: float


def build_problem(design: Design, weights: CostWeights | None = None) -> Problem:
    """Flatten a design.

    Raises:
        NetlistError: the placement grid is finer than the model can hold.
    """
    weights = weights or CostWeights()
    n, canvas = design.netlist, design.canvas
    if max(canvas.columns, canvas.grid_rows) >= MAX_GRID:
        raise NetlistError("the placement grid is too fine", found=f"{canvas.columns} x {canvas.grid_rows}")
    net_ptr, pins, net_weight, route_weight = _distinct_nets(*_with_macro_nets(n, weights))
    conn_node = pins["node"].astype(np.int32)
    conn_net = np.repeat(np.arange(len(net_weight), dtype=np.int32), np.diff(net_ptr))
    order = np.argsort(conn_node, kind="stable").astype(np.int32)
    obj_ptr = np.zeros(n.num_nodes + 1, np.int32)
    np.cumsum(np.bincount(conn_node, minlength=n.num_nodes), out=obj_ptr[1:])
    link_ptr, link, link_value = _links(net_ptr, pins, net_weight, route_weight, conn_net, order, n.num_nodes)
    gcells = canvas.columns * canvas.grid_rows
    density_count = int(gcells * DENSITY_TOP)
    congestion_count = max(1, int(2 * gcells * CONGESTION_TOP))
    total_weight = float(n.net_weight.sum())
    gcell_area = canvas.gcell_width * canvas.gcell_height
    h_supply, v_supply = supply(canvas)
    return Problem(
        net_ptr=net_ptr,
        conn_node=conn_node,
        conn_net=conn_net,
        conn_dx=np.ascontiguousarray(pins["dx"]),
        conn_dy=np.ascontiguousarray(pins["dy"]),
        net_weight=net_weight,
        route_weight=route_weight,
        obj_ptr=obj_ptr,
        obj_conn=order,
        link_ptr=link_ptr,
        link=link,
        link_value=link_value,
        width=n.node_width,
        height=n.node_height,
        hard=n.node_kind == HARD_MACRO,
        solid=n.node_kind != PORT,
        rows=canvas.grid_rows,
        columns=canvas.columns,
        v_width=padded(canvas.columns),
        h_width=padded(canvas.grid_rows),
        h_begin=canvas.grid_rows * padded(canvas.columns),
        x0=canvas.x0,
        y0=canvas.y0,
        gcell_width=canvas.gcell_width,
        gcell_height=canvas.gcell_height,
        h_macro=canvas.h_macro_routes_per_um,
        v_macro=canvas.v_macro_routes_per_um,
        h_inverse=1.0 / h_supply,
        v_inverse=1.0 / v_supply,
        reach=canvas.smoothing,
        density_count=density_count,
        congestion_count=congestion_count,
        wirelength_scale=weights.wirelength / ((canvas.width + canvas.height) * total_weight) if total_weight else 0.0,
        density_scale=0.5 * weights.density / (density_count * gcell_area if density_count else 1.0),
        congestion_scale=weights.congestion / congestion_count,
    )


def _links(
    net_ptr: NDArray,
    pins: NDArray,
    net_weight: NDArray,
    route_weight: NDArray,
    conn_net: NDArray,
    obj_conn: NDArray,
    nodes: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """What a move reads of the nets of each object, in the order it reads it: see ``Problem.link``."""
    node, net = pins["node"][obj_conn], conn_net[obj_conn]
    first = np.ones(len(net), bool)
    first[1:] = (net[1:] != net[:-1]) | (node[1:] != node[:-1])
    at = np.flatnonzero(first)
    several = np.diff(np.append(at, len(net))) > 1
    conn, net = obj_conn[at], net[at]
    link = np.stack([net, np.where(several, -1, conn), net_ptr[net], net_ptr[net + 1]], axis=1).astype(np.int32)
    value = np.stack([net_weight[net], pins["dx"][conn], pins["dy"][conn], route_weight[net]], axis=1)
    link_ptr = np.zeros(nodes + 1, np.int32)
    np.cumsum(np.bincount(node[at], minlength=nodes), out=link_ptr[1:])
    return link_ptr, np.ascontiguousarray(link), np.ascontiguousarray(value)


_PIN = np.dtype([("node", np.int64), ("dx", np.float64), ("dy", np.float64)])


def _with_macro_nets(n: Netlist, weights: CostWeights) -> tuple[Netlist, NDArray[np.float64]]:
    """The netlist with what the wirelength between macros adds, and the wires each net routes.

    Every net with two pins or more on hard macros gets a copy cut down to them, which counts for its length only. Its
    weight makes the scale of the wirelength term that of the macro wirelength.
    """
    if weights.macro_wirelength <= 0.0 or weights.wirelength <= 0.0:
        return n, n.net_weight
    ptr, conns = macro_nets(n)
    if len(ptr) == 1:
        return n, n.net_weight
    share = weights.macro_wirelength / weights.wirelength * n.net_weight.sum() / (len(ptr) - 1)
    grown = replace(
        n,
        net_ptr=np.concatenate([n.net_ptr, n.net_ptr[-1] + ptr[1:]]),
        net_pins=np.concatenate([n.net_pins, n.net_pins[conns]]),
        net_source=np.concatenate([n.net_source, n.net_ptr[-1] + ptr[:-1]]),
        net_weight=np.concatenate([n.net_weight, np.full(len(ptr) - 1, share)]),
        net_names=(),
    )
    return grown, np.concatenate([n.net_weight, np.zeros(len(ptr) - 1)])


def _distinct_nets(
    n: Netlist, route: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray, NDArray[np.float64], NDArray[np.float64]]:
    """Nets with merged pins and merged twins: offsets, pin records (source first), weights and routed wires."""
    pins = np.empty(n.num_pins, _PIN)
    pins["node"], pins["dx"], pins["dy"] = n.pin_node, n.pin_dx, n.pin_dy
    distinct, pin_class = np.unique(pins, return_inverse=True)
    # Per connection: (net, is not the source, class); sorting puts each net's source first and equal pins together.
    net = n.conn_net.astype(np.int64)
    cls = pin_class.reshape(-1)[n.net_pins]
    source = np.zeros(n.num_connections, bool)
    source[n.net_source] = True
    keep = source | (cls != cls[n.net_source][net])  # a sink equal to the source adds nothing
    net, cls, source = net[keep], cls[keep], source[keep]
    order = np.lexsort((cls, ~source, net))
    net, cls = net[order], cls[order]
    first = np.ones(len(net), bool)
    first[1:] = (net[1:] != net[:-1]) | (cls[1:] != cls[:-1])
    net, cls = net[first], cls[first]
    degree = np.bincount(net, minlength=n.num_nets)
    start = np.zeros(n.num_nets + 1, np.int64)
    np.cumsum(degree, out=start[1:])

    lengths: list[NDArray] = []
    classes: list[NDArray] = []
    weights: list[NDArray] = []
    wires: list[NDArray] = []
    for d in np.unique(degree):
        if d < 2:
            continue
        nets = np.flatnonzero(degree == d)
        table = cls[start[nets][:, None] + np.arange(d)]
        twins, index = np.unique(table, axis=0, return_inverse=True)
        classes.append(twins.ravel())
        lengths.append(np.full(len(twins), d))
        index = index.reshape(-1)
        weights.append(np.bincount(index, weights=n.net_weight[nets], minlength=len(twins)))
        wires.append(np.bincount(index, weights=route[nets], minlength=len(twins)))
    empty = [np.zeros(0, np.int64)]
    net_ptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(lengths or empty))]).astype(np.int32)
    none = [np.zeros(0)]
    pins = distinct[np.concatenate(classes or empty)]
    return net_ptr, pins, np.concatenate(weights or none), np.concatenate(wires or none)

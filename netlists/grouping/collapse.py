"""From a flat design and a grouping of its standard cells to the clustered, soft-macro form of Circuit Training.

The rules are those of the public Circuit Training grouping flow (TILOS-AI-Institute/MacroPlacement, Docs): nets with a
fan-out of ``max_fanout`` or more are dropped; a group of cells becomes a soft macro of ``bloat`` times their area, one
grid column wide; inside a group nets vanish; a net from a group to several outside sinks gets an output pin of its own
(``Poutput_multi``); nets from a group to one and the same single sink are merged into one whose weight is their number
(``Poutput_single``); every sink in a group is its one input pin (``Pinput``). Hard macros keep all pins, ports the
connected ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.netlist import DIR_INPUT, DIR_OUTPUT, HARD_MACRO, PORT, SOFT_MACRO, STDCELL, Netlist
from netlists.placement import Placement


def collapse(
    design: Design,
    group: ArrayLike,
    *,
    bloat: ArrayLike = 2.0,
    width: NDArray[np.float64] | None = None,
    max_fanout: int = 500,
    left_out: NDArray[np.bool_] | None = None,
) -> Design:
    """Replace the standard cells of a design by soft macros.

    Args:
        design: flat design; soft macros already there are not accepted.
        group: ``[N]`` group number of each node; only those of standard cells matter, and they must be >= 0.
        left_out: ``[N]`` standard cells that no net leads to (fillers, taps) and that shall be in no group.
        bloat: soft macro area / area of its cells; one number, or one for each group in order of their numbers.
        width: of the soft macros in that order, um; one grid column by default.
        max_fanout: nets with at least this many sinks are dropped.

    Returns:
        Nodes: ports, hard macros, then soft macros ``Grp_<number>`` in order of their numbers. Nets: those of ports, of
        hard macros, then per soft macro its multi-sink and its merged single-sink nets. Soft macros lie at the mean
        position of their cells, moved inside the canvas.

    Raises:
        NetlistError: a standard cell has no group, a net leads to one that is left out, or the design already has
            soft macros.
    """
    flat = design.netlist
    group_of = np.asarray(group, dtype=np.int64)
    is_cell = flat.node_kind == STDCELL
    if left_out is not None:
        if left_out[flat.conn_node].any():
            raise NetlistError("only cells that are on no net can be left out")
        is_cell &= ~left_out
    if len(group_of) != flat.num_nodes or (group_of[is_cell] < 0).any():
        raise NetlistError("every standard cell needs a group")
    if (flat.node_kind == SOFT_MACRO).any():
        raise NetlistError("the design is clustered already")
    ids, soft_of_cell = np.unique(group_of[is_cell], return_inverse=True)
    kept = np.concatenate([flat.ids(PORT), flat.ids(HARD_MACRO)])
    node_of = np.zeros(flat.num_nodes, np.int64)
    node_of[kept] = np.arange(len(kept))
    node_of[is_cell] = len(kept) + soft_of_cell

    nets = _Nets.of(flat, node_of, len(kept), max_fanout)
    pin_of_conn, pins = nets.pins(flat, kept, len(ids))
    names = [f"Grp_{i}" for i in ids.tolist()]
    cells = np.flatnonzero(is_cell)
    area = np.asarray(bloat) * np.bincount(soft_of_cell, flat.node_width[cells] * flat.node_height[cells], len(ids))
    width = np.full(len(ids), design.canvas.gcell_width) if width is None else width
    height = area / width
    netlist = Netlist(
        name=flat.name,
        node_names=[flat.node_names[i] for i in kept] + names,
        node_kind=np.concatenate([flat.node_kind[kept], np.full(len(ids), SOFT_MACRO, np.int8)]),
        node_width=np.concatenate([flat.node_width[kept], width]),
        node_height=np.concatenate([flat.node_height[kept], height]),
        pin_node=pins.node,
        pin_dx=pins.dx,
        pin_dy=pins.dy,
        net_ptr=nets.ptr,
        net_pins=pin_of_conn,
        net_source=nets.ptr[:-1],
        net_weight=nets.weight,
        pin_names=pins.names(flat, names),
        pin_dir=pins.direction,
    )
    return Design(netlist, design.canvas, _placement(design, kept, cells, soft_of_cell, width, height))


def _placement(
    design: Design,
    kept: NDArray[np.int64],
    cells: NDArray[np.int64],
    soft_of_cell: NDArray[np.int64],
    width: NDArray[np.float64],
    height: NDArray[np.float64],
) -> Placement:
    """Kept objects where they were, soft macros at the mean of their cells and inside the canvas."""
    p, c = design.placement, design.canvas
    count = np.bincount(soft_of_cell, minlength=len(width))
    half_w, half_h = np.minimum(width, c.width) / 2, np.minimum(height, c.height) / 2
    x = np.clip(np.bincount(soft_of_cell, p.x[cells], len(width)) / count, c.x0 + half_w, c.x1 - half_w)
    y = np.clip(np.bincount(soft_of_cell, p.y[cells], len(width)) / count, c.y0 + half_h, c.y1 - half_h)
    none = np.zeros(len(width), bool)
    placed = np.bincount(soft_of_cell, p.placed[cells], len(width)) == count
    return Placement(
        np.concatenate([p.x[kept], x]),
        np.concatenate([p.y[kept], y]),
        np.concatenate([p.orient[kept], none.astype(np.int8)]),
        np.concatenate([p.fixed[kept], none]),
        np.concatenate([p.placed[kept], placed]),
    )


@dataclass(frozen=True)
class _Nets:
    """Clustered nets in their final order, connections first as driver or sink keys.

    A sink key is a flat pin of a port or hard macro, or ``flat.num_pins + s`` for the input pin of soft macro ``s``.
    A driver key is a flat pin likewise, or ``-1 - s`` for an output pin of soft macro ``s``.
    """

    ptr: NDArray[np.int64]
    driver: NDArray[np.int64]
    sink: NDArray[np.int64]
    weight: NDArray[np.float64]
    single: NDArray[np.bool_]

    @staticmethod
    def of(flat: Netlist, node_of: NDArray[np.int64], first_soft: int, max_fanout: int) -> _Nets:
        """Collapse the nets of ``flat``."""
        node = node_of[flat.conn_node]
        sink = np.where(node >= first_soft, flat.num_pins + node - first_soft, flat.net_pins)
        source_pin = flat.net_pins[flat.net_source].astype(np.int64)
        source_node = node_of[flat.pin_node[source_pin]]
        from_soft = source_node >= first_soft
        keep = (flat.net_degree - 1 < max_fanout)[flat.conn_net]
        keep[flat.net_source] = False
        # Sinks in the driver's own group are internal.
        keep &= ~from_soft[flat.conn_net] | (node != source_node[flat.conn_net])
        conn = np.flatnonzero(keep)
        net = flat.conn_net[conn].astype(np.int64)
        # Distinct sinks, each at its first place in its net.
        _, first = np.unique(net * (flat.num_pins + int(node.max(initial=0)) + 1) + sink[conn], return_index=True)
        first = np.sort(first)
        net, sink = net[first], sink[conn[first]]
        degree = np.bincount(net, minlength=flat.num_nets)

        single = from_soft & (degree == 1)
        weight = flat.net_weight.copy()
        merged = np.flatnonzero(single)
        only = np.empty(flat.num_nets, np.int64)
        only[net] = sink
        if len(merged):
            pair = source_node[merged] * (int(only[merged].max()) + 1) + only[merged]
            _, lead, where = np.unique(pair, return_index=True, return_inverse=True)
            weight[merged[lead]] = np.bincount(where, flat.net_weight[merged], len(lead))
            degree[np.delete(merged, lead)] = 0
        alive = degree > 0
        # File order: drivers by node; a soft macro's multi-sink nets before its single-sink ones.
        driver = np.where(from_soft, -1 - (source_node - first_soft), source_pin)
        nets = np.flatnonzero(alive)
        nets = nets[np.lexsort((np.where(from_soft, 0, source_pin)[nets], single[nets], source_node[nets]))]
        rank = np.full(flat.num_nets, -1)
        rank[nets] = np.arange(len(nets))
        stay = alive[net]
        order = np.argsort(rank[net[stay]], kind="stable")
        return _Nets(
            np.concatenate([[0], np.cumsum(degree[nets] + 1)]),
            driver[nets], sink[stay][order], weight[nets], single[nets],
        )  # fmt: skip

    def pins(self, flat: Netlist, kept: NDArray[np.int64], soft: int) -> tuple[NDArray[np.int32], _Pins]:
        """The pin of every connection, and all pins: those of kept nodes, then per soft macro outputs and Pinput."""
        rank = np.full(flat.num_nodes, -1)
        rank[kept] = np.arange(len(kept))
        used = flat.node_kind[flat.pin_node] != PORT  # a port that lost its net has no pin in this format
        used[self.driver[self.driver >= 0]] = True
        used[self.sink[self.sink < flat.num_pins]] = True
        old = np.flatnonzero(used & (rank[flat.pin_node] >= 0))
        old = old[np.argsort(rank[flat.pin_node[old]], kind="stable")]
        new_pin = np.full(flat.num_pins + soft, -1)
        new_pin[old] = np.arange(len(old))
        outputs = self.driver < 0
        owner = -1 - self.driver[outputs]  # ascending: nets are in file order
        count = np.bincount(owner, minlength=soft)
        base = len(old) + np.cumsum(count + 1) - (count + 1)
        new_pin[flat.num_pins :] = base + count
        source = np.empty(len(self.driver), np.int64)
        source[~outputs] = new_pin[self.driver[~outputs]]
        source[outputs] = base[owner] + np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        conn = np.empty(self.ptr[-1], np.int32)
        is_source = np.zeros(len(conn), bool)
        is_source[self.ptr[:-1]] = True
        conn[is_source] = source
        conn[~is_source] = new_pin[self.sink]
        return conn, _Pins.of(flat, old, rank, len(kept), count, self.single[outputs])


@dataclass(frozen=True)
class _Pins:
    old: NDArray[np.int64]
    node: NDArray[np.int32]
    dx: NDArray[np.float64]
    dy: NDArray[np.float64]
    direction: NDArray[np.int8]
    count: NDArray[np.int64]
    single: NDArray[np.bool_]

    @staticmethod
    def of(
        flat: Netlist,
        old: NDArray[np.int64],
        rank: NDArray[np.int64],
        first_soft: int,
        count: NDArray[np.int64],
        single: NDArray[np.bool_],
    ) -> _Pins:
        """Kept pins in node order, then the pins of the soft macros, all at their centres."""
        owner = np.repeat(np.arange(len(count)), count + 1)
        zeros = np.zeros(len(owner))
        soft_dir = np.full(len(owner), DIR_OUTPUT, np.int8)
        soft_dir[np.cumsum(count + 1) - 1] = DIR_INPUT
        old_dir = flat.pin_dir[old] if len(flat.pin_dir) else np.zeros(len(old), np.int8)
        return _Pins(
            old,
            np.concatenate([rank[flat.pin_node[old]], first_soft + owner]).astype(np.int32),
            np.concatenate([flat.pin_dx[old], zeros]),
            np.concatenate([flat.pin_dy[old], zeros]),
            np.concatenate([old_dir, soft_dir]),
            count,
            single,
        )

    def names(self, flat: Netlist, groups: list[str]) -> list[str]:
        """``Grp/Poutput_multi_k``, ``Grp/Poutput_single_k`` and ``Grp/Pinput``; kept pins keep their names."""
        out = [flat.pin_label(i) for i in self.old.tolist()]
        flags = iter(self.single.tolist())
        for name, count in zip(groups, self.count.tolist(), strict=True):
            multi = single = 0
            for _ in range(count):
                if next(flags):
                    out.append(f"{name}/Poutput_single_{single}")
                    single += 1
                else:
                    out.append(f"{name}/Poutput_multi_{multi}")
                    multi += 1
            out.append(f"{name}/Pinput")
        return out

"""The hypergraph that is cut into groups: cells and hard macros, their nets, and modules as further hyperedges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlists.grouping.modules import Modules
from netlists.netlist import HARD_MACRO, Netlist

#: Weight of a net of ordinary weight that joins different modules; integers, as partitioners want them.
NET_WEIGHT = 4
#: A net inside one module, however deep, weighs this much more than one between modules of the top.
MODULE_GAIN = 1.0
#: Net weights far above the ordinary one count as this many ordinary nets.
MAX_NET_WEIGHT = 64
#: Weight of a module's hyperedge over that of a net between modules, times the root of its cells.
MODULE_WEIGHT = 0.5
#: Modules of more cells than this times the mean group get no hyperedge: every partition cuts them.
MODULE_GROUPS = 2.0
#: Sum of all vertex weights; far below 2^31 and fine enough for a million cells.
TOTAL_WEIGHT = 1 << 28


@dataclass(frozen=True, eq=False)
class Hypergraph:
    """``V`` weighted vertices and ``E`` weighted hyperedges in CSR form; every edge has two distinct pins or more.

    Attributes:
        weight: ``[V]`` int64, positive.
        ptr: ``[E + 1]`` int64 into ``pins``.
        pins: ``[P]`` int64 vertices, edge by edge.
        edge_weight: ``[E]`` int64, positive.
    """

    weight: NDArray[np.int64]
    ptr: NDArray[np.int64]
    pins: NDArray[np.int64]
    edge_weight: NDArray[np.int64]

    @property
    def num_vertices(self) -> int:
        """Number of vertices, ``V``."""
        return len(self.weight)

    @property
    def num_edges(self) -> int:
        """Number of hyperedges, ``E``."""
        return len(self.edge_weight)

    def part(self, vertices: NDArray[np.int64]) -> Hypergraph:
        """The hypergraph of some vertices, in that order; edges keep the pins among them and vanish below two."""
        number = np.full(self.num_vertices, -1, np.int64)
        number[vertices] = np.arange(len(vertices))
        pins = number[self.pins]
        inside = pins >= 0
        edge = np.repeat(np.arange(self.num_edges), np.diff(self.ptr))
        degree = np.bincount(edge[inside], minlength=self.num_edges)
        keep = inside & (degree >= 2)[edge]
        return Hypergraph(self.weight[vertices], _ptr(degree[degree >= 2]), pins[keep], self.edge_weight[degree >= 2])

    def contracted(self, label: NDArray[np.int64]) -> Hypergraph:
        """The hypergraph whose vertices are the groups of vertices with the same label, 0 to the largest label."""
        count = int(label.max(initial=-1)) + 1
        edge = np.repeat(np.arange(self.num_edges), np.diff(self.ptr))
        key = np.unique(edge * max(count, 1) + label[self.pins])
        edge, pins = key // max(count, 1), key % max(count, 1)
        degree = np.bincount(edge, minlength=self.num_edges)
        weight = np.bincount(label, self.weight, count).astype(np.int64)
        return Hypergraph(weight, _ptr(degree[degree >= 2]), pins[(degree >= 2)[edge]], self.edge_weight[degree >= 2])


def build_hypergraph(
    netlist: Netlist,
    cells: NDArray[np.int64],
    *,
    max_fanout: int,
    groups: int,
    modules: Modules | None = None,
) -> tuple[Hypergraph, NDArray[np.int64]]:
    """The hypergraph of the standard cells and hard macros of a netlist.

    Cells weigh their area, at most that of a mean group, so that a giant among them cannot make a balanced partition
    impossible. Hard macros are vertices next to weightless: they take no room in a group, but cells on nets of
    one macro are drawn together. Ports are left out; their nets join the cells on them as other nets do. Nets of
    ``max_fanout`` sinks or more say nothing about which cells belong together and are left out.

    With modules, a net counts up to twice, the deeper in the hierarchy its last common module lies, and a module small
    enough for a group or two becomes a hyperedge of its own cells: with the connectivity objective, each further group
    that a module is spread over costs the weight of that edge once more.

    Args:
        netlist: a flat netlist.
        cells: ``[K]`` the standard cells to group, ascending.
        max_fanout: sinks.
        groups: how many groups are wanted; sets the size of modules that become hyperedges.
        modules: None leaves names out of it.

    Returns:
        The hypergraph, whose first ``K`` vertices are the cells; and ``[V]`` the node of each vertex.
    """
    nodes = np.concatenate([cells, netlist.ids(HARD_MACRO)])
    number = np.full(netlist.num_nodes, -1, np.int64)
    number[nodes] = np.arange(len(nodes))
    area = (netlist.node_width * netlist.node_height)[cells]
    area = np.minimum(area, area.sum() / max(groups, 1))
    weight = np.ones(len(nodes), np.int64)
    weight[: len(cells)] = np.maximum(np.rint(area * (TOTAL_WEIGHT / area.sum())), 1)

    fanout = (netlist.net_degree - 1)[netlist.conn_net]
    vertex = number[netlist.conn_node]
    use = (vertex >= 0) & (fanout < max_fanout) & (netlist.net_weight > 0)[netlist.conn_net]
    key = np.unique(netlist.conn_net[use].astype(np.int64) * len(nodes) + vertex[use])
    net, pins = key // len(nodes), key % len(nodes)
    degree = np.bincount(net, minlength=netlist.num_nets)
    keep = degree >= 2
    pins, ptr = pins[keep[net]], _ptr(degree[keep])
    strength = _relative(netlist.net_weight)[keep]
    if modules is None:
        edges = [(ptr, pins, strength)]
    else:
        strength = strength * (1.0 + MODULE_GAIN * _nearness(ptr, modules.scope[nodes][pins], modules))
        edges = [(ptr, pins, strength), _module_edges(cells, groups, modules)]
    sizes = np.concatenate([np.diff(ptr) for ptr, _, _ in edges])
    weights = np.concatenate([strength for _, _, strength in edges])
    return Hypergraph(
        weight,
        _ptr(sizes),
        np.concatenate([pins for _, pins, _ in edges]),
        np.maximum(np.rint(weights * NET_WEIGHT), 1).astype(np.int64),
    ), nodes


def _relative(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Net weights over the ordinary one, the median of those above zero."""
    positive = weight[weight > 0]
    return np.minimum(weight / (np.median(positive) if len(positive) else 1.0), MAX_NET_WEIGHT)


def _nearness(ptr: NDArray[np.int64], scope: NDArray[np.int32], modules: Modules) -> NDArray[np.float64]:
    """``[E]`` depth of the last common module of each edge's pins over the depth of its deepest pin; 0 for the top."""
    first = ptr[:-1]
    if not len(first):
        return np.zeros(0)
    common = np.zeros(len(first))
    for level in range(1, modules.levels + 1):
        above = modules.at_level(level)[scope]
        low = np.minimum.reduceat(above, first)
        shared = (low >= 0) & (low == np.maximum.reduceat(above, first))
        if not shared.any():
            break
        common += shared
    return common / np.maximum(np.maximum.reduceat(modules.depth[scope], first), 1)


def _module_edges(
    cells: NDArray[np.int64], groups: int, modules: Modules
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Hyperedges of modules of two cells or more and at most ``MODULE_GROUPS`` mean groups, level by level."""
    sizes = modules.sizes(cells)
    wanted = (sizes >= 2) & (sizes <= MODULE_GROUPS * len(cells) / max(groups, 1)) & (modules.depth > 0)
    # A module with all its cells in one submodule says nothing that the submodule does not.
    largest = np.zeros(len(sizes), np.int64)
    np.maximum.at(largest, np.maximum(modules.parent, 0), np.where(modules.parent >= 0, sizes, 0))
    wanted &= largest < sizes
    pins, count, module = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for level in range(1, modules.levels + 1):
        of = modules.at_level(level)[modules.scope[cells]]
        inside = np.flatnonzero((of >= 0) & wanted[of])
        inside = inside[np.argsort(of[inside], kind="stable")]
        which, size = np.unique(of[inside], return_counts=True)
        pins.append(inside)
        count.append(size)
        module.append(which.astype(np.int64))
    strength = MODULE_WEIGHT * np.sqrt(sizes[np.concatenate(module)])
    return _ptr(np.concatenate(count)), np.concatenate(pins), strength


def _ptr(degree: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(degree)]).astype(np.int64)

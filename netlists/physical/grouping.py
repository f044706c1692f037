"""Standard cells gathered into groups that stay together, by connectivity and hierarchy.

First-choice clustering (G. Karypis, R. Aggarwal, V. Kumar, S. Shekhar, "Multilevel Hypergraph Partitioning", IEEE
TVLSI 7(1), 1999): in every round each group joins the neighbour it is most strongly tied to, as long as the two
together stay below the largest area. The strength of a tie is the sum over shared nets of ``1 / (pins - 1)``, times how
deep in the hierarchy the two have their last common module, over the root of the product of the areas. Groups that no
net ties to others are filled up inside their module at the end.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from netlists.compiled import njit
from netlists.graphs.pairs import clique_pairs
from netlists.grouping.cells import usual_groups
from netlists.netlist import STDCELL, Netlist
from netlists.physical.record import Hierarchy

#: Largest area of a group over the mean.
SLACK = 1.5
#: Nets with more pins than this say little about which cells belong together.
MAX_DEGREE = 24
#: A round that joins fewer than this share of the groups is the last.
_PROGRESS = 0.02


def group_cells(
    netlist: Netlist,
    scope: NDArray[np.int32] | None = None,
    hierarchy: Hierarchy | None = None,
    groups: int | None = None,
    apart: NDArray[np.integer] | None = None,
) -> NDArray[np.int64]:
    """Gather the standard cells that nets lead to into groups of about equal area.

    The result depends on the netlist alone: nothing is random.

    Args:
        netlist: a flat netlist.
        scope: ``[N]`` module each node stands in; with ``hierarchy``.
        hierarchy: the tree of modules; connectivity alone decides without it.
        groups: how many to aim at; one for 120 cells, 50 to 1,000, when None.
        apart: ``[N]`` labels; cells of different ones are never in one group.

    Returns:
        ``[N]`` group of each node, numbered from 0 in the order of their first cells; -1 for nodes that are no
        standard cell or that no net leads to.
    """
    on_net = np.zeros(netlist.num_nodes, bool)
    on_net[netlist.conn_node] = True
    cells = np.flatnonzero((netlist.node_kind == STDCELL) & on_net)
    out = np.full(netlist.num_nodes, -1, np.int64)
    if not len(cells):
        return out
    target = usual_groups(len(cells)) if groups is None else max(groups, 1)
    area = (netlist.node_width * netlist.node_height)[cells]
    limit = SLACK * area.sum() / target
    where = np.zeros(len(cells), np.int64) if scope is None or hierarchy is None else scope[cells].astype(np.int64)
    zone = np.zeros(len(cells), np.int64) if apart is None else apart[cells].astype(np.int64)
    graph = _graph(netlist, cells, where, hierarchy, zone)

    label: NDArray[np.int64] = np.arange(len(cells))
    total = area.copy()
    while len(total) > target:
        match = _first_choice(graph.indptr, graph.indices, graph.data, total, limit)
        _, match = np.unique(match, return_inverse=True)
        count = int(match.max()) + 1
        if len(total) - count < _PROGRESS * len(total):
            break
        label, total = match[label], np.bincount(match, total, count).astype(np.float64)
        graph = _contracted(graph, match, count)
    label = _filled(label, total, where, hierarchy, limit, target, zone)
    _, first, number = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    out[cells] = rank[number]
    return out


def _graph(
    netlist: Netlist,
    cells: NDArray[np.int64],
    where: NDArray[np.int64],
    hierarchy: Hierarchy | None,
    zone: NDArray[np.int64],
) -> csr_array:
    """Ties between cells of one zone, symmetric, ``[K, K]``."""
    number = np.full(netlist.num_nodes, -1, np.int64)
    number[cells] = np.arange(len(cells))
    net, a, b, degree = clique_pairs(netlist, MAX_DEGREE)
    a, b = number[a], number[b]
    keep = (a >= 0) & (b >= 0)
    keep[keep] = zone[a[keep]] == zone[b[keep]]
    a, b = a[keep], b[keep]
    strength = netlist.net_weight[net[keep]] / (degree[keep] - 1)
    if hierarchy is not None:
        strength *= _nearness(where[a], where[b], hierarchy)
    both = np.concatenate([a, b]), np.concatenate([b, a])
    graph = coo_array((np.tile(strength, 2), both), shape=(len(cells), len(cells))).tocsr()
    graph.sum_duplicates()
    return graph


def _nearness(a: NDArray[np.int64], b: NDArray[np.int64], hierarchy: Hierarchy) -> NDArray[np.float64]:
    """(1 + depth of the last common module) / (1 + the greater depth of the two): 1 inside one module."""
    depth = np.zeros(len(hierarchy.parent), np.int64)
    for scope, parent in enumerate(hierarchy.parent.tolist()):
        if parent >= 0:
            depth[scope] = depth[parent] + 1
    parent = np.maximum(hierarchy.parent, 0).astype(np.int64)
    deepest = np.maximum(depth[a], depth[b])
    for _ in range(int(depth.max(initial=0))):
        apart = a != b
        up_a, up_b = apart & (depth[a] >= depth[b]), apart & (depth[b] >= depth[a])
        a, b = np.where(up_a, parent[a], a), np.where(up_b, parent[b], b)
    return (1.0 + depth[a]) / (1.0 + deepest)


@njit(cache=True)
def _first_choice(
    indptr: NDArray, indices: NDArray, data: NDArray, area: NDArray, limit: float
) -> NDArray:  # fmt: skip
    """Group each object joins this round: its own number or that of the object that was there first."""
    n = len(area)
    leader = np.full(n, -1, np.int64)
    total = np.zeros(n)
    for i in np.argsort(area, kind="mergesort"):
        if leader[i] >= 0:
            continue
        best, best_score = -1, 0.0
        for k in range(indptr[i], indptr[i + 1]):
            j = indices[k]
            if j == i:
                continue
            lead = leader[j] if leader[j] >= 0 else j
            size = total[lead] if leader[j] >= 0 else area[j]
            if lead == i or area[i] + size > limit:
                continue
            score = data[k] / np.sqrt(area[i] * size)
            if score > best_score:
                best, best_score = j, score
        if best < 0:
            leader[i] = i
            total[i] = area[i]
            continue
        lead = leader[best]
        if lead < 0:
            lead = best
            leader[best] = best
            total[best] = area[best]
        leader[i] = lead
        total[lead] += area[i]
    return leader


def _contracted(graph: csr_array, match: NDArray[np.int64], count: int) -> csr_array:
    rows = np.repeat(np.arange(graph.shape[0]), np.diff(graph.indptr))
    a, b = match[rows], match[graph.indices]
    keep = a != b
    out = coo_array((graph.data[keep], (a[keep], b[keep])), shape=(count, count)).tocsr()
    out.sum_duplicates()
    return out


def _filled(
    label: NDArray[np.int64],
    total: NDArray[np.float64],
    where: NDArray[np.int64],
    hierarchy: Hierarchy | None,
    limit: float,
    target: int,
    zone: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Join groups smaller than half the mean with others of their module and zone, then of the modules above.

    Groups come in the order of their first cells.
    """
    small_below = total.sum() / target / 2
    first = np.full(len(total), len(label), np.int64)
    np.minimum.at(first, label, np.arange(len(label)))
    home, own_zone = where[first], zone[first]
    owner = np.arange(len(total))
    total = total.copy()
    levels = 1 if hierarchy is None else int(max(len(name.split("/")) for name in hierarchy.names)) + 1
    for _ in range(levels):
        open_group: dict[tuple[int, int], int] = {}
        for g in np.argsort(first, kind="stable").tolist():
            if owner[g] != g or total[g] >= small_below:
                continue
            place = int(home[g]), int(own_zone[g])
            into = open_group.get(place)
            if into is None or total[into] + total[g] > limit:
                open_group[place] = g
                continue
            owner[g] = into
            total[into] += total[g]
            if total[into] >= small_below:
                del open_group[place]
        if hierarchy is not None:
            home = np.maximum(hierarchy.parent[home], 0).astype(np.int64)
    while (owner[owner] != owner).any():
        owner = owner[owner]
    return owner[label]

"""Measured statistics of a netlist: what makes a circuit look like a circuit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlists.netlist import HARD_MACRO, PORT, SOFT_MACRO, STDCELL, Netlist

#: Nets wider than this say nothing about locality and are left out when neighbours are sought.
_MAX_CLIQUE_DEGREE = 24


def measure(netlist: Netlist) -> dict[str, Any]:
    """Statistics of a netlist, for comparing synthetic with real designs.

    Returns:
        Counts of :meth:`Netlist.describe`, and

        - ``degree_mean``, ``degree_median``, ``degree_max``; ``degree_2``, ``degree_3``, ``degree_4``: share of nets;
          ``degree_over_8``: share of nets; ``nets_over_500``: number of nets with more than 500 connections
        - ``weight_mean``, ``weight_max``, ``weight_over_1`` (share of nets)
        - ``masters``: distinct (width, height, pins) of hard macros; ``pins_per_macro``; ``macro_edge_pins``: share of
          hard-macro pins within 5 % of the macro's side from its edge
        - ``macro_area_um2``, ``soft_area_um2``, ``cell_area_um2``; ``macro_area_share``: macros / all
        - ``nets_per_macro``, ``nets_per_soft_macro``, ``nets_per_port``: mean number of distinct nets
        - ``soft_area_cv``: standard deviation / mean of soft macro areas
        - ``rent_exponent``: see :func:`rent_exponent`; NaN for netlists too small to tell
    """
    n = netlist
    degree = n.net_degree
    area = n.node_width * n.node_height
    hard, soft = n.ids(HARD_MACRO), n.ids(SOFT_MACRO)
    touched = np.unique(n.conn_net.astype(np.int64) * max(n.num_nodes, 1) + n.conn_node) % max(n.num_nodes, 1)
    nets_of = np.bincount(touched, minlength=n.num_nodes)
    pins_of = np.bincount(n.pin_node, minlength=n.num_nodes)
    shapes = set(zip(n.node_width[hard].tolist(), n.node_height[hard].tolist(), pins_of[hard].tolist(), strict=True))
    out: dict[str, Any] = dict(n.describe())
    out.update(
        degree_mean=_mean(degree), degree_median=float(np.median(degree)) if len(degree) else float("nan"),
        degree_max=int(degree.max(initial=0)),
        **{f"degree_{d}": _mean(degree == d) for d in (2, 3, 4)},
        degree_over_8=_mean(degree > 8), nets_over_500=int((degree > 500).sum()),
        weight_mean=_mean(n.net_weight), weight_max=float(n.net_weight.max(initial=0)),
        weight_over_1=_mean(n.net_weight > 1),
        masters=len(shapes), pins_per_macro=_mean(pins_of[hard]), macro_edge_pins=_edge_share(n),
        macro_area_um2=float(area[hard].sum()), soft_area_um2=float(area[soft].sum()),
        cell_area_um2=float(area[n.ids(STDCELL)].sum()),
        macro_area_share=float(area[hard].sum() / max(area[n.node_kind != PORT].sum(), 1e-300)),
        nets_per_macro=_mean(nets_of[hard]), nets_per_soft_macro=_mean(nets_of[soft]),
        nets_per_port=_mean(nets_of[n.ids(PORT)]),
        soft_area_cv=float(area[soft].std() / area[soft].mean()) if len(soft) else float("nan"),
        rent_exponent=rent_exponent(n),
    )  # fmt: skip
    return out


def rent_exponent(netlist: Netlist) -> float:
    """Estimate the Rent exponent p of T = t * g**p.

    Blocks are grown bottom-up: over and over each block merges with the neighbour it shares most with (clique weights
    ``1 / (d - 1)``, divided by the merged size so that blocks stay even), as in the clustering phase of multilevel
    partitioners. At each level the mean terminals (nets that leave the block) and mean members of blocks near the
    typical size are noted; p is the slope of their logarithms by least squares. Blocks above an eighth of the netlist,
    where ports bend the curve (Rent's second region), are left out. Ports are not members. Net weights count as
    parallel nets.

    Returns:
        The exponent, or NaN with fewer than three usable levels. Greedy blocks have more terminals than those of a good
        partitioner, so compare values of this estimator with each other rather than with published ones.
    """
    from scipy import sparse

    member = netlist.node_kind != PORT
    count = int(member.sum())
    if count < 64 or netlist.num_nets == 0:
        return float("nan")
    index = np.cumsum(member) - 1
    inside = member[netlist.conn_node]
    rows, cols = netlist.conn_net[inside], index[netlist.conn_node[inside]]
    incidence = sparse.csr_matrix((np.ones(len(rows)), (rows, cols)), shape=(netlist.num_nets, count))
    incidence.data[:] = 1.0  # a node twice on one net counts once
    reaches_port = np.bincount(netlist.conn_net[~inside], minlength=netlist.num_nets) > 0
    spread = np.diff(incidence.indptr)
    use = (spread >= 2) & (spread <= _MAX_CLIQUE_DEGREE)
    weight = np.where(use, netlist.net_weight / np.maximum(spread - 1, 1), 0.0)
    graph = (incidence.T @ sparse.diags(weight) @ incidence).tocsr()
    size: NDArray[np.float64] = np.ones(count)
    points: list[tuple[float, float]] = []
    while True:
        label = _match(graph, size, 4.0 * float(size.mean()))
        blocks = int(label.max()) + 1
        if blocks > 0.97 * len(size):
            break
        fold = sparse.csr_matrix((np.ones(len(label)), (np.arange(len(label)), label)), shape=(len(label), blocks))
        incidence = (incidence @ fold).tocsr()
        incidence.data[:] = 1.0
        graph = (fold.T @ graph @ fold).tocsr()
        size = np.asarray(np.bincount(label, size, blocks), np.float64)
        if size.mean() > count / 8:
            break
        leaves = (np.diff(incidence.indptr) > 1) | reaches_port
        terminals = incidence.T @ (leaves * netlist.net_weight)
        typical = (size > size.mean() / 2) & (size < size.mean() * 2)
        if size.mean() >= 4 and typical.any():
            points.append((float(np.log(size[typical].mean())), float(np.log(max(terminals[typical].mean(), 1e-9)))))
    if len(points) < 3:
        return float("nan")
    g, t = np.array(points).T
    return float(np.polyfit(g, t, 1)[0])


def _match(graph: Any, size: NDArray[np.float64], limit: float) -> NDArray[np.int64]:  # noqa: ANN401 - a SciPy matrix
    """Pair blocks that prefer each other, three rounds, no pair larger than ``limit``; unmatched ones stay alone.

    Returns:
        ``[blocks]`` label of the merged block, 0 .. number - 1.
    """
    blocks = len(size)
    coo = graph.tocoo()
    off = coo.row != coo.col
    row, col, data = coo.row[off].astype(np.int64), coo.col[off].astype(np.int64), coo.data[off]
    score = data / (size[row] + size[col])
    mate = np.full(blocks, -1, np.int64)
    for _ in range(3):
        free = (mate[row] < 0) & (mate[col] < 0) & (size[row] + size[col] <= limit)
        if not free.any():
            break
        r, c, s = row[free], col[free], score[free]
        # A fixed pseudo-random order breaks ties, or equal weights would form long chains of one-sided wishes.
        low, high = np.minimum(r, c), np.maximum(r, c)
        tie = ((low * 2654435761 + high * 40503) & 0xFFFF) / 65536.0
        order = np.lexsort((tie, s, r))
        last = np.flatnonzero(np.append(np.diff(r[order]) != 0, True))
        best = np.full(blocks, -1, np.int64)
        best[r[order[last]]] = c[order[last]]
        wish = np.flatnonzero(best >= 0)
        mutual = wish[best[best[wish]] == wish]
        mate[mutual] = best[mutual]
    leader = np.where(mate >= 0, np.minimum(mate, np.arange(blocks)), np.arange(blocks))
    return np.unique(leader, return_inverse=True)[1]


def _edge_share(netlist: Netlist) -> float:
    """Share of hard-macro pins within 5 % of a side from the edge."""
    on = netlist.node_kind[netlist.pin_node] == HARD_MACRO
    if not on.any():
        return float("nan")
    node = netlist.pin_node[on]
    x = np.abs(netlist.pin_dx[on]) / netlist.node_width[node]
    y = np.abs(netlist.pin_dy[on]) / netlist.node_height[node]
    return _mean(np.maximum(x, y) > 0.45)


def _mean(values: NDArray[Any]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")

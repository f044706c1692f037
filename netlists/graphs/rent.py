"""Rent's rule: how many nets leave a block of a circuit, as its size grows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlists.netlist import PORT, Netlist

#: Nets wider than this say nothing about locality and are left out when neighbours are sought.
_MAX_CLIQUE_DEGREE = 24
#: Members of the smallest blocks that the line is fitted to, and the part of the netlist that the largest may have.
_SMALLEST, _LARGEST_PART = 4, 1 / 8
#: Members a netlist needs, and levels the line needs.
_MIN_MEMBERS, _MIN_LEVELS = 64, 3


@dataclass(frozen=True, eq=False)
class RentCurve:
    """Terminals of blocks against their size, level by level.

    Attributes:
        members: ``[K]`` mean number of objects in a block, ascending; the first level is single objects.
        terminals: ``[K]`` mean number of nets that leave a block.
        fitted: ``[K]`` bool, levels the line goes through; large blocks bend away from it (Rent's second region).
        exponent: p of ``T = t * g**p``; NaN where fewer than three levels can be fitted.
        coefficient: t; NaN likewise.
    """

    members: NDArray[np.float64]
    terminals: NDArray[np.float64]
    fitted: NDArray[np.bool_]
    exponent: float
    coefficient: float

    def line(self, members: ArrayLike) -> NDArray[np.float64]:
        """Terminals that the fitted line gives blocks of these sizes."""
        return self.coefficient * np.asarray(members, np.float64) ** self.exponent


def rent_curve(netlist: Netlist) -> RentCurve:
    """Estimate Rent's rule T = t * g**p (B. S. Landman, R. L. Russo, IEEE Trans. Computers C-20(12), 1971).

    Blocks are grown bottom-up: over and over each block merges with the neighbour it shares most with (clique weights
    ``1 / (d - 1)``, divided by the merged size so that blocks stay even), as in the clustering phase of multilevel
    partitioners. At each level the mean terminals and mean members of blocks near the typical size are noted; p is the
    slope of their logarithms by least squares, from blocks of four members to blocks of an eighth of the netlist. Ports
    are not members. Net weights count as parallel nets. Nothing is random.

    Returns:
        The curve; without a level for netlists of fewer than 64 members or without nets. Greedy blocks have more
        terminals than those of a good partitioner, so compare exponents of this estimator with each other rather than
        with published ones.
    """
    from scipy import sparse

    member = netlist.node_kind != PORT
    count = int(member.sum())
    if count < _MIN_MEMBERS or netlist.num_nets == 0:
        return _fit([])
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
    levels: list[tuple[float, float, bool]] = []
    while True:
        leaves = (np.diff(incidence.indptr) > 1) | reaches_port
        terminals = incidence.T @ (leaves * netlist.net_weight)
        mean = float(size.mean())
        typical = (size > mean / 2) & (size < mean * 2)
        if typical.any():
            fits = _SMALLEST <= mean <= count * _LARGEST_PART
            levels.append((float(size[typical].mean()), float(terminals[typical].mean()), fits))
        label = _match(graph, size, 4.0 * mean)
        blocks = int(label.max()) + 1
        if blocks > 0.97 * len(size):
            return _fit(levels)
        fold = sparse.csr_matrix((np.ones(len(label)), (np.arange(len(label)), label)), shape=(len(label), blocks))
        incidence = (incidence @ fold).tocsr()
        incidence.data[:] = 1.0
        graph = (fold.T @ graph @ fold).tocsr()
        size = np.asarray(np.bincount(label, size, blocks), np.float64)


def _fit(levels: list[tuple[float, float, bool]]) -> RentCurve:
    """The line through the levels that may be fitted."""
    members, terminals, fits = np.array(levels, np.float64).reshape(-1, 3).T
    fitted = fits > 0
    if fitted.sum() < _MIN_LEVELS:
        return RentCurve(members, terminals, fitted, float("nan"), float("nan"))
    # Blocks that nothing leaves (circuits of separate parts) have no logarithm.
    slope, height = np.polyfit(np.log(members[fitted]), np.log(np.maximum(terminals[fitted], 1e-9)), 1)
    return RentCurve(members, terminals, fitted, float(slope), float(np.exp(height)))


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

"""Who is connected to whom and how strongly: what flylines are drawn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from netlists.netlist import Netlist

#: Nets with more distinct objects (clocks, resets) say nothing about neighbours and are left out.
MAX_FANOUT = 500


@dataclass(frozen=True, eq=False)
class Connections:
    """The strongest neighbours of some objects, in CSR form.

    Attributes:
        nodes: ``[K]`` the objects asked for.
        ptr: ``[K + 1]`` offsets into the arrays below.
        neighbour: ``[E]`` node ids, strongest first within an object.
        weight: ``[E]`` sum over the nets both are on of net weight / (distinct objects of the net - 1), the
            clique model: a two-pin net ties its ends more than a bus of forty does.
        nets: ``[E]`` number of those nets.
        left_out: ``[K]`` neighbours beyond the limit.
    """

    nodes: NDArray[np.int64]
    ptr: NDArray[np.int64]
    neighbour: NDArray[np.int64]
    weight: NDArray[np.float64]
    nets: NDArray[np.int64]
    left_out: NDArray[np.int64]

    def of(self, position: int) -> slice:
        """Where the neighbours of ``nodes[position]`` stand."""
        return slice(int(self.ptr[position]), int(self.ptr[position + 1]))


def connections(netlist: Netlist, nodes: NDArray[np.int64], limit: ArrayLike = 150) -> Connections:
    """Strongest neighbours of objects.

    Args:
        netlist: the circuit.
        nodes: ``[K]`` objects asked for.
        limit: neighbours kept an object; one number, or ``[K]``.
    """
    n = netlist
    member = sp.csr_matrix(
        (np.ones(n.num_connections), (n.conn_node, n.conn_net)), shape=(n.num_nodes, n.num_nets)
    )  # fmt: skip
    member.data[:] = 1.0  # several pins of one object on a net are one membership
    fanout = np.asarray(member.sum(axis=0)).ravel()
    keep = (fanout > 1) & (fanout <= MAX_FANOUT)
    clique = np.where(keep, n.net_weight / np.maximum(fanout - 1, 1), 0.0)
    others = member.T.tocsr()
    asked = member[nodes]
    weight = (asked @ sp.diags(clique) @ others).tocsr()
    count = (asked @ sp.diags(keep.astype(float)) @ others).tocsr()
    ptr, neighbour, weights, nets = [0], [], [], []
    left_out = np.zeros(len(nodes), np.int64)
    limits = np.broadcast_to(np.asarray(limit, np.int64), len(nodes))
    for k, node in enumerate(nodes):
        # Counts decide who is a neighbour: weights may be zero.
        ids, shared = _row(count, k)
        real = (ids != node) & (shared > 0)
        ids, shared = ids[real], shared[real]
        w = _look_up(*_row(weight, k), ids)
        order = np.lexsort((ids, -shared, -w))[: limits[k]]
        left_out[k] = len(ids) - len(order)
        neighbour.append(ids[order])
        weights.append(w[order])
        nets.append(np.rint(shared[order]).astype(np.int64))
        ptr.append(ptr[-1] + len(order))
    empty = np.zeros(0)
    return Connections(
        np.asarray(nodes, np.int64),
        np.array(ptr, np.int64),
        np.concatenate([*neighbour, empty]).astype(np.int64),
        np.concatenate([*weights, empty]),
        np.concatenate([*nets, empty]).astype(np.int64),
        left_out,
    )


def _row(matrix: sp.csr_matrix, k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    part = slice(matrix.indptr[k], matrix.indptr[k + 1])
    ids = matrix.indices[part]
    order = np.argsort(ids)
    return ids[order].astype(np.int64), matrix.data[part][order]


def _look_up(keys: NDArray[np.int64], values: NDArray[np.float64], wanted: NDArray[np.int64]) -> NDArray[np.float64]:
    """Values at ``wanted`` of a sparse vector with ascending ``keys``; 0 where it has no entry."""
    if not len(keys):
        return np.zeros(len(wanted))
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0.0)

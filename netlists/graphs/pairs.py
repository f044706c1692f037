"""Hypergraph to pairwise edges, as arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.netlist import Netlist


def members(netlist: Netlist) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each distinct (net, node) membership once, sorted by net then node.

    Returns:
        ``[K]`` nets and ``[K]`` nodes.
    """
    key = np.unique(netlist.conn_net.astype(np.int64) * max(netlist.num_nodes, 1) + netlist.conn_node)
    return key // max(netlist.num_nodes, 1), key % max(netlist.num_nodes, 1)


def clique_pairs(
    netlist: Netlist, max_degree: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Every pair of distinct nodes on every net of at most ``max_degree`` distinct nodes.

    Returns:
        Four arrays ``[K]``: net, lower node id, higher node id, distinct nodes on the net. A pair occurs once for
        each net it shares.
    """
    net, node = members(netlist)
    degree = np.bincount(net, minlength=netlist.num_nets)
    first = np.cumsum(degree) - degree
    limit = int(degree.max(initial=0)) if max_degree is None else max_degree
    out_net, out_a, out_b = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for d in np.unique(degree[(degree >= 2) & (degree <= limit)]).tolist():
        nets = np.flatnonzero(degree == d)
        i, j = np.triu_indices(d, 1)
        out_net.append(np.repeat(nets, len(i)))
        out_a.append(node[(first[nets][:, None] + i).ravel()])
        out_b.append(node[(first[nets][:, None] + j).ravel()])
    nets = np.concatenate(out_net)
    return nets, np.concatenate(out_a), np.concatenate(out_b), degree[nets]


def star_pairs(
    netlist: Netlist, max_degree: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The driver of every net with each other distinct node on it, for nets of at most ``max_degree`` nodes.

    Returns:
        Four arrays ``[K]``: net, driving node, sink node, distinct nodes on the net.
    """
    net, node = members(netlist)
    degree = np.bincount(net, minlength=netlist.num_nets)
    driver = netlist.conn_node[netlist.net_source].astype(np.int64)[net]
    keep = node != driver
    if max_degree is not None:
        keep &= degree[net] <= max_degree
    return net[keep], driver[keep], node[keep], degree[net[keep]]

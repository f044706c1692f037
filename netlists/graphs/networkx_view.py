"""A netlist as a NetworkX graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from netlists.errors import NetlistError
from netlists.graphs.pairs import clique_pairs, star_pairs
from netlists.netlist import KIND_NAMES, Netlist

if TYPE_CHECKING:
    import networkx as nx

#: Cliques of nets above this many nodes are left out unless asked for: they grow with the square and say little.
CLIQUE_MAX_DEGREE = 64


def to_networkx(
    netlist: Netlist,
    form: Literal["bipartite", "clique", "star"] = "bipartite",
    *,
    weighted: bool = True,
    max_degree: int | None = None,
) -> nx.Graph:
    """View a netlist as a NetworkX graph.

    Circuit nodes keep their names as keys, also when they are on no net, and carry ``index``, ``kind``
    (``"hard_macro"``, ...), ``width``, ``height`` (um) and ``area`` (um^2).

    - ``"bipartite"``: an ``nx.MultiGraph``. Nets are nodes too, with keys ``("net", i)`` and attributes ``kind="net"``,
      ``weight``, ``degree`` (connections) and ``name``; ``bipartite`` is 0 for circuit nodes and 1 for nets. There is
      one edge for each connection, with the pin's offset ``dx``, ``dy`` (um, N frame), ``is_source`` and ``weight``.
    - ``"clique"``: an ``nx.Graph``; all pairs of distinct nodes on a net, each with weight ``w / (d - 1)`` for net
      weight ``w`` and ``d`` distinct nodes, so that every node sees weight ``w`` from each of its nets (the usual
      clique model of partitioning and quadratic placement).
    - ``"star"``: an ``nx.Graph``; the net's driver with every other node on it, each with weight ``w``.

    Where nets share an edge of a clique or star, weights add up and ``nets`` counts the nets.

    Args:
        netlist: the circuit.
        form: which view.
        weighted: use net weights; False counts every net as 1.
        max_degree: leave out nets with more distinct nodes (bipartite: connections) than this. None keeps all nets,
            except that ``"clique"`` then stops at 64.

    Returns:
        The graph; ``graph.graph["name"]`` is the design's name.

    Raises:
        NetlistError: the form is unknown or ``max_degree`` is below 2.
    """
    import networkx as nx

    if form not in ("bipartite", "clique", "star"):
        raise NetlistError("unknown graph form", found=form, expected="bipartite, clique or star")
    if max_degree is not None and max_degree < 2:
        raise NetlistError("max_degree must be at least 2", found=max_degree)
    graph: nx.Graph = nx.MultiGraph(name=netlist.name) if form == "bipartite" else nx.Graph(name=netlist.name)
    names, width, height = netlist.node_names, netlist.node_width.tolist(), netlist.node_height.tolist()
    for i, kind in enumerate(netlist.node_kind.tolist()):
        w, h = width[i], height[i]
        graph.add_node(names[i], index=i, kind=KIND_NAMES[kind], width=w, height=h, area=w * h)
    weight = netlist.net_weight if weighted else np.ones(netlist.num_nets)
    if form == "bipartite":
        _add_nets(graph, netlist, weight, max_degree)
        return graph
    if form == "clique":
        net, a, b, degree = clique_pairs(netlist, CLIQUE_MAX_DEGREE if max_degree is None else max_degree)
        share = weight[net] / (degree - 1)
    else:
        net, a, b, degree = star_pairs(netlist, max_degree)
        share = weight[net]
        a, b = np.minimum(a, b), np.maximum(a, b)
    pair, where, count = np.unique(a * max(netlist.num_nodes, 1) + b, return_inverse=True, return_counts=True)
    total = np.bincount(where, share, len(pair))
    low, high = (pair // max(netlist.num_nodes, 1)).tolist(), (pair % max(netlist.num_nodes, 1)).tolist()
    for i, j, w, k in zip(low, high, total.tolist(), count.tolist(), strict=True):
        graph.add_edge(names[i], names[j], weight=w, nets=k)
    return graph


def _add_nets(graph: nx.Graph, netlist: Netlist, weight: np.ndarray, max_degree: int | None) -> None:
    """Add net nodes and one edge for each connection."""
    names = netlist.node_names
    for name in names:
        graph.nodes[name]["bipartite"] = 0
    ptr, source = netlist.net_ptr.tolist(), netlist.net_source.tolist()
    node, dx, dy = netlist.conn_node.tolist(), netlist.conn_dx.tolist(), netlist.conn_dy.tolist()
    for m, w in enumerate(weight.tolist()):
        degree = ptr[m + 1] - ptr[m]
        if max_degree is not None and degree > max_degree:
            continue
        key = ("net", m)
        graph.add_node(key, kind="net", bipartite=1, weight=w, degree=degree, name=netlist.net_label(m))
        for c in range(ptr[m], ptr[m + 1]):
            graph.add_edge(names[node[c]], key, dx=dx[c], dy=dy[c], is_source=c == source[m], weight=w)

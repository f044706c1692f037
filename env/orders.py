"""In which order macros are placed: by name, or by a rule of one's own (:data:`Order`), which may be learned.

:mod:`env.learned_order` has the rule that scores macros with a network.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design

#: A rule: design and node ids in, the same ids in placing order out.
Order = Callable[[Design, NDArray[np.int64]], NDArray[np.int64]]


def by_area(design: Design, macros: NDArray[np.int64]) -> NDArray[np.int64]:
    """Largest first, so that what is hard to fit is placed while there is space; ties by node id."""
    area = design.netlist.node_width[macros] * design.netlist.node_height[macros]
    return macros[np.lexsort((macros, -area))]


def by_connectivity(design: Design, macros: NDArray[np.int64]) -> NDArray[np.int64]:
    """Next is always the macro with the most net weight to what already has a position.

    Ports and fixed objects count from the start, so the first macros are those the periphery holds. Ties go to the
    larger macro, then to the smaller node id.
    """
    netlist = design.netlist
    area = netlist.node_width[macros] * netlist.node_height[macros]
    pairs, there = nets_of_macros(design, macros), placed_nets(design)
    weight = netlist.net_weight[pairs[:, 1]]
    pull = np.bincount(pairs[:, 0], weights=weight * there[pairs[:, 1]], minlength=len(macros))
    nets_of = np.split(pairs[:, 1], np.searchsorted(pairs[:, 0], np.arange(1, len(macros))))
    by_net = pairs[np.argsort(pairs[:, 1], kind="stable")]
    first = np.searchsorted(by_net[:, 1], np.arange(netlist.num_nets + 1))
    left = np.ones(len(macros), bool)
    chosen = []
    for _ in macros:
        candidates = np.flatnonzero(left)
        best = candidates[np.lexsort((macros[candidates], -area[candidates], -pull[candidates]))[0]]
        left[best] = False
        chosen.append(best)
        for net in nets_of[best]:
            if not there[net]:
                there[net] = True
                pull[by_net[first[net] : first[net + 1], 0]] += netlist.net_weight[net]
    return macros[chosen]


def nets_of_macros(design: Design, macros: NDArray[np.int64]) -> NDArray[np.int64]:
    """``[P, 2]``: every pair of a macro (its index in ``macros``) and a net it is on, once, in ascending order."""
    netlist = design.netlist
    slot = np.full(netlist.num_nodes, -1)
    slot[macros] = np.arange(len(macros))
    mine = np.flatnonzero(slot[netlist.conn_node] >= 0)
    return np.unique(np.stack([slot[netlist.conn_node[mine]], netlist.conn_net[mine]], axis=1), axis=0)


def placed_nets(design: Design) -> NDArray[np.bool_]:
    """``[M]``: whether a net has a pin with a position before the first step (of a port or a fixed object)."""
    netlist = design.netlist
    there = np.zeros(netlist.num_nets, bool)
    there[netlist.conn_net[(~design.movable & design.placement.placed)[netlist.conn_node]]] = True
    return there


#: Orders by the name users give.
ORDERS: dict[str, Order] = {"area": by_area, "connectivity": by_connectivity}


def macro_order(design: Design, macros: NDArray[np.int64], order: str | Order) -> NDArray[np.int64]:
    """``macros`` in the named order, or in the one a rule of one's own (learned, say) gives.

    Raises:
        ValueError: the name is not one of :data:`ORDERS`, or the rule did not return every macro once.
    """
    if callable(order):
        chosen = np.asarray(order(design, macros.copy()))
        if chosen.shape != macros.shape or (np.sort(chosen) != np.sort(macros)).any():
            raise ValueError(f"the macro order must return each of the {len(macros)} macros once, found {chosen!r}")
        return chosen.astype(np.int64)
    if order not in ORDERS:
        raise ValueError(f"unknown macro order {order!r}, expected one of {', '.join(ORDERS)} or a function")
    return ORDERS[order](design, macros)

"""Measured statistics of a netlist: what makes a circuit look like a circuit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlists.graphs.rent import rent_curve
from netlists.netlist import HARD_MACRO, PORT, SOFT_MACRO, STDCELL, Netlist


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
        - ``rent_exponent``: see :func:`netlists.graphs.rent_curve`; NaN for netlists too small to tell
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
        rent_exponent=rent_curve(n).exponent,
    )  # fmt: skip
    return out


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

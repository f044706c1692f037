"""Small random designs that reach every branch of the cost model."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from netlists import HARD_MACRO, PORT, SOFT_MACRO, STDCELL, Canvas, Design, Netlist, Placement


def random_design(seed: int, *, nodes: int = 14, nets: int = 30, integer_weights: bool = True) -> Design:
    """Nodes of every kind, nets of degree 1 to 9 with repeated pins, any orientation, some objects off the canvas."""
    rng = np.random.default_rng(seed)
    kind = rng.choice([HARD_MACRO, SOFT_MACRO, STDCELL, PORT], nodes, p=[0.4, 0.35, 0.1, 0.15]).astype(np.int8)
    kind[0], kind[1] = HARD_MACRO, SOFT_MACRO
    port = kind == PORT
    x0, y0 = rng.choice([0.0, -7.25, 3.5], 2)
    canvas = Canvas(
        x0, y0, x0 + rng.uniform(20, 60), y0 + rng.uniform(20, 60),
        int(rng.integers(1, 9)), int(rng.integers(1, 9)),
        *rng.uniform(1, 5, 2), *rng.uniform(0.5, 2, 2), smoothing=int(rng.integers(0, 4)),
    )  # fmt: skip
    width = np.where(port, 0.0, rng.uniform(0.5, 18, nodes))
    height = np.where(port, 0.0, rng.uniform(0.5, 18, nodes))
    pins = 4 * nodes
    pin_node = np.concatenate([np.arange(nodes), rng.integers(0, nodes, pins - nodes)])
    spread = np.where(kind[pin_node] == SOFT_MACRO, 0.0, rng.uniform(-0.5, 0.5, pins))
    degree = rng.choice([1, 2, 2, 2, 3, 3, 4, 5, 9], nets)
    members = [rng.integers(0, pins, d) for d in degree]
    if nets > 3:
        members[1] = members[0].copy()  # twins, to be merged
    ptr = np.concatenate([[0], np.cumsum([len(m) for m in members])])
    source = np.array([rng.integers(a, b) for a, b in pairwise(ptr)])
    if nets > 3:
        source[1] = source[0] + ptr[1] - ptr[0]
    weight = rng.integers(1, 5, nets).astype(float) if integer_weights else rng.uniform(0.1, 3, nets)
    netlist = Netlist(
        name=f"random{seed}", node_names=[f"n{i}" for i in range(nodes)], node_kind=kind, node_width=width,
        node_height=height, pin_node=pin_node, pin_dx=spread * width[pin_node],
        pin_dy=np.where(spread == 0, 0, rng.uniform(-0.5, 0.5, pins)) * height[pin_node],
        net_ptr=ptr, net_pins=np.concatenate(members), net_source=source, net_weight=weight,
    )  # fmt: skip
    x = canvas.x0 + rng.uniform(-0.1, 1.1, nodes) * canvas.width
    y = canvas.y0 + rng.uniform(-0.1, 1.1, nodes) * canvas.height
    # Some objects cover whole gcells exactly: the rule of the ragged end rows must see both cases.
    snap = rng.random(nodes) < 0.3
    width[snap & ~port] = canvas.gcell_width
    x[snap] = canvas.x0 + (rng.integers(0, canvas.columns, snap.sum()) + 0.5) * canvas.gcell_width
    orient = np.where(port, 0, rng.integers(0, 8, nodes)).astype(np.int8)
    return Design(netlist, canvas, Placement(x, y, orient, port, np.ones(nodes, bool)))

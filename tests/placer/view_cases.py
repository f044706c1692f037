"""Designs made by hand or by dice for the tests of drawing and cost shares."""

from __future__ import annotations

import numpy as np

from netlists import HARD_MACRO, PORT, SOFT_MACRO, STDCELL, Canvas, Design, Netlist, Placement
from netlists.orientation import oriented_sizes

#: Names no page may take literally.
HOSTILE = ("<script>alert(1)</script>", "a\"b'c&d", "块/宏 ünï", "%{x}<b>bold</b>")


def diced_design(
    hard: int = 12,
    soft: int = 30,
    cells: int = 0,
    ports: int = 16,
    *,
    seed: int = 0,
    grid: tuple[int, int] = (20, 16),
    smoothing: int = 0,
    names: tuple[str, ...] = (),
    nets: int | None = None,
) -> Design:
    """Objects thrown on a 400 x 300 um canvas with random nets; ``names`` replace the first node names."""
    rng = np.random.default_rng(seed)
    count = hard + soft + cells + ports
    kind = np.repeat(np.array([HARD_MACRO, SOFT_MACRO, STDCELL, PORT], np.int8), [hard, soft, cells, ports])
    size = np.array([[30.0, 18.0], [12.0, 12.0], [0.8, 0.6], [0.0, 0.0]])[kind]
    size[: hard + soft] *= rng.uniform(0.6, 1.5, (hard + soft, 1))
    labels = [f"cpu{i % 4}/{'l1' if i % 3 else 'l2'}/mem_{i}" for i in range(hard)]
    labels += [f"Grp_{i}" for i in range(soft)] + [f"u{i}" for i in range(cells)] + [f"io[{i}]" for i in range(ports)]
    labels[: len(names)] = names
    orient = np.where(kind == HARD_MACRO, rng.integers(0, 8, count), 0)
    wide, high = oriented_sizes(size[:, 0], size[:, 1], orient)
    # A few objects hang over the edge, as published placements do.
    x = rng.uniform(0.4 * wide, 400 - 0.4 * wide)
    y = rng.uniform(0.4 * high, 300 - 0.4 * high)
    x[kind == PORT] = np.where(rng.random(ports) < 0.5, 0.0, 400.0)
    nets = 3 * count if nets is None else nets
    degree = np.minimum(rng.integers(2, 7, nets), count)
    ptr = np.concatenate([[0], degree.cumsum()]).astype(np.int64)
    node = np.concatenate([rng.choice(count, d, replace=False) for d in degree] or [np.zeros(0, int)])
    dx = rng.uniform(-0.5, 0.5, len(node)) * size[node, 0]
    dy = rng.uniform(-0.5, 0.5, len(node)) * size[node, 1]
    netlist = Netlist(
        "diced", labels, kind, size[:, 0], size[:, 1], node, dx, dy, ptr, np.arange(len(node)),
        ptr[:-1], rng.choice([1.0, 2.0, 5.0], nets),
    )  # fmt: skip
    canvas = Canvas(
        -5.0, 10.0, 395.0, 310.0, *grid, h_routes_per_um=4.0, v_routes_per_um=3.0,
        h_macro_routes_per_um=2.0, v_macro_routes_per_um=1.5, smoothing=smoothing,
    )  # fmt: skip
    placed = np.ones(count, bool)
    return Design(netlist, canvas, Placement(x - 5, y + 10, orient, kind == PORT, placed), notes=("made by dice",))


def shuffled(design: Design, seed: int = 1) -> Placement:
    """The design's placement with every object that is not a port thrown elsewhere."""
    rng = np.random.default_rng(seed)
    p = design.placement
    free = design.netlist.node_kind != PORT
    order = np.arange(len(p.x))
    order[free] = rng.permutation(order[free])
    return p.moved(x=p.x[order], y=p.y[order], orient=np.where(free, (p.orient + 2) % 8, p.orient))

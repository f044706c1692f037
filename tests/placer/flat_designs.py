"""Small flat designs: macros, cells in rows, ports at the edge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from netlists.canvas import Canvas, Rows
from netlists.design import Design
from netlists.netlist import HARD_MACRO, PORT, STDCELL, Netlist
from netlists.orientation import FS, N
from netlists.placement import Placement
from placer.engines.analytic.circuit import extract


def flat_design(seed=0, *, macros=4, cells=300, ports=12, height=2.0, utilisation=0.7, origin=(0.0, 0.0), fixed=0):
    """A random local netlist: nets join objects that are near in a random order, as in a real circuit."""
    rng = np.random.default_rng(seed)
    site = 0.5
    width = np.concatenate([
        rng.integers(16, 40, macros) * site, rng.integers(2, 9, cells) * site, np.zeros(ports),
    ])  # fmt: skip
    high = np.concatenate([rng.integers(4, 10, macros) * height, np.full(cells, height), np.zeros(ports)])
    area = float((width * high).sum()) / utilisation
    rows = int(np.ceil(np.sqrt(area) / height))
    sites = int(np.ceil(area / (rows * height) / site))
    x0, y0 = origin
    canvas = Canvas(
        x0, y0, x0 + sites * site, y0 + rows * height, 8, 8, 4.0, 4.0,
        rows=Rows(
            y0 + height * np.arange(rows), np.full(rows, height), np.full(rows, x0), np.full(rows, sites),
            np.full(rows, site), np.full(rows, site), np.zeros(rows, np.int8),
        ),
        manufacturing_grid=0.005,
    )  # fmt: skip
    kind = np.array([HARD_MACRO] * macros + [STDCELL] * cells + [PORT] * ports)
    n = len(kind)
    order = rng.permutation(n)
    degree = rng.choice([2, 2, 2, 3, 4, 5, 12], int(1.2 * n))
    nodes = []
    for d in degree:
        at = rng.integers(0, n)
        nodes.append(order[np.clip(at + rng.integers(-8, 9, d), 0, n - 1)])
    node = np.concatenate(nodes)
    dx, dy = (rng.uniform(-0.45, 0.45, len(node)) * s[node] for s in (width, high))
    ptr = np.concatenate([[0], np.cumsum(degree)])
    netlist = Netlist(
        "flat", [f"o{i}" for i in range(n)], kind, width, high, node, dx, dy, ptr, np.arange(len(node)), ptr[:-1],
        np.ones(len(degree)),
    )  # fmt: skip
    x, y = np.full(n, (canvas.x0 + canvas.x1) / 2), np.full(n, (canvas.y0 + canvas.y1) / 2)
    p = kind == PORT
    side = rng.integers(0, 2, ports).astype(bool)
    x[p] = np.where(side, rng.uniform(canvas.x0, canvas.x1, ports), rng.choice([canvas.x0, canvas.x1], ports))
    y[p] = np.where(side, rng.choice([canvas.y0, canvas.y1], ports), rng.uniform(canvas.y0, canvas.y1, ports))
    held = p.copy()
    for k in range(fixed):  # along the lower edge
        held[k] = True
        x[k] = canvas.x0 + width[: k + 1].sum() - width[k] / 2
        y[k] = canvas.y0 + high[k] / 2
    return Design(netlist, canvas, Placement(x, y, np.zeros(n, np.int8), held, held))


def alternating(design):
    """The same design with every other row upside down, sites symmetric in Y."""
    rows = design.canvas.rows
    orient = np.where(np.arange(len(rows.y)) % 2, FS, N).astype(np.int8)
    rows = replace(rows, orient=orient, symmetry=("Y",) * len(rows.y))
    return replace(design, canvas=replace(design.canvas, rows=rows))


def heights(design, which, high):
    """The design with some objects of another height."""
    height = design.netlist.node_height.copy()
    height[which] = high
    return replace(design, netlist=replace(design.netlist, node_height=height))


def rows_of_two_heights(design, low=2.0, high=3.0):
    """The design with its upper half of rows higher; the canvas grows with them."""
    canvas = design.canvas
    each = np.where(np.arange(len(canvas.rows.y)) < len(canvas.rows.y) // 2, low, high)
    y = canvas.y0 + np.concatenate([[0.0], np.cumsum(each)[:-1]])
    rows = replace(canvas.rows, y=y, height=each)
    return replace(design, canvas=replace(canvas, y1=float(y[-1] + each[-1]), rows=rows))


def scattered(design, seed=0):
    """The circuit, and random centres relative to the canvas corner for what moves."""
    c = extract(design)
    rng = np.random.default_rng(seed)
    x, y = design.placement.x - design.canvas.x0, design.placement.y - design.canvas.y0
    x = np.where(c.movable, c.width / 2 + rng.random(len(x)) * (c.extent[0] - c.width), x)
    y = np.where(c.movable, c.height / 2 + rng.random(len(y)) * (c.extent[1] - c.height), y)
    return c, x, y


def thrown(design, seed=0):
    """:func:`scattered` as a placement."""
    _, x, y = scattered(design, seed)
    return design.placement.moved(x=x + design.canvas.x0, y=y + design.canvas.y0)


def broken_rules(design, placement):
    """Rules a flat placement breaks, by code that shares nothing with the engines: (rule, node) pairs."""
    n, c = design.netlist, design.canvas
    rows = c.rows
    found = []
    low_x, low_y = placement.x - n.node_width / 2, placement.y - n.node_height / 2
    solid = np.flatnonzero(n.node_kind != PORT)
    for i in solid:
        if low_x[i] < c.x0 - 1e-6 or low_x[i] + n.node_width[i] > c.x1 + 1e-6:
            found.append(("outside", i))
        if low_y[i] < c.y0 - 1e-6 or low_y[i] + n.node_height[i] > c.y1 + 1e-6:
            found.append(("outside", i))
        if n.node_kind[i] == STDCELL and design.movable[i]:
            if np.abs(rows.y - low_y[i]).min() > 1e-6:
                found.append(("row", i))
            at = (low_x[i] - rows.x0[0]) / rows.site_spacing[0]
            if abs(at - round(at)) > 1e-6:
                found.append(("site", i))
        if not design.movable[i] and (placement.x[i], placement.y[i]) != (design.placement.x[i], design.placement.y[i]):
            found.append(("moved", i))
    for a, i in enumerate(solid):
        rest = solid[a + 1 :]
        wide = np.minimum(low_x[i] + n.node_width[i], low_x[rest] + n.node_width[rest]) - np.maximum(
            low_x[i], low_x[rest]
        )
        high = np.minimum(low_y[i] + n.node_height[i], low_y[rest] + n.node_height[rest]) - np.maximum(
            low_y[i], low_y[rest]
        )
        found += [("overlap", i) for _ in np.flatnonzero((wide > 1e-6) & (high > 1e-6))]
    return found

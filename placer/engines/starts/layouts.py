"""Rough first layouts that smooth optimisation starts from: the input, quadratic, random, and their mirror images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix, diags
from scipy.sparse.linalg import cg

from netlists.design import Design
from placer.engines.starts.circuit import Circuit

Floats = NDArray[np.float64]

#: Kinds in the order they are handed out: what tends to end best comes first.
_PLACED_KINDS = ("input", "quadratic", "spread", "mirror", "random", "flip", "noise", "turn")
_UNPLACED_KINDS = ("quadratic", "spread", "random")


def layouts(design: Design, circuit: Circuit, count: int, seed: int) -> tuple[Floats, Floats, tuple[str, ...]]:
    """First layouts, all objects inside the canvas, fixed ones in their places.

    Args:
        design: the design.
        circuit: the same, flattened.
        count: how many.
        seed: of the random ones and of the perturbations that tell repeated kinds apart.

    Returns:
        ``x, y`` ``[count, N]`` centres in um from the canvas corner, and the kind of each.
    """
    p, k = design.placement, circuit
    x0, y0 = p.x - design.canvas.x0, p.y - design.canvas.y0
    placed = bool(p.placed[k.movable].all()) and _spread_out(x0, y0, k)
    kinds = _PLACED_KINDS if placed else _UNPLACED_KINDS
    solved = quadratic(k, x0, y0, seed) if count > 1 or not placed else (x0, y0)
    xs, ys, names = [], [], []
    for i in range(count):
        kind, turn = kinds[i % len(kinds)], i // len(kinds)
        rng = np.random.default_rng([seed, i])
        if kind == "random":
            x, y = rng.random(len(x0)) * k.span_x, rng.random(len(x0)) * k.span_y
        elif kind in ("quadratic", "spread"):
            x, y = _even_out(solved[0], solved[1], k, 0.3 if kind == "quadratic" else 0.9)
        else:
            x, y = x0.copy(), y0.copy()
            if kind in ("mirror", "turn"):
                x = k.span_x - x
            if kind in ("flip", "turn"):
                y = k.span_y - y
        # Exact ties between objects would move together for ever.
        noise = 0.05 if turn or kind == "noise" else 0.0 if kind == "input" else 0.002
        x = x + rng.normal(0, noise * k.span_x, len(x)) if noise else x
        y = y + rng.normal(0, noise * k.span_y, len(y)) if noise else y
        x, y = inside(x, y, k)
        xs.append(np.where(k.movable, x, x0))
        ys.append(np.where(k.movable, y, y0))
        names.append(kind)
    return np.array(xs), np.array(ys), tuple(names)


def inside(x: Floats, y: Floats, circuit: Circuit) -> tuple[Floats, Floats]:
    """Centres (um from the canvas corner) moved so that objects lie inside; the middle for those that cannot."""
    half_w = np.minimum(circuit.width, circuit.span_x) / 2
    half_h = np.minimum(circuit.height, circuit.span_y) / 2
    return np.clip(x, half_w, circuit.span_x - half_w), np.clip(y, half_h, circuit.span_y - half_h)


def _spread_out(x: Floats, y: Floats, k: Circuit) -> bool:
    """False where the input "placement" has everything on one spot, as files without one often say."""
    x, y = x[k.movable], y[k.movable]
    return len(x) > 0 and (len(x) == 1 or float(np.ptp(x)) > k.pitch_x or float(np.ptp(y)) > k.pitch_y)


def quadratic(circuit: Circuit, x: Floats, y: Floats, seed: int) -> tuple[Floats, Floats]:
    """Minimum of the quadratic wirelength, every net a star around its own centre of gravity.

    Fixed objects hold the rest in place; without any, a few random positions do.

    Args:
        circuit: the flattened design.
        x: ``[N]`` um, read at fixed objects.
        y: ``[N]`` um.
        seed: of the stand-in anchors.

    Returns:
        ``x, y`` ``[N]``.
    """
    k, n, m = circuit, len(circuit.width), len(circuit.weight)
    if not k.movable.any():
        return x, y
    degree = np.diff(k.net_ptr)
    net = np.repeat(np.arange(m), degree)
    # A star with arms of weight w * d / (d - 1) acts as the clique with edges of weight w / (d - 1).
    arm = (k.weight * degree / np.maximum(degree - 1, 1))[net]
    size = n + m
    half = coo_matrix((arm, (k.node, n + net)), shape=(size, size))
    graph = csr_matrix(half + half.T)
    strength = np.asarray(graph.sum(1)).ravel()
    free = np.concatenate([k.movable, np.ones(m, bool)])
    # Objects without nets, or without a path to an anchor, rest in the middle.
    pull = np.full(size, 1e-4 * max(float(strength[:n].mean()), 1e-9))
    middle_x, middle_y = np.full(size, k.span_x / 2), np.full(size, k.span_y / 2)
    if not (strength[:n][~k.movable] > 0).any():
        rng = np.random.default_rng([seed, 7])
        chosen = rng.choice(np.flatnonzero(k.movable), min(8, int(k.movable.sum())), replace=False)
        pull[chosen] = max(float(strength[:n].mean()), 1e-9)
        middle_x[chosen] = rng.random(len(chosen)) * k.span_x
        middle_y[chosen] = rng.random(len(chosen)) * k.span_y
    system = (diags(strength + pull) - graph).tocsr()
    inner, border = system[free][:, free], system[free][:, ~free]
    scale = diags(1.0 / inner.diagonal())
    out = []
    for known, middle in ((x, middle_x), (y, middle_y)):
        everything = np.concatenate([known, np.zeros(m)])
        right = (pull * middle)[free] - border @ everything[~free]
        answer, _ = cg(inner, right, x0=middle[free], rtol=1e-5, maxiter=300, M=scale)
        everything[free] = answer
        out.append(everything[:n])
    return out[0], out[1]


def _even_out(x: Floats, y: Floats, k: Circuit, share: float) -> tuple[Floats, Floats]:
    """Pull a crowded layout apart: each axis part of the way to even spacing by area."""
    out = []
    area = np.where(k.movable, k.width * k.height, 0.0)
    for values, span in ((x, k.span_x), (y, k.span_y)):
        order = np.argsort(values, kind="stable")
        rank = np.empty(len(values))
        done = np.cumsum(area[order])
        rank[order] = (done - area[order] / 2) / max(float(done[-1]) if len(done) else 0.0, 1e-30)
        out.append((1 - share) * values + share * rank * span)
    return out[0], out[1]

"""A quick global layout without an input placement: quadratic solves pulled towards evenly spread targets.

The loop is the one of SimPL (Kim, Lee, Markov, ICCAD 2010): solve the bound-to-bound quadratic model (Spindler,
Schlichtmann, Johannes, TCAD 2008), spread the result evenly over the canvas by recursive bisection, tie every object
to its spread position a little tighter than before, and solve again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix, diags

from placer.budget import Budget
from placer.engines.starts.circuit import Circuit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def analytic(
    circuit: Circuit, x: Floats, y: Floats, seed: int, rounds: int = 12, budget: Budget | None = None
) -> tuple[Floats, Floats]:
    """Lay out the movable objects by connectivity, spread over the canvas.

    Args:
        circuit: the flattened design.
        x: ``[N]`` um from the canvas corner, read at fixed objects.
        y: ``[N]`` um.
        seed: of the first positions, which decide where nothing fixed does.
        rounds: solves; more rounds spread further.
        budget: ends the rounds early, even before the first solve.

    Returns:
        ``x, y`` ``[N]``; fixed objects unchanged, others spread but not clipped to the canvas.
    """
    k = circuit
    if not k.movable.any():
        return x, y
    rng = np.random.default_rng([seed, 5])
    x = np.where(k.movable, k.span_x * (0.5 + rng.normal(0, 0.15, len(x))), x)
    y = np.where(k.movable, k.span_y * (0.5 + rng.normal(0, 0.15, len(y))), y)
    anchor_x, anchor_y = spread(k, x, y) if budget and budget.over else (x, y)
    for step in range(rounds + 1):
        if budget and budget.over:
            break
        # Anchors are weak at first: mostly they make the system definite, and decide where nothing is fixed.
        tie = 0.02 * step if step else 1e-3
        x = _solve(k, x, anchor_x, k.dx, tie, k.span_x, k.pitch_x)
        y = _solve(k, y, anchor_y, k.dy, tie, k.span_y, k.pitch_y)
        anchor_x, anchor_y = spread(k, x, y)
    return anchor_x, anchor_y


def _solve(k: Circuit, at: Floats, anchor: Floats, offset: Floats, tie: float, span: float, pitch: float) -> Floats:
    """One axis of the bound-to-bound model linearised at ``at``, anchors included."""
    n, m = len(at), len(k.weight)
    pin = at[k.node] + offset
    degree = np.diff(k.net_ptr)
    net = np.repeat(np.arange(m), degree)
    # First and last pin of each net along the axis.
    order = np.lexsort((pin, net))
    low, high = order[k.net_ptr[:-1]], order[k.net_ptr[1:] - 1]
    inner = np.ones(len(pin), bool)
    inner[low] = inner[high] = False
    mid = np.flatnonzero(inner)
    a = np.concatenate([low, mid, mid])
    b = np.concatenate([high, low[net[mid]], high[net[mid]]])
    which = net[a]
    # The floor keeps coinciding pins from being welded together.
    weight = k.weight[which] / ((degree[which] - 1) * np.maximum(np.abs(pin[a] - pin[b]), 0.1 * pitch))
    i, j, gap = k.node[a], k.node[b], offset[a] - offset[b]
    keep = i != j
    i, j, gap, weight = i[keep], j[keep], gap[keep], weight[keep]
    graph = csr_matrix(coo_matrix((np.r_[weight, weight], (np.r_[i, j], np.r_[j, i])), shape=(n, n)))
    strength = np.asarray(graph.sum(1)).ravel()
    right = np.bincount(j, weight * gap, n) - np.bincount(i, weight * gap, n)
    mean = max(float(strength[k.movable].mean()), 1e-12)
    # A tie pulls with a force like a net's, whatever the distance; big objects are held by their share of area.
    area = np.sqrt(k.width * k.height)
    pull = tie * mean * (area / max(float(area[k.movable].mean()), 1e-12)).clip(0.5, 4.0)
    pull = pull * span / np.maximum(np.abs(at - anchor), pitch) * (pitch / span) * 4
    system = (diags(strength + pull) - graph).tocsr()
    free, fixed = np.flatnonzero(k.movable), np.flatnonzero(~k.movable)
    rows = system[free]
    matrix = rows[:, free]
    target = (right + pull * anchor)[free] - rows[:, fixed] @ at[fixed]
    answer = _conjugate(matrix, target, at[free], 100)
    out = at.copy()
    out[free] = np.clip(answer, 0, span)
    return out


def _conjugate(matrix: csr_matrix, target: Floats, start: Floats, steps: int) -> Floats:
    """Conjugate gradients with diagonal scaling, to a relative residual of 1e-4.

    Written out because the threaded dot products of SciPy's spend more time waiting than adding on a busy machine,
    and add in an order that depends on it.
    """
    scale = 1.0 / matrix.diagonal()
    x = start.copy()
    rest = target - matrix @ x
    enough = 1e-8 * float((target * target).sum())
    way = z = scale * rest
    size = float((rest * z).sum())
    for _ in range(steps):
        if float((rest * rest).sum()) <= enough:
            break
        image = matrix @ way
        length = size / float((way * image).sum())
        x += length * way
        rest -= length * image
        z = scale * rest
        size, before = float((rest * z).sum()), size
        way = z + size / before * way
    return x


def spread(k: Circuit, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Movable objects spread evenly by area over the canvas, their order kept, by recursive bisection."""
    x, y = x.copy(), y.copy()
    area = k.width * k.height
    todo: list[tuple[Ints, float, float, float, float]] = [(np.flatnonzero(k.movable), 0.0, 0.0, k.span_x, k.span_y)]
    while todo:
        ids, x0, y0, x1, y1 = todo.pop()
        if len(ids) == 1:
            x[ids], y[ids] = (x0 + x1) / 2, (y0 + y1) / 2
            continue
        if max((x1 - x0) / k.pitch_x, (y1 - y0) / k.pitch_y) < 0.5:
            # Nobody sees order within half a gcell, and designs of cells have many such.
            x[ids], y[ids] = np.clip(x[ids], x0, x1), np.clip(y[ids], y0, y1)
            continue
        wide = x1 - x0 >= y1 - y0
        ids = ids[np.argsort(x[ids] if wide else y[ids], kind="stable")]
        done = np.cumsum(area[ids])
        cut = min(max(int(np.searchsorted(done, done[-1] / 2)) + 1, 1), len(ids) - 1)
        share = float(done[cut - 1] / done[-1])
        if wide:
            middle = x0 + share * (x1 - x0)
            todo += [(ids[:cut], x0, y0, middle, y1), (ids[cut:], middle, y0, x1, y1)]
        else:
            middle = y0 + share * (y1 - y0)
            todo += [(ids[:cut], x0, y0, x1, middle), (ids[cut:], x0, middle, x1, y1)]
    return x, y

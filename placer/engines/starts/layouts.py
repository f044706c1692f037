"""Rough first layouts that smooth optimisation starts from: the input, its mirror images, analytic and random ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from placer.budget import Budget
from placer.engines.starts.analytic import analytic
from placer.engines.starts.circuit import Circuit

Floats = NDArray[np.float64]

#: Kinds in the order they are handed out: what tends to end best comes first.
_PLACED_KINDS = ("input", "analytic", "flip", "noise", "mirror", "analytic", "turn")
_UNPLACED_KINDS = ("analytic", "analytic", "analytic", "random")


def layouts(
    design: Design, circuit: Circuit, count: int, seed: int, budget: Budget | None = None
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """First layouts, all objects inside the canvas, fixed ones in their places.

    Args:
        design: the design.
        circuit: the same, flattened.
        count: how many.
        seed: of the random ones and of the perturbations that tell repeated kinds apart.
        budget: of the whole descent; the layouts take at most a quarter of what is left.

    Returns:
        ``x, y`` ``[count, N]`` centres in um from the canvas corner, and the kind of each.
    """
    p, k = design.placement, circuit
    x0, y0 = p.x - design.canvas.x0, p.y - design.canvas.y0
    spare = budget.part(budget.left / 4) if budget and budget.left < float("inf") else budget
    placed = bool(p.placed[k.movable].all()) and _spread_out(x0, y0, k)
    kinds = _PLACED_KINDS if placed else _UNPLACED_KINDS
    xs, ys, names = [], [], []
    for i in range(count):
        kind, turn = kinds[i % len(kinds)], i // len(kinds)
        rng = np.random.default_rng([seed, i])
        if kind == "random":
            x, y = rng.random(len(x0)) * k.span_x, rng.random(len(x0)) * k.span_y
        elif kind == "analytic":
            x, y = analytic(k, x0, y0, seed + i, rounds=(4, 12, 8)[i % 3], budget=spare)
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

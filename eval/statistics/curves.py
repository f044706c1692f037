"""Cost over time, over several seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Band:
    """Curves of several seeds as one.

    Attributes:
        seconds: ``[K]``.
        middle: ``[K]`` mean over seeds; NaN while not every seed has a cost yet.
        low: ``[K]`` least of the seeds.
        high: ``[K]`` largest.
        seeds: how many.
    """

    seconds: Floats
    middle: Floats
    low: Floats
    high: Floats
    seeds: int


def best_so_far(curve: Sequence[tuple[float, float]], seconds: Floats) -> Floats:
    """Best cost known at given times; NaN before the first.

    Args:
        curve: (seconds, cost), in order of time.
        seconds: ``[K]`` ascending.
    """
    out = np.full(len(seconds), np.nan)
    if not len(curve):
        return out
    points = np.array(curve, np.float64).reshape(-1, 2)
    best = np.minimum.accumulate(points[:, 1])
    at = np.searchsorted(points[:, 0], seconds, side="right") - 1
    known = at >= 0
    out[known] = best[at[known]]
    return out


def band(curves: Sequence[Sequence[tuple[float, float]]], seconds: Floats) -> Band:
    """Mean, least and largest best-so-far cost at given times.

    A mean is taken of all seeds or of none: otherwise it would jump where a slow seed joins.

    Args:
        curves: one a seed.
        seconds: ``[K]`` ascending.
    """
    if not curves:
        empty = np.full(len(seconds), np.nan)
        return Band(seconds, empty, empty, empty, 0)
    values = np.stack([best_so_far(curve, seconds) for curve in curves])
    return Band(seconds, values.mean(axis=0), values.min(axis=0), values.max(axis=0), len(curves))


def time_grid(curves: Sequence[Sequence[tuple[float, float]]], points: int = 200) -> Floats:
    """Times for :func:`band`: evenly spaced in their logarithm from the first cost to the last, both included."""
    times = np.array([seconds for curve in curves for seconds, _ in curve], np.float64)
    times = times[times > 0]
    if not len(times):
        return np.zeros(0)
    low, high = float(times.min()), float(times.max())
    if low == high:
        return np.array([low])
    grid = np.geomspace(low, high, points)
    grid[0], grid[-1] = low, high  # rounding must not lose the ends
    return grid

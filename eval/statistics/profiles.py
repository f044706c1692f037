"""Performance profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Profile:
    """How often a method is how close to the best one.

    Attributes:
        factors: ``[K]`` ascending, from 1.
        share: ``[K]`` share of designs on which the method's cost is at most ``factor`` times the least of any method.
    """

    factors: Floats
    share: Floats


def profiles(costs: Mapping[str, Mapping[str, float]]) -> dict[str, Profile]:
    """Performance profiles (E. Dolan and J. More, Mathematical Programming 91, 2002, section 2).

    Args:
        costs: method -> design -> cost, positive; a design that is missing, or whose cost is not finite, was not
            solved.

    Returns:
        One profile a method, all over the same factors: those where some profile rises. A design that no method solved
        counts for none.

    Raises:
        ValueError: a cost is not positive.
    """
    designs = sorted({design for row in costs.values() for design, cost in row.items() if np.isfinite(cost)})
    if not designs:
        return {method: Profile(np.ones(1), np.zeros(1)) for method in costs}
    table = np.array([[row.get(design, np.inf) for design in designs] for row in costs.values()], np.float64)
    table[~np.isfinite(table)] = np.inf
    if (table <= 0).any():
        raise ValueError("a cost is not positive, so there is no factor")
    ratios = table / table.min(axis=0)
    factors = np.unique(np.concatenate([[1.0], ratios[np.isfinite(ratios)]]))
    return {method: Profile(factors, (ratios[k][:, None] <= factors).mean(axis=0)) for k, method in enumerate(costs)}

"""What the policy controls, and what it sees.

Actions are one number a control, 0 for the search's own value: logarithms of factors, so that steps up and down are
alike. What is seen are logarithms too, of figures that do not grow with the canvas.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from placer.engines.search.options import Facts, Schedule

#: Where the annealing begins, and how much cooler it ends.
CONTROLS: tuple[str, ...] = ("heat", "cooling")
#: How far each is varied to learn.
SPREADS: NDArray[np.float64] = np.array([0.9, 0.5])
#: Around what it is varied: own schedules rather begin too hot than too cool.
CENTRE: NDArray[np.float64] = np.array([-0.4, 0.0])
#: No action goes further.
REACH: NDArray[np.float64] = np.array([1.6, 1.2])
#: Least ratio of first to last temperature.
_LEAST_COOLING = 3.0

#: Fields of ``Facts`` that are seen.
CIRCUMSTANCES: tuple[str, ...] = (
    "draws", "movers", "hard", "connections", "gcells", "wirelength", "density", "rise", "spread",
)  # fmt: skip


def circumstances(facts: Facts) -> NDArray[np.float64]:
    """``[9]`` logarithms of what is seen."""
    return np.log([max(getattr(facts, name), 1e-6) for name in CIRCUMSTANCES])


def schedule_of(actions: Sequence[float] | NDArray[np.float64], base: Schedule | None = None) -> Schedule:
    """The schedule that some actions stand for.

    Args:
        actions: a number for each of ``CONTROLS``.
        base: what 0 stands for; the search's own schedule when None.

    Raises:
        ValueError: their count is wrong, or one is no number.
    """
    if len(actions) != len(CONTROLS) or not np.isfinite(actions).all():
        raise ValueError(f"a schedule takes {len(CONTROLS)} finite numbers")
    base = base or Schedule()
    heat, cooling = (math.exp(action) for action in actions)
    return replace(base, heat=base.heat * heat, cooling=max(base.cooling * cooling, _LEAST_COOLING))

"""What the policy controls, and what it sees.

Actions are one number a control, 0 for the search's own value: logarithms of factors, so that steps up and down are
alike. What is seen are logarithms too, of figures that do not grow with the canvas.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from placer.engines.search.options import Facts, Schedule


class Control(NamedTuple):
    """One number of a schedule.

    Attributes:
        name: field of ``Schedule``.
        spread: how far it is varied to learn, as a logarithm.
        low: least value.
    """

    name: str
    spread: float
    low: float = 0.0


#: Where the annealing begins, and how much cooler it ends.
CONTROLS: tuple[Control, ...] = (Control("heat", 0.8), Control("cooling", 0.6, low=3.0))
SPREADS: NDArray[np.float64] = np.array([control.spread for control in CONTROLS])

#: What is seen, with a typical value of its logarithm.
CIRCUMSTANCES: tuple[tuple[str, float], ...] = (
    ("draws", 7.3), ("movers", 6.0), ("hard", -1.7), ("connections", 3.5), ("gcells", 0.6), ("wirelength", -1.7),
    ("density", -1.0), ("rise", -7.2), ("spread", 2.7),
)  # fmt: skip
#: Beyond this many units (factors of e) from typical, nothing further is expected to change.
_FAR = 2.0


def circumstances(facts: Facts) -> NDArray[np.float64]:
    """``[9]`` how a run differs from a typical one, logarithms between -2 and 2."""
    seen = [math.log(max(getattr(facts, name), 1e-6)) - typical for name, typical in CIRCUMSTANCES]
    return np.clip(seen, -_FAR, _FAR)


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
    values = {
        control.name: max(getattr(base, control.name) * math.exp(action), control.low)
        for control, action in zip(CONTROLS, actions, strict=True)
    }
    return replace(base, **values)

"""What the policy controls, and what it sees.

Actions are one number a control, 0 for the search's own value: logarithms of factors, so that steps up and down are
alike. What is seen are a few logarithms that do not grow with the canvas.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from placer.engines.search.moves.table import NAMES
from placer.engines.search.options import Facts, Schedule


class Control(NamedTuple):
    """One number of a schedule.

    Attributes:
        name: field of ``Schedule``, or a kind of moves with a factor of its share of the work.
        spread: how far it is varied to learn, as a logarithm.
        low: least value of a field.
        high: largest one.
    """

    name: str
    spread: float
    low: float = 0.0
    high: float = math.inf


#: Fields of the schedule; what suits them depends on the run.
FIELDS: tuple[Control, ...] = (
    Control("heat", 0.6),
    Control("cooling", 0.5, low=3.0),
    Control("bend", 0.25),
    Control("doubt", 0.5),
    Control("reach", 0.5, high=1.0),
    Control("narrowing", 0.3),
    Control("quench_share", 0.5, high=0.2),
    Control("mix_floor", 0.5, high=0.9),
    Control("mix_pace", 0.5, high=0.9),
    Control("mix_power", 0.3, high=1.0),
    Control("trial_share", 0.4, high=0.3),
    Control("trial_chill", 0.4),
)
#: Kinds of moves that every search draws.
KINDS: tuple[Control, ...] = tuple(Control(name, 0.45) for name in NAMES if name != "learned")
CONTROLS: tuple[Control, ...] = FIELDS + KINDS
SPREADS: NDArray[np.float64] = np.array([control.spread for control in CONTROLS])

#: What is seen, with a typical value of its logarithm.
CIRCUMSTANCES: tuple[tuple[str, float], ...] = (("draws", 7.5), ("movers", 6.0), ("hard", -1.6), ("connections", 3.4))
#: Beyond this many units (factors of e) from typical, nothing further is expected to change.
_FAR = 2.0


def circumstances(facts: Facts) -> NDArray[np.float64]:
    """``[4]`` how a run differs from a typical one, logarithms between -2 and 2."""
    seen = [math.log(max(getattr(facts, name), 1e-3)) - typical for name, typical in CIRCUMSTANCES]
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
    fields = {
        control.name: min(max(getattr(base, control.name) * math.exp(action), control.low), control.high)
        for control, action in zip(FIELDS, actions, strict=False)
    }
    favour = tuple(
        (control.name, math.exp(action)) for control, action in zip(KINDS, actions[len(FIELDS) :], strict=True)
    )
    kept = {name: getattr(base, name) for name in Schedule.__dataclass_fields__ if name not in fields}
    return Schedule(**(kept | fields | {"favour": favour}))

"""Nesterov's method with the schedules of ePlace, over any model of wirelength and density; never ends with garbage."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from placer.budget import Budget

#: Steps without a better overflow after which the density weight grows whatever that costs in wirelength ...
_URGE = 120
#: ... and after which a run has come to rest.
PATIENCE = 300
#: Times a run that went astray is taken back.
RETRIES = 4
#: A run is astray when it is longer than the best by this factor ...
_LONGER = 1.5
#: ... and its overflow greater by this much: wirelength alone grows rightly while objects spread.
_DENSER = 0.1


@dataclass(frozen=True)
class Settings:
    """How global placement runs."""

    target: float = 1.0
    """Density objects are spread to."""
    stop: float = 0.07
    """Overflow at which it ends."""
    iterations: int = 3000
    """At most so many steps."""
    steps: tuple[float, float] = (0.975, 1.025)
    """Least and greatest growth of the density weight a step."""
    first: float = 1.0
    """First density weight over the one at which both slopes are equal in sum."""
    resume: float = 0.2
    """Factor on the density weight of the run gone on from: room for wirelength to mend what legalising macros cost."""
    seed: int = 0
    """Of where fillers begin."""
    whole: int = 30_000
    """Designs of more movable objects begin with cells joined into clusters, and those likewise."""
    inflation: float = 0.0
    """How strongly cells grow where more wires want to be than fit: power of demand over supply, 0 for not at all."""


class Reading(NamedTuple):
    """What a model says of its trial point: weighted HPWL, um, and overflow."""

    hpwl: float
    overflow: float


class Model(Protocol):
    """Bodies with a solution, a trial and their slopes, on whatever device.

    ``u`` is the solution, ``v`` the point looked ahead to, ``d`` the direction there; a trial has all three.
    """

    unit: float
    """Mean side of a bin, um."""

    @property
    def solution(self) -> NDArray[np.float64]:
        """``[2, T]`` centres ``u``, um."""

    def evaluate(self, gamma: float) -> Reading:
        """Slopes of wirelength and density at the trial."""

    def balance(self) -> float:
        """Density weight at which both slopes are equal in sum."""

    def turn(self, weight: float) -> float:
        """Direction at the trial; returns how far the trial is from ``v`` over how far its direction is from ``d``."""

    def aim(self, weight: float) -> float:
        """Direction at ``v``, from the slopes evaluated last, as another weight has it; returns its largest entry."""

    def propose(self, step: float, momentum: float) -> None:
        """Make the trial: from ``v`` along ``-d``, then on by ``momentum`` times the way from ``u``; within bounds."""

    def accept(self) -> None:
        """The trial becomes ``u``, ``v`` and ``d``."""

    def keep(self) -> None:
        """Remember ``u``."""

    def restore(self) -> None:
        """Begin from what was remembered: it becomes ``u``, ``v`` and the trial."""


@dataclass(frozen=True)
class Outcome:
    """How a descent ended; the model holds the solution as ``u``.

    Attributes:
        hpwl: weighted HPWL of the best point, um.
        overflow: its overflow.
        iterations: steps made.
        weight: density weight there.
        retries: times the run had gone astray.
    """

    hpwl: float
    overflow: float
    iterations: int
    weight: float
    retries: int


def smoothing(unit: float, overflow: float) -> float:
    """Smoothing length of the wirelength, um, for a bin side and an overflow (ePlace, equation 38)."""
    return 8.0 * unit * 10.0 ** ((min(max(overflow, 0.0), 1.0) - 0.1) * 20.0 / 9.0 - 1.0)


def descend(
    model: Model,
    settings: Settings,
    budget: Budget,
    *,
    weight: float | None = None,
    told: Callable[[int, float, float], None] | None = None,
    stop: float | None = None,
) -> Outcome:
    """Move bodies until their overflow is small.

    A run whose numbers stop being numbers, or that gets longer and denser than its best point at once, goes back to
    that point and on from there in half as bold steps of the density weight. The budget is looked at after every
    evaluation.

    Args:
        model: stands at the start.
        settings: how.
        budget: when to stop.
        weight: first density weight; balanced against wirelength when None.
        told: called with (step, hpwl, overflow) now and then.
        stop: overflow to end at, when not that of the settings.
    """
    stop = settings.stop if stop is None else stop
    model.keep()
    best = Outcome(math.inf, math.inf, 0, 1.0 if weight is None else weight, 0)
    found, step, weight, gamma = _begin(model, settings, weight, None)
    if _sound(found, step):
        best = Outcome(found.hpwl, found.overflow, 0, weight, 0)
    a, calm, retries, k, last = 1.0, 1.0, 0, 0, found.hpwl
    while k < settings.iterations and not budget.over:
        k += 1
        a_next = (1.0 + math.sqrt(4.0 * a * a + 1.0)) / 2.0
        for _ in range(6):
            model.propose(step, (a - 1.0) / a_next)
            found = model.evaluate(gamma)
            curve = model.turn(weight)
            short = curve < 0.95 * step  # the slope turns faster than the step assumed
            step = curve
            if not short or not _sound(found, step) or budget.over:
                break
        astray = found.hpwl > _LONGER * best.hpwl and found.overflow > best.overflow + _DENSER
        if not _sound(found, step) or astray:
            if retries == RETRIES or budget.over:
                break
            retries += 1
            calm *= 0.5
            model.restore()
            found, step, weight, gamma = _begin(model, settings, best.weight, best.overflow)
            step *= calm
            if not _sound(found, step):
                break
            a, last = 1.0, found.hpwl
            continue
        model.accept()
        a = a_next
        gamma = smoothing(model.unit, found.overflow)
        # The weight grows while wirelength holds and pauses while it pays (ePlace, section 5.4).
        delta = (found.hpwl - last) / max(last, 1e-300)
        most = 1.0 + (settings.steps[1] - 1.0) * calm
        urged = k - best.iterations > _URGE
        weight *= most if urged else min(max(most ** (1.0 - delta / 0.003), settings.steps[0]), most)
        last = found.hpwl
        model.aim(weight)
        if told is not None and k % 10 == 0:
            told(k, found.hpwl, found.overflow)
        if found.overflow < best.overflow:
            best = Outcome(found.hpwl, found.overflow, k, weight, retries)
            model.keep()
        if found.overflow <= stop or k - best.iterations > PATIENCE:
            break
    model.restore()
    return Outcome(best.hpwl, best.overflow, k, best.weight, retries)


def _begin(
    model: Model, settings: Settings, weight: float | None, overflow: float | None
) -> tuple[Reading, float, float, float]:
    """Reading at the trial, first step, density weight, smoothing length; the step from how the slope turns nearby."""
    gamma = smoothing(model.unit, 1.0 if overflow is None else overflow)
    found = model.evaluate(gamma)
    if overflow is None and math.isfinite(found.overflow):
        gamma = smoothing(model.unit, found.overflow)
        found = model.evaluate(gamma)
    weight = settings.first * model.balance() if weight is None else weight
    model.turn(weight)
    model.accept()
    fastest = model.aim(weight)
    # A tenth of a bin for the fastest object.
    model.propose(0.1 * model.unit / max(fastest, 1e-300), 0.0)
    model.evaluate(gamma)
    return found, model.turn(weight), weight, gamma


def _sound(found: Reading, step: float) -> bool:
    return math.isfinite(found.hpwl) and math.isfinite(found.overflow) and math.isfinite(step) and step > 0.0

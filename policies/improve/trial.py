"""When a child counts as better: paired runs on designs nobody has seen, an exact test, a level that is spent once.

A pair is one held-out design and one seed, placed by child and incumbent at equal wall-clock. What counts is the
logarithm of the ratio of the costs, averaged over the seeds of a design: a design is what a trial draws at random, so a
design is the unit of the test, and every trial draws new ones.

**Test.** Were both contestants the same, either of the two costs could as well have been the other's: flipping the sign
of a design's value would change nothing. The p-value is the share of all sign patterns whose mean is as far below 0 as
the one found (R. A. Fisher, *The Design of Experiments*, 1935, section 21), counted exactly, one-sided. It assumes
nothing about the distribution of costs where child and incumbent are alike; where the child is worse, that values lie
symmetrically around their mean. The size is fixed before the trial: only giving up is allowed early, and that can only
make promotions rarer.

**Many trials.** Against the same incumbent the j-th trial is at the level ``level / (j (j + 1))``; the sum over all j
is ``level``. So the chance that an incumbent is ever replaced by something that is no better is at most ``level``,
however many trials there are. A promotion begins a new account. With V false promotions among R that makes ``E[V] <=
level * E[R + 1]``, the marginal false discovery rate of D. P. Foster and R. A. Stine, "Alpha-investing", JRSS B 70
(2008).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from policies.improve.settings import MOST_TRIAL_DESIGNS

#: Chance that an incumbent is ever replaced by something that is no better.
LEVEL = 0.05
#: Log ratio that a run without any legal placement counts as: twice the other's cost.
FAILED = math.log(2.0)
#: Designs after which a child that is clearly worse may be given up, and how clearly.
_EARLIEST, _CLEARLY = 6, 0.05


@dataclass(frozen=True)
class Pair:
    """One design and seed, placed by both.

    Attributes:
        number: counted from 0 through the trial.
        design: seed of the generator.
        seed: of both runs.
        child: cost; None where no legal placement was found.
        incumbent: likewise.
        child_first: whether the child ran first; they take turns.
        seconds: wall-clock of both runs.
    """

    number: int
    design: int
    seed: int
    child: float | None
    incumbent: float | None
    child_first: bool
    seconds: float

    @property
    def log_ratio(self) -> float:
        """Logarithm of child over incumbent; negative where the child is better."""
        if self.child is None or self.incumbent is None:
            return FAILED * ((self.child is None) - (self.incumbent is None))
        return math.log(self.child / self.incumbent)


@dataclass(frozen=True)
class Verdict:
    """What a trial came to.

    Attributes:
        designs: how many were played.
        planned: how many it would have been; fewer were played where it was given up.
        mean: mean log ratio; negative where the child is better.
        low: lower end of its 95 % interval (Student's t over designs); NaN below two designs.
        high: upper end.
        p: of the test, one-sided.
        level: at which it was made.
        win: whether the child is promoted.
    """

    designs: int
    planned: int
    mean: float
    low: float
    high: float
    p: float
    level: float
    win: bool


def level_of(number: int, level: float = LEVEL) -> float:
    """Level of a trial.

    Args:
        number: of the trial against the same incumbent, from 1.
        level: of all of them together.
    """
    if number < 1 or not 0.0 < level < 1.0:
        raise ValueError(f"there is no level for trial {number} of a total of {level}")
    return level / (number * (number + 1))


def designs_needed(asked: int, level: float) -> int:
    """Designs of a trial: as many as asked for, or as it takes for its best result to be told from chance.

    With n designs no p-value is below ``2 ** -n``; two more leave room for a design that goes the other way.

    Args:
        asked: designs wanted.
        level: of the trial.
    """
    return min(max(asked, math.ceil(math.log2(1.0 / level)) + 2), MOST_TRIAL_DESIGNS)


def flip_test(values: Sequence[float]) -> float:
    """Probability of a mean as low as this if every value might as well have had the other sign.

    All ``2 ** n`` sign patterns are counted: those of one half of the values are sorted, and for every pattern of the
    other half a binary search says how many of them go with it.

    Args:
        values: one a design, at most :data:`MOST_TRIAL_DESIGNS`.

    Raises:
        ValueError: there are none, too many, or one that is no number.
    """
    given = np.asarray(values, np.float64)
    if not 1 <= len(given) <= MOST_TRIAL_DESIGNS or not np.isfinite(given).all():
        raise ValueError(f"the test takes 1 to {MOST_TRIAL_DESIGNS} finite numbers")
    # Rounding must not turn a tie into a win.
    bound = given.sum() + 1e-12 * max(1.0, float(np.abs(given).sum()))
    half = len(given) // 2
    left, right = np.sort(_signed_sums(given[:half])), _signed_sums(given[half:])
    return float(np.searchsorted(left, bound - right, side="right").sum()) / 2.0 ** len(given)


def per_design(pairs: Sequence[Pair]) -> list[float]:
    """Mean log ratio of every design, in the order they were played."""
    found: dict[int, list[float]] = {}
    for pair in pairs:
        found.setdefault(pair.design, []).append(pair.log_ratio)
    return [float(np.mean(values)) for values in found.values()]


def hopeless(values: Sequence[float], planned: int) -> bool:
    """Whether to give up a trial: the child is behind at half time, or clearly worse before.

    Args:
        values: of the designs so far.
        planned: designs in all.
    """
    if len(values) >= max(2, planned / 2) and np.mean(values) >= 0.0:
        return True
    return len(values) >= _EARLIEST and flip_test([-value for value in values]) <= _CLEARLY


def judge(pairs: Sequence[Pair], planned: int, level: float) -> Verdict:
    """The verdict on a trial that is over.

    Args:
        pairs: what was played; at least one.
        planned: designs it should have been. Fewer make no win, whatever they say.
        level: of this trial.
    """
    values = np.array(per_design(pairs))
    n, mean = len(values), float(values.mean())
    reach = float("nan")
    if n > 1:
        reach = float(stdtrit(n - 1, 0.975) * values.std(ddof=1) / math.sqrt(n))
    p = flip_test(values.tolist())
    return Verdict(n, planned, mean, mean - reach, mean + reach, p, level, bool(n >= planned and p <= level))


def _signed_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """``[2 ** n]`` sums under all sign patterns."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums - value, sums + value])
    return sums

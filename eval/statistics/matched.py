"""Two methods side by side on the same designs with the same seeds, seed by seed.

A pair is one design and one seed. Where its two runs share something, such as the state of the machine or the starts
that a seed draws, that cancels in their ratio, and fewer seeds tell a difference than :mod:`eval.statistics.paired`
needs, which does not pair seeds. Where they share nothing, pairing does no harm: the figures stay right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.statistics.exact import Exact, exact_shift, exact_signs
from eval.statistics.intervals import Interval
from eval.statistics.paired import ALPHA, MARGIN

Floats = NDArray[np.float64]
#: Fewer designs than this say nothing about other designs.
LEAST_DESIGNS = 5


@dataclass(frozen=True)
class PairedDesign:
    """The pairs of one design; costs, so smaller is better.

    Attributes:
        design: its name.
        ratio: geometric mean of first over second, with the interval that seeds leave; None below two pairs.
        pairs: pairs in which both have a result.
        wins: pairs in which the first costs less by more than the margin, or has a result where the second failed.
        ties: pairs within the margin.
        losses: the others in which either has a result.
        lost: pairs in which not both have a result.
        test: whether the mean of the pairs can be chance; None without pairs.
        verdict: of the first method, in the words of :data:`eval.statistics.paired.VERDICTS`.
    """

    design: str
    ratio: Interval | None
    pairs: int
    wins: int
    ties: int
    losses: int
    lost: int
    test: Exact | None
    verdict: str


@dataclass(frozen=True)
class PairedComparison:
    """Two methods on all pairs.

    Attributes:
        designs: one by one.
        mean: geometric mean over designs of the geometric mean of each design's pairs, with the interval that seeds
            leave. It speaks about these designs. None where a design has fewer than two pairs.
        over_designs: the same mean with the designs drawn anew too, then the seeds of each: what may be expected of
            others like them. None below five designs.
        test: sign-flip test of that mean over all pairs; each pair counts as much as it does in the mean.
        signs: sign test of wins against losses, ties left out.
        alpha: what counts as rare.
    """

    designs: tuple[PairedDesign, ...]
    mean: Interval | None
    over_designs: Interval | None
    test: Exact | None
    signs: Exact
    alpha: float = ALPHA

    @property
    def pairs(self) -> int:
        """Pairs in which both have a result."""
        return sum(one.pairs for one in self.designs)

    @property
    def wins(self) -> int:
        """Pairs that the first wins."""
        return sum(one.wins for one in self.designs)

    @property
    def ties(self) -> int:
        """Pairs within the margin."""
        return sum(one.ties for one in self.designs)

    @property
    def losses(self) -> int:
        """Pairs that the first loses."""
        return sum(one.losses for one in self.designs)

    @property
    def lost(self) -> int:
        """Pairs in which not both have a result."""
        return sum(one.lost for one in self.designs)

    @property
    def enough(self) -> bool:
        """Whether there are pairs enough to tell: two a design, and so many that some outcome would be rare."""
        return self.mean is not None and self.test is not None and self.test.least <= self.alpha

    def words(self, first: str, second: str) -> str:
        """One sentence."""
        if not self.pairs:
            return f"{first} and {second} have no pair of runs in which both have a result."
        counts = f"{self.wins} pairs won, {self.ties} tied, {self.losses} lost"
        if not self.enough or self.mean is None or self.test is None:
            return f"Not enough seeds to tell {first} from {second} ({counts})."
        m = self.mean
        return (
            f"{first} costs {m.value:.4f} times what {second} does ({m.low:.4f} to {m.high:.4f}, geometric mean of "
            f"{self.pairs} pairs on {len(self.designs)} designs, p = {self.test.p:.2g}); {counts}."
        )


def compare_pairs(
    first: Mapping[str, Mapping[int, float]],
    second: Mapping[str, Mapping[int, float]],
    *,
    tried: Mapping[str, tuple[Set[int], Set[int]]] | None = None,
    against: float = 1.0,
    margin: float = MARGIN,
    alpha: float = ALPHA,
    resamples: int = 4000,
    seed: int = 0,
) -> PairedComparison:
    """Compare two methods pair by pair.

    Intervals are bootstrap intervals of the mean of log-ratios, seeds drawn anew within designs. The mean of a few
    draws spreads less than the mean of a few seeds does, by ``sqrt((n - 1) / n)``; that is put right (A. Davison and
    D. Hinkley, Bootstrap Methods and their Application, 1997, section 2.2), since five seeds would else make
    intervals a tenth too narrow.

    Args:
        first: design -> seed -> cost of the runs that ended well; all positive.
        second: likewise.
        tried: design -> the seeds each method was run with. A pair is a seed both were run with. By default those that
            both have a result of.
        against: the tests ask whether the ratio differs from this.
        margin: ratios closer to 1 than this tie.
        alpha: a difference as large by chance is rarer than this where one method is called better.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        ValueError: a cost is not positive.
    """
    if tried is None:
        tried = {d: (set(first[d]), set(second[d])) for d in set(first) & set(second)}
        tried = {d: (both := a & b, both) for d, (a, b) in tried.items()}
    found, logs = [], []
    for name in sorted(d for d, (a, b) in tried.items() if a & b):
        seeds = sorted(tried[name][0] & tried[name][1])
        own, other = first.get(name, {}), second.get(name, {})
        if any(cost <= 0 for costs in (own, other) for cost in costs.values()):
            raise ValueError(f"a cost on {name} is not positive, so there is no ratio")
        ratios = np.array([math.log(own[s] / other[s]) for s in seeds if s in own and s in other])
        alone = [sum(s in here and s not in there for s in seeds) for here, there in ((own, other), (other, own))]
        logs.append(ratios)
        found.append(_one(name, ratios, len(seeds), alone, against, margin, alpha, resamples, seed))
    wins, losses = sum(one.wins for one in found), sum(one.losses for one in found)
    signs = exact_signs(wins, losses)
    logs = [one for one in logs if len(one)]
    if not logs:
        return PairedComparison(tuple(found), None, None, None, signs, alpha)
    mean = over = None
    if all(len(one) > 1 for one in logs):
        mean = _interval(logs, lambda means, _: means.mean(axis=1), resamples, seed)
        if len(logs) >= LEAST_DESIGNS:
            over = _interval(logs, _designs_anew, resamples, seed)
    total = sum(map(len, logs))
    weighted = np.concatenate([(one - math.log(against)) * total / (len(logs) * len(one)) for one in logs])
    return PairedComparison(tuple(found), mean, over, exact_shift(weighted), signs, alpha)


def _one(
    name: str, logs: Floats, seeds: int, alone: Sequence[int], against: float, margin: float, alpha: float,
    resamples: int, seed: int,
) -> PairedDesign:  # fmt: skip
    ties = int((np.abs(np.exp(logs) - 1) < margin).sum())
    wins = int((logs < 0).sum() - ((logs < 0) & (np.abs(np.exp(logs) - 1) < margin)).sum())
    losses = len(logs) - ties - wins
    ratio = _interval([logs], lambda means, _: means[:, 0], resamples, seed) if len(logs) > 1 else None
    test = exact_shift(logs - math.log(against)) if len(logs) else None
    if test is None:
        verdict = "win" if alone[0] > alone[1] else "loss" if alone[1] > alone[0] else "both failed"
    elif ratio is None or test.least > alpha:
        verdict = "too few seeds"
    elif test.p <= alpha:
        verdict = "tie" if abs(ratio.value / against - 1) < margin else "win" if ratio.value < against else "loss"
    elif (1 - margin) * against < ratio.low and ratio.high < (1 + margin) * against:
        verdict = "tie"
    else:
        verdict = "unclear"
    lost = seeds - len(logs)
    return PairedDesign(name, ratio, len(logs), wins + alone[0], ties, losses + alone[1], lost, test, verdict)


def _interval(
    logs: Sequence[Floats],
    statistic: Callable[[Floats, np.random.Generator], Floats],
    resamples: int,
    seed: int,
    level: float = 0.95,
) -> Interval:
    """Bootstrap interval of a statistic of the designs' mean log-ratios, as a ratio.

    Args:
        logs: ``[n_d]`` log-ratios of each of ``D`` designs, at least two.
        statistic: from ``[B, D]`` means to ``[B]`` values.
        resamples: ``B``.
        seed: of the draws.
        level: of the interval.
    """
    rng = np.random.default_rng(seed)
    drawn = np.empty((resamples, len(logs)))
    for d, one in enumerate(logs):
        means = one[rng.integers(0, len(one), (resamples, len(one)))].mean(axis=1)
        drawn[:, d] = one.mean() + (means - one.mean()) * math.sqrt(len(one) / (len(one) - 1))
    low, high = np.quantile(statistic(drawn, rng), [(1 - level) / 2, (1 + level) / 2])
    value = float(np.mean([one.mean() for one in logs]))
    return Interval(math.exp(value), math.exp(low), math.exp(high), level)


def _designs_anew(means: Floats, rng: np.random.Generator) -> Floats:
    """``[B]`` means over designs drawn anew, of ``[B, D]`` means whose seeds were drawn anew."""
    which = rng.integers(0, means.shape[1], means.shape)
    return np.asarray(np.take_along_axis(means, which, axis=1).mean(axis=1))

"""Two methods side by side on the same designs.

Designs are paired: each gives one ratio of the methods' means over seeds, so that large designs do not drown small
ones. Seeds are not paired: seed 3 of one method has nothing in common with seed 3 of another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.statistics.exact import Exact, exact_difference, exact_shift
from eval.statistics.intervals import Interval, bootstrap

Floats = NDArray[np.float64]
#: What a comparison of one design can come to, best first.
VERDICTS = ("win", "tie", "loss", "unclear", "too few seeds", "both failed")
#: Ratios closer to 1 than this make a tie.
MARGIN = 0.002
#: A difference as large by chance is rarer than this where one method is called better.
ALPHA = 0.05


@dataclass(frozen=True)
class DesignComparison:
    """Two methods on one design; costs, so smaller is better.

    Attributes:
        design: its name.
        ratio: mean of the first over mean of the second; None where one has no result.
        test: whether the difference can be chance; None where there is none to test.
        verdict: of the first method: ``"win"``, ``"tie"``, ``"loss"``; ``"unclear"`` where the seeds would have been
            enough to tell but do not; ``"too few seeds"`` where they could not have told, whatever they had been;
            ``"both failed"``.
        seeds: results of each.
    """

    design: str
    ratio: Interval | None
    test: Exact | None
    verdict: str
    seeds: tuple[int, int]


@dataclass(frozen=True)
class Comparison:
    """Two methods on all designs.

    Attributes:
        designs: one by one.
        mean: geometric mean of the ratios, with the interval that seeds leave. It speaks about these designs; what it
            would be on others is another question.
        median: median of the ratios, likewise.
        over_designs: the geometric mean again, with the designs drawn anew too: what may be expected of others like
            them. None below five designs.
    """

    designs: tuple[DesignComparison, ...]
    mean: Interval | None
    median: Interval | None
    over_designs: Interval | None

    def count(self, verdict: str) -> int:
        """Designs with a verdict."""
        return sum(one.verdict == verdict for one in self.designs)

    @property
    def enough(self) -> bool:
        """Whether the seeds could have told a difference on any design."""
        return any(one.verdict not in ("too few seeds", "both failed") for one in self.designs)

    def words(self, first: str, second: str) -> str:
        """One sentence."""
        if self.mean is None:
            return f"{first} and {second} have no design in common on which both have a result."
        counts = ", ".join(f"{self.count(v)} {v}" for v in VERDICTS if self.count(v))
        if not self.enough:
            return f"Not enough seeds to tell {first} from {second} ({counts})."
        m = self.mean
        return (
            f"{first} costs {m.value:.4f} times what {second} does ({m.low:.4f} to {m.high:.4f}, "
            f"geometric mean of {sum(one.ratio is not None for one in self.designs)} designs); {counts}."
        )


def compare(
    first: Mapping[str, Sequence[float]],
    second: Mapping[str, Sequence[float]],
    *,
    tried: Mapping[str, tuple[bool, bool]] | None = None,
    margin: float = MARGIN,
    alpha: float = ALPHA,
    resamples: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Compare two methods.

    Args:
        first: design -> costs, one a seed that ended well; all positive. A deterministic method has one.
        second: likewise.
        tried: design -> whether each method was run there at all; where one was and failed every time, the other wins.
            Designs that only one was run on do not count. By default a design counts that both have results of.
        margin: see :data:`MARGIN`.
        alpha: see :data:`ALPHA`.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        ValueError: a cost is not positive.
    """
    names = sorted(set(first) & set(second)) if tried is None else sorted(d for d, both in tried.items() if all(both))
    found = []
    pairs: list[tuple[Floats, Floats]] = []
    for name in names:
        a, b = np.array(first.get(name, ()), np.float64), np.array(second.get(name, ()), np.float64)
        if (a <= 0).any() or (b <= 0).any():
            raise ValueError(f"a cost on {name} is not positive, so there is no ratio")
        if len(a) and len(b):
            pairs.append((a, b))
            found.append(_one(name, a, b, margin, alpha, resamples, seed))
        else:
            verdict = "win" if len(a) else "loss" if len(b) else "both failed"
            found.append(DesignComparison(name, None, None, verdict, (len(a), len(b))))
    if not pairs:
        return Comparison(tuple(found), None, None, None)
    flat = [one for pair in pairs for one in pair]
    mean = bootstrap(flat, lambda drawn: np.exp(_log_ratios(drawn).mean(axis=1)), resamples=resamples, seed=seed)
    median = bootstrap(
        flat, lambda drawn: np.exp(np.median(_log_ratios(drawn), axis=1)), resamples=resamples, seed=seed
    )
    wider = _over_designs(pairs, resamples, seed) if len(pairs) >= 5 else None
    return Comparison(tuple(found), mean, median, wider)


def ratio_of_means(a: Floats, b: Floats, *, resamples: int = 2000, seed: int = 0) -> Interval:
    """Mean of ``a`` over mean of ``b``, both drawn from anew independently."""
    return bootstrap([a, b], lambda drawn: np.exp(_log_ratios(drawn)[:, 0]), resamples=resamples, seed=seed)


def _one(name: str, a: Floats, b: Floats, margin: float, alpha: float, resamples: int, seed: int) -> DesignComparison:
    ratio = ratio_of_means(a, b, resamples=resamples, seed=seed)
    if len(a) == len(b) == 1:  # nothing is random, or nothing is known about it
        test = None
        verdict = "too few seeds"
    else:
        test = exact_difference(a, b) if min(len(a), len(b)) > 1 else exact_shift(a - b)
        if test.p <= alpha:
            verdict = "tie" if abs(ratio.value - 1) < margin else "win" if ratio.value < 1 else "loss"
        elif test.least > alpha:
            verdict = "too few seeds"
        elif 1 - margin < ratio.low and ratio.high < 1 + margin:
            verdict = "tie"
        else:
            verdict = "unclear"
    return DesignComparison(name, ratio, test, verdict, (len(a), len(b)))


def _log_ratios(drawn: Sequence[Floats]) -> Floats:
    """``[B, D]`` logarithms of the ratios of means of samples 0 and 1, 2 and 3, ..."""
    means = np.stack([one.mean(axis=1) for one in drawn], axis=1)
    return np.asarray(np.log(means[:, 0::2]) - np.log(means[:, 1::2]))


def _over_designs(pairs: list[tuple[Floats, Floats]], resamples: int, seed: int) -> Interval:
    rng = np.random.default_rng(seed)
    flat = [one for pair in pairs for one in pair]
    drawn = [one[rng.integers(0, len(one), (resamples, len(one)))] for one in flat]
    logs = _log_ratios(drawn)
    which = rng.integers(0, len(pairs), logs.shape)
    values = np.exp(np.take_along_axis(logs, which, axis=1).mean(axis=1))
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(float(np.exp(_log_ratios([one[None, :] for one in flat]).mean())), float(low), float(high))

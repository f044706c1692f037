"""Bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """An estimate and where it may lie.

    Attributes:
        value: the estimate.
        low: lower end.
        high: upper end.
        level: share of samples whose interval holds the true value, as far as the bootstrap is right.
    """

    value: float
    low: float
    high: float
    level: float = 0.95


def bootstrap(
    samples: Sequence[Floats],
    statistic: Callable[[Sequence[Floats]], Floats],
    *,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap of a statistic of several independent samples, each drawn from anew (B. Efron, 1979).

    Args:
        samples: ``[n_k]`` each, at least one value.
        statistic: from ``[B, n_k]`` arrays, one a sample, to ``[B]`` values.
        resamples: ``B``.
        level: of the interval.
        seed: of the draws.

    Returns:
        The statistic of the samples themselves, and its interval. Samples of one value each give no width.

    Raises:
        ValueError: a sample is empty.
    """
    if any(len(one) == 0 for one in samples):
        raise ValueError("a sample is empty")
    rng = np.random.default_rng(seed)
    drawn = [one[rng.integers(0, len(one), (resamples, len(one)))] for one in samples]
    values = statistic(drawn)
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(statistic([one[None, :] for one in samples])[0]), float(low), float(high), level)

"""Exact tests for a handful of seeds, where approximations for large samples do not hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: More splits than this are sampled instead of counted.
MOST_SPLITS = 50_000


@dataclass(frozen=True)
class Exact:
    """An exact test.

    Attributes:
        p: two-sided probability of a difference at least this large where there is none.
        least: the smallest value ``p`` can have with so many numbers, whatever they are. Where it is above the level
            that counts, no result could have told anything.
    """

    p: float
    least: float


def exact_difference(a: Floats, b: Floats, seed: int = 0) -> Exact:
    """Whether two independent samples differ in their means: Fisher's permutation test, two-sided.

    Args:
        a: ``[n]``.
        b: ``[m]``.
        seed: of the splits drawn where there are too many to count them all.

    Raises:
        ValueError: a sample is empty.
    """
    if not len(a) or not len(b):
        raise ValueError("a sample is empty")
    pool = np.concatenate([a, b])
    total, n = len(pool), len(a)
    splits = math.comb(total, n)
    # Two equal halves: a split and its mirror image are as far apart.
    least = min(1.0, (2.0 if len(a) == len(b) else 1.0) / splits)
    observed = abs(a.mean() - b.mean())
    slack = 1e-12 * max(1.0, float(np.abs(pool).max()))
    if splits <= MOST_SPLITS:
        chosen = np.array(list(combinations(range(total), n)), np.int64)
    else:
        rng = np.random.default_rng(seed)
        chosen = np.argsort(rng.random((MOST_SPLITS, total)), axis=1)[:, :n]
    sums = pool[chosen].sum(axis=1)
    differences = np.abs(sums / n - (pool.sum() - sums) / len(b))
    extreme = int((differences >= observed - slack).sum())
    if splits > MOST_SPLITS:  # the split at hand is one of them
        return Exact((extreme + 1) / (MOST_SPLITS + 1), least)
    return Exact(extreme / splits, least)


def exact_shift(differences: Floats, seed: int = 0) -> Exact:
    """Whether differences lie around 0: the sign-flip test on their mean, two-sided.

    Args:
        differences: ``[n]``, for example a method's costs less the one cost of a deterministic method.
        seed: of the flips drawn where there are too many to count them all.

    Raises:
        ValueError: there is none.
    """
    n = len(differences)
    if not n:
        raise ValueError("a sample is empty")
    flips = 2**n
    least = min(1.0, 2.0 / flips)
    observed = abs(differences.mean())
    slack = 1e-12 * max(1.0, float(np.abs(differences).max()))
    if flips <= MOST_SPLITS:
        turned = (np.arange(flips)[:, None] >> np.arange(n)) & 1
    else:
        turned = np.random.default_rng(seed).integers(0, 2, (MOST_SPLITS, n), dtype=np.int8)
    means = (differences.sum() - 2.0 * (turned.astype(np.float64) @ differences)) / n
    extreme = int((np.abs(means) >= observed - slack).sum())
    if flips > MOST_SPLITS:
        return Exact((extreme + 1) / (MOST_SPLITS + 1), least)
    return Exact(extreme / flips, least)


def exact_signs(wins: int, losses: int) -> Exact:
    """Whether wins and losses are as likely: the sign test, two-sided; ties are left out of both.

    Args:
        wins: how many.
        losses: how many.

    Raises:
        ValueError: a count is negative.
    """
    if wins < 0 or losses < 0:
        raise ValueError("a count is negative")
    n = wins + losses
    tail = sum(math.comb(n, k) for k in range(min(wins, losses) + 1))
    return Exact(min(1.0, 2 * tail / 2**n), min(1.0, 2 / 2**n))

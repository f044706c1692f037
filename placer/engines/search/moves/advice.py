"""Advice as chains use it: tables to draw objects and (object, target) pairs by weight, each in constant time.

Alias method: Walker, "An efficient method for generating discrete random variables with general distributions", ACM
TOMS 1977; tables by Vose, IEEE TSE 1991.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit, njit_lean
from placer.engines.search.rng import below, uniform

#: Part of the draws of a kind that stays even over all objects, whatever the advice says.
EVEN = 0.25


class Advice(NamedTuple):
    """Tables of one chain. All are empty, and nothing is drawn differently, where nobody advises.

    Attributes:
        weighs: whether objects are drawn by importance.
        kind: ``[1]`` the kind being drafted.
        soft_keep: ``[kinds, S]`` chance to keep a soft object that was drawn evenly.
        soft_alias: ``[kinds, S]`` who takes its place otherwise; both index ``Crowd.soft``.
        hard_keep: ``[kinds, H]`` the same for hard macros, by ``Crowd.hard``.
        hard_alias: ``[kinds, H]``.
        objects: ``[P]`` objects of the pairs.
        x: ``[P]`` their targets, um.
        y: ``[P]``.
        keep: ``[P]`` chance to keep a pair that was drawn evenly.
        alias: ``[P]`` the pair that takes its place otherwise.
    """

    weighs: bool
    kind: NDArray[np.int64]
    soft_keep: NDArray[np.float64]
    soft_alias: NDArray[np.int64]
    hard_keep: NDArray[np.float64]
    hard_alias: NDArray[np.int64]
    objects: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    keep: NDArray[np.float64]
    alias: NDArray[np.int64]


def no_advice() -> Advice:
    """Tables that change nothing."""
    f, i = np.float64, np.int64
    return Advice(
        False, np.zeros(1, i), np.zeros((0, 0), f), np.zeros((0, 0), i), np.zeros((0, 0), f), np.zeros((0, 0), i),
        np.zeros(0, i), np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0, i),
    )  # fmt: skip


def build_advice(
    soft: NDArray[np.int64],
    hard: NDArray[np.int64],
    pairs: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    importance: NDArray[np.float64],
) -> Advice:
    """Tables from weights.

    Args:
        soft: ids of movable soft objects.
        hard: ids of movable hard macros.
        pairs: objects, targets x and y (um), and weights of the pairs; pairs of weight 0 are left out.
        importance: ``[kinds, N]`` weights of objects, or empty.

    Returns:
        Tables in which every object keeps at least ``EVEN`` of an even share of the draws of each kind.
    """
    drawn = pairs[3] > 0.0
    objects, x, y, weight = (np.ascontiguousarray(one[drawn]) for one in pairs)
    keep, alias = alias_tables(weight[None])
    found = no_advice()._replace(
        objects=objects.astype(np.int64), x=x.astype(np.float64), y=y.astype(np.float64), keep=keep[0], alias=alias[0]
    )
    if not importance.size:
        return found
    soft_keep, soft_alias = alias_tables(_blended(importance[:, soft]))
    hard_keep, hard_alias = alias_tables(_blended(importance[:, hard]))
    return found._replace(
        weighs=True, soft_keep=soft_keep, soft_alias=soft_alias, hard_keep=hard_keep, hard_alias=hard_alias
    )


def _blended(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of mean 1 with an even part; rows without weight are even."""
    if weights.shape[1] == 0:
        return weights
    mean = weights.mean(axis=1, keepdims=True)
    return EVEN + (1.0 - EVEN) * np.where(mean > 0.0, weights / np.where(mean > 0.0, mean, 1.0), 1.0)


@njit(cache=True)
def alias_tables(weights: NDArray) -> tuple[NDArray, NDArray]:
    """Tables to draw a column of each row by its weight.

    Args:
        weights: ``[R, K]`` not negative; each row has a positive sum, or K is 0.

    Returns:
        ``[R, K]`` chance to keep a column that was drawn evenly, and the one that takes its place otherwise.
    """
    rows, count = weights.shape
    keep, alias = np.ones((rows, count)), np.zeros((rows, count), np.int64)
    light, heavy = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for r in range(rows):
        total = 0.0
        for k in range(count):
            total += weights[r, k]
        lights = heavies = 0
        for k in range(count):
            keep[r, k], alias[r, k] = weights[r, k] * count / total, k
            if keep[r, k] < 1.0:
                light[lights] = k
                lights += 1
            else:
                heavy[heavies] = k
                heavies += 1
        while lights and heavies:
            lights -= 1
            small, large = light[lights], heavy[heavies - 1]
            alias[r, small] = large
            keep[r, large] -= 1.0 - keep[r, small]
            if keep[r, large] < 1.0:
                heavies -= 1
                light[lights] = large
                lights += 1
        for k in range(lights):  # left over by rounding
            keep[r, light[k]] = 1.0
        for k in range(heavies):
            keep[r, heavy[k]] = 1.0
    return keep, alias


@njit_lean()
def draw_soft(a: Advice, count: int, rng: NDArray) -> int:
    """Which of ``count`` soft objects the kind at hand moves."""
    k = below(rng, count)
    if a.weighs and uniform(rng) >= a.soft_keep[a.kind[0], k]:
        k = a.soft_alias[a.kind[0], k]
    return k


@njit_lean()
def draw_hard(a: Advice, count: int, rng: NDArray) -> int:
    """Which of ``count`` hard macros the kind at hand moves."""
    k = below(rng, count)
    if a.weighs and uniform(rng) >= a.hard_keep[a.kind[0], k]:
        k = a.hard_alias[a.kind[0], k]
    return k


@njit_lean()
def draw_pair(a: Advice, rng: NDArray) -> int:
    """Which pair, or -1 where there is none."""
    if len(a.objects) == 0:
        return -1
    k = below(rng, len(a.objects))
    return k if uniform(rng) < a.keep[k] else a.alias[k]

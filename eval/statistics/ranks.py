"""Whether figures of placements agree on which placement is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]
#: Fewer placements of a design than this say nothing about a correlation.
LEAST = 4


@dataclass(frozen=True, eq=False)
class RankTable:
    """Rank correlations between figures.

    Attributes:
        figures: ``F`` names.
        median: ``[F, F]`` median over designs of the correlation within each; NaN where no design tells.
        low: ``[F, F]`` least over designs.
        high: ``[F, F]`` largest.
        designs: ``[F, F]`` designs that tell.
        placements: how many there were in all.
    """

    figures: tuple[str, ...]
    median: Floats
    low: Floats
    high: Floats
    designs: NDArray[np.int64]
    placements: int


def spearman(a: Floats, b: Floats) -> float:
    """Spearman's rank correlation, ties at their mean rank; NaN where a sample is constant.

    Args:
        a: ``[n]``.
        b: ``[n]``.
    """
    x, y = rankdata(a), rankdata(b)
    x, y = x - x.mean(), y - y.mean()
    scale = np.sqrt((x @ x) * (y @ y))
    return float((x @ y) / scale) if scale > 0 else float("nan")


def rank_correlations(
    placements: Mapping[str, Sequence[Mapping[str, float | None]]], figures: Sequence[str]
) -> RankTable:
    """Rank correlations between figures over all placements of each design.

    Within designs, never across: that a large design has more of everything is no agreement.

    Args:
        placements: design -> figures of each of its placements; None or NaN where one is missing.
        figures: names.
    """
    count = len(figures)
    found: list[list[list[float]]] = [[[] for _ in range(count)] for _ in range(count)]
    total = 0
    for rows in placements.values():
        total += len(rows)
        table = np.array(
            [[np.nan if row.get(name) is None else float(row[name] or 0.0) for name in figures] for row in rows]
        ).reshape(-1, count)
        for i in range(count):
            for j in range(i, count):
                both = np.isfinite(table[:, i]) & np.isfinite(table[:, j])
                value = spearman(table[both, i], table[both, j]) if both.sum() >= LEAST else np.nan
                if np.isfinite(value):
                    found[i][j].append(value)
    shape = (count, count)
    median, low, high = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
    designs = np.zeros(shape, np.int64)
    for i in range(count):
        for j in range(i, count):
            values = found[i][j]
            if values:
                for table, value in ((median, np.median(values)), (low, min(values)), (high, max(values))):
                    table[i, j] = table[j, i] = value
                designs[i, j] = designs[j, i] = len(values)
    return RankTable(tuple(figures), median, low, high, designs, total)

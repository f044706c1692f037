"""Numbers on their way out: shortest text, and lower-left corners that read back to the same centre."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def shortest(values: ArrayLike) -> list[str]:
    """Shortest text of each value that reads back exactly; whole numbers without a point."""
    return [
        str(int(v)) if v.is_integer() and abs(v) < 1e15 else repr(v)
        for v in np.asarray(values, dtype=np.float64).ravel().tolist()
    ]


def lower_left(centre: NDArray[np.float64], size: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lower-left coordinates that read back to the same centres.

    ``centre - size / 2`` is rounded in binary and would print as ``0.09999999999999998``. The reader computes
    ``corner + size / 2``; this looks for the shortest decimal for which that gives back ``centre`` bit by bit. Where
    none exists (a centre that no float64 corner reaches) the rounded difference is returned.

    Args:
        centre: ``[N]`` um.
        size: ``[N]`` um, extent as it lies on the canvas.

    Returns:
        ``[N]`` um.
    """
    half = size / 2
    out = centre - half
    open_ids = np.flatnonzero(np.ones(len(out), bool))
    for digits in range(18):
        if not len(open_ids):
            break
        guess = np.round(out[open_ids], digits)
        good = guess + half[open_ids] == centre[open_ids]
        out[open_ids[good]] = guess[good]
        open_ids = open_ids[~good]
    return out + 0.0  # -0.0 becomes 0.0


def scaled(values: NDArray[np.float64], unit: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Percentages ``p`` with ``p / 100 * unit == values`` bit by bit, as short as possible.

    Args:
        values: ``[N]`` um.
        unit: ``[N]`` um, what 100 % means.

    Returns:
        ``[N]`` percentages and ``[N]`` whether an exact one was found.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        percent = np.where(unit > 0, values / unit * 100, 0.0)
    exact = np.zeros(len(values), bool)
    for digits in range(16):
        ids = np.flatnonzero(~exact)
        if not len(ids):
            break
        guess = np.round(percent[ids], digits)
        good = guess / 100 * unit[ids] == values[ids]
        percent[ids[good]] = guess[good]
        exact[ids[good]] = True
    return percent + 0.0, exact

"""Random draws built from uniform doubles only.

NumPy keeps the stream of ``Generator.random`` stable but reserves the right to change how its other distributions
consume it. Synthetic designs are compared byte by byte with the ones that ship, so every distribution here is an
explicit transform of uniform doubles.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Draws:
    """A seeded source of random arrays.

    Args:
        seed: non-negative seed.
        stream: sub-stream; parts of a design draw from their own so that changing one leaves the others alone.
    """

    def __init__(self, seed: int, stream: int) -> None:
        self._rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, stream])))

    def uniform(self, size: int) -> NDArray[np.float64]:
        """``[size]`` doubles in [0, 1)."""
        return self._rng.random(size)

    def below(self, limit: ArrayLike, size: int) -> NDArray[np.int64]:
        """``[size]`` integers in [0, limit); ``limit`` is a positive number or an array of them."""
        top = np.asarray(limit, dtype=np.int64)
        return np.minimum((self._rng.random(size) * top).astype(np.int64), top - 1)

    def choice(self, shares: Sequence[float] | NDArray[np.float64], size: int) -> NDArray[np.int64]:
        """``[size]`` indices into ``shares``, drawn in proportion to them (they need not sum to 1)."""
        edges = np.cumsum(np.asarray(shares, dtype=np.float64))
        return np.minimum(np.searchsorted(edges / edges[-1], self._rng.random(size), side="right"), len(edges) - 1)

    def erlang2(self, size: int) -> NDArray[np.float64]:
        """``[size]`` Erlang-2 variates of mean 1: positive, right-skewed, standard deviation 0.71."""
        u = 1.0 - self._rng.random((2, size))
        return -np.log(u[0] * u[1]) / 2.0

    def power_law(self, low: int, high: int, size: int, exponent: float = 2.0) -> NDArray[np.int64]:
        """``[size]`` integers in [low, high] with density about ``k ** -exponent`` (``exponent`` above 1)."""
        a = 1.0 - exponent
        u = self._rng.random(size)
        x = (low**a + u * ((high + 1.0) ** a - low**a)) ** (1.0 / a)
        return np.clip(x.astype(np.int64), low, high)

"""Random numbers for compiled chains: one small generator a chain, so that threads cannot disturb each other.

xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", ACM TOMS 2016).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit_lean

_SHIFT_A, _SHIFT_B, _SHIFT_C = np.uint64(12), np.uint64(25), np.uint64(27)
_FACTOR = np.uint64(2685821657736338717)
_TOP = np.uint64(11)


def seeded(seed: int, chain: int) -> NDArray[np.uint64]:
    """State of the generator of one chain of one run, ``[1]`` uint64, never zero."""
    state = np.array(np.random.SeedSequence([seed, chain]).generate_state(1, np.uint64), np.uint64)
    state[0] |= np.uint64(1)
    return state


@njit_lean()
def uniform(state: NDArray) -> float:
    """Next number in [0, 1)."""
    z = state[0]
    z ^= z >> _SHIFT_A
    z ^= z << _SHIFT_B
    z ^= z >> _SHIFT_C
    state[0] = z
    return np.float64((z * _FACTOR) >> _TOP) * (1.0 / 9007199254740992.0)


@njit_lean()
def below(state: NDArray, n: int) -> int:
    """Next whole number in [0, n)."""
    return min(int(uniform(state) * n), n - 1)


@njit_lean()
def jump(state: NDArray, smallest: float, largest: float) -> float:
    """A signed length whose size is log-uniform between two sizes: as many fine steps as coarse ones."""
    u = 2.0 * uniform(state) - 1.0
    size = smallest * np.exp(abs(u) * np.log(largest / smallest))
    return size if u >= 0.0 else -size

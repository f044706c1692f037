"""Small dense layers, compiled: one thread, no library that starts others, and the same bits on every machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit


@njit(cache=True, nogil=True)
def layer(x: NDArray, weight: NDArray, bias: NDArray, rectified: bool) -> NDArray:
    """``x @ weight + bias``, with negative results set to 0 where ``rectified``.

    Args:
        x: ``[K, inputs]`` float32.
        weight: ``[inputs, outputs]`` float32: its rows are read in order, many outputs at a time.
        bias: ``[outputs]`` float32.
        rectified: whether a ReLU follows.
    """
    rows, inputs = x.shape
    outputs = weight.shape[1]
    out = np.empty((rows, outputs), np.float32)
    for r in range(rows):
        row = out[r]
        for j in range(outputs):
            row[j] = bias[j]
        for k in range(inputs):
            value = x[r, k]
            if value != 0.0:  # half of what a ReLU lets through
                for j in range(outputs):
                    row[j] += value * weight[k, j]
        if rectified:
            for j in range(outputs):
                row[j] = max(row[j], np.float32(0.0))
    return out


@njit(cache=True, nogil=True)
def joined(own: NDArray, pair_of: NDArray, there: NDArray) -> NDArray:
    """``relu(own[pair_of] + there)``: what is known of an object and of a target, for every pair.

    Args:
        own: ``[K, width]`` float32.
        pair_of: ``[P]`` rows of ``own``.
        there: ``[P, width]`` float32.
    """
    out = np.empty_like(there)
    for r in range(len(pair_of)):
        k = pair_of[r]
        for j in range(there.shape[1]):
            out[r, j] = max(own[k, j] + there[r, j], np.float32(0.0))
    return out

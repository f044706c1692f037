"""Sums and minima over the threads of a block, and the sum of the k largest entries of a map.

Values are combined in an order that depends on the number of threads only, so every thread sees the same bits and
every run gives the same ones.
"""

from __future__ import annotations

import math

from numpy.typing import NDArray

from placer.engines.gpu_search.target import cuda

#: Values a block can reduce at once.
COLUMNS = 8
#: The walk to the k-th largest goes entry by entry when at most this many are between.
_NEAR = 2


@cuda.jit(device=True)
def any_thread(flag: bool) -> bool:
    """True for all threads when it is for one of them; a barrier."""
    return cuda.syncthreads_or(1 if flag else 0) != 0


@cuda.jit(device=True)
def reduce_block(scratch: NDArray, sums: int, columns: int) -> None:
    """Combine what every thread left in ``scratch[column * threads + thread]``.

    Columns below ``sums`` are added, the others take the minimum. Results are read with :func:`reduced`; the next
    reduction may begin without a barrier.
    """
    thread, threads = cuda.threadIdx.x, cuda.blockDim.x
    cuda.syncthreads()
    parts = (threads + 7) // 8
    size = (threads + parts - 1) // parts
    for item in range(thread, columns * parts, threads):
        column, part = item // parts, item % parts
        begin = column * threads + part * size
        end = min(begin + size, (column + 1) * threads)
        value = scratch[begin]
        for k in range(begin + 1, end):
            if column < sums:
                value += scratch[k]
            else:
                value = min(value, scratch[k])
        scratch[COLUMNS * threads + item] = value
    cuda.syncthreads()


@cuda.jit(device=True)
def reduced(scratch: NDArray, column: int, is_sum: bool) -> float:
    """Result of one column of the last reduction."""
    threads = cuda.blockDim.x
    parts = (threads + 7) // 8
    begin = COLUMNS * threads + column * parts
    value = scratch[begin]
    for k in range(begin + 1, begin + parts):
        if is_sum:
            value += scratch[k]
        else:
            value = min(value, scratch[k])
    return value


@cuda.jit(device=True)
def top_sum(values: NDArray, begin: int, size: int, count: int, guess: float, scratch: NDArray) -> tuple[float, float]:
    """Sum of the ``count`` largest of ``values[begin : begin + size]``, exactly, by finding the count-th largest.

    Each pass counts the entries above and at a threshold. The first threshold is the one of the last committed
    placement: most moves change the answer by a few ranks. From there it goes entry by entry when near, else by
    halving the bracket, whose ends are always entries of the map, so every pass drops at least one.

    Args:
        values: the map, whole in shared memory or in global.
        begin: first entry.
        size: entries, at least ``count``.
        count: at least 1.
        guess: where to begin.
        scratch: of the block.

    Returns:
        The sum, and the count-th largest entry.
    """
    thread, threads = cuda.threadIdx.x, cuda.blockDim.x
    low, high, at = -math.inf, math.inf, guess
    while True:
        above = equal = total = 0.0
        up = down = least = most = math.inf  # down and most are negated: all four are minima
        for e in range(begin + thread, begin + size, threads):
            v = values[e]
            if v > at:
                above += 1.0
                total += v
                up = min(up, v)
            elif v < at:
                down = min(down, -v)
            else:
                equal += 1.0
            least = min(least, v)
            most = min(most, -v)
        scratch[thread] = above
        scratch[threads + thread] = equal
        scratch[2 * threads + thread] = total
        scratch[3 * threads + thread] = up
        scratch[4 * threads + thread] = down
        scratch[5 * threads + thread] = least
        scratch[6 * threads + thread] = most
        reduce_block(scratch, 3, 7)
        above, equal = reduced(scratch, 0, True), reduced(scratch, 1, True)
        total = reduced(scratch, 2, True)
        up, down = reduced(scratch, 3, False), reduced(scratch, 4, False)
        if above < count and count <= above + equal:
            return total + (count - above) * at, at
        if above == count:
            return total, up
        if above + equal == count - 1:
            return total + equal * at - down, -down
        if above > count:
            low = up
            if high == math.inf:
                high = -reduced(scratch, 6, False)
            at = low if above - count <= _NEAR else low + 0.5 * (high - low)
        else:
            high = -down
            if low == -math.inf:
                low = reduced(scratch, 5, False)
            at = high if count - (above + equal) <= _NEAR else low + 0.5 * (high - low)

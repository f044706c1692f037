"""A first arrangement: blocks as points on a grid of slots, annealed for wirelength.

Sizes do not matter here, so a move costs the nets of two blocks only; the sequence pair of the result is where the
annealing with sizes begins.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from placer.engines.floorplan.blocks.problem import Blocks
from placer.engines.search.rng import below, uniform

#: Moves a block, and first and last temperature over the mean change of cost of a random move.
_MOVES, _HOT, _COLD = 10_000, 0.5, 0.001


def arrange(blocks: Blocks, rng: NDArray[np.uint64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres of blocks on a grid of slots, short in wire.

    Args:
        blocks: the problem.
        rng: ``[1]`` state of ``placer.engines.search.rng``.

    Returns:
        ``[B]`` x and y in steps.
    """
    n, (width, height) = blocks.count, blocks.limit
    columns = max(1, min(n, round(math.sqrt(n * width / height))))
    rows = -(-n // columns)
    slots = columns * rows
    sx = (np.arange(slots) % columns + 0.5) * width / columns
    sy = (np.arange(slots) // columns + 0.5) * height / rows
    holder = np.full(slots, -1, np.int64)
    holder[:n] = np.arange(n)
    np.random.default_rng(int(rng[0] >> np.uint64(12))).shuffle(holder)
    pin_net = np.repeat(np.arange(len(blocks.weight)), np.diff(blocks.net_ptr))
    slot = np.empty(n, np.int64)
    slot[holder[holder >= 0]] = np.flatnonzero(holder >= 0)
    _anneal(
        _MOVES * n, holder, slot, sx, sy, rng, blocks.net_ptr, blocks.pin_block, pin_net, blocks.fixed, blocks.weight,
        blocks.block_ptr, blocks.block_pins,
    )  # fmt: skip
    return sx[slot], sy[slot]


@njit(cache=True, nogil=True)
def _cost(
    block: int, stamp: NDArray, mark: int, slot: NDArray, sx: NDArray, sy: NDArray, net_ptr: NDArray,
    pin_block: NDArray, pin_net: NDArray, fixed: NDArray, weight: NDArray, block_ptr: NDArray, block_pins: NDArray,
) -> float:  # fmt: skip
    """Weighted HPWL of a block's nets that do not bear ``mark`` yet; they get it."""
    total = 0.0
    for p in range(block_ptr[block], block_ptr[block + 1]):
        net = pin_net[block_pins[p]]
        if stamp[net] == mark:
            continue
        stamp[net] = mark
        x0, y0, x1, y1 = fixed[net, 0], fixed[net, 1], fixed[net, 2], fixed[net, 3]
        for k in range(net_ptr[net], net_ptr[net + 1]):
            s = slot[pin_block[k]]
            x0, x1, y0, y1 = min(x0, sx[s]), max(x1, sx[s]), min(y0, sy[s]), max(y1, sy[s])
        total += weight[net] * (x1 - x0 + y1 - y0)
    return total


@njit(cache=True, nogil=True)
def _anneal(
    moves: int, holder: NDArray, slot: NDArray, sx: NDArray, sy: NDArray, rng: NDArray, net_ptr: NDArray,
    pin_block: NDArray, pin_net: NDArray, fixed: NDArray, weight: NDArray, block_ptr: NDArray, block_pins: NDArray,
) -> None:  # fmt: skip
    """Swap the contents of slots, or move a block to an empty one, by the Metropolis rule."""
    n, slots = len(slot), len(holder)
    stamp = np.zeros(len(weight), np.int64)
    mark = 0
    scale, rehearsal = 0.0, min(20 * n, 2000)
    temperature, decay = np.inf, (_COLD / _HOT) ** (1.0 / moves)
    for move in range(moves):
        a = below(rng, n)
        here, there = slot[a], below(rng, slots)
        if here == there:
            continue
        b = holder[there]
        mark += 2
        before = _cost(
            a, stamp, mark, slot, sx, sy, net_ptr, pin_block, pin_net, fixed, weight, block_ptr, block_pins
        )  # fmt: skip
        if b >= 0:
            before += _cost(
                b, stamp, mark, slot, sx, sy, net_ptr, pin_block, pin_net, fixed, weight, block_ptr, block_pins
            )  # fmt: skip
            slot[b] = here
        slot[a] = there
        after = _cost(
            a, stamp, mark + 1, slot, sx, sy, net_ptr, pin_block, pin_net, fixed, weight, block_ptr, block_pins
        )  # fmt: skip
        if b >= 0:
            after += _cost(
                b, stamp, mark + 1, slot, sx, sy, net_ptr, pin_block, pin_net, fixed, weight, block_ptr, block_pins
            )  # fmt: skip
        if move < rehearsal:
            scale += abs(after - before) / rehearsal
        elif move == rehearsal:
            temperature = max(_HOT * scale, 1e-300)
        if after <= before or uniform(rng) < np.exp((before - after) / temperature):
            holder[here], holder[there] = b, a
        else:
            slot[a] = here
            if b >= 0:
                slot[b] = there
        temperature *= decay

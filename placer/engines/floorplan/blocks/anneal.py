"""Simulated annealing over sequence pairs, orientations and shapes, for wirelength inside a fixed outline.

The cost is weighted HPWL plus a price for what sticks out of the outline; the price follows the share of accepted
floorplans that fit, so that the walk stays near the border of what fits (in the spirit of the adaptive objectives of
Chen and Chang, "Modern floorplanning based on fast simulated annealing", ISPD 2005). Without an outline the price is on
the area of the bounding box instead.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from netlists.orientation import MATRIX
from placer.engines.floorplan.blocks.sequence_pair import pack
from placer.engines.search.rng import below, jump, uniform

#: Entries of the vector of numbers a chain carries along.
COST, WIRE, OVER, PRICE, BEST, FITS, TAKEN, TRIED = range(8)
#: Moves between two looks at the share of floorplans that fit, and the step of the price.
_WATCH, _PRICE_STEP = 200, 1.05
#: Least price of a step of overhang, steps of wire.
_CHEAPEST = 1.0

_MATRIX = MATRIX.copy()


@njit(cache=True, nogil=True)
def turn(
    block: int, code: int, wide: float, high: float, size: NDArray, orient: NDArray, offset: NDArray,
    block_ptr: NDArray, block_pins: NDArray, part: NDArray,
) -> None:  # fmt: skip
    """Give a block an orientation and a shape (steps, N frame), and its pins their offsets."""
    orient[block] = code
    a, b, c, d = _MATRIX[code, 0], _MATRIX[code, 1], _MATRIX[code, 2], _MATRIX[code, 3]
    size[0, block] = wide if a != 0.0 else high
    size[1, block] = high if a != 0.0 else wide
    for k in range(block_ptr[block], block_ptr[block + 1]):
        pin = block_pins[k]
        dx, dy = part[pin, 0] * wide, part[pin, 1] * high
        offset[pin, 0] = a * dx + b * dy
        offset[pin, 1] = c * dx + d * dy


@njit(cache=True, nogil=True)
def wirelength(
    net_ptr: NDArray, pin_block: NDArray, offset: NDArray, fixed: NDArray, weight: NDArray, cx: NDArray, cy: NDArray
) -> float:
    """Weighted HPWL in steps of blocks with centres ``cx``, ``cy`` (``[B]`` steps)."""
    total = 0.0
    for net in range(len(weight)):
        x0, y0, x1, y1 = fixed[net, 0], fixed[net, 1], fixed[net, 2], fixed[net, 3]
        for k in range(net_ptr[net], net_ptr[net + 1]):
            b = pin_block[k]
            px, py = cx[b] + offset[k, 0], cy[b] + offset[k, 1]
            x0, x1 = min(x0, px), max(x1, px)
            y0, y1 = min(y0, py), max(y1, py)
        total += weight[net] * (x1 - x0 + y1 - y0)
    return total


@njit(cache=True, nogil=True)
def evaluate(
    order: NDArray, place: NDArray, size: NDArray, offset: NDArray, limit: NDArray, framed: bool, net_ptr: NDArray,
    pin_block: NDArray, fixed: NDArray, weight: NDArray, corner: NDArray, centre: NDArray, tree: NDArray,
) -> tuple[float, float]:  # fmt: skip
    """Wirelength and overhang of the packing of a state; ``corner`` and ``centre`` (``[2, B]``) receive it.

    Within an outline, centres are spread until the packing fills it: scaling centres by 1 or more keeps blocks
    disjoint, and wires run to pins on the edge.

    Returns:
        Weighted HPWL in steps, and what sticks out: steps beyond the edge plus area beyond it over the edge's length.
        Without an outline the second is the square root of the bounding box' area.
    """
    right, top = pack(order[1], place[0], size[0], size[1], corner[0], corner[1], tree)
    over = 0.0
    stretch_x, stretch_y = 1.0, 1.0
    if framed:
        out_x, out_y = right > limit[0], top > limit[1]
        if out_x:
            over += right - limit[0]
        else:
            stretch_x = limit[0] / right
        if out_y:
            over += top - limit[1]
        else:
            stretch_y = limit[1] / top
        if out_x or out_y:
            area_x, area_y = 0.0, 0.0
            for b in range(len(place[0])):
                beyond = corner[0, b] + size[0, b] - limit[0]
                if beyond > 0.0:
                    area_x += beyond * size[1, b]
                beyond = corner[1, b] + size[1, b] - limit[1]
                if beyond > 0.0:
                    area_y += beyond * size[0, b]
            over += area_x / limit[1] + area_y / limit[0]
    else:
        over = np.sqrt(right * top)
    for b in range(len(place[0])):
        centre[0, b] = (corner[0, b] + 0.5 * size[0, b]) * stretch_x
        centre[1, b] = (corner[1, b] + 0.5 * size[1, b]) * stretch_y
    return wirelength(net_ptr, pin_block, offset, fixed, weight, centre[0], centre[1]), over


@njit(cache=True, nogil=True)
def _swap(order: NDArray, place: NDArray, a: int, b: int) -> None:
    i, j = place[a], place[b]
    order[i], order[j] = b, a
    place[a], place[b] = j, i


@njit(cache=True, nogil=True)
def _shift(order: NDArray, place: NDArray, block: int, to: int) -> None:
    """Take a block out of an order and put it at position ``to`` of what results."""
    at = place[block]
    step = 1 if to > at else -1
    while at != to:
        moved = order[at + step]
        order[at] = moved
        place[moved] = at
        at += step
    order[to] = block
    place[block] = to


@njit(cache=True, nogil=True)
def _beside(order: NDArray, place: NDArray, block: int, other: int, side: int) -> None:
    """Put a block right beside another: 0 left, 1 right, 2 below, 3 above it."""
    for k in range(2):
        after = side == 1 or (side == 2 and k == 0) or (side == 3 and k == 1)
        to = place[k, other] + (1 if after else 0)
        if place[k, block] < to:
            to -= 1
        _shift(order[k], place[k], block, to)


@njit(cache=True, nogil=True)
def _neighbour(
    block: int, rng: NDArray, block_ptr: NDArray, block_pins: NDArray, pin_net: NDArray, net_ptr: NDArray,
    pin_block: NDArray,
) -> int:  # fmt: skip
    """A block that shares a random net of this one, or any block."""
    count = block_ptr[block + 1] - block_ptr[block]
    if count:
        net = pin_net[block_pins[block_ptr[block] + below(rng, count)]]
        other = pin_block[net_ptr[net] + below(rng, net_ptr[net + 1] - net_ptr[net])]
        if other != block:
            return int(other)
    return below(rng, len(block_ptr) - 1)


@njit(cache=True, nogil=True)
def anneal(
    moves: int, hot: float, cold: float, wanted: float, framed: bool, rng: NDArray, numbers: NDArray, order: NDArray,
    place: NDArray,
    size: NDArray, shape: NDArray, orient: NDArray, offset: NDArray, best_order: NDArray, best_shape: NDArray,
    best_orient: NDArray, limit: NDArray, area: NDArray, shapes: NDArray, turns: NDArray, num_turns: NDArray,
    net_ptr: NDArray, pin_block: NDArray, pin_net: NDArray, part: NDArray, fixed: NDArray, weight: NDArray,
    block_ptr: NDArray, block_pins: NDArray,
) -> None:  # fmt: skip
    """Make a number of moves while the temperature falls geometrically; all arrays of the chain are updated in place.

    Args:
        moves: to try.
        hot: first temperature, steps of wirelength.
        cold: last temperature.
        wanted: share of accepted floorplans that should fit the outline.
        framed: keep to the outline ``limit``; else the price is on the bounding box.
        rng: ``[1]`` uint64 state of ``placer.engines.search.rng``.
        numbers: ``[8]`` float64: cost, wirelength and overhang of the state, price of overhang, best wirelength (cost
            without an outline), and counts.
        order: ``[2, B]`` positive and negative order.
        place: ``[2, B]`` their inverses.
        size: ``[2, B]`` width and height as they lie.
        shape: ``[2, B]`` width and height in the N frame.
        orient: ``[B]`` int8.
        offset: ``[C, 2]`` pin offsets as they lie.
        best_order: ``[2, B]`` of the best floorplan that fits.
        best_shape: ``[2, B]``.
        best_orient: ``[B]``.
        limit: ``[2]`` outline.
        area: the fields of :class:`~placer.engines.floorplan.blocks.problem.Blocks`, as the rest.
        shapes: likewise.
        turns: likewise.
        num_turns: likewise.
        net_ptr: likewise.
        pin_block: likewise.
        pin_net: ``[C]`` net of each pin.
        part: likewise.
        fixed: likewise.
        weight: likewise.
        block_ptr: likewise.
        block_pins: likewise.
    """
    n = len(orient)
    corner, centre, tree = np.empty((2, n)), np.empty((2, n)), np.zeros((2, n + 1))
    old_order, old_place = order.copy(), place.copy()
    fits, watched = 0, 0
    decay = (cold / hot) ** (1.0 / max(moves - 1, 1))
    temperature = hot
    for _ in range(moves):
        kind = below(rng, 20)
        a = below(rng, n)
        turned = False
        old_code, old_wide, old_high = orient[a], shape[0, a], shape[1, a]
        if kind < 4 and n > 1:  # swap near ones in one order
            k = below(rng, 2)
            at = place[k, a] + int(np.rint(jump(rng, 1.0, float(n))))
            b = order[k, min(max(at, 0), n - 1)]
            _swap(order[k], place[k], a, b)
        elif kind < 7 and n > 1:  # swap any two, or near ones, in both
            b = below(rng, n)
            if kind == 4:
                b = order[0, min(max(place[0, a] + int(np.rint(jump(rng, 1.0, float(n)))), 0), n - 1)]
            for k in range(2):
                _swap(order[k], place[k], a, b)
        elif kind < 10 and n > 1:  # shift in one order
            k = below(rng, 2)
            at = place[k, a] + int(np.rint(jump(rng, 1.0, float(n))))
            _shift(order[k], place[k], a, min(max(at, 0), n - 1))
        elif kind < 16 and n > 1:  # beside a block it is connected to, or beside a neighbour of that one
            b = _neighbour(a, rng, block_ptr, block_pins, pin_net, net_ptr, pin_block)
            if kind < 13:
                k = below(rng, 2)
                b = order[k, min(max(place[k, b] + int(np.rint(jump(rng, 1.0, 6.0))), 0), n - 1)]
            if b != a:
                _beside(order, place, a, b, below(rng, 4))
        else:
            turned = True
            code, wide, high = old_code, old_wide, old_high
            if area[a] > 0.0 and (num_turns[a] == 1 or below(rng, 4)):
                if below(rng, 2):
                    wide = shapes[a, 0] * (shapes[a, 1] / shapes[a, 0]) ** uniform(rng)
                else:
                    wide *= np.exp(0.3 * (uniform(rng) - 0.5))
                wide = min(max(np.rint(wide), shapes[a, 0]), shapes[a, 1])
                high = np.ceil(area[a] / wide)
            else:
                code = turns[a, below(rng, num_turns[a])]
            if code == old_code and wide == old_wide:
                continue
            shape[0, a], shape[1, a] = wide, high
            turn(a, code, wide, high, size, orient, offset, block_ptr, block_pins, part)

        wire, over = evaluate(
            order, place, size, offset, limit, framed, net_ptr, pin_block, fixed, weight, corner, centre, tree
        )  # fmt: skip
        cost = wire + numbers[PRICE] * over
        numbers[TRIED] += 1
        if cost <= numbers[COST] or uniform(rng) < np.exp((numbers[COST] - cost) / temperature):
            numbers[TAKEN] += 1
            numbers[COST], numbers[WIRE], numbers[OVER] = cost, wire, over
            old_order[:, :] = order
            old_place[:, :] = place
            value = wire if framed else cost
            if (over <= 0.0 or not framed) and value < numbers[BEST]:
                numbers[BEST] = value
                best_order[:, :] = order
                best_shape[:, :] = shape
                best_orient[:] = orient
        else:
            if turned:
                shape[0, a], shape[1, a] = old_wide, old_high
                turn(a, old_code, old_wide, old_high, size, orient, offset, block_ptr, block_pins, part)
            else:
                order[:, :] = old_order
                place[:, :] = old_place
        temperature *= decay
        if framed:
            watched += 1
            fits += numbers[OVER] <= 0.0
            if watched == _WATCH:
                numbers[PRICE] *= _PRICE_STEP if fits < wanted * watched else 1.0 / _PRICE_STEP
                # Free overhang would let the walk wander off to where nothing fits any more.
                numbers[PRICE] = max(numbers[PRICE], _CHEAPEST)
                numbers[COST] = numbers[WIRE] + numbers[PRICE] * numbers[OVER]
                fits, watched = 0, 0

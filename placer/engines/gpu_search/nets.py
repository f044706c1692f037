"""Wire length and routing demand of the nets a move touches, on the device.

Pins have no state of their own: a pin's place follows from its object's, so nothing but object positions changes when
a move is kept. Threads take one short net each; the few nets of more than ``board.SHORT`` pins are priced by the
whole block. Demand is added in whole numbers, so the order in which threads add it does not matter.
"""

from __future__ import annotations

import math

from numba import int64
from numpy.typing import NDArray

from netlists.orientation import MATRIX
from placer.cost.routing import net_segments, two_cell_segments
from placer.engines.gpu_search.board import SHORT, Board
from placer.engines.gpu_search.reduce import any_thread, reduce_block, reduced
from placer.engines.gpu_search.target import cuda, floor_of

#: Gcells whose marks share one int32 of a bit map.
BITS = 16
#: Integers of the shared notes on a long net: two counters, then the first three gcells before and after the move.
NOTES = 8

_MATRIX = MATRIX.copy()


@cuda.jit(device=True)
def pin_at(b: Board, pin: int, x: float, y: float, orient: int) -> tuple[float, float]:
    """Place of a pin, from the canvas origin, whose object is at centre ``x, y`` in ``orient``."""
    dx, dy = b.pin_dx[pin], b.pin_dy[pin]
    px = (x - b.x0) + (_MATRIX[orient, 0] * dx + _MATRIX[orient, 1] * dy)
    py = (y - b.y0) + (_MATRIX[orient, 2] * dx + _MATRIX[orient, 3] * dy)
    return px, py


@cuda.jit(device=True)
def pin_now(b: Board, pin: int, x: NDArray, y: NDArray, orient: NDArray) -> tuple[float, float]:
    """Place of a pin in the committed placement, from the canvas origin."""
    slot = b.pin_slot[pin]
    if slot < 0:
        return b.pin_dx[pin], b.pin_dy[pin]
    return pin_at(b, pin, x[slot], y[slot], orient[slot])


@cuda.jit(device=True)
def gcell(b: Board, px: float, py: float) -> int:
    """Packed gcell of a point, clamped at the canvas edge."""
    column = min(max(floor_of(px / b.pitch_x), 0), b.columns - 1)
    row = min(max(floor_of(py / b.pitch_y), 0), b.rows - 1)
    return row << 16 | column


@cuda.jit(device=True)
def _which(slot: int, slots: NDArray, count: int) -> int:
    """Place of ``slot`` among the moved ones, or -1."""
    for k in range(count):
        if slots[k] == slot:
            return k
    return -1


@cuda.jit(device=True)
def _add(b: Board, segments: NDArray, count: int, amount: int, delta: NDArray) -> None:
    """Add ``amount`` to the demand along ``segments[:count]``."""
    for k in range(count):
        line, low, high = segments[k, 1], segments[k, 2], segments[k, 3]
        if segments[k, 0] == 0:
            entry, step = b.rows * b.columns + line * b.columns + low, 1
        else:
            entry, step = low * b.columns + line, b.columns
        for _ in range(high - low):
            cuda.atomic.add(delta, entry, amount)
            entry += step


@cuda.jit(device=True)
def _holds(cells: NDArray, size: int, cell: int) -> bool:
    for k in range(size):  # noqa: SIM110 - any() has no device form
        if cells[k] == cell:
            return True
    return False


@cuda.jit(device=True)
def _emit(b: Board, cells: NDArray, size: int, others: NDArray, known: int, amount: int, delta: NDArray) -> None:
    """Add a net with the distinct gcells ``cells[:size]``; a star leaves out the arms to ``others[:known]``."""
    segments = cuda.local.array((6, 4), int64)
    if size <= 3:
        _add(b, segments, net_segments(cells, size, segments), amount, delta)
        return
    for k in range(1, size):
        if not _holds(others, known, cells[k]):
            _add(b, segments, two_cell_segments(cells[0], cells[k], segments, 0), amount, delta)


@cuda.jit(device=True)
def short_net(
    b: Board, net: int, owner: int, x: NDArray, y: NDArray, orient: NDArray,
    slots: NDArray, nx: NDArray, ny: NDArray, no: NDArray, count: int, fresh: bool, delta: NDArray,
) -> tuple[float, bool]:  # fmt: skip
    """What a move changes on one net, by one thread.

    Args:
        b: the design.
        net: a net of at most ``SHORT`` pins.
        owner: the moved object through which it was found; a net that is also on an earlier one is skipped.
        x: committed centres of the slots, um.
        y: likewise.
        orient: likewise.
        slots: moved slots.
        nx: their new centres, um.
        ny: likewise.
        no: their new orientations.
        count: number of moved slots; 0 with ``fresh``.
        fresh: price the net as if it had not been there before.
        delta: demand map to add to.

    Returns:
        Weighted change in HPWL, and whether demand changed.
    """
    begin, end = b.net_ptr[net], b.net_ptr[net + 1]
    ax0 = ay0 = bx0 = by0 = math.inf
    ax1 = ay1 = bx1 = by1 = -math.inf
    dirty = fresh
    for pin in range(begin, end):
        px, py = pin_now(b, pin, x, y, orient)
        ax0, ax1, ay0, ay1 = min(ax0, px), max(ax1, px), min(ay0, py), max(ay1, py)
        k = _which(b.pin_slot[pin], slots, count)
        if k >= 0:
            if k < owner:
                return 0.0, False
            before = gcell(b, px, py)
            px, py = pin_at(b, pin, nx[k], ny[k], no[k])
            dirty = dirty or gcell(b, px, py) != before
        bx0, bx1, by0, by1 = min(bx0, px), max(bx1, px), min(by0, py), max(by1, py)
    change = (bx1 - bx0) + (by1 - by0)
    if not fresh:
        change -= (ax1 - ax0) + (ay1 - ay0)
    change *= b.weight[net]
    if not dirty:
        return change, False
    old = cuda.local.array(SHORT, int64)
    new = cuda.local.array(SHORT, int64)
    olds = news = 0
    for pin in range(begin, end):
        px, py = pin_now(b, pin, x, y, orient)
        cell = gcell(b, px, py)
        if not fresh and not _holds(old, olds, cell):
            old[olds] = cell
            olds += 1
        k = _which(b.pin_slot[pin], slots, count)
        if k >= 0:
            px, py = pin_at(b, pin, nx[k], ny[k], no[k])
            cell = gcell(b, px, py)
        if not _holds(new, news, cell):
            new[news] = cell
            news += 1
    # Two stars on the same source exchange only the arms that differ.
    both = olds > 3 and news > 3 and old[0] == new[0]
    amount = b.demand[net]
    _emit(b, old, olds, new, news if both else 0, -amount, delta)
    _emit(b, new, news, old, olds if both else 0, amount, delta)
    return change, True


@cuda.jit(device=True)
def _mark(b: Board, cell: int, base: int, side: int, bits: NDArray, notes: NDArray) -> None:
    """Mark a gcell of a long net; the first three ones are noted, their number is counted."""
    entry = (cell >> 16) * b.columns + (cell & 0xFFFF)
    word, bit = base + entry // BITS, 1 << (entry % BITS)
    if cuda.atomic.or_(bits, word, bit) & bit == 0:
        k = cuda.atomic.add(notes, side, 1)
        if k < 3:
            notes[2 + 3 * side + k] = cell


@cuda.jit(device=True)
def _emit_long(
    b: Board, source: int, side: int, skip_known: bool, words: int, bits: NDArray, notes: NDArray, amount: int,
    delta: NDArray,
) -> None:  # fmt: skip
    """Add one side (0 before, 1 after the move) of a long net, by the whole block."""
    thread, threads = cuda.threadIdx.x, cuda.blockDim.x
    segments = cuda.local.array((6, 4), int64)
    size = notes[side]
    if size <= 3:
        if thread == 0:
            cells = cuda.local.array(3, int64)
            cells[0] = source
            known = 1
            for k in range(size):
                if notes[2 + 3 * side + k] != source:
                    cells[known] = notes[2 + 3 * side + k]
                    known += 1
            _add(b, segments, net_segments(cells, size, segments), amount, delta)
        return
    own, other = side * words, (1 - side) * words
    for entry in range(thread, b.rows * b.columns, threads):
        word, bit = entry // BITS, 1 << (entry % BITS)
        if bits[own + word] & bit != 0 and not (skip_known and bits[other + word] & bit != 0):
            cell = int((entry // b.columns) << 16 | entry % b.columns)
            if cell != source:
                _add(b, segments, two_cell_segments(source, cell, segments, 0), amount, delta)


@cuda.jit(device=True)
def long_net(
    b: Board, net: int, x: NDArray, y: NDArray, orient: NDArray,
    slots: NDArray, nx: NDArray, ny: NDArray, no: NDArray, count: int, fresh: bool, delta: NDArray,
    scratch: NDArray, words: int, bits: NDArray, notes: NDArray,
) -> tuple[float, bool]:  # fmt: skip
    """The same as :func:`short_net` for a net of any length, by the whole block; every thread gets the result."""
    thread, threads = cuda.threadIdx.x, cuda.blockDim.x
    for k in range(thread, 2 * words, threads):
        bits[k] = 0
    for k in range(thread, NOTES, threads):
        notes[k] = 0
    cuda.syncthreads()
    begin, end = b.net_ptr[net], b.net_ptr[net + 1]
    ax0 = ay0 = bx0 = by0 = math.inf
    ax1 = ay1 = bx1 = by1 = math.inf  # negated, so that all eight are minima
    dirty = fresh
    for pin in range(begin + thread, end, threads):
        px, py = pin_now(b, pin, x, y, orient)
        ax0, ax1, ay0, ay1 = min(ax0, px), min(ax1, -px), min(ay0, py), min(ay1, -py)
        before = gcell(b, px, py)
        if not fresh:
            _mark(b, before, 0, 0, bits, notes)
        k = _which(b.pin_slot[pin], slots, count)
        after = before
        if k >= 0:
            px, py = pin_at(b, pin, nx[k], ny[k], no[k])
            after = gcell(b, px, py)
            dirty = dirty or after != before
        _mark(b, after, words, 1, bits, notes)
        bx0, bx1, by0, by1 = min(bx0, px), min(bx1, -px), min(by0, py), min(by1, -py)
    scratch[thread] = ax0
    scratch[threads + thread] = ax1
    scratch[2 * threads + thread] = ay0
    scratch[3 * threads + thread] = ay1
    scratch[4 * threads + thread] = bx0
    scratch[5 * threads + thread] = bx1
    scratch[6 * threads + thread] = by0
    scratch[7 * threads + thread] = by1
    reduce_block(scratch, 0, 8)
    change = 0.0
    for k in range(4):
        change -= reduced(scratch, 4 + k, False)
        if not fresh:
            change += reduced(scratch, k, False)
    change *= b.weight[net]
    if not any_thread(dirty):
        return change, False
    px, py = pin_now(b, begin, x, y, orient)
    old_source = gcell(b, px, py)
    k = _which(b.pin_slot[begin], slots, count)
    if k >= 0:
        px, py = pin_at(b, begin, nx[k], ny[k], no[k])
    new_source = gcell(b, px, py)
    both = notes[0] > 3 and notes[1] > 3 and old_source == new_source
    amount = b.demand[net]
    if not fresh:
        _emit_long(b, old_source, 0, both, words, bits, notes, -amount, delta)
    _emit_long(b, new_source, 1, both, words, bits, notes, amount, delta)
    cuda.syncthreads()
    return change, True


@cuda.jit(device=True)
def on_earlier(b: Board, net: int, slots: NDArray, owner: int) -> bool:
    """True when a long net is also on one of the moved objects before ``owner``."""
    for k in range(owner):
        low, high = b.slot_long[slots[k]], b.slot_ptr[slots[k] + 1]
        while low < high:
            middle = (low + high) // 2
            if b.slot_net[middle] < net:
                low = middle + 1
            else:
                high = middle
        if low < b.slot_ptr[slots[k] + 1] and b.slot_net[low] == net:
            return True
    return False


@cuda.jit(device=True)
def nets_change(
    b: Board, x: NDArray, y: NDArray, orient: NDArray,
    slots: NDArray, nx: NDArray, ny: NDArray, no: NDArray, count: int, delta: NDArray,
    scratch: NDArray, words: int, bits: NDArray, notes: NDArray,
) -> tuple[float, bool]:  # fmt: skip
    """Change in weighted HPWL, um, and whether demand changed; ``delta`` (cleared before) gets the demand change.

    Ends with a barrier.
    """
    thread, threads = cuda.threadIdx.x, cuda.blockDim.x
    change = 0.0
    dirty = False
    for k in range(count):
        for at in range(b.slot_ptr[slots[k]] + thread, b.slot_long[slots[k]], threads):
            part, demand = short_net(
                b, b.slot_net[at], k, x, y, orient, slots, nx, ny, no, count, False, delta
            )  # fmt: skip
            change += part
            dirty = dirty or demand
    shared_change = 0.0
    for k in range(count):
        for at in range(b.slot_long[slots[k]], b.slot_ptr[slots[k] + 1]):
            net = b.slot_net[at]
            if not on_earlier(b, net, slots, k):
                part, demand = long_net(
                    b, net, x, y, orient, slots, nx, ny, no, count, False, delta, scratch, words, bits, notes
                )  # fmt: skip
                shared_change += part
                dirty = dirty or demand
    scratch[thread] = change
    reduce_block(scratch, 1, 1)
    change = reduced(scratch, 0, True) + shared_change
    return change, any_thread(dirty)


@cuda.jit(device=True)
def all_nets(
    b: Board, x: NDArray, y: NDArray, orient: NDArray, slots: NDArray, nx: NDArray, ny: NDArray, no: NDArray,
    delta: NDArray, scratch: NDArray, words: int, bits: NDArray, notes: NDArray,
) -> float:  # fmt: skip
    """Weighted HPWL of the placement, um; ``delta`` (cleared before) gets the whole demand. Ends with a barrier."""
    thread, threads = cuda.threadIdx.x, cuda.blockDim.x
    total = 0.0
    for net in range(thread, len(b.weight), threads):
        if b.net_ptr[net + 1] - b.net_ptr[net] <= SHORT:
            part, _ = short_net(b, net, 0, x, y, orient, slots, nx, ny, no, 0, True, delta)
            total += part
    together = 0.0
    for k in range(len(b.long_net)):
        part, _ = long_net(
            b, b.long_net[k], x, y, orient, slots, nx, ny, no, 0, True, delta, scratch, words, bits, notes
        )  # fmt: skip
        together += part
    scratch[thread] = total
    reduce_block(scratch, 1, 1)
    return reduced(scratch, 0, True) + together


# Kept beside the device code so that the host can size what it uses.
def bit_words(gcells: int) -> int:
    """Int32 words of one bit map over the gcells."""
    return -(-gcells // BITS)

"""The moves of a device chain. All threads of a block draw the same dice; the checks against other macros are shared.

The same rules of legality as ``placer.engines.search.ground``: whole lattice steps, hard macros clear of each other
(by ``gap``), of blockages and of the outside; other objects inside the canvas and its outline.
"""

from __future__ import annotations

import math

from numpy.typing import NDArray

from netlists.orientation import FN, FS, N, S
from placer.engines.gpu_search.board import Board
from placer.engines.gpu_search.nets import pin_now
from placer.engines.gpu_search.reduce import any_thread, reduce_block, reduced
from placer.engines.gpu_search.target import cuda, floor_of
from placer.engines.search.ground import hits_wall
from placer.engines.search.rng import below, uniform

#: Kinds of moves, named as those of the CPU search; soft ones first.
NAMES: tuple[str, ...] = (
    "soft-shift", "soft-to-neighbour", "soft-swap", "gcell-shift",
    "hard-slide", "hard-jump", "hard-abut", "hard-swap", "hard-flip", "hard-exchange",
)  # fmt: skip
(
    SOFT_SHIFT, SOFT_TO_NEIGHBOUR, SOFT_SWAP, GCELL_SHIFT,
    HARD_SLIDE, HARD_JUMP, HARD_ABUT, HARD_SWAP, HARD_FLIP, HARD_EXCHANGE,
) = range(10)  # fmt: skip


@cuda.jit(device=True)
def jump(rng: NDArray, smallest: float, largest: float) -> float:
    """A signed length, log-uniform between two sizes, as ``search.rng.jump`` (NumPy's exp has no device form)."""
    u = 2.0 * uniform(rng) - 1.0
    size = smallest * math.exp(abs(u) * math.log(largest / smallest))
    return size if u >= 0.0 else -size


@cuda.jit(device=True)
def _span(b: Board, slot: int, orient: int, vertical: bool) -> int:
    """Width or height of an object as it lies, lattice steps."""
    if (orient & 2 != 0) != vertical:
        return b.high[slot]
    return b.wide[slot]


@cuda.jit(device=True)
def _half(b: Board, slot: int, orient: int, vertical: bool) -> float:
    """Half of it, um."""
    if (orient & 2 != 0) != vertical:
        return b.height[slot] / 2
    return b.width[slot] / 2


@cuda.jit(device=True)
def _centre(b: Board, corner: int, half: float) -> float:
    """Centre, um, of an object whose lower edge is at ``corner`` steps."""
    if b.inverse_step > 0.0:
        return corner / b.inverse_step + half
    return corner * b.step + half


@cuda.jit(device=True)
def _corner(b: Board, centre: float, half: float, low: int, high: int) -> int:
    """Edge, in steps from ``low`` to ``high``, nearest to a centre (um)."""
    return max(min(floor_of((centre - half) / b.step + 0.5), high), low)


@cuda.jit(device=True)
def _put(
    b: Board, orient: NDArray, k: int, slot: int, left: int, bottom: int,
    slots: NDArray, nl: NDArray, nb: NDArray, nx: NDArray, ny: NDArray, no: NDArray,
) -> None:  # fmt: skip
    """Set object ``k`` of the draft, orientation unchanged."""
    o = orient[slot]
    slots[k], nl[k], nb[k], no[k] = slot, left, bottom, o
    nx[k] = _centre(b, left, _half(b, slot, o, False))
    ny[k] = _centre(b, bottom, _half(b, slot, o, True))


@cuda.jit(device=True)
def _near(b: Board, orient: NDArray, slot: int, x: float, y: float) -> tuple[int, int, bool]:
    """Allowed corner nearest to a centre (um), and whether the object is clear of the outside there."""
    o = orient[slot]
    wide, high = _span(b, slot, o, False), _span(b, slot, o, True)
    left = _corner(b, x, _half(b, slot, o, False), b.low_x, b.end_x - wide)
    bottom = _corner(b, y, _half(b, slot, o, True), b.low_y, b.end_y - high)
    if slot >= b.hards and len(b.soft_walls) > 0:
        return left, bottom, not hits_wall(b.soft_walls, left, bottom, left + wide, bottom + high)
    return left, bottom, True


@cuda.jit(device=True)
def _fits(b: Board, corner: NDArray, orient: NDArray, gap: int, i: int, left: int, bottom: int, other: int) -> bool:
    """True when hard macro ``i`` may lie at a corner, ``other`` (or -1) being out of the way; by the whole block."""
    thread, threads = cuda.threadIdx.x, cuda.blockDim.x
    right, top = left + _span(b, i, orient[i], False), bottom + _span(b, i, orient[i], True)
    bad = left < b.low_x or right > b.end_x or bottom < b.low_y or top > b.end_y
    for j in range(thread, b.hards, threads):
        jl, jb = corner[j], corner[b.hards + j]
        if (
            left < jl + _span(b, j, orient[j], False) + gap
            and jl < right + gap
            and bottom < jb + _span(b, j, orient[j], True) + gap
            and jb < top + gap
            and j != i
            and j != other
        ):
            bad = True
    for k in range(thread, len(b.walls), threads):
        clear = gap * b.walls[k, 4]
        if (
            left < b.walls[k, 2] + clear
            and b.walls[k, 0] < right + clear
            and bottom < b.walls[k, 3] + clear
            and b.walls[k, 1] < top + clear
        ):
            bad = True
    return not any_thread(bad)


@cuda.jit(device=True)
def _slide_range(
    b: Board, corner: NDArray, orient: NDArray, gap: int, i: int, vertical: bool, scratch: NDArray
) -> tuple[int, int]:
    """Lowest and highest corner coordinate hard macro ``i`` can slide to along one axis; by the whole block."""
    thread, threads = cuda.threadIdx.x, cuda.blockDim.x
    # "Along" is the axis of the slide, "across" the other one.
    own, size = _span(b, i, orient[i], vertical), _span(b, i, orient[i], not vertical)
    along = corner[b.hards + i] if vertical else corner[i]
    across = corner[i] if vertical else corner[b.hards + i]
    low = b.low_y if vertical else b.low_x
    high = (b.end_y if vertical else b.end_x) - own
    for k in range(thread, b.hards + len(b.walls), threads):
        if k < b.hards:
            if k == i:
                continue
            clear = gap
            at = corner[b.hards + k] if vertical else corner[k]
            end = at + _span(b, k, orient[k], vertical)
            aside = corner[k] if vertical else corner[b.hards + k]
            aside_end = aside + _span(b, k, orient[k], not vertical)
        else:
            w = k - b.hards
            clear = gap * b.walls[w, 4]
            at, end = (b.walls[w, 1], b.walls[w, 3]) if vertical else (b.walls[w, 0], b.walls[w, 2])
            aside, aside_end = (b.walls[w, 0], b.walls[w, 2]) if vertical else (b.walls[w, 1], b.walls[w, 3])
        if across < aside_end + clear and aside < across + size + clear:
            if at >= along + own:
                high = min(high, at - clear - own)
            elif end <= along:
                low = max(low, end + clear)
    scratch[thread] = float(-low)  # steps stay far below 2**53
    scratch[threads + thread] = float(high)
    reduce_block(scratch, 0, 2)
    return -int(reduced(scratch, 0, False)), int(reduced(scratch, 1, False))


@cuda.jit(device=True)
def _neighbour(b: Board, rng: NDArray, i: int) -> int:
    """A random pin that shares a net with slot ``i`` but is not on it, or -1."""
    begin, end = b.slot_ptr[i], b.slot_ptr[i + 1]
    if end == begin:
        return -1
    net = b.slot_net[begin + below(rng, end - begin)]
    first, size = b.net_ptr[net], b.net_ptr[net + 1] - b.net_ptr[net]
    for _ in range(3):
        pin = first + below(rng, size)
        if b.pin_slot[pin] != i:
            return pin
    return -1


@cuda.jit(device=True)
def draft_soft(
    b: Board, x: NDArray, y: NDArray, orient: NDArray, rng: NDArray, kind: int, reach: float,
    slots: NDArray, nl: NDArray, nb: NDArray, nx: NDArray, ny: NDArray, no: NDArray,
) -> int:  # fmt: skip
    """Draft a move of objects that may overlap; returns how many move, 0 when the dice gave none.

    Args:
        b: the design.
        x: committed centres, um.
        y: likewise.
        orient: likewise.
        rng: generator state; every thread has a copy.
        kind: one of the ``SOFT_*`` kinds or ``GCELL_SHIFT``.
        reach: longest random jump, um.
        slots: the draft: slots, corners (steps), centres (um), orientations.
        nl: likewise.
        nb: likewise.
        nx: likewise.
        ny: likewise.
        no: likewise.
    """
    i = b.hards + below(rng, len(b.width) - b.hards)
    fine, wide = 0.02 * b.pitch_x, 2.0 * b.pitch_x
    to_x, to_y = x[i], y[i]
    if kind == SOFT_SHIFT:
        to_x += jump(rng, fine, reach)
        to_y += jump(rng, fine, reach)
    elif kind == GCELL_SHIFT:
        across, up = uniform(rng) < 0.5, uniform(rng) < 0.5
        if across:
            to_x += b.pitch_x if up else -b.pitch_x
        else:
            to_y += b.pitch_y if up else -b.pitch_y
    else:
        pin = _neighbour(b, rng, i)
        if pin < 0:
            return 0
        if kind == SOFT_TO_NEIGHBOUR:
            px, py = pin_now(b, pin, x, y, orient)
            to_x = px + b.x0 + jump(rng, fine, wide)
            to_y = py + b.y0 + jump(rng, fine, wide)
        else:  # SOFT_SWAP
            j = b.pin_slot[pin]
            if j < b.hards:
                return 0
            left, bottom, free = _near(b, orient, j, to_x, to_y)
            if not free:
                return 0
            _put(b, orient, 1, j, left, bottom, slots, nl, nb, nx, ny, no)
            to_x, to_y = x[j], y[j]
    left, bottom, free = _near(b, orient, i, to_x, to_y)
    if not free:
        return 0
    _put(b, orient, 0, i, left, bottom, slots, nl, nb, nx, ny, no)
    return 2 if kind == SOFT_SWAP else 1


@cuda.jit(device=True)
def _draft_pair(
    b: Board, x: NDArray, y: NDArray, orient: NDArray, corner: NDArray, gap: int, rng: NDArray, kind: int, i: int,
    slots: NDArray, nl: NDArray, nb: NDArray, nx: NDArray, ny: NDArray, no: NDArray,
) -> int:  # fmt: skip
    """Draft an exchange of two hard macros."""
    if kind == HARD_SWAP:  # of one size: lower-left corner for lower-left corner
        begin, end = b.twin_ptr[i], b.twin_ptr[i + 1]
        j = int(b.twin[begin + below(rng, end - begin)])
        if j == i or (orient[i] & 2) != (orient[j] & 2):
            return 0
        _put(b, orient, 0, i, corner[j], corner[b.hards + j], slots, nl, nb, nx, ny, no)
        _put(b, orient, 1, j, corner[i], corner[b.hards + i], slots, nl, nb, nx, ny, no)
        return 2
    j = below(rng, b.hards)  # of any two sizes: centre for centre, if both then fit
    if j == i:
        return 0
    li, bi, _ = _near(b, orient, i, x[j], y[j])
    lj, bj, _ = _near(b, orient, j, x[i], y[i])
    if (
        li < lj + _span(b, j, orient[j], False) + gap and lj < li + _span(b, i, orient[i], False) + gap
        and bi < bj + _span(b, j, orient[j], True) + gap and bj < bi + _span(b, i, orient[i], True) + gap
    ):  # fmt: skip
        return 0
    if not _fits(b, corner, orient, gap, i, li, bi, j) or not _fits(b, corner, orient, gap, j, lj, bj, i):
        return 0
    _put(b, orient, 0, i, li, bi, slots, nl, nb, nx, ny, no)
    _put(b, orient, 1, j, lj, bj, slots, nl, nb, nx, ny, no)
    return 2


@cuda.jit(device=True)
def draft_hard(
    b: Board, x: NDArray, y: NDArray, orient: NDArray, corner: NDArray, gap: int, rng: NDArray, kind: int,
    reach: float, scratch: NDArray,
    slots: NDArray, nl: NDArray, nb: NDArray, nx: NDArray, ny: NDArray, no: NDArray,
) -> int:  # fmt: skip
    """Draft a legal move of hard macros, by the whole block; returns how many move, 0 when the dice gave none.

    Args:
        b: the design.
        x: committed centres, um.
        y: likewise.
        orient: likewise.
        corner: ``[2 * hards]`` committed lower-left corners, steps.
        gap: steps kept free between hard macros.
        rng: generator state; every thread has a copy.
        kind: one of the ``HARD_*`` kinds.
        reach: longest random jump, um.
        scratch: for reductions.
        slots: the draft, as for :func:`draft_soft`.
        nl: likewise.
        nb: likewise.
        nx: likewise.
        ny: likewise.
        no: likewise.
    """
    i = below(rng, b.hards)
    left, bottom = corner[i], corner[b.hards + i]
    if kind == HARD_SWAP or kind == HARD_EXCHANGE:  # noqa: SIM109 - device code compares, it does not search
        return _draft_pair(b, x, y, orient, corner, gap, rng, kind, i, slots, nl, nb, nx, ny, no)
    if kind == HARD_FLIP:
        # One of the three other orientations that keep width and height where they are; N, S, FN, FS are 0, 1, 4, 5.
        base = orient[i] & 2
        turned = ((orient[i] & 1) + (orient[i] >> 2) * 2 + 1 + below(rng, 3)) % 4
        _put(b, orient, 0, i, left, bottom, slots, nl, nb, nx, ny, no)
        no[0] = base + (turned & 1) * (S - N) + (turned >> 1) * (FN - N)
        return 1
    if kind == HARD_SLIDE:
        vertical = uniform(rng) < 0.5
        low, high = _slide_range(b, corner, orient, gap, i, vertical, scratch)
        at = bottom if vertical else left
        u = uniform(rng)
        far = jump(rng, 0.02 * (b.pitch_y if vertical else b.pitch_x), reach)
        if high <= low:
            return 0
        to = max(low, min(high, at + floor_of(far / b.step + 0.5)))
        if u < 0.15:
            to = low
        elif u < 0.3:
            to = high
        if to == at:
            return 0
        if vertical:
            bottom = to
        else:
            left = to
        _put(b, orient, 0, i, left, bottom, slots, nl, nb, nx, ny, no)
        return 1
    to_x, to_y = x[i], y[i]
    if kind == HARD_JUMP:
        if uniform(rng) < 0.5:
            pin = _neighbour(b, rng, i)
            if pin >= 0:
                px, py = pin_now(b, pin, x, y, orient)
                to_x, to_y = px + b.x0, py + b.y0
        to_x += jump(rng, 0.1 * b.pitch_x, reach)
        to_y += jump(rng, 0.1 * b.pitch_y, reach)
        to_left, to_bottom, _ = _near(b, orient, i, to_x, to_y)
    else:  # HARD_ABUT: against a side of another macro, one edge in line
        j = below(rng, b.hards)
        side, near = below(rng, 4), uniform(rng) < 0.5
        wide, high = _span(b, i, orient[i], False), _span(b, i, orient[i], True)
        jl, jb = corner[j], corner[b.hards + j]
        jr, jt = jl + _span(b, j, orient[j], False), jb + _span(b, j, orient[j], True)
        if side < 2:
            to_left = jr + gap if side == 0 else jl - wide - gap
            to_bottom = jb if near else jt - high
        else:
            to_bottom = jt + gap if side == 2 else jb - high - gap
            to_left = jl if near else jr - wide
        if j == i:
            return 0
    if (to_left == left and to_bottom == bottom) or not _fits(b, corner, orient, gap, i, to_left, to_bottom, -1):
        return 0
    _put(b, orient, 0, i, to_left, to_bottom, slots, nl, nb, nx, ny, no)
    return 1


assert (N, S, FN, FS) == (0, 1, 4, 5)  # what the flip counts on

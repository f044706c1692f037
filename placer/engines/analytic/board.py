"""Legal cells in rows that change places: who lies where, and what a change does to the wirelength."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from placer.engines.analytic.circuit import Circuit
from placer.engines.analytic.segments import Segments

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Nets of more connections than this are looked at through their cached boxes first.
_SMALL = 6


class Board(NamedTuple):
    """Cells in segments and the nets on them. ``N`` nodes, ``M`` nets, ``S`` segments, ``R`` rows.

    Attributes:
        x: ``[N]`` centres, um relative to the canvas corner.
        y: ``[N]``.
        sites: ``[N]`` sites a cell takes; 0 for what is no cell.
        site: ``[N]`` first site of a cell, in its row.
        half: ``[N]`` half its width, um.
        segment: ``[N]`` segment of a cell, -1 for what is no cell.
        slot: ``[N]`` place of a cell in its segment's list.
        order: cells of segment ``s`` from left to right in ``order[base[s] : base[s] + filled[s]]``.
        base: ``[S + 1]``.
        filled: ``[S]`` cells of each segment.
        row: ``[S]``; ``first`` and ``last`` ``[S]`` sites; ``row_ptr`` ``[R + 1]``; ``row_x``, ``row_y`` ``[R]`` um.
        middle: ``[R]`` y of cell centres in a row, um.
        pitch: ``[1]`` site pitch, um.
        net_ptr: ``[M + 1]``; ``pin_node``, ``pin_dx``, ``pin_dy``, ``pin_net`` ``[Q]``; ``weight`` ``[M]``.
        node_ptr: ``[N + 1]``; ``node_pins`` ``[Q]``.
        box: ``[M, 4]`` x0, x1, y0, y1 of each net as it lies.
        seen: ``[M]`` and ``token`` ``[1]``: which nets the running evaluation has met.
        trial: ``[M, 4]`` boxes of the nets met, as they would lie.
        touched: ``[M]`` nets met, ``met`` ``[1]`` how many.
    """

    x: Floats
    y: Floats
    sites: Ints
    site: Ints
    half: Floats
    segment: Ints
    slot: Ints
    order: Ints
    base: Ints
    filled: Ints
    row: Ints
    first: Ints
    last: Ints
    row_ptr: Ints
    row_x: Floats
    row_y: Floats
    middle: Floats
    pitch: Floats
    net_ptr: Ints
    pin_node: Ints
    pin_dx: Floats
    pin_dy: Floats
    pin_net: Ints
    weight: Floats
    node_ptr: Ints
    node_pins: Ints
    box: Floats
    seen: Ints
    token: Ints
    trial: Floats
    touched: Ints
    met: Ints


def build_board(
    circuit: Circuit, where: Segments, x: Floats, y: Floats, cells: Ints, segment: Ints, site: Ints
) -> Board:
    """Put legal cells on a board.

    Args:
        circuit: nets and sizes.
        where: segments of the rows.
        x: ``[N]`` centres of everything, um; those of the cells are overwritten by their sites.
        y: ``[N]``.
        cells: ``[n]`` nodes that lie in rows.
        segment: ``[n]`` segment of each.
        site: ``[n]`` its first site.
    """
    n, c = circuit.num_nodes, circuit
    sites = np.zeros(n, np.int64)
    sites[cells] = np.maximum(np.ceil(c.width[cells] / where.site - 1e-6), 1)
    at, home, slot = np.zeros(n, np.int64), np.full(n, -1, np.int64), np.zeros(n, np.int64)
    at[cells], home[cells] = site, segment
    least = max(int(sites[cells].min(initial=1)), 1)
    base = np.concatenate([[0], np.cumsum((where.last - where.first) // least)])
    order, count = np.zeros(base[-1], np.int64), np.bincount(segment, minlength=where.num_segments)
    ranked = cells[np.lexsort((site, segment))]
    start = np.concatenate([[0], np.cumsum(count)])[:-1]
    within = np.arange(len(cells)) - np.repeat(start, count)
    order[base[home[ranked]] + within] = ranked
    slot[ranked] = within
    x, y = np.array(x), np.array(y)
    row = where.row[segment]
    height = np.zeros(len(where.row_y))
    height[row] = c.height[cells]
    x[cells] = where.row_x[row] + site * where.site + c.width[cells] / 2
    y[cells] = where.row_y[row] + c.height[cells] / 2
    nets = len(c.weight)
    common = float(np.median(c.height[cells])) if len(cells) else 0.0
    board = Board(
        x=x, y=y, sites=sites, site=at, half=c.width / 2, segment=home, slot=slot, order=order, base=base, filled=count,
        row=where.row, first=where.first, last=where.last, row_ptr=where.row_ptr, row_x=where.row_x, row_y=where.row_y,
        middle=where.row_y + common / 2, pitch=np.array([where.site]), net_ptr=c.net_ptr, pin_node=c.pin_node,
        pin_dx=c.pin_dx, pin_dy=c.pin_dy, pin_net=np.repeat(np.arange(nets), np.diff(c.net_ptr)), weight=c.weight,
        node_ptr=c.node_ptr, node_pins=c.node_pins, box=np.empty((nets, 4)), seen=np.zeros(nets, np.int64),
        token=np.zeros(1, np.int64), trial=np.empty((nets, 4)), touched=np.empty(nets, np.int64),
        met=np.zeros(1, np.int64),
    )  # fmt: skip
    _boxes(board)
    return board


@njit(cache=True, nogil=True)
def _boxes(b: Board) -> None:
    for e in range(len(b.weight)):
        scan(b, e, b.box)


@njit(cache=True, nogil=True)
def scan(b: Board, e: int, out: NDArray) -> None:
    """Box of a net from all its pins."""
    x0 = y0 = math.inf
    x1 = y1 = -math.inf
    for q in range(b.net_ptr[e], b.net_ptr[e + 1]):
        i = b.pin_node[q]
        at_x, at_y = b.x[i] + b.pin_dx[q], b.y[i] + b.pin_dy[q]
        x0, x1, y0, y1 = min(x0, at_x), max(x1, at_x), min(y0, at_y), max(y1, at_y)
    out[e, 0], out[e, 1], out[e, 2], out[e, 3] = x0, x1, y0, y1


@njit(cache=True, nogil=True)
def x_of(b: Board, i: int, segment: int, site: int) -> float:
    """Centre of a cell at a site of a segment."""
    return b.row_x[b.row[segment]] + site * b.pitch[0] + b.half[i]


@njit(cache=True, nogil=True)
def change(b: Board, cells: NDArray, xs: NDArray, ys: NDArray, size: int) -> float:
    """What moving some cells to new centres adds to the weighted HPWL; :func:`keep` makes it so."""
    b.token[0] += 1
    token = b.token[0]
    b.met[0] = 0
    for k in range(size):  # new places in, old ones out to the caller's arrays
        i = cells[k]
        b.x[i], xs[k] = xs[k], b.x[i]
        b.y[i], ys[k] = ys[k], b.y[i]
    total = 0.0
    for k in range(size):
        i = cells[k]
        for a in range(b.node_ptr[i], b.node_ptr[i + 1]):
            e = b.pin_net[b.node_pins[a]]
            if b.seen[e] == token:
                continue
            b.seen[e] = token
            b.touched[b.met[0]] = e
            b.met[0] += 1
            if b.net_ptr[e + 1] - b.net_ptr[e] <= _SMALL or not _stretch(b, e, cells, xs, ys, size):
                scan(b, e, b.trial)
            t, o = b.trial[e], b.box[e]
            total += b.weight[e] * (t[1] - t[0] - o[1] + o[0] + t[3] - t[2] - o[3] + o[2])
    for k in range(size):
        i = cells[k]
        b.x[i], xs[k] = xs[k], b.x[i]
        b.y[i], ys[k] = ys[k], b.y[i]
    return total


@njit(cache=True, nogil=True)
def _stretch(b: Board, e: int, cells: NDArray, xs: NDArray, ys: NDArray, size: int) -> bool:
    """New box of a large net whose moved pins all lay strictly inside; False where one did not."""
    o = b.box[e]
    x0, x1, y0, y1 = o[0], o[1], o[2], o[3]
    for k in range(size):
        i = cells[k]
        for a in range(b.node_ptr[i], b.node_ptr[i + 1]):
            q = b.node_pins[a]
            if b.pin_net[q] != e:
                continue
            was_x, was_y = xs[k] + b.pin_dx[q], ys[k] + b.pin_dy[q]
            if not (o[0] < was_x < o[1] and o[2] < was_y < o[3]):
                return False
            at_x, at_y = b.x[i] + b.pin_dx[q], b.y[i] + b.pin_dy[q]
            x0, x1, y0, y1 = min(x0, at_x), max(x1, at_x), min(y0, at_y), max(y1, at_y)
    t = b.trial[e]
    t[0], t[1], t[2], t[3] = x0, x1, y0, y1
    return True


@njit(cache=True, nogil=True)
def keep(b: Board, cells: NDArray, xs: NDArray, ys: NDArray, size: int) -> None:
    """Make the last :func:`change` so, as far as centres and nets go."""
    for k in range(size):
        b.x[cells[k]], b.y[cells[k]] = xs[k], ys[k]
    for k in range(b.met[0]):
        e = b.touched[k]
        for a in range(4):
            b.box[e, a] = b.trial[e, a]


@njit(cache=True, nogil=True)
def take_out(b: Board, i: int) -> None:
    """Remove a cell from its segment's list."""
    s = b.segment[i]
    at = b.base[s]
    for k in range(b.slot[i], b.filled[s] - 1):
        j = b.order[at + k + 1]
        b.order[at + k] = j
        b.slot[j] = k
    b.filled[s] -= 1


@njit(cache=True, nogil=True)
def put_in(b: Board, i: int, segment: int, slot: int, site: int) -> None:
    """Enter a cell in a segment's list before what is at ``slot`` now."""
    at = b.base[segment]
    for k in range(b.filled[segment], slot, -1):
        j = b.order[at + k - 1]
        b.order[at + k] = j
        b.slot[j] = k
    b.order[at + slot] = i
    b.slot[i], b.segment[i], b.site[i] = slot, segment, site
    b.filled[segment] += 1


@njit(cache=True, nogil=True)
def find_slot(b: Board, segment: int, site: int) -> int:
    """First place in a segment's list whose cell begins at or right of a site."""
    at = b.base[segment]
    low, high = 0, b.filled[segment]
    while low < high:
        middle = (low + high) // 2
        if b.site[b.order[at + middle]] < site:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def gap_left(b: Board, segment: int, slot: int) -> int:
    """First free site left of what is at ``slot``: where the cell before it ends."""
    if slot == 0:
        return b.first[segment]
    j = b.order[b.base[segment] + slot - 1]
    return b.site[j] + b.sites[j]


@njit(cache=True, nogil=True)
def gap_right(b: Board, segment: int, slot: int) -> int:
    """Where the cell at ``slot`` begins, or the segment ends."""
    if slot >= b.filled[segment]:
        return b.last[segment]
    return b.site[b.order[b.base[segment] + slot]]

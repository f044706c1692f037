"""Legal cells in rows that change places: who lies where, and what a change does to the wirelength.

A cell lies in a segment at a whole site and is turned as the sites there are, perhaps with left and right exchanged.
Pin positions are kept as they lie, net by net, so that the box of a net is a run over neighbouring memory, and the
wirelength is that of the cells as they will be written.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit, njit_lean
from placer.engines.analytic.abacus import sites_of
from placer.engines.analytic.circuit import Circuit
from placer.engines.analytic.segments import Segments

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Columns of :func:`lift`: box of a net without the cell, reach of the cell's pins on it, weight.
LIFTED = 9


class Board(NamedTuple):
    """Cells in segments and the nets on them. ``N`` nodes, ``M`` nets, ``S`` segments, ``R`` rows.

    Attributes:
        x: ``[N]`` centres, um relative to the canvas corner.
        y: ``[N]``.
        turn: ``[N]`` turn a cell lies in (bit 0: left and right exchanged, bit 1: top and bottom).
        turns: ``[N]`` bit mask of the turns it may lie in.
        fence: ``[N]`` fence it must lie in, or -1.
        sites: ``[N]`` sites a cell takes; 0 for what is no cell.
        site: ``[N]`` first site of a cell, counted as in its segment.
        half: ``[N]`` half its width, um.
        segment: ``[N]`` segment of a cell, -1 for what is no cell.
        slot: ``[N]`` place of a cell in its segment's list.
        order: cells of segment ``s`` from left to right in ``order[base[s] : base[s] + filled[s]]``.
        base: ``[S + 1]``.
        filled: ``[S]`` cells of each segment.
        row: ``[S]``; ``first`` and ``last`` ``[S]`` sites; ``x0`` ``[S]`` um; ``face``, ``mirror``, ``region`` ``[S]``
            as in :class:`~placer.engines.analytic.segments.Segments`; ``row_ptr`` ``[R + 1]``.
        floor: ``[R]`` lower edge of each row, um; ``rise`` ``[N]`` half the height of a cell.
        pitch: ``[1]`` site pitch, um.
        net_ptr: ``[M + 1]``; ``pin_node``, ``pin_net`` ``[Q]``; ``weight`` ``[M]``; ``node_ptr`` ``[N + 1]``;
            ``node_pins`` ``[Q]``.
        pin_dx: ``[Q]`` offset from the centre in turn 0, um.
        pin_dy: ``[Q]``.
        pin_x: ``[Q]`` where the pin is, um.
        pin_y: ``[Q]``.
        box: ``[M, 4]`` x0, x1, y0, y1 of each net as it lies.
        clock: ``[1]`` counts kept changes; ``changed`` ``[M]`` when a net last changed.
        token: ``[1]`` names the running evaluation; ``seen`` ``[M]`` the last one a net was met in, ``mark`` ``[M]``
            what that evaluation noted of it.
        trial: ``[M, 4]`` boxes of the nets met, as they would lie.
        touched: ``[M]`` nets met, ``met`` ``[1]`` how many.
    """

    x: Floats
    y: Floats
    turn: Ints
    turns: Ints
    fence: Ints
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
    x0: Floats
    face: Ints
    mirror: NDArray[np.bool_]
    region: Ints
    row_ptr: Ints
    floor: Floats
    rise: Floats
    pitch: Floats
    net_ptr: Ints
    pin_node: Ints
    pin_net: Ints
    weight: Floats
    node_ptr: Ints
    node_pins: Ints
    pin_dx: Floats
    pin_dy: Floats
    pin_x: Floats
    pin_y: Floats
    box: Floats
    clock: Ints
    changed: Ints
    token: Ints
    seen: Ints
    mark: Ints
    trial: Floats
    touched: Ints
    met: Ints


def build_board(
    circuit: Circuit,
    where: Segments,
    x: Floats,
    y: Floats,
    cells: Ints,
    segment: Ints,
    site: Ints,
    *,
    fence: Ints | None = None,
    turns: Ints | None = None,
) -> Board:
    """Put legal cells on a board, turned as their rows are.

    Args:
        circuit: nets and sizes; offsets of the pins of ``cells`` are those of orientation N.
        where: segments of the rows.
        x: ``[N]`` centres of everything, um; those of the cells are overwritten by their sites.
        y: ``[N]``.
        cells: ``[n]`` nodes that lie in rows.
        segment: ``[n]`` segment of each.
        site: ``[n]`` its first site.
        fence: ``[N]`` fence of each node, -1 without; none by default.
        turns: ``[N]`` bit mask of the turns each node may lie in; all by default.
    """
    n, c = circuit.num_nodes, circuit
    sites = np.zeros(n, np.int64)
    sites[cells] = sites_of(where, c.width[cells])
    at, home, slot, turn = np.zeros(n, np.int64), np.full(n, -1, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    at[cells], home[cells] = site, segment
    masks = np.full(n, 0b1111, np.int64) if turns is None else np.asarray(turns, np.int64)
    face = where.face[segment]
    turn[cells] = np.where(masks[cells] >> face & 1, face, face ^ 1)
    least = max(int(sites[cells].min(initial=1)), 1)
    base = np.concatenate([[0], np.cumsum((where.last - where.first) // least)])
    order, count = np.zeros(base[-1], np.int64), np.bincount(segment, minlength=where.num_segments)
    ranked = cells[np.lexsort((site, segment))]
    start = np.concatenate([[0], np.cumsum(count)])[:-1]
    within = np.arange(len(cells)) - np.repeat(start, count)
    order[base[home[ranked]] + within] = ranked
    slot[ranked] = within
    x, y = np.array(x), np.array(y)
    x[cells] = where.x0[segment] + site * where.site + c.width[cells] / 2
    y[cells] = where.row_y[where.row[segment]] + c.height[cells] / 2
    nets, pins = len(c.weight), len(c.pin_node)
    board = Board(
        x=x, y=y, turn=turn, turns=masks, fence=np.full(n, -1) if fence is None else np.asarray(fence, np.int64),
        sites=sites, site=at, half=c.width / 2, segment=home, slot=slot, order=order, base=base, filled=count,
        row=where.row, first=where.first, last=where.last, x0=where.x0, face=where.face, mirror=where.mirror,
        region=where.region, row_ptr=where.row_ptr, floor=where.row_y, rise=c.height / 2, pitch=np.array([where.site]),
        net_ptr=c.net_ptr, pin_node=c.pin_node, pin_net=np.repeat(np.arange(nets), np.diff(c.net_ptr)),
        weight=c.weight, node_ptr=c.node_ptr, node_pins=c.node_pins, pin_dx=c.pin_dx, pin_dy=c.pin_dy,
        pin_x=np.empty(pins), pin_y=np.empty(pins), box=np.empty((nets, 4)), clock=np.zeros(1, np.int64),
        changed=np.zeros(nets, np.int64), token=np.zeros(1, np.int64), seen=np.zeros(nets, np.int64),
        mark=np.zeros(nets, np.int64), trial=np.empty((nets, 4)), touched=np.empty(nets, np.int64),
        met=np.zeros(1, np.int64),
    )  # fmt: skip
    _pins_and_boxes(board)
    return board


@njit(cache=True, nogil=True)
def _pins_and_boxes(b: Board) -> None:
    for i in range(len(b.x)):
        put_pins(b, i)
    for e in range(len(b.weight)):
        scan(b, e, b.box)


@njit(cache=True, nogil=True)
def length(b: Board) -> float:
    """Weighted HPWL of all nets from their boxes, um."""
    total = 0.0
    for e in range(len(b.weight)):
        total += b.weight[e] * (b.box[e, 1] - b.box[e, 0] + b.box[e, 3] - b.box[e, 2])
    return total


@njit_lean()
def put_pins(b: Board, i: int) -> None:
    """Pins of a node to where it lies."""
    sx, sy = 1.0 - 2.0 * (b.turn[i] & 1), 1.0 - (b.turn[i] & 2)
    for a in range(b.node_ptr[i], b.node_ptr[i + 1]):
        q = b.node_pins[a]
        b.pin_x[q] = b.x[i] + sx * b.pin_dx[q]
        b.pin_y[q] = b.y[i] + sy * b.pin_dy[q]


@njit_lean()
def scan(b: Board, e: int, out: NDArray) -> None:
    """Box of a net from all its pins."""
    x0 = y0 = math.inf
    x1 = y1 = -math.inf
    for q in range(b.net_ptr[e], b.net_ptr[e + 1]):
        x0, x1 = min(x0, b.pin_x[q]), max(x1, b.pin_x[q])
        y0, y1 = min(y0, b.pin_y[q]), max(y1, b.pin_y[q])
    out[e, 0], out[e, 1], out[e, 2], out[e, 3] = x0, x1, y0, y1


@njit_lean()
def x_of(b: Board, i: int, segment: int, site: int) -> float:
    """Centre of a cell at a site of a segment."""
    return b.x0[segment] + site * b.pitch[0] + b.half[i]


@njit_lean()
def y_of(b: Board, i: int, segment: int) -> float:
    """Centre of a cell in a segment."""
    return b.floor[b.row[segment]] + b.rise[i]


@njit_lean()
def turn_in(b: Board, i: int, segment: int) -> int:
    """How a cell would lie in a segment, mirrored as it is where that may be; -1 where it may not lie at all."""
    if b.region[segment] != b.fence[i]:
        return -1
    face = b.face[segment]
    flip = (b.turn[i] ^ b.face[b.segment[i]]) & 1
    if flip and b.mirror[segment] and b.turns[i] >> (face ^ 1) & 1:
        return face ^ 1
    if b.turns[i] >> face & 1:
        return face
    if b.mirror[segment] and b.turns[i] >> (face ^ 1) & 1:
        return face ^ 1
    return -1


@njit_lean()
def lift(b: Board, i: int, out: NDArray) -> int:
    """Nets of a cell without it.

    Args:
        b: the board.
        i: the cell.
        out: ``[>= nets, LIFTED]`` gets a row for every net with other pins: box x0, x1, y0, y1 of those, least and
            greatest offset of the cell's own pins in x and in y (turn 0), weight.

    Returns:
        Rows filled.
    """
    b.token[0] += 1
    token, size = b.token[0], 0
    for a in range(b.node_ptr[i], b.node_ptr[i + 1]):
        q = b.node_pins[a]
        e = b.pin_net[q]
        dx, dy = b.pin_dx[q], b.pin_dy[q]
        if b.seen[e] == token:
            k = b.mark[e]
            if k >= 0:
                out[k, 4], out[k, 5] = min(out[k, 4], dx), max(out[k, 5], dx)
                out[k, 6], out[k, 7] = min(out[k, 6], dy), max(out[k, 7], dy)
            continue
        b.seen[e] = token
        b.mark[e] = -1
        o = b.box[e]
        x0 = y0 = math.inf
        x1 = y1 = -math.inf
        px, py = b.pin_x[q], b.pin_y[q]
        inner = o[0] < px < o[1] and o[2] < py < o[3]
        if inner and b.net_ptr[e + 1] - b.net_ptr[e] > 4 and _once(b, i, e):
            x0, x1, y0, y1 = o[0], o[1], o[2], o[3]
        else:
            for p in range(b.net_ptr[e], b.net_ptr[e + 1]):
                if b.pin_node[p] != i:
                    x0, x1 = min(x0, b.pin_x[p]), max(x1, b.pin_x[p])
                    y0, y1 = min(y0, b.pin_y[p]), max(y1, b.pin_y[p])
        if x0 <= x1:
            b.mark[e] = size
            out[size, 0], out[size, 1], out[size, 2], out[size, 3] = x0, x1, y0, y1
            out[size, 4], out[size, 5], out[size, 6], out[size, 7] = dx, dx, dy, dy
            out[size, 8] = b.weight[e]
            size += 1
    return size


@njit_lean()
def _once(b: Board, i: int, e: int) -> bool:
    """True when a cell has one pin on a net."""
    count = 0
    for a in range(b.node_ptr[i], b.node_ptr[i + 1]):
        if b.pin_net[b.node_pins[a]] == e:
            count += 1
    return count == 1


@njit_lean()
def price(lifted: NDArray, size: int, x: float, y: float, turn: int) -> float:
    """Weighted HPWL of the nets of a lifted cell with the cell put down at ``x``, ``y`` in a turn."""
    total = 0.0
    for k in range(size):
        v = lifted[k]
        low, high = v[4], v[5]
        if turn & 1:
            low, high = -high, -low
        x0, x1 = min(v[0], x + low), max(v[1], x + high)
        low, high = v[6], v[7]
        if turn & 2:
            low, high = -high, -low
        total += v[8] * (x1 - x0 + max(v[3], y + high) - min(v[2], y + low))
    return total


@njit_lean()
def change(b: Board, cells: NDArray, xs: NDArray, ys: NDArray, turns: NDArray, size: int) -> float:
    """What moving some cells to new centres and turns adds to the weighted HPWL; :func:`keep` makes it so."""
    b.token[0] += 1
    token, met = b.token[0], 0
    for k in range(size):  # nets, and whether a moved pin holds one of their sides
        i = cells[k]
        for a in range(b.node_ptr[i], b.node_ptr[i + 1]):
            q = b.node_pins[a]
            e = b.pin_net[q]
            o = b.box[e]
            if b.seen[e] != token:
                b.seen[e] = token
                b.mark[e] = 0
                b.touched[met] = e
                met += 1
                t = b.trial[e]
                t[0], t[1], t[2], t[3] = o[0], o[1], o[2], o[3]
            px, py = b.pin_x[q], b.pin_y[q]
            if not (o[0] < px < o[1] and o[2] < py < o[3]):
                b.mark[e] = 1
    b.met[0] = met
    _exchange(b, cells, xs, ys, turns, size)
    for k in range(size):
        i = cells[k]
        for a in range(b.node_ptr[i], b.node_ptr[i + 1]):
            q = b.node_pins[a]
            e = b.pin_net[q]
            if b.mark[e] == 0:
                t = b.trial[e]
                t[0], t[1] = min(t[0], b.pin_x[q]), max(t[1], b.pin_x[q])
                t[2], t[3] = min(t[2], b.pin_y[q]), max(t[3], b.pin_y[q])
    total = 0.0
    for k in range(met):
        e = b.touched[k]
        if b.mark[e]:
            scan(b, e, b.trial)
        t, o = b.trial[e], b.box[e]
        total += b.weight[e] * (t[1] - t[0] - o[1] + o[0] + t[3] - t[2] - o[3] + o[2])
    _exchange(b, cells, xs, ys, turns, size)
    return total


@njit_lean()
def _exchange(b: Board, cells: NDArray, xs: NDArray, ys: NDArray, turns: NDArray, size: int) -> None:
    """New places in, old ones out to the caller's arrays; pins follow."""
    for k in range(size):
        i = cells[k]
        x, y, turn = b.x[i], b.y[i], b.turn[i]
        b.x[i], b.y[i], b.turn[i] = xs[k], ys[k], turns[k]
        xs[k], ys[k], turns[k] = x, y, turn
        put_pins(b, i)


@njit_lean()
def keep(b: Board, cells: NDArray, xs: NDArray, ys: NDArray, turns: NDArray, size: int) -> None:
    """Make the last :func:`change` so, as far as centres, turns and nets go."""
    b.clock[0] += 1
    for k in range(size):
        i = cells[k]
        b.x[i], b.y[i], b.turn[i] = xs[k], ys[k], turns[k]
        put_pins(b, i)
    for k in range(b.met[0]):
        e = b.touched[k]
        b.changed[e] = b.clock[0]
        for a in range(4):
            b.box[e, a] = b.trial[e, a]


@njit_lean()
def stirred(b: Board, i: int, since: int) -> bool:
    """True when a net of the cell has changed after ``since``."""
    found = since < 0
    for a in range(b.node_ptr[i], b.node_ptr[i + 1]):
        found = found or b.changed[b.pin_net[b.node_pins[a]]] > since
    return found


@njit_lean()
def take_out(b: Board, i: int) -> None:
    """Remove a cell from its segment's list."""
    s = b.segment[i]
    at = b.base[s]
    for k in range(b.slot[i], b.filled[s] - 1):
        j = b.order[at + k + 1]
        b.order[at + k] = j
        b.slot[j] = k
    b.filled[s] -= 1


@njit_lean()
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


@njit_lean()
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


@njit_lean()
def gap_left(b: Board, segment: int, slot: int) -> int:
    """First free site left of what is at ``slot``: where the cell before it ends."""
    if slot == 0:
        return b.first[segment]
    j = b.order[b.base[segment] + slot - 1]
    return b.site[j] + b.sites[j]


@njit_lean()
def gap_right(b: Board, segment: int, slot: int) -> int:
    """Where the cell at ``slot`` begins, or the segment ends."""
    if slot >= b.filled[segment]:
        return b.last[segment]
    return b.site[b.order[b.base[segment] + slot]]

"""Wirelength and routing demand of the nets a trial touches; committed positions are only read.

Nearly every net has one moved connection, its other pins stand still, and then little has to be looked at: the box of
the others, and whether the gcell that is left and the one that is entered hold other pins of the net. Nets with
several moved connections (two moved objects on one net, two pins of one macro) take a general path that lists the
distinct gcells before and after.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit_lean
from netlists.orientation import MATRIX
from placer.cost.incremental.demand import add_segments, add_two
from placer.cost.incremental.problem import Problem
from placer.cost.incremental.state import MARK, ROUTED, VISIT, State
from placer.cost.routing import net_segments, three_cell_segments

_MATRIX = MATRIX.copy()

# The functions that pass ``Problem`` and ``State`` on are inlined: handing over a tuple of fifty arrays costs more
# than many of them do. The others take plain arrays and numbers.


@njit_lean()
def gcell(px: float, py: float, pitch_x: float, pitch_y: float, columns: int, rows: int) -> int:
    """Packed gcell of a point, clamped at the canvas edge."""
    column = min(max(int(np.floor(px / pitch_x)), 0), columns - 1)
    row = min(max(int(np.floor(py / pitch_y)), 0), rows - 1)
    return row << 16 | column


@njit_lean()
def pin_place(x: float, y: float, orient: int, dx: float, dy: float) -> tuple[float, float]:
    """A pin from its object's centre; the same sums in the same order as in the reference."""
    return (
        x + (_MATRIX[orient, 0] * dx + _MATRIX[orient, 1] * dy),
        y + (_MATRIX[orient, 2] * dx + _MATRIX[orient, 3] * dy),
    )


@njit_lean()
def mark_shared(link_ptr: NDArray, link: NDArray, net_mark: NDArray, mark: int, objects: NDArray, count: int) -> None:
    """Stamp the nets of several objects: ``mark`` on those of one object, ``mark + 1`` on those of more."""
    for k in range(count):
        for a in range(link_ptr[objects[k]], link_ptr[objects[k] + 1]):
            net = link[a, 0]
            net_mark[net] = mark + 1 if net_mark[net] >= mark else mark


@njit_lean(inline="always")
def price_nets(p: Problem, s: State, count: int) -> float:
    """Weighted HPWL difference of the trial's nets, um; their demand difference goes to ``s.ends``."""
    link_ptr, link, link_value, net_mark = p.link_ptr, p.link, p.link_value, s.net_mark
    px, py, cell, net_cells, ends = s.px, s.py, s.cell, s.net_cells, s.ends
    x0, y0, pitch_x, pitch_y, rows, columns = p.x0, p.y0, p.gcell_width, p.gcell_height, p.rows, p.columns
    v_width, h_begin, h_width, reach = p.v_width, p.h_begin, p.h_width, p.reach
    mark = s.counter[MARK]
    delta = 0.0
    routed = 0
    if count > 1:
        mark_shared(link_ptr, link, net_mark, mark, s.trial_obj, count)
    for k in range(count):
        i, orient = s.trial_obj[k], s.trial_orient[k]
        x, y = s.trial_x[k] - x0, s.trial_y[k] - y0
        last_dx = last_dy = np.inf
        new_x = new_y = 0.0
        new = 0
        for a in range(link_ptr[i], link_ptr[i + 1]):
            conn, begin, end = link[a, 1], link[a, 2], link[a, 3]
            weight, route = link_value[a, 0], link_value[a, 3]
            if count > 1:
                stamp = net_mark[link[a, 0]]
                if stamp == mark + 2:  # priced with an earlier object
                    continue
                if stamp == mark + 1:
                    net_mark[link[a, 0]] = mark + 2
                    conn = -1
            if conn < 0:
                length, dirty = _price_moved(
                    begin, end, route, p.conn_node, p.conn_dx, p.conn_dy, px, py, cell, s.node_mark, s.node_slot, mark,
                    s.trial_x, s.trial_y, s.trial_orient, x0, y0, pitch_x, pitch_y, rows, columns, v_width, h_begin,
                    h_width, reach, s.cells_old, s.cells_new, s.seen, s.counter, s.segments, ends,
                )  # fmt: skip
                delta += weight * length
                routed += dirty
                continue
            dx, dy = link_value[a, 1], link_value[a, 2]
            if dx != last_dx or dy != last_dy:  # the pins of a soft macro share one place
                last_dx, last_dy = dx, dy
                new_x, new_y = pin_place(x, y, orient, dx, dy)
                new = gcell(new_x, new_y, pitch_x, pitch_y, columns, rows)
            old_x, old_y, old = px[conn], py[conn], np.int64(cell[conn])
            if end - begin == 2:  # half of all nets
                other = 2 * begin + 1 - conn
                ox, oy = px[other], py[other]
                delta += weight * ((abs(new_x - ox) - abs(old_x - ox)) + (abs(new_y - oy) - abs(old_y - oy)))
                if new != old and route != 0.0:
                    routed += 1
                    far = np.int64(cell[other])
                    if conn == begin:
                        add_two(ends, old, far, -route, rows, columns, v_width, h_begin, h_width, reach)
                        add_two(ends, new, far, route, rows, columns, v_width, h_begin, h_width, reach)
                    else:
                        add_two(ends, far, old, -route, rows, columns, v_width, h_begin, h_width, reach)
                        add_two(ends, far, new, route, rows, columns, v_width, h_begin, h_width, reach)
                continue
            low_x = low_y = np.inf
            high_x = high_y = -np.inf
            for c in range(begin, end):
                if c != conn:
                    low_x, high_x = min(low_x, px[c]), max(high_x, px[c])
                    low_y, high_y = min(low_y, py[c]), max(high_y, py[c])
            delta += weight * (
                (max(high_x, new_x) - min(low_x, new_x))
                - (max(high_x, old_x) - min(low_x, old_x))
                + (max(high_y, new_y) - min(low_y, new_y))
                - (max(high_y, old_y) - min(low_y, old_y))
            )
            if new != old and route != 0.0:
                routed += 1
                _reroute(
                    begin, end, conn, old, new, net_cells[link[a, 0]], route, cell, rows, columns, v_width, h_begin,
                    h_width, reach, s.cells_old, s.seen, s.counter, s.segments, ends,
                )  # fmt: skip
    s.counter[ROUTED] = routed
    return delta


@njit_lean()
def _reroute(
    begin: int, end: int, conn: int, old: int, new: int, size: int, weight: float, cell: NDArray, rows: int,
    columns: int, v_width: int, h_begin: int, h_width: int, reach: int, cells: NDArray, seen: NDArray,
    counter: NDArray, segments: NDArray, ends: NDArray,
) -> None:  # fmt: skip
    """Demand difference of a net of three or more connections, of which ``conn`` goes from one gcell to another.

    All routes but those over three gcells are stars, whose arms add up one by one.
    """
    on_old = on_new = 0
    for c in range(begin, end):
        on_old += 1 if cell[c] == old else 0
        on_new += 1 if cell[c] == new else 0
    new_size = size - (1 if on_old == 1 else 0) + (1 if on_new == 0 else 0)
    if size == 3 or new_size == 3:
        _reroute_few(
            begin, end, conn, old, new, on_old == 1, on_new == 0, weight, cell, rows, columns, v_width, h_begin,
            h_width, reach, cells, segments, ends,
        )  # fmt: skip
    elif conn != begin:
        source = np.int64(cell[begin])
        if on_old == 1:
            add_two(ends, source, old, -weight, rows, columns, v_width, h_begin, h_width, reach)
        if on_new == 0:
            add_two(ends, source, new, weight, rows, columns, v_width, h_begin, h_width, reach)
    else:
        counter[VISIT] += 1
        visit = counter[VISIT]
        for c in range(begin + 1, end):
            packed = np.int64(cell[c])
            entry = (packed >> 16) * columns + (packed & 0xFFFF)
            if seen[entry] != visit:
                seen[entry] = visit
                add_two(ends, old, packed, -weight, rows, columns, v_width, h_begin, h_width, reach)
                add_two(ends, new, packed, weight, rows, columns, v_width, h_begin, h_width, reach)


@njit_lean()
def _reroute_few(
    begin: int, end: int, conn: int, old: int, new: int, leaves: bool, enters: bool, weight: float, cell: NDArray,
    rows: int, columns: int, v_width: int, h_begin: int, h_width: int, reach: int, cells: NDArray,
    segments: NDArray, ends: NDArray,
) -> None:  # fmt: skip
    """``_reroute`` where the net lies on three gcells before or after, so on four at most."""
    size = 0
    for c in range(begin, end):  # distinct gcells of the other connections, the source's first
        if c == conn:
            continue
        packed = np.int64(cell[c])
        known = False
        for j in range(size):
            known = known or cells[j] == packed
        if not known:
            cells[size] = packed
            size += 1
    for turn in range(2):
        own, w, apart = (old, -weight, leaves) if turn == 0 else (new, weight, enters)
        # Where others share the gcell it is in the list already.
        source = own if conn == begin else cells[0]
        count = size + (1 if apart else 0)
        if count == 3:
            third = own if apart else cells[2]
            add_segments(
                ends, segments, three_cell_segments(cells[0], cells[1], third, segments, 0), w, rows, columns, v_width,
                h_begin, h_width, reach,
            )  # fmt: skip
        else:
            for j in range(size):
                add_two(ends, source, cells[j], w, rows, columns, v_width, h_begin, h_width, reach)
            if apart and conn != begin:
                add_two(ends, source, own, w, rows, columns, v_width, h_begin, h_width, reach)


@njit_lean()
def _price_moved(
    begin: int, end: int, weight: float, conn_node: NDArray, conn_dx: NDArray, conn_dy: NDArray, px: NDArray,
    py: NDArray, cell: NDArray, node_mark: NDArray, node_slot: NDArray, mark: int, xs: NDArray, ys: NDArray,
    orients: NDArray, x0: float, y0: float, pitch_x: float, pitch_y: float, rows: int, columns: int, v_width: int,
    h_begin: int, h_width: int, reach: int, cells_old: NDArray, cells_new: NDArray, seen: NDArray, counter: NDArray,
    segments: NDArray, ends: NDArray,
) -> tuple[float, int]:  # fmt: skip
    """A net of which any connections move: difference of its HPWL, and 1 if it takes another route.

    The demand difference goes to ``ends``.
    """
    low_x = low_y = old_low_x = old_low_y = np.inf
    high_x = high_y = old_high_x = old_high_y = -np.inf
    moved = False
    for c in range(begin, end):
        x, y, packed = px[c], py[c], np.int64(cell[c])
        cells_old[c - begin] = packed
        old_low_x, old_high_x = min(old_low_x, x), max(old_high_x, x)
        old_low_y, old_high_y = min(old_low_y, y), max(old_high_y, y)
        node = conn_node[c]
        if node_mark[node] == mark:
            k = node_slot[node]
            x, y = pin_place(xs[k] - x0, ys[k] - y0, orients[k], conn_dx[c], conn_dy[c])
            packed = gcell(x, y, pitch_x, pitch_y, columns, rows)
            moved = moved or packed != cells_old[c - begin]
        cells_new[c - begin] = packed
        low_x, high_x = min(low_x, x), max(high_x, x)
        low_y, high_y = min(low_y, y), max(high_y, y)
    moved = moved and weight != 0.0
    if moved:
        for turn in range(2):
            cells, w = (cells_old, -weight) if turn == 0 else (cells_new, weight)
            counter[VISIT] += 1
            size = distinct(cells, 0, end - begin, columns, seen, counter[VISIT], cells)
            count = net_segments(cells, size, segments)
            add_segments(ends, segments, count, w, rows, columns, v_width, h_begin, h_width, reach)
    return (high_x - low_x) - (old_high_x - old_low_x) + (high_y - low_y) - (old_high_y - old_low_y), 1 if moved else 0


@njit_lean()
def distinct(cell: NDArray, begin: int, end: int, columns: int, seen: NDArray, visit: int, cells: NDArray) -> int:
    """Write the distinct ones of ``cell[begin:end]`` to ``cells``, in order; returns how many they are."""
    size = 0
    for c in range(begin, end):
        packed = cell[c]
        entry = (packed >> 16) * columns + (packed & 0xFFFF)
        if seen[entry] != visit:
            seen[entry] = visit
            cells[size] = packed
            size += 1
    return size

"""Exact cost of moving, turning or swapping up to three objects, without scoring the rest again.

``propose`` prices a move and leaves it pending; ``commit`` makes it so; ``revert`` forgets it. Exactly one of the
latter two follows each proposal. ``rebuild`` recomputes everything from the positions; commits call it now and then,
so rounding never adds up.

How a proposal is priced:

1. the pins of the moved objects go to their new places;
2. each net they sit on gets a new bounding box; if one of its pins changed gcell, the segments of its old gcells are
   taken from a sparse demand delta and those of its new ones added (stars with an unmoved source only exchange the
   arms that differ);
3. footprints change the area and blockage maps, again as sparse deltas;
4. smoothing spreads the demand delta; changed map entries get trial values;
5. the two top sums walk the front of lists kept sorted (``top.py``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from netlists.orientation import MATRIX, SWAPS_SIDES
from placer.cost.full import PARTIAL_TOLERANCE
from placer.cost.incremental.problem import Problem
from placer.cost.incremental.state import (
    AREA_CHANGED,
    COMMITS,
    CONGESTION,
    CONGESTION_CHANGED,
    CONNS,
    DENSITY,
    HPWL,
    MARK,
    NETS,
    OBJECTS,
    PROXY,
    RAW_CHANGED,
    VISIT,
    State,
)
from placer.cost.incremental.top import fill, merge, trial_sum
from placer.cost.routing import net_segments, two_cell_segments

#: Commits between two rebuilds.
REBUILD_EVERY = 1 << 15

_MATRIX = MATRIX.copy()
_SWAPS = SWAPS_SIDES.copy()


@njit(cache=True)
def propose(p: Problem, s: State, objects: NDArray, xs: NDArray, ys: NDArray, orients: NDArray, count: int) -> float:
    """Price moving ``objects[:count]`` (distinct) to centres ``xs, ys`` (um) in ``orients``.

    Returns:
        The proxy cost the placement would have. The trial stays pending.
    """
    s.counter[MARK] += 1
    s.counter[CONNS] = 0
    s.counter[NETS] = 0
    s.counter[RAW_CHANGED] = 0
    s.counter[CONGESTION_CHANGED] = 0
    s.counter[AREA_CHANGED] = 0
    s.counter[OBJECTS] = count
    for k in range(count):
        s.trial_obj[k], s.trial_x[k], s.trial_y[k], s.trial_orient[k] = objects[k], xs[k], ys[k], orients[k]
        _move_pins(p, s, objects[k], xs[k], ys[k], orients[k])
    hpwl = s.total[HPWL] + _nets_delta(p, s)
    _spread(p, s)
    for k in range(count):
        i = objects[k]
        if p.solid[i]:
            _footprint(p, s, i, s.x[i], s.y[i], s.orient[i], -1.0)
            _footprint(p, s, i, xs[k], ys[k], orients[k], 1.0)
    s.trial[HPWL] = hpwl
    s.trial[DENSITY] = _density(p, s)
    s.trial[CONGESTION] = _congestion(p, s)
    s.trial[PROXY] = (
        hpwl * p.wirelength_scale + s.trial[DENSITY] * p.density_scale + s.trial[CONGESTION] * p.congestion_scale
    )
    return s.trial[PROXY]


@njit(cache=True)
def revert(s: State) -> None:
    """Forget the pending trial."""
    for k in range(s.counter[CONNS]):
        c = s.saved_conn[k]
        s.px[c], s.py[c], s.cell[c] = s.saved_px[k], s.saved_py[k], s.cell0[c]


@njit(cache=True)
def commit(p: Problem, s: State) -> None:
    """Make the pending trial the placement."""
    mark = s.counter[MARK]
    for k in range(s.counter[OBJECTS]):
        i = s.trial_obj[k]
        s.x[i], s.y[i], s.orient[i] = s.trial_x[k], s.trial_y[k], s.trial_orient[k]
    for k in range(s.counter[CONNS]):
        c = s.saved_conn[k]
        s.cell0[c] = s.cell[c]
    for k in range(s.counter[NETS]):
        s.net_length[s.nets[k]] = s.net_new_length[k]
    changed = s.counter[CONGESTION_CHANGED]
    if changed:
        for k in range(changed):
            s.congestion[s.congestion_list[k]] = s.congestion_new[k]
        merge(
            s.congestion_order, s.congestion_value, s.congestion_mark, mark, s.congestion_list, s.congestion_new,
            changed, s.order_buffer, s.value_buffer,
        )  # fmt: skip
    changed = s.counter[AREA_CHANGED]
    if changed:
        for k in range(changed):
            s.area[s.area_list[k]] = s.area_new[k]
        merge(
            s.area_order, s.area_value, s.area_mark, mark, s.area_list, s.area_new,
            changed, s.order_buffer, s.value_buffer,
        )  # fmt: skip
    s.total[:] = s.trial
    s.counter[COMMITS] += 1
    if s.counter[COMMITS] % REBUILD_EVERY == 0:
        rebuild(p, s)


@njit(cache=True)
def rebuild(p: Problem, s: State) -> None:
    """Recompute every derived array from the positions."""
    n = len(p.width)
    s.counter[MARK] += 1
    s.counter[OBJECTS] = 0
    s.counter[NETS] = 0
    s.counter[RAW_CHANGED] = 0
    s.counter[CONGESTION_CHANGED] = 0
    s.counter[AREA_CHANGED] = 0
    for i in range(n):
        s.counter[CONNS] = 0
        _move_pins(p, s, i, s.x[i], s.y[i], s.orient[i])
    s.cell0[:] = s.cell
    s.total[HPWL] = 0.0
    gcells, changed = p.rows * p.columns, 0
    for net in range(len(p.net_weight)):
        begin, end, weight = p.net_ptr[net], p.net_ptr[net + 1], p.net_weight[net]
        s.net_length[net] = _length(s.px, s.py, begin, end)
        s.total[HPWL] += weight * s.net_length[net]
        s.counter[VISIT] += 1
        size = _distinct(s.cell, begin, end, p.columns, s.seen_new, s.counter[VISIT], s.cells_new)
        count = net_segments(s.cells_new, size, s.segments)
        changed = _add_segments(
            s.segments, count, weight, p.columns, gcells, s.counter[MARK], s.raw_mark, s.raw_list, s.raw_delta, changed
        )
    s.counter[RAW_CHANGED] = changed
    # The whole demand is one delta on empty maps.
    s.congestion[:] = 0.0
    s.area[:] = 0.0
    _spread(p, s)
    for i in range(n):
        if p.solid[i]:
            _footprint(p, s, i, s.x[i], s.y[i], s.orient[i], 1.0)
    for k in range(s.counter[CONGESTION_CHANGED]):
        s.congestion[s.congestion_list[k]] = s.congestion_delta[s.congestion_list[k]]
    for k in range(s.counter[AREA_CHANGED]):
        s.area[s.area_list[k]] = s.area_delta[s.area_list[k]]
    fill(s.area_order, s.area_value, s.area)
    fill(s.congestion_order, s.congestion_value, s.congestion)
    s.total[DENSITY] = s.area_value[: p.density_count].sum() if p.density_count else _occupied_mean(p, s)
    s.total[CONGESTION] = s.congestion_value[: p.congestion_count].sum()
    s.total[PROXY] = (
        s.total[HPWL] * p.wirelength_scale
        + s.total[DENSITY] * p.density_scale
        + s.total[CONGESTION] * p.congestion_scale
    )


# The inner functions take plain arrays, not ``Problem`` and ``State``: handing over a tuple of seventy arrays costs
# more than most of them do.


@njit(cache=True)
def _gcell(px: float, py: float, pitch_x: float, pitch_y: float, columns: int, rows: int) -> int:
    """Packed gcell of a point, clamped at the canvas edge."""
    column = min(max(int(np.floor(px / pitch_x)), 0), columns - 1)
    row = min(max(int(np.floor(py / pitch_y)), 0), rows - 1)
    return row << 16 | column


@njit(cache=True)
def _move_pins(p: Problem, s: State, i: int, x: float, y: float, orient: int) -> None:
    """Move the pins of object ``i``, remember where they were and which nets they touch."""
    obj_conn, conn_net, conn_dx, conn_dy = p.obj_conn, p.conn_net, p.conn_dx, p.conn_dy
    px, py, cell, net_mark, net_dirty, nets = s.px, s.py, s.cell, s.net_mark, s.net_dirty, s.nets
    saved_conn, saved_px, saved_py = s.saved_conn, s.saved_px, s.saved_py
    mark = s.counter[MARK]
    conn_count, net_count = s.counter[CONNS], s.counter[NETS]
    m0, m1, m2, m3 = _MATRIX[orient, 0], _MATRIX[orient, 1], _MATRIX[orient, 2], _MATRIX[orient, 3]
    last_dx = last_dy = np.inf
    new_x = new_y = 0.0
    packed = 0
    for k in range(p.obj_ptr[i], p.obj_ptr[i + 1]):
        c = obj_conn[k]
        saved_conn[conn_count], saved_px[conn_count], saved_py[conn_count] = c, px[c], py[c]
        conn_count += 1
        net = conn_net[c]
        if net_mark[net] != mark:
            net_mark[net] = mark
            net_dirty[net] = False
            nets[net_count] = net
            net_count += 1
        if conn_dx[c] != last_dx or conn_dy[c] != last_dy:  # the pins of a soft macro share one place
            last_dx, last_dy = conn_dx[c], conn_dy[c]
            new_x = (x - p.x0) + (m0 * last_dx + m1 * last_dy)
            new_y = (y - p.y0) + (m2 * last_dx + m3 * last_dy)
            packed = _gcell(new_x, new_y, p.gcell_width, p.gcell_height, p.columns, p.rows)
        px[c], py[c] = new_x, new_y
        if cell[c] != packed:
            cell[c] = packed
            net_dirty[net] = True
    s.counter[CONNS], s.counter[NETS] = conn_count, net_count


@njit(cache=True)
def _length(px: NDArray, py: NDArray, begin: int, end: int) -> float:
    """HPWL of the net with connections ``begin`` to ``end``, um."""
    x0 = x1 = px[begin]
    y0 = y1 = py[begin]
    for c in range(begin + 1, end):
        x, y = px[c], py[c]
        x0, x1 = min(x0, x), max(x1, x)
        y0, y1 = min(y0, y), max(y1, y)
    return (x1 - x0) + (y1 - y0)


@njit(cache=True)
def _distinct(cell: NDArray, begin: int, end: int, columns: int, seen: NDArray, visit: int, cells: NDArray) -> int:
    """Distinct gcells of connections ``begin`` to ``end``, in order; ``seen`` is stamped with ``visit`` on each."""
    size = 0
    for c in range(begin, end):
        packed = cell[c]
        entry = (packed >> 16) * columns + (packed & 0xFFFF)
        if seen[entry] != visit:
            seen[entry] = visit
            cells[size] = packed
            size += 1
    return size


@njit(cache=True)
def _arms(cells: NDArray, size: int, columns: int, others: NDArray, visit: int, segments: NDArray) -> int:
    """Star segments from ``cells[0]`` to those gcells that ``others`` does not carry the stamp ``visit`` on."""
    count = 0
    for k in range(1, size):
        packed = cells[k]
        if others[(packed >> 16) * columns + (packed & 0xFFFF)] != visit:
            count = two_cell_segments(cells[0], packed, segments, count)
    return count


@njit(cache=True)
def _add_segments(
    segments: NDArray,
    count: int,
    weight: float,
    columns: int,
    gcells: int,
    mark: int,
    raw_mark: NDArray,
    raw_list: NDArray,
    raw_delta: NDArray,
    changed: int,
) -> int:
    """Add ``weight`` to the demand delta along ``segments[:count]``; returns the number of changed entries."""
    for k in range(count):
        line, low, high = segments[k, 1], segments[k, 2], segments[k, 3]
        if segments[k, 0] == 0:
            entry, step = gcells + line * columns + low, 1
        else:
            entry, step = low * columns + line, columns
        for _ in range(high - low):
            if raw_mark[entry] != mark:
                raw_mark[entry] = mark
                raw_list[changed] = entry
                raw_delta[entry] = 0.0
                changed += 1
            raw_delta[entry] += weight
            entry += step
    return changed


@njit(cache=True)
def _nets_delta(p: Problem, s: State) -> float:
    """Weighted HPWL difference of the touched nets; their demand difference goes to ``raw_delta``."""
    net_ptr, net_weight = p.net_ptr, p.net_weight
    px, py, cell, cell0, net_length, nets = s.px, s.py, s.cell, s.cell0, s.net_length, s.nets
    net_dirty, new_length, segments = s.net_dirty, s.net_new_length, s.segments
    seen_new, seen_old, cells_new, cells_old = s.seen_new, s.seen_old, s.cells_new, s.cells_old
    raw_mark, raw_list, raw_delta = s.raw_mark, s.raw_list, s.raw_delta
    columns, gcells = p.columns, p.rows * p.columns
    mark, visit, changed = s.counter[MARK], s.counter[VISIT], s.counter[RAW_CHANGED]
    delta = 0.0
    for k in range(s.counter[NETS]):
        net = nets[k]
        begin, end, weight = net_ptr[net], net_ptr[net + 1], net_weight[net]
        if end - begin == 2:  # half of all nets: no list of distinct gcells to make
            length = abs(px[begin] - px[begin + 1]) + abs(py[begin] - py[begin + 1])
            new_length[k] = length
            delta += weight * (length - net_length[net])
            if net_dirty[net]:
                count = two_cell_segments(cell0[begin], cell0[begin + 1], segments, 0)
                changed = _add_segments(
                    segments, count, -weight, columns, gcells, mark, raw_mark, raw_list, raw_delta, changed
                )
                count = two_cell_segments(cell[begin], cell[begin + 1], segments, 0)
                changed = _add_segments(
                    segments, count, weight, columns, gcells, mark, raw_mark, raw_list, raw_delta, changed
                )
            continue
        length = _length(px, py, begin, end)
        new_length[k] = length
        delta += weight * (length - net_length[net])
        if not net_dirty[net]:
            continue
        visit += 1
        new = _distinct(cell, begin, end, columns, seen_new, visit, cells_new)
        old = _distinct(cell0, begin, end, columns, seen_old, visit, cells_old)
        if new > 3 and old > 3 and cells_new[0] == cells_old[0]:
            # Two stars on the same source: only the arms that differ.
            count = _arms(cells_old, old, columns, seen_new, visit, segments)
            changed = _add_segments(
                segments, count, -weight, columns, gcells, mark, raw_mark, raw_list, raw_delta, changed
            )
            count = _arms(cells_new, new, columns, seen_old, visit, segments)
        else:
            count = net_segments(cells_old, old, segments)
            changed = _add_segments(
                segments, count, -weight, columns, gcells, mark, raw_mark, raw_list, raw_delta, changed
            )
            count = net_segments(cells_new, new, segments)
        changed = _add_segments(segments, count, weight, columns, gcells, mark, raw_mark, raw_list, raw_delta, changed)
    s.counter[VISIT], s.counter[RAW_CHANGED] = visit, changed
    return delta


@njit(cache=True)
def _spread(p: Problem, s: State) -> None:
    """Turn the demand delta into a congestion delta: smoothing, then division by the supply."""
    raw_list, raw_delta = s.raw_list, s.raw_delta
    congestion_mark, congestion_list, congestion_delta = s.congestion_mark, s.congestion_list, s.congestion_delta
    rows, columns, reach = p.rows, p.columns, p.reach
    gcells = rows * columns
    mark, changed = s.counter[MARK], s.counter[CONGESTION_CHANGED]
    for k in range(s.counter[RAW_CHANGED]):
        entry = raw_list[k]
        delta = raw_delta[entry]
        if delta == 0.0:  # what a net gave up, another or the same one took
            continue
        if entry < gcells:
            delta *= p.v_inverse
            column = entry % columns
            low, high, step = max(column - reach, 0), min(column + reach, columns - 1), 1
            entry -= column - low
        else:
            delta *= p.h_inverse
            row = (entry - gcells) // columns
            low, high, step = max(row - reach, 0), min(row + reach, rows - 1), columns
            entry -= (row - low) * columns
        share = delta / (high - low + 1)
        for _ in range(high - low + 1):
            if congestion_mark[entry] != mark:
                congestion_mark[entry] = mark
                congestion_list[changed] = entry
                congestion_delta[entry] = 0.0
                changed += 1
            congestion_delta[entry] += share
            entry += step
    s.counter[CONGESTION_CHANGED] = changed


@njit(cache=True)
def _add_congestion(
    mark_of: NDArray, entries: NDArray, deltas: NDArray, changed: int, mark: int, entry: int, delta: float
) -> int:
    """Add to the sparse delta of the congestion map; returns the number of changed entries."""
    if mark_of[entry] != mark:
        mark_of[entry] = mark
        entries[changed] = entry
        deltas[entry] = 0.0
        changed += 1
    deltas[entry] += delta
    return changed


@njit(cache=True)
def _footprint(p: Problem, s: State, i: int, x: float, y: float, orient: int, sign: float) -> None:
    """Add (or take, ``sign`` -1) an object's area and, if it is a hard macro, its routing blockage."""
    swap = _SWAPS[orient]
    half_x = (p.height[i] if swap else p.width[i]) / 2
    half_y = (p.width[i] if swap else p.height[i]) / 2
    x, y = x - p.x0, y - p.y0
    left, right, bottom, top = x - half_x, x + half_x, y - half_y, y + half_y
    pitch_x, pitch_y = p.gcell_width, p.gcell_height
    c0, c1 = max(int(np.floor(left / pitch_x)), 0), min(int(np.floor(right / pitch_x)), p.columns - 1)
    r0, r1 = max(int(np.floor(bottom / pitch_y)), 0), min(int(np.floor(top / pitch_y)), p.rows - 1)
    if c1 < c0 or r1 < r0:
        return
    for c in range(c0, c1 + 1):
        s.overlap_x[c] = max(0.0, min(right, (c + 1) * pitch_x) - max(left, c * pitch_x))
    for r in range(r0, r1 + 1):
        s.overlap_y[r] = max(0.0, min(top, (r + 1) * pitch_y) - max(bottom, r * pitch_y))
    mark = s.counter[MARK]
    changed = s.counter[AREA_CHANGED]
    for r in range(r0, r1 + 1):
        for c in range(c0, c1 + 1):
            entry = r * p.columns + c
            if s.area_mark[entry] != mark:
                s.area_mark[entry] = mark
                s.area_list[changed] = entry
                s.area_delta[entry] = 0.0
                changed += 1
            s.area_delta[entry] += sign * s.overlap_x[c] * s.overlap_y[r]
    s.counter[AREA_CHANGED] = changed
    if not p.hard[i]:
        return
    # The end rules are explained in placer.cost.full._blockages.
    ragged_rows = r0 != r1 and (
        abs(s.overlap_y[r0] - pitch_y) > PARTIAL_TOLERANCE or abs(s.overlap_y[r1] - pitch_y) > PARTIAL_TOLERANCE
    )
    ragged_columns = c0 != c1 and (
        abs(s.overlap_x[c0] - pitch_x) > PARTIAL_TOLERANCE or abs(s.overlap_x[c1] - pitch_x) > PARTIAL_TOLERANCE
    )
    gcells = p.rows * p.columns
    v_scale, h_scale = sign * p.v_macro * p.v_inverse, sign * p.h_macro * p.h_inverse
    marks, entries, deltas, changed = (
        s.congestion_mark,
        s.congestion_list,
        s.congestion_delta,
        s.counter[CONGESTION_CHANGED],
    )
    for r in range(r0, r1 + 1):
        for c in range(c0, c1 + 1):
            entry = r * p.columns + c
            if not (ragged_rows and r == r1):
                changed = _add_congestion(marks, entries, deltas, changed, mark, entry, s.overlap_x[c] * v_scale)
            if not (ragged_columns and c == c1):
                entry += gcells
                changed = _add_congestion(marks, entries, deltas, changed, mark, entry, s.overlap_y[r] * h_scale)
    s.counter[CONGESTION_CHANGED] = changed


@njit(cache=True)
def _density(p: Problem, s: State) -> float:
    """Density term of the trial; fills ``area_new``."""
    changed = s.counter[AREA_CHANGED]
    if changed == 0:
        return s.total[DENSITY]
    for k in range(changed):
        entry = s.area_list[k]
        s.area_new[k] = s.area[entry] + s.area_delta[entry]
    if p.density_count == 0:
        return _occupied_mean(p, s)
    return trial_sum(
        s.area_order, s.area_value, p.density_count, s.area_mark, s.counter[MARK], s.area_new, changed, s.sort_values
    )


@njit(cache=True)
def _congestion(p: Problem, s: State) -> float:
    """Congestion term of the trial; fills ``congestion_new``."""
    changed = s.counter[CONGESTION_CHANGED]
    if changed == 0:
        return s.total[CONGESTION]
    for k in range(changed):
        entry = s.congestion_list[k]
        s.congestion_new[k] = s.congestion[entry] + s.congestion_delta[entry]
    return trial_sum(
        s.congestion_order, s.congestion_value, p.congestion_count, s.congestion_mark, s.counter[MARK],
        s.congestion_new, changed, s.sort_values,
    )  # fmt: skip


@njit(cache=True)
def _occupied_mean(p: Problem, s: State) -> float:
    """Mean density of the occupied gcells, on grids under 10 gcells; the pending trial counts.

    Summed afresh: a rounding residue of the deltas must not make an empty gcell look occupied.
    """
    area = np.zeros(p.rows * p.columns)
    for i in range(len(p.width)):
        if not p.solid[i]:
            continue
        x, y, orient = s.x[i], s.y[i], np.int64(s.orient[i])
        for k in range(s.counter[OBJECTS]):
            if s.trial_obj[k] == i:
                x, y, orient = s.trial_x[k], s.trial_y[k], s.trial_orient[k]
        x, y = x - p.x0, y - p.y0
        swap = _SWAPS[orient]
        half_x = (p.height[i] if swap else p.width[i]) / 2
        half_y = (p.width[i] if swap else p.height[i]) / 2
        for r in range(p.rows):
            high = min(y + half_y, (r + 1) * p.gcell_height) - max(y - half_y, r * p.gcell_height)
            for c in range(p.columns):
                wide = min(x + half_x, (c + 1) * p.gcell_width) - max(x - half_x, c * p.gcell_width)
                if high > 0.0 and wide > 0.0:
                    area[r * p.columns + c] += wide * high
    occupied = 0
    for a in area:
        if a > 0.0:
            occupied += 1
    return area.sum() / (p.gcell_width * p.gcell_height * occupied) if occupied else 0.0

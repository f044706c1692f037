"""Exact cost of moving, turning or swapping a few objects, without scoring the rest again.

``propose`` prices a move and leaves it pending; ``commit`` makes it so; ``revert`` forgets it. Exactly one of the
latter two follows each proposal. ``rebuild`` recomputes everything from the positions; commits call it now and then,
so rounding never adds up.

How a proposal is priced:

1. footprints go from their old to their new place in the trial area map and, for hard macros, in a copy of the
   congestion map (``bodies.py``);
2. each net the moved objects sit on gives the difference of its HPWL; if one of its pins changes gcell, the ends of
   the segments it gives up and of those it takes are noted (``nets.py``, ``demand.py``);
3. one pass sums the ends up to a demand difference and writes the trial congestion map (``lanes.py``);
4. both top sums follow from the counts of those steps and a few entries next to their edges (``top.py``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit_lean
from placer.cost.incremental.bodies import add_area, add_blockage, cover, occupied_mean
from placer.cost.incremental.demand import add_segments
from placer.cost.incremental.lanes import excess, sweep
from placer.cost.incremental.nets import distinct, gcell, pin_place, price_nets
from placer.cost.incremental.problem import Problem
from placer.cost.incremental.state import (
    AREA_CHANGED,
    BLOCKED,
    COMMITS,
    CONGESTION,
    CUT,
    CUTS,
    DENSITY,
    HPWL,
    MARK,
    OBJECTS,
    PROXY,
    ROUTED,
    SCREENED,
    VISIT,
    State,
)
from placer.cost.incremental.top import ABOVE, EDGE, EXCESS, least_sum, pick, settle, top_sum
from placer.cost.routing import net_segments

#: Commits between two rebuilds.
REBUILD_EVERY = 1 << 15
#: Room for rounding between a bound and the price, relative.
_MARGIN = 1e-12


@njit_lean()
def propose(
    p: Problem,
    s: State,
    objects: NDArray,
    xs: NDArray,
    ys: NDArray,
    orients: NDArray,
    count: int,
    limit: float = np.inf,
    length: float = -np.inf,
) -> float:
    """Price moving ``objects[:count]`` (distinct, at most ``TRIAL_ROOM``) to centres ``xs, ys`` (um) in ``orients``.

    Args:
        p: flattened design.
        s: state of the chain.
        objects: node ids.
        xs: new centres.
        ys: new centres.
        orients: new orientations.
        count: how many objects move.
        limit: the caller does not ask what a price above this is.
        length: the least change of the length term, in units of proxy cost, that the caller takes for possible. Where
            the price is above ``limit`` with this and the exact density term, and congestion as it is, the nets are
            not priced at all: ``s.counter[CUT]`` becomes ``SCREENED``, and the trial can only be reverted.

    Returns:
        The proxy cost the placement would have, or infinity if it was seen early to be above ``limit``. The trial
        stays pending.
    """
    s.counter[MARK] += 3
    s.counter[OBJECTS] = count
    for k in range(count):
        s.trial_obj[k], s.trial_x[k], s.trial_y[k], s.trial_orient[k] = objects[k], xs[k], ys[k], orients[k]
        s.node_mark[objects[k]], s.node_slot[objects[k]] = s.counter[MARK], k
    s.trial[DENSITY] = _price_bodies(p, s, count)
    if s.total[PROXY] + length + (s.trial[DENSITY] - s.total[DENSITY]) * p.density_scale > limit:
        s.counter[CUT] = SCREENED
        return np.inf
    s.trial[HPWL] = s.total[HPWL] + price_nets(p, s, count)
    s.counter[CUT] = 0
    s.trial[CONGESTION] = s.total[CONGESTION]
    if s.counter[ROUTED] or s.counter[BLOCKED]:
        k, edge = p.congestion_count, s.congestion_figures[EDGE]
        over, above = _draw_congestion(p, s, edge)
        if limit < np.inf:
            s.trial[CONGESTION] = least_sum(k, over, above, edge)
            if _proxy(p, s.trial) > limit + _MARGIN * abs(limit):
                s.counter[CUT] = 1
                s.counter[CUTS] += 1
                return np.inf
        s.trial[CONGESTION] = top_sum(s.congestion_trial, k, over, above, s.congestion_figures, s.scratch)
    s.trial[PROXY] = _proxy(p, s.trial)
    return s.trial[PROXY]


@njit_lean()
def revert(s: State) -> None:
    """Forget the pending trial."""
    for k in range(s.counter[AREA_CHANGED]):
        entry = s.area_changed[k]
        s.area_trial[entry] = s.area[entry]


@njit_lean()
def commit(p: Problem, s: State) -> None:
    """Make the pending trial the placement; also one that was found to be above its limit, but none ``SCREENED``."""
    if s.counter[CUT]:
        k, edge = p.congestion_count, s.congestion_figures[EDGE]
        over, above = excess(s.congestion_trial, edge)
        s.trial[CONGESTION] = top_sum(s.congestion_trial, k, over, above, s.congestion_figures, s.scratch)
        s.trial[PROXY] = _proxy(p, s.trial)
    count = s.counter[OBJECTS]
    for k in range(count):
        i = s.trial_obj[k]
        s.x[i], s.y[i], s.orient[i] = s.trial_x[k], s.trial_y[k], s.trial_orient[k]
        _move_pins(p, s, i)
    if s.counter[ROUTED]:
        for k in range(count):
            i = s.trial_obj[k]
            for a in range(p.link_ptr[i], p.link_ptr[i + 1]):
                net, begin, end = p.link[a, 0], p.link[a, 2], p.link[a, 3]
                if end - begin > 2:  # not asked for on others
                    s.counter[VISIT] += 1
                    s.net_cells[net] = distinct(s.cell, begin, end, p.columns, s.seen, s.counter[VISIT], s.cells_new)
    if s.counter[ROUTED] or s.counter[BLOCKED]:
        _copy(s.congestion_trial, s.congestion)
        settle(s.congestion, p.congestion_count, s.congestion_figures)
    for k in range(s.counter[AREA_CHANGED]):
        entry = s.area_changed[k]
        s.area[entry] = s.area_trial[entry]
    if s.counter[AREA_CHANGED] and p.density_count:
        settle(s.area, p.density_count, s.area_figures)
    _copy(s.trial, s.total)
    s.counter[COMMITS] += 1
    if s.counter[COMMITS] % REBUILD_EVERY == 0:
        rebuild(p, s)


@njit_lean(allocates=True)
def rebuild(p: Problem, s: State) -> None:
    """Recompute every derived array from the positions."""
    s.counter[OBJECTS] = 0
    s.counter[AREA_CHANGED] = 0
    for i in range(len(p.width)):
        _move_pins(p, s, i)
    s.total[HPWL] = 0.0
    s.ends[:] = 0.0
    for net in range(len(p.net_weight)):
        begin, end, weight = p.net_ptr[net], p.net_ptr[net + 1], p.net_weight[net]
        px, py = s.px[begin:end], s.py[begin:end]
        s.total[HPWL] += weight * ((px.max() - px.min()) + (py.max() - py.min()))
        s.counter[VISIT] += 1
        size = distinct(s.cell, begin, end, p.columns, s.seen, s.counter[VISIT], s.cells_new)
        s.net_cells[net] = size if end - begin > 2 else 0
        count = net_segments(s.cells_new, size, s.segments)
        add_segments(
            s.ends, s.segments, count, p.route_weight[net], p.rows, p.columns, p.v_width, p.h_begin, p.h_width, p.reach
        )  # fmt: skip
    for r in range(p.rows):
        for c in range(p.columns):
            s.area[r * p.columns + c] = 0.0
            s.base[r * p.v_width + c] = 0.0
            s.base[p.h_begin + c * p.h_width + r] = 0.0
    v_scale, h_scale = p.v_macro * p.v_inverse, p.h_macro * p.h_inverse
    for i in range(len(p.width)):
        if p.solid[i]:
            c0, c1, r0, r1 = cover(p, s, i, s.x[i], s.y[i], s.orient[i])
            for r in range(r0, r1 + 1):
                for c in range(c0, c1 + 1):
                    s.area[r * p.columns + c] += s.wide[c] * s.high[r]
            if p.hard[i]:
                add_blockage(
                    s.base, c0, c1, r0, r1, s.wide, s.high, v_scale, h_scale, p.gcell_width, p.gcell_height,
                    p.v_width, p.h_begin, p.h_width,
                )  # fmt: skip
    s.area_trial[:] = s.area
    sweep(s.ends, s.base, s.congestion, 0, p.rows, p.v_width, p.v_inverse, 0.0)
    sweep(s.ends, s.base, s.congestion, p.h_begin, p.columns, p.h_width, p.h_inverse, 0.0)
    s.total[CONGESTION] = _picked_sum(s.congestion, p.congestion_count, s.congestion_figures, s.scratch)
    if p.density_count:
        s.total[DENSITY] = _picked_sum(s.area, p.density_count, s.area_figures, s.scratch)
    else:
        s.total[DENSITY] = occupied_mean(p, s)
    s.total[PROXY] = _proxy(p, s.total)


@njit_lean()
def _picked_sum(values: NDArray, k: int, figures: NDArray, scratch: NDArray) -> float:
    """Sum of the k largest of a new map, with a new edge."""
    pick(values, k, figures)
    return top_sum(values, k, figures[EXCESS], int(figures[ABOVE]), figures, scratch)


@njit_lean()
def _copy(source: NDArray, target: NDArray) -> None:
    for i in range(len(source)):
        target[i] = source[i]


@njit_lean(inline="always")
def _proxy(p: Problem, terms: NDArray) -> float:
    return terms[HPWL] * p.wirelength_scale + terms[DENSITY] * p.density_scale + terms[CONGESTION] * p.congestion_scale


@njit_lean(inline="always")
def _move_pins(p: Problem, s: State, i: int) -> None:
    """Put the pins of object ``i`` where its committed place says."""
    x, y, orient = s.x[i] - p.x0, s.y[i] - p.y0, np.int64(s.orient[i])
    for k in range(p.obj_ptr[i], p.obj_ptr[i + 1]):
        c = p.obj_conn[k]
        s.px[c], s.py[c] = pin_place(x, y, orient, p.conn_dx[c], p.conn_dy[c])
        s.cell[c] = gcell(s.px[c], s.py[c], p.gcell_width, p.gcell_height, p.columns, p.rows)


@njit_lean(inline="always")
def _price_bodies(p: Problem, s: State, count: int) -> float:
    """Density term of the trial; ``s.area_trial`` and, if hard macros move, ``s.base`` become those of the trial."""
    changed, blocked = 0, 0
    edge, over, above = s.area_figures[EDGE], s.area_figures[EXCESS], int(s.area_figures[ABOVE])
    for k in range(count):
        i = s.trial_obj[k]
        if not p.solid[i]:
            continue
        if p.hard[i] and not blocked:
            blocked = 1
            _copy(s.congestion, s.base)
        for turn in range(2):
            if turn == 0:
                sign = -1.0
                c0, c1, r0, r1 = cover(p, s, i, s.x[i], s.y[i], np.int64(s.orient[i]))
            else:
                sign = 1.0
                c0, c1, r0, r1 = cover(p, s, i, s.trial_x[k], s.trial_y[k], s.trial_orient[k])
            changed, over, above = add_area(
                s.area_trial, s.area_changed, changed, c0, c1, r0, r1, s.wide, s.high, sign, p.columns, edge, over,
                above,
            )  # fmt: skip
            if p.hard[i]:
                add_blockage(
                    s.base, c0, c1, r0, r1, s.wide, s.high, sign * p.v_macro * p.v_inverse,
                    sign * p.h_macro * p.h_inverse, p.gcell_width, p.gcell_height, p.v_width, p.h_begin, p.h_width,
                )  # fmt: skip
    s.counter[AREA_CHANGED], s.counter[BLOCKED] = changed, blocked
    if changed == 0:
        return s.total[DENSITY]
    if p.density_count == 0:
        return occupied_mean(p, s)
    return top_sum(s.area_trial, p.density_count, over, above, s.area_figures, s.scratch)


@njit_lean(inline="always")
def _draw_congestion(p: Problem, s: State, edge: float) -> tuple[float, int]:
    """Write ``s.congestion_trial``; returns its excess over ``edge`` and the number of entries above it."""
    base = s.base if s.counter[BLOCKED] else s.congestion
    v_over, v_above = sweep(s.ends, base, s.congestion_trial, 0, p.rows, p.v_width, p.v_inverse, edge)
    h_over, h_above = sweep(s.ends, base, s.congestion_trial, p.h_begin, p.columns, p.h_width, p.h_inverse, edge)
    return v_over + h_over, v_above + h_above

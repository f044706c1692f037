"""What the proposal model sees: every movable object, and some places it might go to.

Lengths are in gcells, costs in units of the present temperature, maps relative to the entries that just count: nothing
grows with the design. What a move would cost is taken to first order: the length of its nets exactly, and what it adds
to and takes from the entries that are hot now (:mod:`placer.engines.search.moves.hot`). The exact price also knows
that taking from hot entries makes others count; that is what is left to learn, besides how soon things change.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit, njit_lean
from placer.cost.incremental.problem import Problem
from placer.cost.incremental.state import State
from placer.engines.search.ground import Ground, centre_x, centre_y, corner_x, corner_y, hard_fits, soft_fits
from placer.engines.search.moves.hot import bulk_at, index
from placer.engines.search.moves.scene import Heat
from placer.engines.search.rng import below, jump, uniform
from placer.engines.search.screen import net_ends

#: Columns of the features of objects and of targets.
OBJECT_FEATURES: tuple[str, ...] = (
    "hard", "degree", "area", "net weight", "detour", "pull x", "pull y", "stiffness", "median dx", "median dy",
    "median length", "lift", "sway", "bulk", "density", "vertical", "horizontal", "full", "kept lately",
    "gained lately", "tried lately", "progress", "coolness", "best target", "mean target",
)  # fmt: skip
TARGET_FEATURES: tuple[str, ...] = (
    "dx", "dy", "length", "heat", "bulk", "sum", "density", "vertical", "horizontal", "full",
    "to median", "to half-way", "to neighbour", "by a gcell", "near here", "near median",
)  # fmt: skip
(
    HARD, DEGREE, AREA, WEIGHT, DETOUR, PULL_X, PULL_Y, STIFF, MEDIAN_X, MEDIAN_Y, MEDIAN_LENGTH, LIFT, SWAY, BULK,
    DENSITY, VERTICAL, HORIZONTAL, FULL, KEPT, GAINED, TRIED, PROGRESS, COOLNESS, BEST, MEAN,
) = range(25)  # fmt: skip
T_DX, T_DY, T_LENGTH, T_HEAT, T_BULK, T_SUM, T_DENSITY, T_VERTICAL, T_HORIZONTAL, T_FULL, T_SOURCE = range(11)

#: Where each candidate target of an object comes from: the columns after ``T_SOURCE``.
_SOURCES = np.array([0, 1, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5])
#: Candidate targets of each object.
CANDIDATES = len(_SOURCES)
#: Connections of an object, and of a net, that are looked at; of more, a regular part.
_MOST_CONNS, _MOST_SINKS = 48, 12
#: Below this a map is empty.
_SAME = 1e-9


class Seen(NamedTuple):
    """Features of one look; ``K`` movable objects, ``P`` pairs.

    Attributes:
        movers: ``[K]`` ids.
        objects: ``[K, 25]`` float32, columns ``OBJECT_FEATURES``.
        pair_of: ``[P]`` which of the movers each pair moves.
        x: ``[P]`` centre it would go to, um; legal now.
        y: ``[P]``.
        targets: ``[P, 16]`` float32, columns ``TARGET_FEATURES``.
        work: ``[K]`` what pricing a move of the object costs, relative to the mean.
    """

    movers: NDArray[np.int64]
    objects: NDArray[np.float32]
    pair_of: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    targets: NDArray[np.float32]
    work: NDArray[np.float64]


@njit(cache=True)
def features(
    p: Problem,
    s: State,
    g: Ground,
    heat: Heat,
    is_soft: NDArray,
    tally: NDArray,
    temperature: float,
    hottest: float,
    progress: float,
    reach: float,
    rng: NDArray,
) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray, NDArray]:
    """Features of all movable objects and their candidate targets.

    Args:
        p: flattened design.
        s: state of the chain.
        g: its integer geometry.
        heat: taken of this state.
        is_soft: ``[N]`` movable objects that may overlap.
        tally: ``[N, 3]`` proposals priced, moves kept, sum of improvements of each object lately.
        temperature: of the annealing, above 0.
        hottest: its first temperature.
        progress: part of the annealing that is over.
        reach: longest jump to a candidate target, um.
        rng: dice.

    Returns:
        The fields of :class:`Seen` from ``objects`` on, without ``work``.
    """
    movers = heat.movers
    count = len(movers)
    objects = np.zeros((count, len(OBJECT_FEATURES)), np.float32)
    room = count * CANDIDATES
    pair_of, x, y = np.zeros(room, np.int64), np.zeros(room), np.zeros(room)
    targets = np.zeros((room, len(TARGET_FEATURES)), np.float32)
    boxes = np.zeros((len(p.net_weight), 4, 3))
    net_ends(p.net_ptr, p.conn_node, s.px, s.py, boxes)
    links, ends = np.zeros((_MOST_CONNS, 7)), np.zeros((2, 2 * _MOST_CONNS, 2))
    area_edge, edge = _edges(p, s)
    here, place = np.zeros(3), np.zeros(3)
    cost_of_um = p.wirelength_scale
    gw, gh = p.gcell_width, p.gcell_height
    pairs = 0
    for k in range(count):
        i = movers[k]
        row = objects[k]
        used, scale = _links(p, s, boxes, i, links, ends)
        mx, my = _weighted_median(ends[0], 2 * used), _weighted_median(ends[1], 2 * used)
        if used == 0:
            mx, my = s.x[i] - p.x0, s.y[i] - p.y0
        _first_order(p, s, g, heat, i, links, used, scale, s.x[i], s.y[i], here)
        _about_object(p, s, heat, i, row, links, used, scale, temperature)
        row[MEDIAN_X], row[MEDIAN_Y] = (
            np.log1p(abs(mx + p.x0 - s.x[i]) / gw), np.log1p(abs(my + p.y0 - s.y[i]) / gh),
        )  # fmt: skip
        _about_place(p, s, heat, s.x[i], s.y[i], area_edge, edge, row[DENSITY : FULL + 1])
        row[KEPT] = np.log((tally[i, 1] + 0.5) / (tally[i, 0] + 1.0))
        row[GAINED] = np.arcsinh(tally[i, 2] / (tally[i, 0] + 1.0) / temperature)
        row[TRIED] = np.log1p(tally[i, 0])
        row[PROGRESS], row[COOLNESS] = progress, np.log(max(hottest, 1e-300) / temperature)
        best, total, tried = 0.0, 0.0, 0
        for c in range(CANDIDATES):
            tx, ty = _candidate(p, s, i, c, mx + p.x0, my + p.y0, reach, rng)
            left, bottom = corner_x(g, i, tx), corner_y(g, i, ty)
            if left == g.left[i] and bottom == g.bottom[i]:
                continue
            if is_soft[i]:
                if not soft_fits(g, i, left, bottom):
                    continue
            elif not hard_fits(g, i, left, bottom, -1):
                continue
            tx, ty = centre_x(g, i, left), centre_y(g, i, bottom)
            _first_order(p, s, g, heat, i, links, used, scale, tx, ty, place)
            out = targets[pairs]
            length = (place[0] - here[0]) * cost_of_um
            change = length + place[1] - here[1] + place[2] - here[2]
            if c == 0:
                row[MEDIAN_LENGTH] = np.arcsinh(length / temperature)
            out[T_DX], out[T_DY] = np.log1p(abs(tx - s.x[i]) / gw), np.log1p(abs(ty - s.y[i]) / gh)
            out[T_LENGTH] = np.arcsinh(length / temperature)
            out[T_HEAT] = np.arcsinh((place[1] - here[1]) / temperature)
            out[T_BULK] = np.arcsinh((place[2] - here[2]) / temperature)
            out[T_SUM] = np.arcsinh(change / temperature)
            _about_place(p, s, heat, tx, ty, area_edge, edge, out[T_DENSITY : T_FULL + 1])
            out[T_SOURCE + _SOURCES[c]] = 1.0
            pair_of[pairs], x[pairs], y[pairs] = k, tx, ty
            pairs += 1
            best, total, tried = min(best, change), total + out[T_SUM], tried + 1
        row[BEST] = np.arcsinh(best / temperature)
        row[MEAN] = total / max(tried, 1)
    return objects, pair_of[:pairs].copy(), x[:pairs].copy(), y[:pairs].copy(), targets[:pairs].copy(), movers


@njit_lean()
def _links(p: Problem, s: State, boxes: NDArray, i: int, links: NDArray, ends: NDArray) -> tuple[int, float]:
    """The nets of an object without it: low x, high x, low y, high y, weight, connection, whether it is the source.

    Returns:
        Nets written, and how many of the object each stands for.
    """
    begin, end = p.obj_ptr[i], p.obj_ptr[i + 1]
    stride = max(1, (end - begin + _MOST_CONNS - 1) // _MOST_CONNS)
    used = 0
    for at in range(begin, end, stride):
        conn = p.obj_conn[at]
        net = p.conn_net[conn]
        row = links[used]
        for side in range(4):
            value = boxes[net, side, 2] if boxes[net, side, 1] == i else boxes[net, side, 0]
            row[side] = value if side % 2 == 0 else -value
        if not np.isfinite(row[0]):
            continue
        row[4], row[5], row[6] = p.net_weight[net], conn, 1.0 if p.net_ptr[net] == conn else 0.0
        # Where the centre would have to be for the pin to be at an end.
        off_x, off_y = s.px[conn] + p.x0 - s.x[i], s.py[conn] + p.y0 - s.y[i]
        for side in range(2):
            ends[0, 2 * used + side, 0], ends[1, 2 * used + side, 0] = row[side] - off_x, row[2 + side] - off_y
            ends[0, 2 * used + side, 1] = ends[1, 2 * used + side, 1] = row[4]
        used += 1
    return used, float(stride)


@njit_lean()
def _weighted_median(values: NDArray, count: int) -> float:
    """Median of ``values[:count, 0]`` by the weights beside them; sorts them in place. 0 where there is none."""
    total = 0.0
    for i in range(count):
        value, weight = values[i, 0], values[i, 1]
        total += weight
        k = i
        while k > 0 and values[k - 1, 0] > value:
            values[k, 0], values[k, 1] = values[k - 1, 0], values[k - 1, 1]
            k -= 1
        values[k, 0], values[k, 1] = value, weight
    running = 0.0
    for i in range(count):
        running += values[i, 1]
        if running >= 0.5 * total:
            return values[i, 0]
    return 0.0


@njit_lean()
def _first_order(
    p: Problem,
    s: State,
    g: Ground,
    heat: Heat,
    i: int,
    links: NDArray,
    used: int,
    scale: float,
    x: float,
    y: float,
    out: NDArray,
) -> None:
    """What object ``i`` costs at centre ``x, y``: um of its nets beyond the other pins, heat of their routes, bulk.

    Routes are those of ``hot.feel``: horizontal in the row of the source, vertical in the column of the sink.
    """
    dx, dy = x - s.x[i], y - s.y[i]
    h_unit, v_unit = p.congestion_scale * p.h_inverse, p.congestion_scale * p.v_inverse
    length = warm = 0.0
    for k in range(used):
        row = links[k]
        conn = int(row[5])
        px, py = s.px[conn] + dx, s.py[conn] + dy
        length += row[4] * (
            max(row[0] - px, 0.0) + max(px - row[1], 0.0) + max(row[2] - py, 0.0) + max(py - row[3], 0.0)
        )
        net = p.conn_net[conn]
        wires = p.route_weight[net]
        if wires == 0.0:
            continue
        c1, r1 = index(px, p.gcell_width, p.columns), index(py, p.gcell_height, p.rows)
        begin, end = p.net_ptr[net], p.net_ptr[net + 1]
        if row[6] == 0.0:
            c0 = index(s.px[begin], p.gcell_width, p.columns)
            r0 = index(s.py[begin], p.gcell_height, p.rows)
            warm += wires * h_unit * (heat.row_hot[r0, max(c0, c1)] - heat.row_hot[r0, min(c0, c1)])
            warm += wires * v_unit * (heat.column_hot[c1, max(r0, r1)] - heat.column_hot[c1, min(r0, r1)])
        else:
            stride = max(1, (end - begin - 1 + _MOST_SINKS - 1) // _MOST_SINKS)
            for c in range(begin + 1, end, stride):
                c0, r0 = index(s.px[c], p.gcell_width, p.columns), index(s.py[c], p.gcell_height, p.rows)
                across = heat.row_hot[r1, max(c0, c1)] - heat.row_hot[r1, min(c0, c1)]
                up = heat.column_hot[c0, max(r0, r1)] - heat.column_hot[c0, min(r0, r1)]
                warm += stride * wires * (h_unit * across + v_unit * up)
    out[0], out[1] = length * scale, warm * scale
    out[2] = bulk_at(p, g, heat, i, x, y) if p.solid[i] else 0.0


@njit_lean()
def _about_object(
    p: Problem, s: State, heat: Heat, i: int, row: NDArray, links: NDArray, used: int, scale: float, temperature: float
) -> None:
    """Features of the object itself and of its nets."""
    detour = pull_x = pull_y = weight = 0.0
    for k in range(used):
        link = links[k]
        conn, w = int(link[5]), link[4]
        px, py = s.px[conn], s.py[conn]
        low_x, high_x = max(link[0] - px, 0.0), max(px - link[1], 0.0)
        low_y, high_y = max(link[2] - py, 0.0), max(py - link[3], 0.0)
        detour += w * (low_x + high_x + low_y + high_y)
        pull_x += w * ((low_x > 0.0) - (high_x > 0.0))
        pull_y += w * ((low_y > 0.0) - (high_y > 0.0))
        weight += w
    one = p.wirelength_scale * scale / temperature
    gw, gh = p.gcell_width, p.gcell_height
    row[HARD] = 1.0 if p.hard[i] else 0.0
    row[DEGREE] = np.log1p(p.obj_ptr[i + 1] - p.obj_ptr[i])
    row[AREA] = np.log1p(p.width[i] * p.height[i] / (gw * gh))
    row[WEIGHT] = np.log1p(weight / max(used, 1))
    row[DETOUR] = np.arcsinh(detour * one)
    row[PULL_X], row[PULL_Y] = np.arcsinh(abs(pull_x) * gw * one), np.arcsinh(abs(pull_y) * gh * one)
    row[STIFF] = np.arcsinh(weight * 0.5 * (gw + gh) * one)
    row[LIFT] = np.arcsinh(heat.lift[i] / temperature)
    row[SWAY] = np.arcsinh(heat.sway[i] / temperature)
    row[BULK] = np.arcsinh(heat.bulk[i] / temperature)


@njit_lean()
def _about_place(
    p: Problem, s: State, heat: Heat, x: float, y: float, area_edge: float, edge: float, out: NDArray
) -> None:
    """Density, vertical and horizontal congestion of a gcell over what just counts; whether it is among the full."""
    r, c = index(y - p.y0, p.gcell_height, p.rows), index(x - p.x0, p.gcell_width, p.columns)
    out[0] = min(s.area[r * p.columns + c] / area_edge, 2.0)
    out[1] = min(s.congestion[r * p.v_width + c] / edge, 2.0)
    out[2] = min(s.congestion[p.h_begin + c * p.h_width + r] / edge, 2.0)
    out[3] = 1.0 if heat.full[r, c] else 0.0


@njit_lean(allocates=True)
def _edges(p: Problem, s: State) -> tuple[float, float]:
    """The smallest gcell area and the smallest congestion that count."""
    area, congestion = np.sort(s.area), np.sort(s.congestion)
    low = area[len(area) - max(p.density_count, 1)]
    return max(low, _SAME), max(congestion[len(congestion) - p.congestion_count], _SAME)


@njit_lean()
def _candidate(
    p: Problem, s: State, i: int, c: int, mx: float, my: float, reach: float, rng: NDArray
) -> tuple[float, float]:
    """Candidate target number ``c`` of an object whose optimal region is around ``mx, my``."""
    x, y = s.x[i], s.y[i]
    gw, gh = p.gcell_width, p.gcell_height
    if c == 0:
        return mx, my
    if c == 1:
        return 0.5 * (x + mx), 0.5 * (y + my)
    if c < 4:
        begin, end = p.obj_ptr[i], p.obj_ptr[i + 1]
        if end == begin:
            return x, y
        net = p.conn_net[p.obj_conn[begin + below(rng, end - begin)]]
        conn = p.net_ptr[net] + below(rng, p.net_ptr[net + 1] - p.net_ptr[net])
        return s.px[conn] + p.x0, s.py[conn] + p.y0
    if c < 6:
        return x, y + gh * (1.0 if c == 4 else -1.0)
    if c < 8:
        return x + gw * (1.0 if c == 6 else -1.0), y
    if c < 10:
        return x + jump(rng, 0.1 * gw, reach), y + jump(rng, 0.1 * gh, reach)
    far = max(min(reach, 4.0 * gw), 0.2 * gw) * (0.5 + uniform(rng))
    return mx + jump(rng, 0.1 * gw, far), my + jump(rng, 0.1 * gh, far)

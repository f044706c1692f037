"""The reference proxy cost: readable, complete, from scratch for every placement.

``proxy = 1.0 * wirelength_cost + 0.5 * density_cost + 0.5 * congestion_cost`` as Circuit Training defines it and the
TILOS MacroPlacement project documents it (Docs/ProxyCost). ``docs/cost-model.md`` writes the formulas out. The
incremental and the batched forms are tested against this one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlists.canvas import Canvas
from netlists.compiled import njit
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.netlist import HARD_MACRO, PORT, Netlist
from netlists.orientation import MATRIX, oriented_sizes
from netlists.placement import Placement
from placer.cost.routing import MAX_GRID, net_segments

#: Share of gcells whose mean makes density_cost, and share of map entries whose mean makes congestion_cost.
DENSITY_TOP, CONGESTION_TOP = 0.10, 0.05
#: A macro edge closer than this to a gcell border (um) covers the gcell wholly, as in the public evaluator.
PARTIAL_TOLERANCE = 1e-5


@dataclass(frozen=True)
class CostWeights:
    """Weights of the three terms of the proxy cost, and of others that are not part of the public model.

    ``macro_wirelength`` adds to the cost wherever it is computed. The terms after it belong to the search alone:
    :func:`full` and all other forms of the cost leave them out.
    """

    wirelength: float = 1.0
    density: float = 0.5
    congestion: float = 0.5
    macro_wirelength: float = 0.0
    """Mean HPWL of the nets cut down to pins of hard macros, over width plus height of the canvas. Nothing but the
    length of these nets counts; it keeps macros that share nets together where clusters hide that they do."""
    channels: float = 0.0
    """Narrow channels between hard macros, and between them and the edge (``placer.engines.search.tidy``)."""
    regularity: float = 0.0
    """Hard macros of one size out of line with their neighbours (same place)."""
    pin_access: float = 0.0
    """Pins of hard macros that something lies in front of (same place)."""
    rudy: float = 0.0
    """Wire density of the densest gcells; chooses among placements (``placer.cost.next_step.choosing``)."""
    whitespace: float = 0.0
    """Slits and scattered free area; chooses among placements (same place)."""

    @property
    def search_only(self) -> bool:
        """True where a term that only the search knows has a weight."""
        return any((self.channels, self.regularity, self.pin_access, self.rudy, self.whitespace))


@dataclass(frozen=True, eq=False)
class Cost:
    """Every term of the proxy cost of one placement, and its maps.

    Attributes:
        proxy_cost: the weighted sum.
        wirelength_cost: weighted HPWL over ((width + height) * sum of net weights).
        density_cost: half the mean density of the fullest 10 % of gcells.
        congestion_cost: mean of the 5 % highest entries of both congestion maps.
        hpwl_um: weighted HPWL, um.
        h_congestion: ``[rows, columns]`` horizontal demand over supply, row 0 at the bottom.
        v_congestion: ``[rows, columns]`` vertical demand over supply.
        density: ``[rows, columns]`` object area over gcell area.
        macro_wirelength_cost: see :class:`CostWeights`; 0 where its weight is.
    """

    proxy_cost: float
    wirelength_cost: float
    density_cost: float
    congestion_cost: float
    hpwl_um: float
    h_congestion: NDArray[np.float64]
    v_congestion: NDArray[np.float64]
    density: NDArray[np.float64]
    macro_wirelength_cost: float = 0.0


def full(design: Design, placement: Placement | None = None, weights: CostWeights | None = None) -> Cost:
    """Score a placement (the design's own when none is given) from scratch.

    Raises:
        NetlistError: the placement grid is finer than the model can hold.
    """
    weights = weights or CostWeights()
    placement = placement or design.placement
    n, canvas = design.netlist, design.canvas
    if max(canvas.columns, canvas.grid_rows) >= MAX_GRID:
        raise NetlistError("the placement grid is too fine", found=f"{canvas.columns} x {canvas.grid_rows}")
    px, py = _pin_positions(
        n.conn_node, n.conn_dx, n.conn_dy, placement.x - canvas.x0, placement.y - canvas.y0, placement.orient, MATRIX
    )
    hpwl = _hpwl(n.net_ptr, px, py, n.net_weight)

    shape = (canvas.grid_rows, canvas.columns)
    h_demand, v_demand = np.zeros(shape), np.zeros(shape)
    longest = int(n.net_degree.max(initial=1))
    row = _gcell_index(py, canvas.gcell_height, canvas.grid_rows)
    column = _gcell_index(px, canvas.gcell_width, canvas.columns)
    _route(n.net_ptr, n.net_source, n.net_weight, row, column, longest, h_demand, v_demand)
    h_supply, v_supply = supply(canvas)
    h_net = smooth(h_demand, canvas.smoothing, axis=0) / h_supply
    v_net = smooth(v_demand, canvas.smoothing, axis=1) / v_supply

    width, height = oriented_sizes(n.node_width, n.node_height, placement.orient)
    # All forms of the cost subtract the origin first: the same sums in the same order meet gcell borders alike.
    x, y = placement.x - canvas.x0, placement.y - canvas.y0
    left, bottom, right, top = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    h_block, v_block, area = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    solid = n.node_kind != PORT
    _areas(left[solid], bottom[solid], right[solid], top[solid], canvas.gcell_width, canvas.gcell_height, area)
    hard = n.node_kind == HARD_MACRO
    _blockages(
        left[hard], bottom[hard], right[hard], top[hard], canvas.gcell_width, canvas.gcell_height,
        canvas.h_macro_routes_per_um, canvas.v_macro_routes_per_um, h_block, v_block,
    )  # fmt: skip
    h_map, v_map = h_net + h_block / h_supply, v_net + v_block / v_supply
    density = area / (canvas.gcell_width * canvas.gcell_height)

    total_weight = float(n.net_weight.sum())
    wirelength_cost = hpwl / ((canvas.width + canvas.height) * total_weight) if total_weight > 0 else 0.0
    density_cost = 0.5 * density_top_mean(density)
    congestion_cost = congestion_top_mean(h_map, v_map)
    proxy = (
        weights.wirelength * wirelength_cost
        + weights.density * density_cost
        + weights.congestion * congestion_cost
    )  # fmt: skip
    between_macros = 0.0
    if weights.macro_wirelength > 0.0 and weights.wirelength > 0.0:
        ptr, conns = macro_nets(n)
        if len(ptr) > 1:
            length = _hpwl(ptr, px[conns], py[conns], np.ones(len(ptr) - 1))
            between_macros = length / ((canvas.width + canvas.height) * (len(ptr) - 1))
            proxy += weights.macro_wirelength * between_macros
    return Cost(proxy, wirelength_cost, density_cost, congestion_cost, hpwl, h_map, v_map, density, between_macros)


def macro_nets(netlist: Netlist) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Nets cut down to their pins on hard macros, where two or more are left.

    Returns:
        CSR offsets, and the connections of ``netlist`` they consist of.
    """
    hard = netlist.node_kind[netlist.conn_node] == HARD_MACRO
    count = np.bincount(netlist.conn_net[hard], minlength=netlist.num_nets)
    conns = np.flatnonzero(hard & (count[netlist.conn_net] >= 2))
    return np.concatenate([[0], np.cumsum(count[count >= 2])]), conns


def supply(canvas: Canvas) -> tuple[float, float]:
    """Horizontal and vertical tracks of one gcell; infinite where the design states none, which scores it 0."""
    h = canvas.gcell_height * canvas.h_routes_per_um
    v = canvas.gcell_width * canvas.v_routes_per_um
    return h if h > 0 else np.inf, v if v > 0 else np.inf


def smooth(demand: NDArray[np.float64], reach: int, axis: int) -> NDArray[np.float64]:
    """Spread every entry evenly over its own window of ``reach`` cells either side, clipped at the edge.

    Args:
        demand: ``[rows, columns]``.
        reach: smoothing range in gcells.
        axis: 0 spreads over rows (horizontal demand), 1 over columns (vertical demand).
    """
    if reach == 0:
        return demand
    count = demand.shape[axis]
    index = np.arange(count)
    low, high = np.maximum(index - reach, 0), np.minimum(index + reach, count - 1)
    # spread[i, j]: share of entry j that lands in entry i.
    spread = ((index[:, None] >= low) & (index[:, None] <= high)) / (high - low + 1)
    return spread @ demand if axis == 0 else demand @ spread.T


def density_top_mean(density: NDArray[np.float64]) -> float:
    """Mean of the fullest ``floor(10 %)`` gcells; on grids under 10 gcells, of the occupied ones."""
    count = int(density.size * DENSITY_TOP)
    if count == 0:
        occupied = density[density > 0]
        return float(occupied.mean()) if len(occupied) else 0.0
    return _top_mean(density.ravel(), count)


def congestion_top_mean(h_map: NDArray[np.float64], v_map: NDArray[np.float64]) -> float:
    """Mean of the highest ``floor(5 %)`` of both maps' entries; the highest one on grids under 10 gcells."""
    entries = np.concatenate([v_map.ravel(), h_map.ravel()])
    return _top_mean(entries, max(1, int(entries.size * CONGESTION_TOP)))


def _top_mean(values: NDArray[np.float64], count: int) -> float:
    return float(np.partition(values, len(values) - count)[-count:].mean())


@njit(cache=True)
def _pin_positions(
    node: NDArray, dx: NDArray, dy: NDArray, x: NDArray, y: NDArray, orient: NDArray, matrix: NDArray
) -> tuple[NDArray, NDArray]:
    """Positions of connections whose node-frame offsets are ``dx, dy``."""
    px, py = np.empty(len(node)), np.empty(len(node))
    for c in range(len(node)):
        i = node[c]
        m = matrix[orient[i]]
        px[c] = x[i] + (m[0] * dx[c] + m[1] * dy[c])
        py[c] = y[i] + (m[2] * dx[c] + m[3] * dy[c])
    return px, py


@njit(cache=True)
def _gcell_index(position: NDArray, pitch: float, count: int) -> NDArray:
    """Row or column of positions measured from the canvas origin, clamped at the canvas edge."""
    index = np.empty(len(position), np.int64)
    for c in range(len(position)):
        index[c] = min(max(int(np.floor(position[c] / pitch)), 0), count - 1)
    return index


@njit(cache=True)
def _hpwl(net_ptr: NDArray, px: NDArray, py: NDArray, weight: NDArray) -> float:
    total = 0.0
    for net in range(len(weight)):
        x0 = x1 = px[net_ptr[net]]
        y0 = y1 = py[net_ptr[net]]
        for c in range(net_ptr[net] + 1, net_ptr[net + 1]):
            x0, x1 = min(x0, px[c]), max(x1, px[c])
            y0, y1 = min(y0, py[c]), max(y1, py[c])
        total += weight[net] * (x1 - x0 + y1 - y0)
    return total


@njit(cache=True)
def _route(
    net_ptr: NDArray,
    net_source: NDArray,
    net_weight: NDArray,
    row: NDArray,
    column: NDArray,
    longest: int,
    h_demand: NDArray,
    v_demand: NDArray,
) -> None:
    """Add every net's segments to the demand maps ``[rows, columns]``."""
    cells = np.empty(longest, np.int64)
    segments = np.empty((2 * longest + 4, 4), np.int64)
    # The net that last visited a gcell: distinct gcells in one pass, whatever the degree.
    visited = np.full(h_demand.shape, -1, np.int64)
    for net in range(len(net_weight)):
        source = net_source[net]
        cells[0] = row[source] << 16 | column[source]
        visited[row[source], column[source]] = net
        size = 1
        for c in range(net_ptr[net], net_ptr[net + 1]):
            if visited[row[c], column[c]] != net:
                visited[row[c], column[c]] = net
                cells[size] = row[c] << 16 | column[c]
                size += 1
        for s in range(net_segments(cells, size, segments)):
            line = segments[s, 1]
            for i in range(segments[s, 2], segments[s, 3]):
                if segments[s, 0] == 0:
                    h_demand[line, i] += net_weight[net]
                else:
                    v_demand[i, line] += net_weight[net]


@njit(cache=True)
def _overlaps(low: float, high: float, pitch: float, count: int, out: NDArray) -> tuple[int, int]:
    """First and last gcell an interval touches, clipped to the canvas, and its overlap with each (``out``).

    The last may be smaller than the first: the interval lies outside the canvas.
    """
    first, last = max(int(np.floor(low / pitch)), 0), min(int(np.floor(high / pitch)), count - 1)
    for i in range(first, last + 1):
        out[i] = max(0.0, min(high, (i + 1) * pitch) - max(low, i * pitch))
    return first, last


@njit(cache=True)
def _areas(
    left: NDArray, bottom: NDArray, right: NDArray, top: NDArray, pitch_x: float, pitch_y: float, area: NDArray
) -> None:
    """Add each object's overlap area with every gcell to ``area`` ``[rows, columns]``."""
    rows, columns = area.shape
    wide, high = np.empty(columns), np.empty(rows)
    for i in range(len(left)):
        c0, c1 = _overlaps(left[i], right[i], pitch_x, columns, wide)
        r0, r1 = _overlaps(bottom[i], top[i], pitch_y, rows, high)
        for r in range(r0, r1 + 1):
            for c in range(c0, c1 + 1):
                area[r, c] += wide[c] * high[r]


@njit(cache=True)
def _blockages(
    left: NDArray,
    bottom: NDArray,
    right: NDArray,
    top: NDArray,
    pitch_x: float,
    pitch_y: float,
    h_routes: float,
    v_routes: float,
    h_block: NDArray,
    v_block: NDArray,
) -> None:
    """Add the tracks hard macros take: vertical by x-overlap, horizontal by y-overlap.

    A macro over several rows that does not cover its end rows exactly leaves its top row free of vertical blockage;
    likewise its right column of horizontal blockage (a property of the public model, kept on purpose).
    """
    rows, columns = h_block.shape
    wide, high = np.empty(columns), np.empty(rows)
    for i in range(len(left)):
        c0, c1 = _overlaps(left[i], right[i], pitch_x, columns, wide)
        r0, r1 = _overlaps(bottom[i], top[i], pitch_y, rows, high)
        if c1 < c0 or r1 < r0:
            continue
        ragged_rows = r0 != r1 and (
            abs(high[r0] - pitch_y) > PARTIAL_TOLERANCE or abs(high[r1] - pitch_y) > PARTIAL_TOLERANCE
        )
        ragged_columns = c0 != c1 and (
            abs(wide[c0] - pitch_x) > PARTIAL_TOLERANCE or abs(wide[c1] - pitch_x) > PARTIAL_TOLERANCE
        )
        for r in range(r0, r1 + 1):
            for c in range(c0, c1 + 1):
                if not (ragged_rows and r == r1):
                    v_block[r, c] += wide[c] * v_routes
                if not (ragged_columns and c == c1):
                    h_block[r, c] += high[r] * h_routes
